# batch-create: a batch begins.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin
}

@test "prints the document of a batch that is started" {
	run -0 --separate-stderr batch-create -n nightly
	silent
	doc_is '.name == "nightly"' '.status == "started"' '.version == 1' \
		".topic == \"$S.in\"" ".integratorId == \"$(id -un)\"" \
		'.invalidThreshold == -1' '.priority == 50' '.processing == false' \
		'.startDate | test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$")' \
		'has("endDate") or has("metadata") or has("manifest") | not'
}

@test "makes ids that are version 7 UUIDs and grow" {
	for i in 1 2 3; do
		create
		echo "$B" >>ids
	done
	run -0 grep -cE '^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$' ids
	[[ $output == 3 ]]
	LC_ALL=C sort -uc ids
}

@test "the data type is the stream's last word unless given" {
	S=$S.claims
	batch-init -s "$S" --partitions 1 --replication 1
	run -0 --separate-stderr batch-create -s "$S" -n x
	doc_is '.dataType == "claims"'
	run -0 --separate-stderr batch-create -s "$S" -n x --data-type fhir
	doc_is '.dataType == "fhir"'
}

@test "takes all that the caller gives" {
	run -0 --separate-stderr batch-create -n 'nightly load (ü)' --owner 'acme inc.' --processing \
		--priority 0 --invalid-threshold 10 --metadata '{"b":{"z":[1,null,"ü"]},"a":9007199254740993}'
	doc_is '.name == "nightly load (ü)"' '.integratorId == "acme inc."' '.processing' \
		'.priority == 0' '.invalidThreshold == 10' '.metadata.b == {z: [1, null, "ü"]}'
	[[ $output == *'"metadata":{"b":{"z":[1,null,"ü"]},"a":9007199254740993}'* ]]
}

@test "an invalid threshold of 0 or -1 is no limit, stored as -1" {
	for n in 0 -1; do
		run -0 --separate-stderr batch-create -n x --invalid-threshold "$n"
		doc_is '.invalidThreshold == -1'
	done
}

@test "the event holds the document, under the batch's id" {
	create --metadata '{"a":1}'
	kget "$S.notification" -J >event.json
	json_equals "\"$B\"" .key event.json
	jq -r .payload event.json | cmp - created.json
}

@test "an id of one's own is used once" {
	run -0 --separate-stderr batch-create -n x --id nightly-2026-11-21
	doc_is '.id == "nightly-2026-11-21"'
	run -6 --separate-stderr batch-create -n x --id nightly-2026-11-21
	says "'nightly-2026-11-21' exists already, and is started"
	[[ -z $output ]]
	B=nightly-2026-11-21
	[[ $(events) == 1 ]]
}

@test "an id stays used when its batch has ended" {
	create --id once
	batch-terminate -B once
	run -6 --separate-stderr batch-create -n x --id once
	says 'is terminated'
}

@test "of two hosts that create the same id one gets it" {
	for B in job-{1..10}; do
		background host1 batch-create -n by-host1 --id "$B"
		background host2 batch-create -n by-host2 --id "$B"
		one_wins host1 host2
		counted created
		json_equals "\"by-$winner\"" .name "$winner.out"
		json_equals "\"by-$winner\"" .name <(batch-status -B "$B")
	done
}

@test "refuses names that HRI refuses, before an event is written" {
	for bad in '' $'a\nb' $'\x7f' 'a"b' 'a=b' 'a<b' 'a>b' 'a[b' 'a]b' 'a{b' 'a}b' $'\xff'; do
		run -2 --separate-stderr batch-create -n "$bad"
		says
		[[ -z $output ]]
		run -2 --separate-stderr batch-create -n x --id "$bad"
		run -2 --separate-stderr batch-create -n x --owner "$bad"
		run -2 --separate-stderr batch-create -n x --data-type "$bad"
	done
	run ! holds_records "$S.notification"
}

@test "refuses options that make no sense, before an event is written" {
	for options in '' '-n x --priority 101' '-n x --priority -1' '-n x --priority 1.0' \
		'-n x --invalid-threshold -2' '-n x --metadata {' '-n x --metadata [1]' \
		'-n x --metadata {"a":1,"a":2}' '-n x extra' '-n x -n y'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr batch-create $options
		says
		[[ -z $output ]]
	done
	run ! holds_records "$S.notification"
}

@test "needs a stream" {
	unset BATCH_STREAM
	run -2 --separate-stderr batch-create -n x
	says 'no stream'
}

@test "the owner comes from the option, the setting, the broker's user, the login name" {
	run -0 --separate-stderr env BATCH_OWNER=setting batch-create -n x --owner option
	doc_is '.integratorId == "option"'
	run -0 --separate-stderr env BATCH_OWNER=setting batch-create -n x -X sasl.username=user
	doc_is '.integratorId == "setting"'
	run -0 --separate-stderr batch-create -n x -X sasl.username=user
	doc_is '.integratorId == "user"'
}
