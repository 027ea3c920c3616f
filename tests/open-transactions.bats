# Another program's open transaction holds back what is behind it from readers of committed records. Whoever needs all
# that is there waits for it within -m, and then says who stands in the way.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin
	seq 3 >three
}

# The message names the place, what is held back, and what to do.
blames() { # TOPIC
	says "topic $1, partition 0: an open transaction, begun at 20" 'holds back the ' \
		"kafka-transactions.sh --bootstrap-server" "abort --topic $1 --partition 0 --start-offset"
}

@test "batch-complete --count counts what is behind it, or counts nothing" {
	create
	open_transaction "$S.in"
	batch-send -B "$B" three >sent.json
	run_in_vain 4 batch-complete -B "$B" --count -m 1s
	blames "$S.in"
	status_is started
	commit_transaction
	run -0 batch-complete -B "$B" --count
	doc_is '.expectedRecordCount == 3'
}

@test "a batch without a manifest is read with what is behind it, or it is 4" {
	create
	open_transaction "$S.in"
	batch-send -B "$B" three >sent.json
	batch-complete -B "$B" --records 3 >completed.json
	run_in_vain 4 batch-consume -B "$B" -m 1s
	blames "$S.in"
	run_in_vain 4 batch-consume -G "$S.group" -e -m 1s
	blames "$S.in"
	commit_transaction
	gives three batch-consume -B "$B"
	gives three batch-consume -G "$S.group" -e
}

@test "a batch with a manifest: 4, and who holds it back" {
	open_transaction "$S.in"
	finished three
	run_in_vain 4 batch-consume -B "$B" -m 1s
	blames "$S.in"
	commit_transaction
	gives three batch-consume -B "$B"
}

@test "--resume sends nothing again of what is behind it" {
	create
	open_transaction "$S.in"
	batch-send -B "$B" three >sent.json
	run_in_vain 4 batch-send --resume -B "$B" three -m 1s
	blames "$S.in"
	commit_transaction
	batch-send --resume -B "$B" three | batch-complete >completed.json
	[[ $(kget "$S.in" -f '%h\n' | grep -c "batchId=$B") == 3 ]]
	gives three batch-consume -B "$B"
}

# The same as a note among others.
notes() { # TOPIC
	grep -q "topic $1, partition 0: an open transaction, begun at 20.* holds back the .* offsets from 5 on" <<<"$stderr"
}

@test "-t with an end notes what is held back, and ends there" {
	seq 5 | kput "$S.in"
	open_transaction "$S.in"
	local way
	for way in '-e' '-o 2:100000' '-o -2 -e'; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr batch-consume -t "$S.in" $way
		notes "$S.in"
	done
	run -0 --separate-stderr batch-consume -t "$S.in" -o 0:5
	says '5 records scanned'
	commit_transaction
	run -0 --separate-stderr batch-consume -t "$S.in" -e -o 50000
	says 'records scanned'
}

@test "batch-work -t --once notes what is held back, and ends there" {
	seq 5 | kput "$S.in"
	open_transaction "$S.in"
	run -0 --separate-stderr batch-work -t "$S.in" -G "$S.work" -o beginning --on-invalid skip --once -- cat
	notes "$S.in"
}

# A batch whose events are all behind an open transaction. Sets id.
hidden() {
	id=$S.x
	open_transaction "$S.notification"
	notify "$id" started
	notify "$id" completed '.expectedRecordCount = 0'
}

@test "events behind it count, or nothing is said of a batch" {
	hidden
	local way
	for way in "batch-create -n x --id $id" "batch-status -B $id" "batch-status --status completed" "batch-consume -B $id" \
		'batch-watch --since -1h -e' "batch-watch --expect foreign --since -1h"; do
		# shellcheck disable=SC2086
		run_in_vain 4 $way -m 500ms
		blames "$S.notification"
	done
	commit_transaction
	run -0 batch-status -B "$id"
	doc_is '.status == "completed"'
}

@test "groups: events behind it are worked off, or it is 4" {
	hidden
	local way
	for way in "batch-watch -G $S.watch -e" "batch-consume -G $S.group -e"; do
		# shellcheck disable=SC2086
		run_in_vain 4 $way -m 1s
		blames "$S.notification"
	done
	run_in_vain 4 batch-work -G "$S.work" -m 500ms --once -- cat
	blames "$S.notification"
	commit_transaction
	run -0 batch-watch -G "$S.watch" -e
	docs_are 'length == 2'
}

@test "a sender that hangs in the events is fenced, and does not hold back who ends it" {
	create
	open_transaction "$S.in"
	local data=$transaction data_pid=${pids[transaction]}
	open_transaction "$S.notification" "btx.$S.in.$B.send"
	run_in_vain 4 batch-complete -B "$B" --records 0 -m 500ms
	run -0 batch-terminate -B "$B"
	status_is terminated
	exec {transaction}>&- {data}>&-
	wait "$data_pid"
}
