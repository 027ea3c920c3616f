# What retention deletes before a group has read it is said, and the exit status is 1; a batch whose first events are
# gone is still a batch.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin
	G=$S.group
}

# Deletes what TOPIC's only partition holds below OFFSET.
delete_before() { # OFFSET [TOPIC]
	python3 "$tests_root/delete_records.py" "$BATCH_BROKERS" "${2:-$S.notification}" 0 "$1"
}

@test "-t -G: what the group had not read and is gone is said, once, and the rest is read" {
	seq 10 | kput "$S.in"
	run -0 --separate-stderr batch-consume -t "$S.in" -G "$G" -o beginning -c 3
	delete_before 7 "$S.in"
	run -1 --separate-stderr batch-consume -t "$S.in" -G "$G" -e
	[[ $output == $'8\n9\n10' ]]
	grep "group $G: topic $S.in, partition 0: offsets 3 to 6 are gone" <<<"$stderr"
	run -0 --separate-stderr batch-consume -t "$S.in" -G "$G" -e
	seq 2 | kput "$S.in"
	delete_before 12 "$S.in"
	run -1 --separate-stderr batch-consume -t "$S.in" -G "$G" -e
	grep 'offsets 10 to 11 are gone' <<<"$stderr"
}

@test "batch-consume -G and batch-watch -G: events that are gone unread are said, once" {
	seq 3 >three
	finished three
	run -0 --separate-stderr batch-consume -G "$G" -e
	run -0 --separate-stderr batch-watch -G "$G.watch" -e
	finished three
	delete_before 4
	run -1 --separate-stderr batch-consume -G "$G" -e
	grep "topic $S.notification, partition 0: offsets 2 to 3 are gone that group $G had not read" <<<"$stderr"
	finished three
	local last=$B
	run -1 --separate-stderr batch-watch -G "$G.watch" -e
	grep 'offsets 2 to 3 are gone' <<<"$stderr"
	docs_are 'length == 2' "all(.id == \"$last\")"
	run -0 --separate-stderr batch-consume -G "$G" -e
	[[ $output == "$(cat three)" ]]
	run -0 --separate-stderr batch-watch -G "$G.watch" -e
}

@test "a batch whose beginning is gone is consumed, shown and watched" {
	seq 3 >three
	finished three
	delete_before 1
	gives three batch-consume -B "$B"
	gives three batch-consume -G "$G" -e
	run -0 batch-status
	doc_is '.status == "completed"' '.version == 2' ".id == \"$B\""
	run -0 batch-watch -G "$G.watch" -e
	doc_is '.status == "completed"'
	run -6 batch-create -n x --id "$B"
}

@test "by its count, too, or it is named" {
	create --id "$S.b"
	seq 3 | kput "$S.in" -H "batchId=$S.b"
	notify "$S.b" completed '.expectedRecordCount = 3'
	notify "$S.c" completed
	delete_before 1
	local way
	run -0 batch-consume -B "$S.b"
	[[ $output == $'1\n2\n3' ]]
	run -1 --separate-stderr batch-consume -B "$S.c"
	says "batch '$S.c'" 'its beginning is gone'
	run -1 --separate-stderr batch-consume -G "$G" -e
	[[ $output == $'1\n2\n3' ]]
	grep "batch '$S.c': its beginning is gone" <<<"$stderr"
	run -0 --separate-stderr batch-consume -G "$G" -e
}

@test "of a batch whose beginning is gone two ends are one" {
	notify "$S.b" completed '.expectedRecordCount = 0'
	notify "$S.b" completed '.expectedRecordCount = 0'
	notify "$S.b" terminated
	batch-consume -G "$G" -e --exec 'echo one >>said'
	[[ $(cat said) == one ]]
	run -0 batch-status -B "$S.b"
	doc_is '.status == "completed"'
}

@test "batch-work works on a batch whose beginning is gone" {
	seq 3 >three
	create --processing
	batch-send -B "$B" three | batch-complete >completed.json
	delete_before 1
	batch-work -G "$G" --once -- cat
	status_is completed
	[[ $(kget "$S.out" -f '%s\n') == "$(cat three)" ]]
}
