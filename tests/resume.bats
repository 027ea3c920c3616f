# batch-send --resume: after any interruption the same command sends only the rest.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin 4
	create
}

# Sends FILE, resuming, and kills the sender as soon as N records are in the topic.
killed_after() { # N FILE
	batch-send --resume -B "$B" "$2" >/dev/null &
	local sender=$!
	wait_for topic_holds "$S.in" "$1"
	kill -9 "$sender" || true # it may have come to its end
	wait "$sender" || [[ $? == 137 ]]
}

topic_holds() { # TOPIC N
	(($(kcat -C -b "$BATCH_BROKERS" -t "$1" -e -q -f '\n' | wc -l) >= $2))
}

# The first N lines through a pipe that stays open, so that the sender is alive when it is killed.
killed_in_the_middle() { # FILE N OPTION...
	local sender
	mkfifo pipe
	batch-send --resume "${@:3}" -B "$B" pipe >/dev/null &
	sender=$!
	exec 9>pipe
	head -n "$2" "$1" >&9
	wait_for topic_holds "$S.in" "$2"
	kill -9 "$sender"
	wait "$sender" || [[ $? == 137 ]]
	exec 9>&-
	rm pipe
}

manifest_of() { # FILE
	jq -cS '.manifest.senders[0] | del(.partitions, .sender)' "$1"
}

@test "the rest is sent, once, and the manifest is that of an undisturbed run" {
	seq 5000 >input
	killed_in_the_middle input 1300
	run -0 --separate-stderr batch-send -v --resume -B "$B" input
	[[ $stderr == *"1300 of 5000 records had been delivered before"* ]]
	echo "$output" >resumed.json
	batch-complete <resumed.json >/dev/null
	batch-consume -B "$B" | cmp - input
	create
	batch-send -B "$B" input >undisturbed.json
	[[ $(manifest_of resumed.json) == "$(manifest_of undisturbed.json)" ]]
}

@test "what a sender delivered whose clock is forty minutes behind is found" {
	jq -nc --argjson now "$(date +%s)" 'range(300) | {ts: (($now - 2400) * 1000), value: "\(.)"}' >input
	head -n 100 input | batch-send -J --keep-time -B "$B" >/dev/null
	run -0 --separate-stderr batch-send -v --resume -J -B "$B" input
	[[ $stderr == *"100 of 300 records had been delivered before"* ]]
	batch-complete <<<"$output" >/dev/null
	batch-consume -B "$B" | cmp - <(seq 0 299)
}

@test "with keys, after several interruptions" {
	gzip -dc "$data"/fhir/Condition.ndjson.gz >input
	for n in 100 300 500; do
		killed_in_the_middle input "$n" -k /id
	done
	batch-send --resume -k /id -B "$B" input >sent.json
	batch-complete <sent.json >/dev/null
	batch-consume -B "$B" | cmp - input
	json_equals 555 .manifest.records sent.json
}

@test "kill -9 at whatever moment: what comes out is what went in" {
	seq -f 'record %.0f of a longer input' 200000 >input
	for n in 1 20000 70000 130000; do
		killed_after "$n" input
	done
	batch-send --resume -B "$B" input >sent.json
	batch-complete <sent.json >/dev/null
	batch-consume -B "$B" | cmp - input
}

@test "SIGTERM while it looks for what was delivered is called so" {
	seq 20000 >input
	batch-send -B "$B" -X batch.num.messages=10 input >/dev/null
	slow=(-X fetch.message.max.bytes=1 -X debug=fetch -vvv)
	background sender batch-send --resume -B "$B" "${slow[@]}" input
	wait_for grep -q "Fetch topic $S.in" sender.err
	stopped sender
	run -0 grep -c '^batch-send: --resume: interrupted' sender.err
}

@test "an input that is not the same is refused" {
	seq 1000 >input
	killed_in_the_middle input 600
	sed 's/^500$/other/' input >changed
	run -1 --separate-stderr batch-send --resume -B "$B" changed
	[[ $stderr == *"record 500 differs"* ]]
	head -n 400 input >shorter
	run -1 --separate-stderr batch-send --resume -B "$B" shorter
	[[ $stderr == *"it ends after 400 records"* ]]
}

@test "with nothing delivered before it is an ordinary sender" {
	seq 10 >input
	run -0 --separate-stderr batch-send --resume -B "$B" input
	doc_is '.manifest.records == 10'
}

@test "all delivered before: nothing is sent again" {
	seq 1000 >input
	batch-send -B "$B" input >first.json
	batch-send --resume -B "$B" input >second.json
	cmp <(jq -S .manifest first.json) <(jq -S .manifest second.json)
	topic_holds "$S.in" 1000
	run ! topic_holds "$S.in" 1001
}

@test "two senders of the same input: it cannot be told which to resume" {
	seq 100 >input
	batch-send -B "$B" input >/dev/null
	batch-send -B "$B" input >/dev/null
	run -6 --separate-stderr batch-send --resume -B "$B" input
	[[ $stderr == *"cannot be told which to resume"* ]]
}

# As after a kill, number 2 is delivered and 1 is not. Of three partitions, by its sender's id or by its key, number 1
# belongs to partition 1, too, behind number 2.
@test "partitions were added since: the input comes back in order" {
	begin 2
	printf '%s\n' one two >input
	local plain keyed
	delivered() { echo two | kput "$S.in" -p 1 -H "batchId=$B" -H "batchSeq=0000000000000001:2" "$@"; }
	has_three() { kcat -L -b "$BATCH_BROKERS" -t "$S.in" | grep -q 'with 3 partitions'; }
	create
	plain=$B
	delivered
	create
	keyed=$B
	delivered -k 4
	batch-init -s "$S" --partitions 3 --grow >grown.json
	wait_for has_three
	batch-send --resume -B "$plain" input | batch-complete >completed.json
	gives input batch-consume -B "$plain"
	batch-send --resume -B "$keyed" -k 4 input | batch-complete >completed.json
	gives input batch-consume -B "$keyed"
}

# Each fetch brings one of theirs, and takes its time.
@test "many records of others in between are no reason to give up, however long they take" {
	mine=$B
	seq 100 >input
	killed_in_the_middle input 60
	create
	seq 20 | batch-send -B "$B" -X batch.num.messages=1 >/dev/null
	B=$mine
	slow=(-X fetch.message.max.bytes=1 -X fetch.min.bytes=1000000 -X fetch.wait.max.ms=500)
	began=$(milliseconds)
	batch-send -m 5s --resume -B "$B" "${slow[@]}" input >sent.json
	(($(milliseconds) - began > 5000))
	batch-complete <sent.json >/dev/null
	gives input batch-consume -B "$B"
}
