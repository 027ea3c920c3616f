# A topic that is deleted under a tool that runs, and waits: it ends with 6 and names the topic.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin
	create
}

@test "whoever waits for records or events of a deleted topic ends with 6" {
	seq 3 >three
	batch-send -B "$B" three >sent.json
	mkfifo silent
	exec {silent}<>silent
	local all=(topic partition early wait until watch watchB watchG consumeG work workT send) name
	background topic batch-consume -t "$S.in"
	background partition batch-consume -t "$S.in" -p 0 -o end
	background early batch-consume -B "$B" --early
	background wait batch-consume -B "$B"
	background until batch-status -B "$B" --wait completed
	background watch batch-watch
	background watchB batch-watch -B "$B" --until completed
	background watchG batch-watch -G "$S.watch"
	background consumeG batch-consume -G "$S.consume"
	background work batch-work -G "$S.work" -- cat
	background workT batch-work -t "$S.in" -G "$S.topic" -o beginning --on-invalid skip -- cat
	# shellcheck disable=SC2317 # background calls it
	sender() { exec batch-send -B "$B" <silent; }
	background send sender
	wait_for cmp three topic.out
	wait_for cmp three early.out
	python3 "$tests_root/delete_topics.py" "$BATCH_BROKERS" "$S.in" "$S.notification"
	for name in "${all[@]}"; do
		ends 6 "$name"
		grep -q "$S\.\(in\|notification\)" "$name.err"
	done
}

@test "a sender whose data topic alone is deleted, and who has nothing to send, ends with 6" {
	mkfifo silent
	exec {silent}<>silent
	# shellcheck disable=SC2317 # background calls it
	sender() { exec batch-send -v -B "$B" <silent; }
	background send sender
	background watch batch-watch
	wait_for test -d "/proc/${pids[send]}/fd"
	echo 1 >&"$silent"
	wait_for holds_records "$S.in"
	python3 "$tests_root/delete_topics.py" "$BATCH_BROKERS" "$S.in"
	ends 6 send
	grep -q "topic $S.in: it was deleted meanwhile" send.err
	stopped watch
}
