# batch-work: batches of other writers, which have no manifest.
bats_require_minimum_version 1.5.0
load lib/batch
load lib/work

setup_file() {
	kafka_up
	"${CC:-cc}" -shared -fPIC -D_GNU_SOURCE -o "$BATS_FILE_TMPDIR/clock.so" "$tests_root/fault/clock.c"
}

setup() {
	begin_work 4
	B=foreign-$BATS_TEST_NUMBER
}

# Puts N records of B into PARTITION, as a writer does that knows no more than the batch's id.
put() { # PARTITION FIRST LAST
	seq "$2" "$3" | kput "$S.in" -p "$1" -H "batchId=$B"
}

# Says that B is sent, with so many records; -: without a number.
sent() { # COUNT
	local count=""
	[[ $1 == - ]] || count=" | .expectedRecordCount = $1"
	notify "$B" sendCompleted ".processing = true$count"
}

started() {
	notify "$B" started '.processing = true'
}

ended_with() { # STATUS ACTUAL [MESSAGE]
	batch-status -B "$B" >now.json
	json_equals "[\"$1\",$2,${3:-null}]" '[.status,.actualRecordCount,.failureMessage]' now.json
}

@test "without a manifest each record that names the batch is one of it" {
	KEY=1
	started
	put 0 1 10
	put 1 11 15
	seq 100 110 | kput "$S.in" -p 1 -H batchId=other
	put 1 16 20
	sent 20
	run -0 --separate-stderr work -- cat
	silent
	ended_with completed 20
	cmp <(kget "$S.out" -f '%s\n' | sort -n) <(seq 20)
	run -0 --separate-stderr work -- touch again
	[[ ! -e again ]]
}

@test "records that are dated less than an hour before the batch was created are of it" {
	[[ -z ${BATCH_TEST_SAN:-} ]] || skip 'a sanitizer wants to be the first library'
	export CLOCK_OFF=3000
	B=$(LD_PRELOAD=$BATS_FILE_TMPDIR/clock.so batch-create -n later --processing | jq -r .id)
	put 0 1 10
	LD_PRELOAD=$BATS_FILE_TMPDIR/clock.so batch-complete -B "$B" --records 10 >completed.json
	work -- cat
	ended_with completed 10
}

@test "fewer and more records than were announced fail it, with both numbers" {
	for n in 9 11; do
		B=$BATS_TEST_NUMBER-$n
		KEY=1 started
		put 2 1 "$n"
		KEY=1 sent 10
		work -- cat
		ended_with failed "$n" "\"$n records were processed, and 10 were sent\""
	done
}

@test "a batch of which no number is known, and one of none" {
	KEY=1
	started
	put 3 1 7
	sent -
	work -- cat
	ended_with completed 7
	B=$B-none
	started
	sent -
	work -- cat
	ended_with completed 0
}

@test "a number given by hand" {
	create --processing
	put 0 1 5
	batch-complete -B "$B" --records 5 >completed.json
	work -- cat
	ended_with completed 5
}

@test "what a sender wrote twice is there once, and records without a number always count" {
	KEY=1
	started
	for n in 1 2 2 1 3; do
		echo "$n" | kput "$S.in" -p 1 -H "batchId=$B" -H "batchSeq=one:$n"
	done
	echo 4 | kput "$S.in" -p 1 -H "batchId=$B" -H batchSeq=two:1
	put 1 5 5
	put 1 5 5
	sent 6
	work -- cat
	ended_with completed 6
	diff <(kget "$S.out" -f '%s\n') - <<<$'1\n2\n3\n4\n5\n5'
}

@test "two workers share it, and each part is told of, also one without records" {
	KEY=1
	started
	for p in 0 1 2; do
		put "$p" $((p * 100 + 1)) $((p * 100 + 100))
	done
	sent 300
	for i in 1 2; do
		background "$i" timeout -s KILL 120 batch-work -G "$G" --chunk 10 -- cat
	done
	timeout 60 batch-status -m 2m -B "$B" --wait completed >waited.json
	ended_with completed 300
	cmp <(kget "$S.out" -f '%s\n' | sort -n) <(seq 300)
	kget "$S.notification" -J | jq -c 'select(.headers | index("batch.part")) | .payload | fromjson | .progress.part' >parts
	json_equals '[0,1,2,3]' '[inputs.partition] | sort | unique' <(echo null && cat parts)
	kill "${running[@]}"
	ends 143 1
	ends 143 2
}

@test "what an open transaction of others stands before is waited for, and not missed" {
	begin_work 1
	KEY=1
	seq 200000 >input
	other=$(batch-create -n other | jq -r .id)
	started
	background first timeout 60 kcat -C -b "$BATCH_BROKERS" -t "$S.in" -o beginning -c 1 -q -f '' \
		-X isolation.level=read_uncommitted
	slow=(-X batch.num.messages=10 -X max.in.flight.requests.per.connection=1)
	background sender batch-send -B "$other" --atomic "${slow[@]}" input
	ends 0 first
	kill -STOP "${pids[sender]}"
	put 0 1 5
	sent 5
	background worker timeout -s KILL 120 batch-work -v -G "$G" -- cat
	wait_for grep -q 'partition 0, of which' worker.err
	batch-terminate -B "$other" >terminated.json
	kill -CONT "${pids[sender]}"
	ends 1 sender
	timeout 60 batch-status -m 2m -B "$B" --wait completed >waited.json
	ended_with completed 5
	kill "${pids[worker]}"
	ends 143 worker
}

@test "--dry-run shows it" {
	KEY=1
	started
	put 0 1 3
	sent 3
	run -0 --separate-stderr batch-work -G "$G" --dry-run -- cat
	silent
	json_equals "[\"$B\",3,0,[0,1,2,3]]" '[.id,.records,.done,.openPartitions]' <(tail -n 1 <<<"$output")
}

@test "--sample takes of it" {
	KEY=1
	started
	put 0 1 3
	sent 3
	run -0 --separate-stderr batch-work -G "$G" --sample 2 -- cat
	[[ $output == $'1\n2' ]]
}

@test "a manifest that makes no sense fails the batch, and not the worker" {
	KEY=1
	started
	notify "$B" sendCompleted '.processing = true | .manifest = {"senders": [{}]}'
	run -0 --separate-stderr work_aloud -- cat
	says "batch '$B' fails: manifest: sender 1 does not make sense"
	ended_with failed 0 '"manifest: sender 1 does not make sense"'
}
