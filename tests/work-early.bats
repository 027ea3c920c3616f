# batch-work --early: batches that are still being sent.
bats_require_minimum_version 1.5.0
load lib/batch
load lib/work

setup_file() {
	kafka_up
}

setup() {
	begin_work 2
}

worker() { # NAME OPTION... -- COMMAND...
	background "$1" timeout -s KILL 120 batch-work --early --linger 100ms -G "$G" "${@:2}" 9>&-
}

# Starts a sender of B, which sends what is written to descriptor 9.
sender() {
	mkfifo "gate.$B"
	background sender batch-send -B "$B" "gate.$B"
	exec 9>"gate.$B"
}

# The sender comes to its end, and the batch is ready.
all_sent() {
	exec 9>&-
	ends 0 sender
	batch-complete <sender.out >completed.json
}

results() {
	kget "$S.out" -f '%s\n' | sort -n
}

# TOPIC holds N records at some time.
wait_for_records() { # TOPIC N
	timeout 60 kcat -C -b "$BATCH_BROKERS" -X fetch.wait.max.ms=10 -t "$1" -o beginning -c "$2" -q -f ''
}

@test "records come to the command before the batch is complete, and the totals are right" {
	create --processing
	worker worker -- cat
	sender
	seq 10 >&9
	wait_for_records "$S.out" 10
	status_is started
	seq 11 20 >&9
	wait_for_records "$S.out" 20
	status_is started
	seq 21 25 >&9
	all_sent
	comes_to completed 25
	cmp <(results) <(seq 25)
	stopped worker
}

@test "without a manifest, and from two workers" {
	B=foreign KEY=1
	worker 1 -- cat
	worker 2 -- cat
	notify "$B" started '.processing = true'
	for p in 0 1; do
		seq $((p * 5 + 1)) $((p * 5 + 5)) | kput "$S.in" -p "$p" -H batchId="$B"
	done
	wait_for_records "$S.out" 10
	notify "$B" sendCompleted '.processing = true | .expectedRecordCount = 10'
	comes_to completed 10
	cmp <(results) <(seq 10)
	stopped 1 2
}

@test "partitions that the topic gets meanwhile are parts of it, too" {
	create --processing
	worker worker -v -X topic.metadata.refresh.interval.ms=500 -- cat
	sender
	seq 10 >&9
	wait_for_records "$S.out" 10
	batch-init --partitions 3 --grow >grown.json
	wait_for grep -q ': 3 partitions are ours' worker.err
	all_sent
	comes_to completed 10
	stopped worker
}

@test "a batch that is terminated meanwhile is left, and what was written stays" {
	create --processing
	worker worker -- cat
	seq 10 | kput "$S.in" -p 0 -H batchId="$B"
	wait_for_records "$S.out" 10
	batch-terminate -B "$B" >terminated.json
	first=$B
	create --processing
	seq 5 | batch-send -B "$B" | batch-complete >completed.json
	comes_to completed 5
	seq 11 20 | kput "$S.in" -p 0 -H batchId="$first"
	create --processing
	seq 5 | batch-send -B "$B" | batch-complete >completed.json
	comes_to completed 5
	[[ $(results | wc -l) == 20 ]]
	stopped worker
}

@test "records of a sender that died are too many, and the batch fails with the numbers" {
	create --processing
	worker worker -- cat
	for p in 0 1; do
		seq 3 | kput "$S.in" -p "$p" -H batchId="$B" -H batchSeq=died:1
	done
	wait_for_records "$S.out" 2
	seq 10 | batch-send -B "$B" | batch-complete >completed.json
	timeout 60 batch-status -m 2m -B "$B" --wait failed >now.json
	jq -r .failureMessage now.json | grep -q 'records were processed, and .* were sent'
	stopped worker
}

@test "batches that were given up do not hold up one that is ready" {
	for i in 1 2 3 4 5; do
		create --processing --priority 0
		for p in 0 1; do
			echo "$i" | kput "$S.in" -p "$p" -H batchId="$B"
		done
	done
	worker worker -- cat
	wait_for_records "$S.out" 6
	for _ in 1 2; do
		create --processing
		seq 100 | batch-send -B "$B" | batch-complete >completed.json
		comes_to completed 100
	done
	[[ $(results | wc -l) == 206 ]]
	stopped worker
}

@test "--once does what is there and waits for no sender" {
	create --processing
	sender
	seq 10 >&9
	wait_for_records "$S.in" 10
	for _ in 1 2; do
		work --early --linger 1ms -- cat
		[[ $(results | wc -l) == 10 ]]
	done
	seq 11 15 >&9
	all_sent
	work --early -- cat
	comes_to completed 15
	cmp <(results) <(seq 15)
}

@test "--linger: a chunk waits to be full" {
	create --processing
	background worker timeout -s KILL 120 batch-work --early --linger 10m --chunk 7 -G "$G" -- sh -c 'cat; echo "$BATCH_COUNT" >>counts'
	for i in 1 2 3 4 5 6 7; do
		echo "$i" | kput "$S.in" -p 0 -H batchId="$B"
	done
	wait_for_records "$S.out" 7
	diff counts - <<<7
	stopped worker
}

@test "it is for the batches of a stream" {
	run -2 --separate-stderr batch-work --early -t "$S.in" --invalid x -G "$G" -- cat
	says "--early"
}

@test "killed in the middle, with --exactly-once: each result is there once" {
	create --processing
	sender
	seq 300 >&9
	wait_for_records "$S.in" 300
	worker first --exactly-once --instance w --chunk 10 -- sh -c 'cat; [ "$(wc -l <again)" -lt 12 ] || kill -9 $PPID; echo >>again'
	: >again
	ends 137 first
	worker second --exactly-once --instance w --chunk 10 -- cat
	wait_for_records "$S.out" 300
	seq 301 400 >&9
	all_sent
	comes_to completed 400
	wait_for_records "$S.out" 400
	cmp <(results) <(seq 400)
	stopped second
}
