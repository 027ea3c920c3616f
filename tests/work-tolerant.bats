# batch-work and the data of one batch that nobody expects: the batch or the record is set apart, all others are done.
bats_require_minimum_version 1.5.0
load lib/batch
load lib/work

setup_file() {
	kafka_up
}

setup() {
	begin_work 1
}

@test "metadata too long for the environment are in a file, and other batches are done" {
	seq 3 >three
	long='.processing = true | .metadata = {a: ("x" * 131050)} | .name = ("n" * 200000)'
	KEY=1 notify long started "$long"
	seq 3 | kput "$S.in" -H batchId=long
	KEY=1 notify long sendCompleted "$long | .expectedRecordCount = 3"
	ready three --metadata '{"b":1}'
	export BATCH_METADATA=inherited
	run -0 --separate-stderr work --order none -- sh -c \
		'cat >/dev/null; echo "${BATCH_METADATA-none} ${BATCH_NAME:+name}" >$BATCH_ID; cp "$BATCH_METADATA_FILE" $BATCH_ID.file'
	mentions "batch 'long': the command gets no BATCH_METADATA: a value of 131058 bytes"
	mentions "batch 'long': the command gets no BATCH_NAME: a value of 200000 bytes"
	ended_as completed 3 0
	ended_as completed 3 0 long
	[[ $(<long) == 'none ' && $(<"$B") == '{"b":1} name' ]]
	jq -e '.a == "x" * 131050' long.file
	[[ $(<"$B.file") == '{"b":1}' ]]
}

@test "a batch without metadata has an empty file of them" {
	seq 3 >three
	ready three
	work -- sh -c 'cat >/dev/null; cat "$BATCH_METADATA_FILE" >file || exit 77; printf %s "$BATCH_METADATA" >variable'
	[[ -e file && ! -s file && -e variable && ! -s variable ]]
}

@test "--exec of batch-consume and batch-watch: a name too long is left out" {
	KEY=1 notify long started '.name = ("n" * 200000)'
	KEY=1 notify long completed '.name = ("n" * 200000) | .expectedRecordCount = 0'
	seq 3 >three
	finished three
	export BATCH_NAME=inherited
	run -0 --separate-stderr batch-consume -G "$G" -e --exec 'cat >/dev/null; echo "${BATCH_NAME-none}"'
	[[ $(sort <<<"$output") == $'none\n'"test-$BATS_TEST_NUMBER" ]]
	mentions "batch 'long': the command gets no BATCH_NAME"
	run -0 --separate-stderr batch-watch -G "$G.w" -e --status completed --exec 'cat >/dev/null; echo "${BATCH_NAME-none}"'
	[[ $(sort <<<"$output") == $'none\n'"test-$BATS_TEST_NUMBER" ]]
}

# Sets B to a batch of ten records whose document says of its manifest what CHANGE makes of it.
lying() { # CHANGE
	create --processing
	seq 10 | batch-send -B "$B" >sent.json
	jq -c ".status = \"sendCompleted\" | .expectedRecordCount = 10 | del(.version) | $1" sent.json |
		kput "$S.notification" -k "$B"
}

failed_with() { # ID ACTUAL MESSAGE
	batch-status -B "$1" >now.json
	json_equals "[\"failed\",$2]" '[.status,.actualRecordCount]' now.json
	[[ $(jq -r .failureMessage now.json) == *"$3"* ]] && return
	jq .failureMessage now.json
	return 1
}

@test "manifests that contradict themselves, or the log, fail their batches, and others are done" {
	seq 10 >ten
	declare -A why
	while read -r change text; do
		lying "$change"
		why[$B]=$text
	done <<-'END'
		.expectedRecordCount=11 expectedRecordCount is 11, and the manifest has 10 records
		.manifest.senders=[] manifest: 10 records, and no sender of any
		.manifest|=(.partitions={}|.senders[0].partitions={}) has 10 records, and 0 in its partitions
		.manifest|=(.partitions|=with_entries(.key="99"))|.manifest.senders[0].partitions=.manifest.partitions its manifest names partition 99, and topic
		.manifest|=(.partitions|=map_values(.last=1000000))|.manifest.senders[0].partitions=.manifest.partitions its manifest goes to offset 1000000 of partition 0, and the log of topic
	END
	ready ten
	run -0 --separate-stderr work_aloud -- cat
	ended_as completed 10 0
	for id in "${!why[@]}"; do
		failed_with "$id" 0 "${why[$id]}"
		mentions "batch '$id' fails: "
	done
}

@test "a range beyond the log's end is known at once to a worker that follows" {
	background work batch-work -G "$G" -- cat
	lying '.manifest|=(.partitions|=map_values(.last=1000000))|.manifest.senders[0].partitions=.manifest.partitions'
	wait_for status_is failed
	seq 3 >three
	ready three
	wait_for status_is completed
	stopped work
}

@test "retention took records of a ready batch: it fails with the numbers, and others are done" {
	seq 100 >hundred
	ready hundred
	lost=$B
	ready hundred
	python3 "$tests_root/delete_records.py" "$BATCH_BROKERS" "$S.in" 0 40
	run -0 --separate-stderr work_aloud -- cat
	ended_as completed 100 0
	said='retention has deleted records of it, offsets 0 to 39 of partition 0: 0 records were processed, and 100 were sent'
	failed_with "$lost" 0 "$said"
	mentions "batch '$lost' fails: $said"
}

@test "the same of a batch that was begun" {
	seq 100 >hundred
	ready hundred
	run -1 --separate-stderr work --chunk 10 -- sh -c 'cat; [ "$BATCH_FIRST" = 0 ] || exit 77'
	python3 "$tests_root/delete_records.py" "$BATCH_BROKERS" "$S.in" 0 40
	lost=$B
	ready hundred
	work -- cat
	failed_with "$lost" 10 'partition 0: 10 records were processed, and 100 were sent'
	ended_as completed 100 0
}

@test "what it says by default: retries, invalid records, and what became of all; -q hides it" {
	seq 20 >in
	ready in
	run -0 --separate-stderr work_aloud --backoff 10ms --retries 1 -- sh -c 'read -r v; cat >rest; [ "$v" != 1 ] || { echo "no 1" >&2; exit 1; }; grep -vx 7 rest || exit 65; grep -qx 7 rest && exit 65; exit 0'
	mentions "offsets 0 to 19: 20 records again in 0.01 s: "
	mentions "partition 0, offset 0 is invalid: no 1"
	[[ ${stderr_lines[-1]} =~ "batch-work: 20 records: "[0-9]+" done, "[0-9]+" invalid -> $S.invalid"$ ]]
	seq 3 >in
	ready in
	run -0 --separate-stderr work -- cat
	silent
	run -0 --separate-stderr work_aloud -- cat
	silent
}

@test "batches that were made without --processing are counted at the end" {
	seq 3 >in
	finished in
	finished in
	ready in
	run -0 --separate-stderr work_aloud -- cat
	mentions '3 records: 3 done'
	mentions '2 finished batches were made without batch-create --processing, and not for a worker'
	batch-work --help | grep -- --processing
}
