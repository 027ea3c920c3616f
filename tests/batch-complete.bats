# batch-complete: a batch ends, with the proof of what was sent.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin 2
	seq 10 >ten
}

@test "takes the counts from the manifest on standard input" {
	create
	batch-send -B "$B" ten >sent.json
	run -0 --separate-stderr batch-complete <sent.json
	silent
	doc_is '.status == "completed"' '.version == 2' '.expectedRecordCount == 10' '.recordCount == 10' \
		'.endDate | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")'
	[[ $(jq .manifest <<<"$output") == "$(jq .manifest sent.json)" ]]
	counted created completed
}

@test "prints what a reader sees afterwards" {
	create
	batch-complete -B "$B" --records 3 >completed.json
	batch-status -B "$B" | cmp - completed.json
}

@test "takes a count by hand" {
	create
	run -0 --separate-stderr batch-complete -B "$B" --records 3 <ten
	doc_is '.expectedRecordCount == 3' '.recordCount == 3' 'has("manifest") | not'
}

@test "--count counts the records of this batch only" {
	create
	other=$B
	create
	batch-send -B "$B" ten >/dev/null
	batch-send -B "$other" ten >/dev/null
	batch-send -B "$B" ten ten >/dev/null
	run -0 --separate-stderr batch-complete -B "$B" --count
	doc_is '.expectedRecordCount == 30' 'has("manifest") | not'
	run -0 --separate-stderr batch-consume -B "$B"
	[[ ${#lines[@]} == 30 ]]
}

@test "--count counts records whatever time they bear" {
	create
	printf '{"value":"%s","ts":1234567890123}\n' a b c | batch-send -B "$B" -J --keep-time >/dev/null
	run -0 --separate-stderr batch-complete -B "$B" --count
	doc_is '.expectedRecordCount == 3'
}

@test "SIGTERM while it counts is called so" {
	create
	seq 20000 | batch-send -B "$B" -X batch.num.messages=10 >/dev/null
	create
	slow=(-X fetch.message.max.bytes=1 -X debug=fetch -vvv)
	background counter batch-complete -B "$B" --count "${slow[@]}"
	wait_for grep -q "Fetch topic $S.in" counter.err
	stopped counter
	run -0 grep -c '^batch-complete: interrupted' counter.err
	counted created
}

@test "--count of nothing is a batch of zero records" {
	create
	run -0 --separate-stderr batch-complete -B "$B" --count
	doc_is '.status == "completed"' '.manifest.records == 0'
}

@test "zero records are a legal batch, by manifest and by hand" {
	create
	batch-send -B "$B" /dev/null >sent.json
	run -0 --separate-stderr batch-complete <sent.json
	doc_is '.status == "completed"' '.manifest.records == 0' '.expectedRecordCount == 0' '.recordCount == 0'
	echo "$output" >zero.json
	create
	run -0 --separate-stderr batch-complete -B "$B" --records 0
	doc_is '.status == "completed"' '.manifest.records == 0' '.expectedRecordCount == 0' '.recordCount == 0'
	echo "$output" >>zero.json
	# HRI's schema asks for 1 at least, and HRI's service for a count that may be 0.
	jq -c 'del(.expectedRecordCount, .recordCount)' zero.json >but_for_the_count.json
	check_notifications but_for_the_count.json
}

@test "manifests of several senders add up, each counts once" {
	create
	batch-send -B "$B" ten >a.json
	head -n 4 ten | batch-send -B "$B" >b.json
	run -0 --separate-stderr batch-complete < <(cat a.json b.json a.json)
	doc_is '.expectedRecordCount == 14' '.manifest.records == 14' '.manifest.bytes == 15' \
		'.manifest.senders | map(.records) == [10, 4]'
}

@test "without a count nothing changes" {
	create
	run -1 --separate-stderr batch-complete </dev/null
	says 'standard input is empty'
	[[ -z $output ]]
	run -1 --separate-stderr batch-complete -B "$B" </dev/null
	says 'no manifest'
	run -1 --separate-stderr batch-complete <created.json
	says 'no manifest'
	[[ $(events) == 1 ]]
}

@test "what is no document of this batch is refused, and nothing changes" {
	create
	other=$(batch-create -n other)
	batch-send -B "$B" ten >sent.json
	run -2 --separate-stderr batch-complete < <(cat sent.json - <<<"$other")
	says "$B"
	run -2 --separate-stderr batch-complete -B "$B" <<<"$other"
	says "$B"
	for change in '.manifest.senders[0].digest = "x"' '.manifest.senders[0].records = -1' \
		'.manifest.senders = [{}]' 'del(.id)' '.status = "paused"'; do
		run -1 --separate-stderr batch-complete < <(jq -c "$change" sent.json)
		says
		[[ -z $output ]]
	done
	run -1 --separate-stderr batch-complete <ten
	says 'standard input'
	[[ $(events) == 1 ]]
}

@test "two different manifests of one sender are refused" {
	create
	batch-send -B "$B" ten >sent.json
	jq -c '.manifest.senders[0].records = 11' sent.json >forged.json
	run -1 --separate-stderr batch-complete < <(cat sent.json forged.json)
	says 'two different manifests'
	[[ $(events) == 1 ]]
}

@test "of two at the same time one counts, twenty times" {
	for round in {1..20}; do
		create
		background left batch-complete -B "$B" --records 1
		background right batch-complete -B "$B" --records 2
		one_wins left right
		counted created completed
		batch-status -B "$B" | cmp - "$winner.out"
	done
}

@test "against a terminate at the same time one counts" {
	for round in {1..10}; do
		create
		background complete batch-complete -B "$B" --records 1
		background terminate batch-terminate -B "$B"
		one_wins complete terminate
		counted created "${winner}d"
		[[ $(last_says "$B") == "${winner}d" ]]
	done
}

@test "whoever is refused corrects the last event, once, when another writer left it wrong" {
	create
	batch-terminate -B "$B" >terminated.json
	KEY=1 notify "$B" completed
	KEY=1 notify "$B" started
	[[ $(last_says "$B") == started ]]
	run -6 --separate-stderr batch-complete -B "$B" --records 1
	says "is terminated"
	[[ $(last_says "$B") == terminated && $(events) == 5 ]]
	for tool in 'complete --records 1 -B' 'terminate -B' 'create -n x --id'; do
		# shellcheck disable=SC2086
		run -6 batch-$tool "$B"
	done
	[[ $(events) == 5 ]]
	verdicts "$B" | tail -n 1 | grep -qx 'batch.standing standing'
	tail -n 1 history.json | jq -c .batch | cmp - terminated.json
	jq -es 'map(.version) == [1, 2, 0, 0, 2]' history.json
}

@test "is the owner's, unless forced" {
	create --owner acme
	run -6 --separate-stderr batch-complete -B "$B" --records 1
	says "belongs to 'acme'" --force
	[[ -z $output && $(events) == 1 ]]
	run -0 --separate-stderr batch-complete -B "$B" --records 1 --owner acme
	create --owner acme
	run -0 --separate-stderr batch-complete -B "$B" --records 1 --force
	doc_is '.status == "completed"' '.integratorId == "acme"'
}

@test "metadata replaces the old one whole, and stays when none is given" {
	create --metadata '{"a":1,"b":2}'
	run -0 --separate-stderr batch-complete -B "$B" --records 1
	doc_is '.metadata == {a: 1, b: 2}'
	for metadata in '{"c":3}' '{}'; do
		create --metadata '{"a":1,"b":2}'
		run -0 --separate-stderr batch-complete -B "$B" --records 1 --metadata "$metadata"
		doc_is ".metadata == $metadata"
	done
	create
	run -2 --separate-stderr batch-complete -B "$B" --records 1 --metadata '[]'
	says '--metadata'
	[[ $(events) == 1 ]]
}

@test "with a worker to come, sent is not yet completed" {
	create --processing
	batch-send -B "$B" ten >sent.json
	run -0 --separate-stderr batch-complete <sent.json
	doc_is '.status == "sendCompleted"' '.expectedRecordCount == 10' 'has("endDate") | not'
	run -0 --separate-stderr batch-complete -B "$B" --processed --actual 10 --invalid 2
	doc_is '.status == "completed"' '.version == 3' '.actualRecordCount == 10' \
		'.invalidRecordCount == 2' '.expectedRecordCount == 10' 'has("endDate")'
	counted created sendCompleted completed
}

@test "metadata given by a worker are the owner's, unless forced" {
	create --processing --owner acme --metadata '{"a":1}'
	batch-complete -B "$B" --owner acme --records 1
	run -6 --separate-stderr batch-complete -B "$B" --processed --actual 1 --owner mallory --metadata '{}'
	says "the metadata of batch '$B' belong to 'acme', not to 'mallory'" --force
	[[ -z $output && $(events) == 2 ]]
	run -0 --separate-stderr batch-complete -B "$B" --processed --actual 1 --owner mallory --force --metadata '{}'
	doc_is '.status == "completed"' '.metadata == {}'
}

@test "a count by its old name, or as text, is written by its name of today, as a number" {
	for count in '.recordCount = 5' '.recordCount = "5"' '.expectedRecordCount = "5"'; do
		id=b$((++n))
		KEY=1 notify "$id" started
		KEY=1 notify "$id" sendCompleted "$count"
		run -0 --separate-stderr batch-complete -B "$id" --processed --actual 5
		doc_is '.status == "completed"' '.expectedRecordCount == 5' '.recordCount == 5'
	done
}

@test "as many invalid records as the threshold says fail the batch" {
	create --processing --invalid-threshold 2
	batch-complete -B "$B" --records 5
	run -1 --separate-stderr batch-complete -B "$B" --processed --actual 4 --invalid 2
	says "batch '$B' has failed" 'threshold is 2'
	doc_is '.status == "failed"' '.invalidRecordCount == 2' '.failureMessage | contains("threshold")'
	counted created sendCompleted failed
	status_is failed
}

@test "the worker needs not own the batch, and no invalid record is the default" {
	create --processing --owner acme
	batch-complete -B "$B" --records 5 --owner acme
	run -0 --separate-stderr batch-complete -B "$B" --processed --actual 5
	doc_is '.invalidRecordCount == 0'
}

@test "refuses what the state does not allow, and writes no event" {
	for state in sendCompleted completed terminated failed; do
		in_state "$state"
		before=$(events)
		run -6 --separate-stderr batch-complete -B "$B" --records 1
		says "batch '$B' is $state"
		[[ -z $output && $(events) == "$before" ]]
	done
	for state in started completed terminated failed; do
		in_state "$state"
		before=$(events)
		run -6 --separate-stderr batch-complete -B "$B" --processed --actual 1
		says "batch '$B' is $state"
		[[ -z $output && $(events) == "$before" ]]
	done
}

@test "an unknown batch is refused" {
	run -6 --separate-stderr batch-complete -B none --records 1
	says "no batch 'none'"
	run -6 --separate-stderr batch-complete -B none --count
	says "no batch 'none'"
}

@test "refuses options that make no sense together" {
	create
	for options in '--records -1' '--records 1 --count' '--processed' '--actual 1' '--invalid 1' \
		'--processed --actual 1 --records 1' '--processed --actual 1 --count' '--records 1.5' \
		'--records 99999999999999999999' 'operand'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr batch-complete -B "$B" $options
		says
		[[ -z $output ]]
	done
	[[ $(events) == 1 ]]
}
