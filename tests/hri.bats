# Interop: documents that HRI's schema allows, batches that other writers made, and garbage.
# shellcheck disable=SC2016 # commands of batch-work expand their own variables
bats_require_minimum_version 1.5.0
load lib/batch
load lib/work

setup_file() {
	kafka_up
}

setup() {
	begin 2
}

# --- what we write

@test "documents of every state are valid notifications" {
	for state in started sendCompleted completed terminated failed; do
		in_state "$state"
		batch-status -B "$B" >>all.json
	done
	create --processing --invalid-threshold 10 --metadata '{"compression":"gzip"}'
	seq 100 | batch-send -B "$B" | batch-complete >>all.json
	batch-complete -B "$B" --processed --actual 100 --invalid 4 >>all.json
	batch-terminate -B "$B" --failed 'late' --actual 100 --invalid 100 >>all.json
	json_equals '["started","sendCompleted","completed","terminated","failed","sendCompleted","completed","failed"]' \
		'[., inputs] | map(.status)' all.json
	kget "$S.notification" -f '%s\n' >>all.json
	jq -c 'if .expectedRecordCount == 0 then del(.expectedRecordCount, .recordCount) else . end' all.json >valid.json
	check_notifications valid.json
}

@test "what the schema does not allow would be seen" {
	create
	jq -c 'del(.invalidThreshold), (.status = "paused"), (.expectedRecordCount = 0), (.metadata = []), .' \
		created.json >bad.json
	run -1 check_notifications bad.json
	[[ $(cut -d: -f2 <<<"$output") == $'1\n2\n3\n4' ]]
	run -1 check_notifications /dev/null
}

@test "dates are whole seconds" {
	create
	echo one | batch-send -B "$B" | batch-complete >completed.json
	json_equals true '[.startDate, .endDate] |
		all(test("^[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z$"))' completed.json
}

@test "another client sees the events as CloudEvents, under the batch's id" {
	create
	batch-complete -B "$B" --records 1 >completed.json
	kget "$S.notification" -J >events.json
	jq -c '.headers as $h | [range(0; $h | length; 2) | {($h[.]): $h[. + 1]}] | add' events.json >headers.json
	jq -ces --arg b "$B" --arg s "$S" '
		map(.ce_type) == ["batch.created", "batch.completed"] and
		map(.ce_id) == ["\($b)/1", "\($b)/2"] and map(.ce_batchversion) == ["1", "2"] and
		all(.[]; .ce_specversion == "1.0" and .ce_source == $s and .ce_subject == $b and
			."content-type" == "application/json" and
			(.ce_time | test("^[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}Z$")))' headers.json
	json_equals "\"$B\"" .key <(head -n 1 events.json)
	jq -r .payload events.json | cmp - <(cat created.json completed.json)
	json_equals true '(.ts / 1000 | floor | todate) == (.payload | fromjson.startDate)' <(head -n 1 events.json)
}

@test "events are in the partition that Java clients choose" {
	begin 4
	for id in a b c d e f g h ü; do
		batch-create -n x --id "$id" >/dev/null
		kput "$S.out" -k "$id" <<<x
	done
	kget "$S.notification" -f '%k %p\n' | sort >ours
	kget "$S.out" -f '%k %p\n' | sort | cmp - ours
}

# --- batches of other writers

# A record of the batch, as another writer sends it: with its id and no number
other_record() { # ID VALUE OPTION...
	kput "$S.in" -H "batchId=$1" "${@:3}" <<<"$2"
}

@test "a batch that another client wrote is consumed" {
	notify foreign started
	other_record foreign one -p 0
	other_record foreign two -p 1
	other_record elsewhere three -p 1
	notify foreign completed '.expectedRecordCount = 2 | .endDate = "2026-11-21T10:31:00Z"'
	run -0 --separate-stderr batch-status -B foreign
	doc_is '.status == "completed"' '.name == "foreign"'
	run -0 --separate-stderr batch-consume -B foreign
	[[ $(sort <<<"$output") == $'one\ntwo' ]]
	run -0 --separate-stderr batch-consume -G "$S.g" -e
	[[ $(sort <<<"$output") == $'one\ntwo' ]]
}

@test "its key may be there or not, and the old name of the count is read" {
	for key in '' 1; do
		id=foreign$key
		KEY=$key notify "$id" started
		other_record "$id" one
		KEY=$key notify "$id" completed '.recordCount = 1'
		run -0 --separate-stderr batch-consume -B "$id"
		[[ $output == one ]]
	done
}

@test "a count that is not met is a failure" {
	notify foreign started
	other_record foreign one
	notify foreign completed '.expectedRecordCount = 2'
	run -1 --separate-stderr batch-consume -B foreign
	says "batch 'foreign': 1 of 2 records are missing"
}

