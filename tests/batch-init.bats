# batch-init: the topics of a stream.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	new_stream
}

init() { # OPTION...
	batch-init -s "$S" --replication 1 "$@"
}

partitions_of() { # TOPIC
	kcat -L -J -b "$BATCH_BROKERS" -t "$1" >metadata.json
	jq '.topics[0].partitions | length' metadata.json
}

@test "makes the four topics of a stream" {
	run -0 --separate-stderr init --partitions 3
	silent
	doc_is ".stream == \"$S\"" \
		"[.topics[].topic] == [\"$S.in\", \"$S.notification\", \"$S.out\", \"$S.invalid\"]" \
		'all(.topics[]; .partitions == 3 and .replication == 1 and .created)'
	for topic in in notification out invalid; do
		[[ $(partitions_of "$S.$topic") == 3 ]]
	done
}

@test "without numbers the broker's defaults count" {
	run -0 --separate-stderr batch-init -s "$S"
	doc_is 'all(.topics[]; .partitions == 1 and .replication == 1)'
}

@test "a second time changes nothing and says so" {
	init --partitions 2 --retention 7d --min-isr 1
	run -0 --separate-stderr init --partitions 2 --retention 7d --min-isr 1
	silent
	doc_is 'all(.topics[]; .created == false and .partitions == 2)' \
		'all(.topics[]; has("differs") | not)'
}

@test "reports each setting that differs, and changes none" {
	init --partitions 2 --retention 7d
	run -1 --separate-stderr init --partitions 3 --retention 8d --min-isr 2
	doc_is '[.topics[0].differs[].setting] == ["partitions", "retention.ms", "min.insync.replicas"]' \
		'.topics[0].differs[0] == {setting: "partitions", is: "2", wanted: "3"}' \
		'.topics[0].differs[1].is == "604800000"' '.topics[0].differs[1].wanted == "691200000"' \
		'all(.topics[]; .differs | length == 3)'
	mentions "topic $S.in: partitions is 2, wanted is 3"
	[[ ${stderr_lines[-1]} == "batch-init: stream $S is there, and differs"* ]]
	run -0 --separate-stderr init --partitions 2 --retention 7d
}

@test "a retention without a unit is refused, and one of less than a minute unless it is meant" {
	for time in 0 30 604800000; do
		run -2 --separate-stderr init --retention "$time"
		says "--retention $time" 'a unit is wanted'
		[[ -z $output ]]
	done
	for time in 0s 1ms 59s; do
		run -2 --separate-stderr init --retention "$time"
		says "--retention $time" --yes
		[[ -z $output ]]
	done
	run -0 --separate-stderr init --retention 59s --yes
	silent
	run -0 --separate-stderr init --retention 59s --yes
	run -1 --separate-stderr init --retention 1m
	doc_is 'all(.topics[]; .differs == [{setting: "retention.ms", is: "59000", wanted: "60000"}])'
}

@test "events are kept no shorter than the records that are there" {
	python3 "$tests_root/make_topic.py" "$BATCH_BROKERS" "$S.in" retention.ms 864000000
	run -1 --separate-stderr init --retention 1d
	doc_is '.topics[0].differs == [{setting: "retention.ms", is: "864000000", wanted: "86400000"}]' \
		'[.topics[1:][] | .created] == [true, true, true]'
	# What was made is told as different when the records would outlive it, not when they would not.
	run -1 --separate-stderr init --retention 9d
	doc_is '.topics[1].differs == null' '.topics[2].differs[0].is == "86400000"'
	run -0 --separate-stderr init
	new_stream
	python3 "$tests_root/make_topic.py" "$BATCH_BROKERS" "$S.notification" retention.ms 86400000
	python3 "$tests_root/make_topic.py" "$BATCH_BROKERS" "$S.in" retention.ms -1
	run -1 --separate-stderr init
	doc_is '.topics[0].differs == null' \
		'.topics[1].differs == [{setting: "retention.ms", is: "86400000", wanted: "-1"}]'
}

@test "--grow adds partitions, but never to the notification topic" {
	init --partitions 1
	run -0 --separate-stderr init --partitions 3 --grow
	silent
	doc_is '[.topics[] | .partitions] == [3, 1, 3, 3]' \
		'[.topics[] | .grownFrom] == [1, null, 1, 1]' 'all(.topics[]; has("differs") | not)'
	[[ $(partitions_of "$S.in") == 3 ]]
	[[ $(partitions_of "$S.notification") == 1 ]]
}

@test "--grow never takes partitions away" {
	init --partitions 3
	run -1 --separate-stderr init --partitions 2 --grow
	doc_is 'all(.topics[]; .partitions == 3)'
}

@test "the notification topic keeps every event, whatever the broker's default" {
	init
	folder=${BATCH_TEST_DIR:-$BATS_RUN_TMPDIR}/kafka
	run -0 --separate-stderr "$tests_root/kafka/broker.sh" topics "$folder" --describe \
		--topic "$S.notification"
	[[ $output == *cleanup.policy=delete* ]]
}

@test "two at the same time make one stream" {
	background one init --partitions 2
	background two init --partitions 2
	ends 0 one
	ends 0 two
	output=$(cat one.out two.out)
	docs_are 'map(.topics) | transpose | all(map(.created) | sort == [false, true])'
}

@test "refuses what no stream can be" {
	for options in '--partitions 0' '--partitions 12x' '--replication 0' '--retention soon' \
		'--min-isr -1' '--grow'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr batch-init -s "$S" $options
		says
		[[ -z $output ]]
	done
	for name in '' 'a b' 'a/b' ü . "$(printf '%0250d' 1)"; do
		run -2 --separate-stderr batch-init -s "$name"
		says stream
	done
}

@test "more replicas than brokers are refused in one line, and nothing is made" {
	run -2 --separate-stderr batch-init -s "$S" --replication 3
	says "$S.in"
	[[ -z $output ]]
	run -6 --separate-stderr batch-status -s "$S"
}
