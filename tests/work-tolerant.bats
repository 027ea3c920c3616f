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