@test "our tools take over a batch that another writer began" {
	notify foreign started
	seq 10 >input
	batch-send -B foreign input >sent.json
	run -6 --separate-stderr batch-complete <sent.json
	says "belongs to 'someone'"
	run -0 --separate-stderr batch-complete --owner someone <sent.json
	doc_is '.status == "completed"' '.expectedRecordCount == 10' '.version == 2'
	gives input batch-consume -B foreign
}

@test "a batch of ours may be ended by another writer" {
	seq 10 >input
	create
	batch-send -B "$B" input >/dev/null
	KEY=1 notify "$B" completed '.expectedRecordCount = 10'
	batch-consume -B "$B" >given # as they arrive from two partitions: there is no manifest
	sort -n given | cmp - input
	run -6 --separate-stderr batch-terminate -B "$B"
	says 'is completed'
}

@test "readers agree on an event without a key, in whatever partition it lies" {
	seq 10 >input
	create
	batch-send -B "$B" input >/dev/null
	for partition in 0 1; do
		notify "$B" completed '.expectedRecordCount = 10' -p "$partition"
		batch-status -B "$B" >one.json
		batch-status >list.json
		cmp one.json list.json
	done
	json_equals '"completed"' .status one.json
	batch-consume -B "$B" --no-wait >given
	sort -n given | cmp - input
}

# Foreign events without a key, started in partition 1 and completed in partition 0, at almost the same time.
at_once() { # ID
	local p
	for p in 0 1; do
		mkfifo "to.$p"
		background "put$p" kput "$S.notification" -p "$p" -l "to.$p"
	done
	exec {first}>to.1 {second}>to.0
	notify_line "$1" started >&"$first"
	notify_line "$1" completed >&"$second"
	exec {first}>&- {second}>&-
	ends 0 put0
	ends 0 put1
	rm to.0 to.1
}

notify_line() { # ID STATUS
	jq -nc --arg id "$1" --arg topic "$S.in" --arg status "$2" '{$id, name: "x", $topic, $status}'
}

@test "events of one millisecond in different partitions are taken in the order that is legal" {
	for id in {1..100}; do
		at_once "$id"
		moments=$(kget "$S.notification" -f '%T %s\n' | grep "\"id\":\"$id\"" | cut -d' ' -f1)
		[[ $(wc -l <<<"$moments") == 2 && $(uniq <<<"$moments" | wc -l) == 1 ]] && break
	done
	((id < 100))
	batch-status -B "$id" >one.json
	batch-status | grep "\"id\":\"$id\"" | cmp - one.json
	json_equals '"completed"' .status one.json
}

@test "a state that the rules do not allow does not count, whoever says it" {
	notify foreign started
	KEY=1 notify foreign terminated
	for status in completed sendCompleted started failed; do
		notify foreign "$status"
	done
	run -0 --separate-stderr batch-status -B foreign
	doc_is '.status == "terminated"'
	# what began it may be gone
	notify headless completed
	notify headless started
	run -0 --separate-stderr batch-status -B headless
	doc_is '.status == "completed"'
}

@test "members that we do not know survive" {
	KEY=1 notify foreign started '.x = {"deep": [1, "two", null]} | .tenantId = "acme" | .metadata = {"m": 1}'
	run -0 --separate-stderr batch-send -B foreign --json <<<'{}'
	doc_is '.x == {deep: [1, "two", null]}' '.tenantId == "acme"'
	batch-complete --force <<<"$output"
	run -0 --separate-stderr batch-terminate -B foreign --failed late
	doc_is '.x == {deep: [1, "two", null]}' '.tenantId == "acme"' '.metadata == {m: 1}' '.version == 3'
}

@test "a foreign batch without a topic to read from is an error of its own" {
	notify foreign started 'del(.topic)'
	notify foreign completed 'del(.topic) | .expectedRecordCount = 1'
	run ! --separate-stderr batch-consume -B foreign
	says
	[[ $status == 1 && -z $output ]]
}

# --- garbage

