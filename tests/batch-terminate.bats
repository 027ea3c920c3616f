# batch-terminate: a batch is given up, or marked as failed.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin
}

@test "ends a batch that is started" {
	create
	run -0 --separate-stderr batch-terminate -B "$B"
	silent
	doc_is '.status == "terminated"' '.version == 2' \
		'.endDate | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")'
	counted created terminated
}

@test "takes the batch from the document on standard input" {
	create
	unset BATCH_STREAM
	run -0 --separate-stderr batch-terminate <created.json
	doc_is ".id == \"$B\"" '.status == "terminated"'
	run -1 --separate-stderr batch-terminate </dev/null
	says 'standard input is empty'
}

@test "marks a batch as failed from any state that is not given up" {
	for state in started sendCompleted completed; do
		in_state "$state"
		run -0 --separate-stderr batch-terminate -B "$B" --failed 'disk full' --actual 7 --invalid 3
		doc_is '.status == "failed"' '.failureMessage == "disk full"' \
			'.actualRecordCount == 7' '.invalidRecordCount == 3' 'has("endDate")'
	done
}

@test "refuses what the state does not allow, and writes no event" {
	for state in sendCompleted completed terminated failed; do
		in_state "$state"
		before=$(events)
		run -6 --separate-stderr batch-terminate -B "$B"
		says "batch '$B' is $state"
		[[ -z $output && $(events) == "$before" ]]
	done
	for state in terminated failed; do
		in_state "$state"
		before=$(events)
		run -6 --separate-stderr batch-terminate -B "$B" --failed again
		says "batch '$B' is $state"
		[[ -z $output && $(events) == "$before" ]]
	done
}

@test "giving up is the owner's, unless forced; failing is anybody's" {
	create --owner acme
	run -6 --separate-stderr batch-terminate -B "$B"
	says "belongs to 'acme'" --force
	[[ $(events) == 1 ]]
	run -0 --separate-stderr batch-terminate -B "$B" --force
	create --owner acme
	run -0 --separate-stderr batch-terminate -B "$B" --owner acme
	create --owner acme
	run -0 --separate-stderr batch-terminate -B "$B" --failed 'worker died'
}

@test "metadata replaces the old one whole, and stays when none is given" {
	create --metadata '{"a":1,"b":2}'
	run -0 --separate-stderr batch-terminate -B "$B"
	doc_is '.metadata == {a: 1, b: 2}'
	create --metadata '{"a":1,"b":2}'
	run -0 --separate-stderr batch-terminate -B "$B" --metadata '{"why":"late"}'
	doc_is '.metadata == {why: "late"}'
}

@test "metadata are the owner's, also of a batch that anybody may fail" {
	create --owner acme --metadata '{"a":1}'
	run -6 --separate-stderr batch-terminate -B "$B" --failed x --owner mallory --metadata '{}'
	says "the metadata of batch '$B' belong to 'acme', not to 'mallory'" --force
	[[ -z $output && $(events) == 1 ]]
	run -0 --separate-stderr batch-terminate -B "$B" --failed x --owner acme --metadata '{"a":2}'
	doc_is '.status == "failed"' '.metadata == {a: 2}'
	create --owner acme --metadata '{"a":1}'
	run -0 --separate-stderr batch-terminate -B "$B" --failed x --force --metadata '{}'
	doc_is '.metadata == {}'
}

@test "a failure without a reason is refused" {
	create
	run -2 --separate-stderr batch-terminate -B "$B" --failed ''
	says '--failed: the message is empty'
	[[ -z $output && $(events) == 1 ]]
}

@test "an unknown batch is refused" {
	run -6 --separate-stderr batch-terminate -B none
	says "no batch 'none'"
	[[ -z $output ]]
}

@test "refuses options that make no sense together" {
	create
	for options in '--actual 1' '--invalid 1' '--failed x --actual -1' '--metadata 1' 'operand'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr batch-terminate -B "$B" $options
		says
	done
	[[ $(events) == 1 ]]
}

@test "of two at the same time one counts" {
	for round in {1..5}; do
		create
		background left batch-terminate -B "$B"
		background right batch-terminate -B "$B"
		one_wins left right
		counted created terminated
	done
}

@test "a failure overtakes a completion that is under way, or comes after it" {
	for round in {1..5}; do
		create
		background complete batch-complete -B "$B" --records 0
		background fail batch-terminate -B "$B" --failed late
		ends 0 fail
		status_is failed
		ends 0 complete || ends 6 complete
	done
}

# --- senders that still run

sender_stops() { # SECONDS BEFORE-MS
	ends 1 sender
	took_at_most "$1" "$2"
	[[ ! -s sender.out ]]
}

@test "a sender of endless input stops within two seconds and says why" {
	create
	background sender bash -c 'yes | { batch-send -B "$1"; }' - "$B"
	wait_for holds_records "$S.in" 1000
	before=$(milliseconds)
	batch-terminate -B "$B"
	sender_stops 2 "$before"
	run -0 grep -c "^batch-send: batch '$B' was terminated by another" sender.err
}

@test "a sender that waits for its input stops too" {
	create
	mkfifo input
	background sender batch-send -B "$B" input
	exec {input}>input
	echo one >&"$input"
	wait_for holds_records "$S.in"
	before=$(milliseconds)
	batch-terminate -B "$B" --failed 'no more'
	sender_stops 2 "$before"
	run -0 grep -c "^batch-send: batch '$B' was marked as failed by another" sender.err
	exec {input}>&-
}

@test "a sender whose input trickles stops too" {
	create
	background sender batch-send -B "$B" -- bash -c 'while sleep 0.02; do echo one; done'
	wait_for holds_records "$S.in"
	before=$(milliseconds)
	batch-terminate -B "$B"
	sender_stops 2 "$before"
}

@test "a sender's command is stopped with it" {
	create
	background sender batch-send -B "$B" -- bash -c 'echo $$ >command.pid; exec yes'
	wait_for holds_records "$S.in"
	before=$(milliseconds)
	batch-terminate -B "$B"
	sender_stops 2 "$before"
	run ! kill -0 "$(<command.pid)"
}
