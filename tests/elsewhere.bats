# A batch whose document names another topic for its records than STREAM.in: each tool goes by the document.
bats_require_minimum_version 1.5.0
load lib/batch
load lib/work

setup_file() {
	kafka_up
}

setup() {
	begin_work 1
	other=$S.other.in
	python3 "$tests_root/make_topic.py" "$BATCH_BROKERS" "$other" retention.ms -1
	seq 5 >five
}

# The batch b of a writer that names the other topic, where it has so many records.
begun_elsewhere() { # RECORDS [JQ-CHANGE]
	seq "$1" >records
	((!$1)) || kput "$other" -p 0 -H batchId=b -l records
	KEY=1 notify b started ".topic = \"$other\" | ${2:-.}"
}

@test "batch-work passes it over, says so once, and works on with others" {
	begun_elsewhere 3
	KEY=1 notify b sendCompleted ".topic = \"$other\" | .expectedRecordCount = 3"
	ready five
	printf stray | kput "$S.in" -p 0 -H batchId=b
	run -0 --separate-stderr work_aloud -- cat
	[[ $(grep -c "batch 'b' has its records in topic $other, not in $S.in: " <<<"$stderr") == 1 ]]
	mentions "1 batch was passed over: records in another topic than $S.in"
	B=b status_is sendCompleted
	status_is completed
	[[ $(kget "$S.invalid" -f '%s\n' | jq -r .failure) == "batch 'b' was completed without it" ]]
	batch-complete -B b --processed --actual 3 >/dev/null
	run -0 --separate-stderr work_aloud -- cat
	[[ $stderr != *"passed over"* ]]
}

@test "batch-consume, also of a group, batch-complete --count, batch-send and batch-status go by the document" {
	begun_elsewhere 3
	run -0 --separate-stderr batch-complete -B b --count --owner someone
	doc_is '.status == "completed"' '.expectedRecordCount == 3'
	[[ $(batch-consume -B b) == $'1\n2\n3' ]]
	[[ $(batch-consume -G "$G.all" -e) == $'1\n2\n3' ]]
	run -0 --separate-stderr batch-status -B b
	doc_is ".topic == \"$other\""
}

@test "batch-send --resume looks for the batch's records in the topic of the document" {
	begun_elsewhere 0
	batch-send -B b five >sent.json
	[[ $(kget "$other" -f '%s\n') == $'1\n2\n3\n4\n5' ]]
	run -0 --separate-stderr batch-send -B b --resume five
	[[ $(kget "$other" -f '%s\n' | wc -l) == 5 ]]
	[[ -z $(kget "$S.in" -f '%s\n') ]]
}