# Writes garbage to the partition of batch B's events
litter() {
	local home garbage event="{\"id\":\"$B\",\"status\":\"terminated\"}" version
	home=$(kget "$S.notification" -f '%p\n')
	garbage=("$S.notification" -p "$home" -k "$B")
	{
		printf '%s\n' 'no JSON' '[]' '{"id":7,"status":"completed"}' "{\"id\":\"$B\"}" \
			"{\"id\":\"$B\",\"status\":\"paused\"}" "{\"id\":\"$B\",\"status\":\"completed\"" \
			"{\"id\":\"$B\",\"id\":\"x\",\"status\":\"completed\"}" '' $'\xff\xfe'
		head -c 900000 /dev/zero | tr '\0' '['
	} | kput "${garbage[@]}"
	kput "$S.notification" -p "$home" -K : -Z <<<"$B:"
	for version in 0 -1 x 1.0 '' 99999999999999999999; do
		kput "${garbage[@]}" -H ce_type=batch.terminated -H "ce_batchversion=$version" <<<"$event"
	done
	kput "${garbage[@]}" -H ce_type=batch.terminated <<<"$event"
	kput "${garbage[@]}" -H ce_type=batch.paused -H ce_batchversion=2 <<<"$event"
	kput "${garbage[@]}" -H ce_type=batch.failed -H ce_batchversion=2 <<<"$event"
	kput "$S.notification" -p "$home" -k "not-$B" <<<"$event"
}

@test "garbage in the log is passed over, and -v says so" {
	create
	litter
	run -0 --separate-stderr batch-status -B "$B"
	silent
	cmp created.json <(echo "$output")
	run -0 --separate-stderr batch-status -v -B "$B"
	says "$S.notification: 20 records passed over: not an event"
	run -0 --separate-stderr batch-status -vv -B "$B"
	for why in 'no JSON object' 'no id' 'no status known here' "key is not the document's id" \
		'bad ce_batchversion header' 'ce_type unknown'; do
		mentions "not an event, passed over: $why"
	done
}

@test "no tool stumbles over garbage in the log" {
	create
	litter
	run -0 --separate-stderr batch-status --ids
	[[ $output == "$B" ]]
	run -0 --separate-stderr batch-watch -B "$B" -e
	cmp created.json <(echo "$output")
	run -0 --separate-stderr batch-send -B "$B" <<<one
	run -0 --separate-stderr batch-complete <<<"$output"
	run -0 --separate-stderr batch-consume -B "$B"
	[[ $output == one ]]
	run -0 --separate-stderr batch-consume -G "$S.g" -e
	silent
	[[ $output == one ]]
}

@test "what a foreign document holds is not believed" {
	changes=('.version = "7"' '.version = 7' '.version = -1' '.processing = "yes"' '.metadata = 5'
		'.expectedRecordCount = "many"' '.manifest = []' '.manifest = {senders: 1}' '.name = null')
	for i in "${!changes[@]}"; do
		notify "b$i" started "${changes[i]}"
	done
	for i in "${!changes[@]}"; do
		run -0 --separate-stderr batch-terminate -B "b$i" --force
		doc_is '.version == 2' '.status == "terminated"'
	done
}

@test "escape sequences in names do not reach the terminal's messages" {
	id=$(printf 'x\e]0;owned\a')
	run -2 --separate-stderr batch-status -B "$id" --wait typo
	run ! --separate-stderr batch-status -B "$id"
	[[ $stderr != *$'\e'* && $stderr != *$'\a'* ]]
	says
}

@test "data records with strange headers belong to nobody, or to their first batchId" {
	create
	echo mine | batch-send -B "$B" >sent.json
	kput "$S.in" -H batchId= <<<empty
	kput "$S.in" -H "batchId=x$B" <<<longer
	kput "$S.in" -H "batchId=other" -H "batchId=$B" <<<second
	kput "$S.in" -H "batchid=$B" <<<lower
	batch-complete <sent.json >/dev/null
	run -0 --separate-stderr batch-consume -B "$B"
	[[ $output == mine ]]
	create
	kput "$S.in" -H "batchId=$B" -H "batchId=other" <<<first
	for seq in x :1 a:0 a:-1 a:99999999999999999999 ''; do
		kput "$S.in" -H "batchId=$B" -H "batchSeq=$seq" <<<"seq $seq"
	done
	batch-complete -B "$B" --records 7 >/dev/null
	run -0 --separate-stderr batch-consume -B "$B"
	[[ ${#lines[@]} == 7 ]]
}

@test "a document without topic, counts as text and large numbers are read, and hold up nobody" {
	begin 1
	other_record b one
	KEY=1 notify b started 'del(.topic) | .metadata = {n: 12345678901234567890123}'
	KEY=1 notify b completed 'del(.topic) | .expectedRecordCount = "1"'
	finished /dev/null
	run -0 --separate-stderr batch-status -B b
	doc_is ".topic == \"$S.in\"" '.status == "completed"' '.expectedRecordCount == "1"'
	gives <(echo one) batch-consume -B b
	run -0 --separate-stderr batch-consume -G "$S.g" -e
	[[ $output == one ]]
	run -0 --separate-stderr batch-status -n foreign
	doc_is ".topic == \"$S.in\""
	KEY=1 notify c completed
	printf '{"id":"d","status":"started","metadata":{"n":12345678901234567890}}' | kput "$S.notification" -k d
	run -0 --separate-stderr batch-status -B d
	doc_is '.metadata.n | . > 12345678901234000000 and . < 12345678901235000000'
	run -0 --separate-stderr batch-terminate -B d
	run -0 --separate-stderr batch-watch -G "$S.w" -e
	[[ ${#lines[@]} == 7 ]] # c, too: retention took its beginning
}

@test "a count as text is checked" {
	begin 1
	other_record b one
	KEY=1 notify b started
	KEY=1 notify b completed '.expectedRecordCount = "5"'
	run -1 --separate-stderr batch-consume -B b
	says
}

@test "a batch whose id has a time to come is known to every tool" {
	begin 2
	id=$(id_made_at 400000000)
	KEY=1 notify "$id" started
	run -0 --separate-stderr batch-status -B "$id"
	doc_is '.status == "started"'
	run -0 --separate-stderr batch-complete -B "$id" --records 0 --force
	gives /dev/null batch-consume -B "$id"
	run -0 --separate-stderr batch-watch -B "$id" -e
	[[ ${#lines[@]} == 2 ]]
	run -0 --separate-stderr batch-consume -G "$S.g" -e -v
	mentions '1 batches'
}

# --- readers that take the last message for the truth

@test "a worker corrects the last event of a batch that has ended, and nobody answers that" {
	begin_work
	in_state terminated
	terminated=$B
	in_state completed
	work --out none -- cat # what is old is there before the group is
	KEY=1 notify "$terminated" completed
	KEY=1 notify "$B" started
	background one batch-work -G "$G" --out none -- cat
	background two batch-work -G "$G" --out none -- cat
	wait_for is_said "$terminated" terminated
	wait_for is_said "$B" completed
	stopped one two
	events=$(kget "$S.notification" -f '.\n' | wc -l)
	((events <= 10)) # of two workers each may have answered
	work --out none -- cat
	work --out none -- cat
	[[ $(kget "$S.notification" -f '.\n' | wc -l) == "$events" ]]
	B=$terminated counted created terminated
}

is_said() { # ID STATUS
	[[ $(last_says "$1") == "$2" ]]
}

@test "nothing that a worker says of a batch that failed opens it again" {
	begin_work 2
	printf '%s\n' bad {1..40} >in
	ready_keyed in --invalid-threshold 1
	work --chunk 1 -j 4 --order none --report 10ms --on-exit 1=isolate -- sh -c '
		read -r line; [ "$line" != bad ] || exit 1; sleep 0.05; echo "$line"'
	status_is failed
	[[ $(last_says "$B") == failed ]]
	kget "$S.notification" -f '%s\n' | jq -r .status | uniq >statuses
	tail -n 1 statuses | grep -qx failed
}

# Sets B to a batch whose id librdkafka's own partitioner puts into another partition.
misplaced() { # PARTITIONS
	begin "$1"
	for _ in {1..50}; do
		create
		kcat -P -b "$BATCH_BROKERS" -t "$S.out" -k "$B" <<<x
		kput "$S.out" -k "$B" <<<x
		[[ $(kget "$S.out" -f '%k %p\n' | grep -c "^$B" ) == 2 ]]
		(($(kget "$S.out" -f '%k %p\n' | grep "^$B" | sort -u | wc -l) == 2)) && return
	done
	return 1
}

# A completion of a batch, made by a client with another partitioner, in a stream of so many PARTITIONS.
misplace() { # PARTITIONS
	misplaced "$1"
	jq -c '.status = "completed"' created.json | kcat -P -b "$BATCH_BROKERS" -t "$S.notification" -k "$B"
	run -0 --separate-stderr batch-status -B "$B"
	says "batch '$B': its event batch.completed at partition" 'counts for no reader'
	doc_is '.status == "started"'
}

@test "an event in a partition that another partitioner chose is told by every tool that meets it" {
	misplace 4
	for tool in status "status -B $B --wait completed -m 1s" 'watch --since -1h -e' "watch -G $S.w -e" \
		"consume -G $S.c -e" "work -G $S.g --once --out none -- cat"; do
		# shellcheck disable=SC2086
		run --separate-stderr batch-$tool
		mentions 'counts for no reader'
	done
}

@test "an event that another partitioner misplaced changes nothing, and is in the history" {
	misplace 12
	run -0 --separate-stderr batch-status -B "$B" --history
	docs_are 'map(.verdict) == ["counted", "elsewhere"]'
	run -0 --separate-stderr batch-complete -B "$B" --records 0
	status_is completed
}
