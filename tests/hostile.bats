# Input that nobody means well with, or nobody looked at: in the log, in records, files, options and the
# surroundings. Beside it: hri.bats has malformed and foreign events one by one, batch-send.bats what is
# no JSON, exits.bats full disks and closed pipes, config.bats the configuration file.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin
}

# Runs COMMAND with its answers as they are; its largest memory in KiB goes to the file peak.
measured() { # COMMAND...
	python3 -c '
import resource, subprocess, sys
status = subprocess.run(sys.argv[1:]).returncode
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss, file=open("peak", "w"))
sys.exit(status)' "$@"
}

# What was measured stayed below so many MiB. Sanitizers take memory of their own.
stayed_below() { # MIB
	[[ -n ${BATCH_TEST_SAN:-} ]] || (($(<peak) < $1 * 1024))
}

# Nothing but what is drawn, line ends and tabs
harmless() { # FILE
	! LC_ALL=C grep -q $'[^\t\r -~]' "$1"
}

repeat() { # TEXT TIMES
	python3 -c 'import sys; sys.stdout.write(sys.argv[1] * int(sys.argv[2]))' "$@"
}

# An event as another writer could have written it
event() { # ID STATUS [MEMBERS]
	printf '{"id":"%s","status":"%s","topic":"%s.in"%s}\n' "$1" "$2" "$S" "${3:+,$3}" |
		kput "$S.notification"
}

# --- the log

@test "garbage in great numbers stalls nobody, and -v counts it" {
	create
	repeat $'{"no":"event"}\n' 20000 | kput "$S.notification"
	echo one | batch-send -B "$B" >sent.json
	passed="$S.notification: 20000 records passed over: not an event"
	batch-complete <sent.json >completed.json
	for command in "status" "status -B $B" "watch --since -1h -e" "watch -G $S.g -e" \
		"watch -B $B --until completed" "consume -G $S.h -e" "create -n x --id mine" \
		"terminate -B mine"; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr timeout 60 batch-$command -v
		mentions "$passed"
		[[ -n $output ]]
	done
	run -0 --separate-stderr batch-watch --since -1h -e
	silent
}

@test "a group does not read garbage twice" {
	repeat $'{"no":"event"}\n' 100 | kput "$S.notification"
	run -0 --separate-stderr timeout 60 batch-watch -G "$S.g" -e -v
	mentions "$S.notification: 100 records passed over"
	run -0 --separate-stderr timeout 60 batch-watch -G "$S.g" -e -v
	[[ $stderr != *"passed over"* ]]
}

@test "garbage that takes long to pass does not keep a reader from its time" {
	create
	repeat $'x\n' 4000000 | kput "$S.notification" -X linger.ms=50
	for command in 'watch --until' 'status --wait'; do
		# shellcheck disable=SC2086
		run_in_vain 4 batch-$command completed -B "$B" -v -m 200ms
		mentions 'time is up'
		passed=$(sed -n 's/.*: \([0-9]*\) records passed over.*/\1/p' <<<"$stderr")
		((${passed:-0} < 4000000))
	done
}

@test "a flood of events that do not count stalls no watcher" {
	notify b started
	notify b completed '.recordCount = 0'
	repeat $'{"id":"b","status":"completed"}\n' 3000 | kput "$S.notification"
	run -0 --separate-stderr timeout 60 batch-watch --since -1h -e
	[[ ${#lines[@]} == 2 ]]
	run -0 --separate-stderr timeout 60 batch-watch -G "$S.g" -e
	[[ ${#lines[@]} == 2 ]]
}

@test "no header and no value of a record changes a batch that is not its own" {
	create
	other=$(batch-create -n other | jq -r .id)
	terminated=$(jq -c '.status = "terminated" | .version = 2' created.json)
	ours=(-H ce_type=batch.terminated -H ce_batchversion=2 -H "ce_subject=$B" -H "ce_id=$B/2"
		-H "batchId=$B")
	kput "$S.in" -k "$B" "${ours[@]}" <<<"$terminated"
	kput "$S.notification" -k "$other" "${ours[@]}" <<<"${terminated/$B/$other}"
	kput "$S.notification" -k "$other" "${ours[@]}" <<<"$terminated"
	run -0 --separate-stderr batch-status -B "$B"
	cmp created.json <(echo "$output")
	[[ $(events) == 1 ]]
	B=$other status_is terminated
}

@test "counts and places that no log can have are refused" {
	sender='{"sender":"s","records":1,"bytes":1,"rejected":0,"framing":"delimited","delimiter":"\\n",
		"digest":"b691a76442df0960a15d202e49bc1dee","unterminated":false,"partitions":'
	one='{"first":0,"last":0,"count":1}'
	far='{"first":9223372036854775806,"last":9223372036854775806,"count":1}'
	changes=('"recordCount":9223372036854775807' '"recordCount":1000000000000'
		"\"manifest\":{\"senders\":[$sender{\"2147483647\":$one}}]}"
		"\"manifest\":{\"senders\":[$sender{\"0\":$far}}]}"
		"\"manifest\":{\"senders\":[$sender{\"0\":$one,\"00\":$one}}]}"
		"\"manifest\":{\"senders\":[$(repeat '{},' 5000){}]}" '"manifest":7' '"manifest":{"senders":{}}')
	for i in "${!changes[@]}"; do
		event "b$i" started
		event "b$i" completed "${changes[i]//$'\n'/ }"
		run -1 --separate-stderr timeout 60 batch-consume -B "b$i"
		says
		[[ -z $output ]]
	done
}

@test "a batch that no reader would find again is not made" {
	deep=$(repeat '[' 2047)
	deep="{\"a\":$deep${deep//\[/]}}"
	run -1 --separate-stderr batch-create -n x --metadata "$deep"
	says 'nested too deep'
	run -2 --separate-stderr batch-create -n x --metadata "{\"a\":$deep}"
	run -2 --separate-stderr batch-create -n x --id 7fffffff-ffff-7000-8000-000000000000
	says 'a time to come'
	run ! holds_records "$S.notification"
	create
	run -1 --separate-stderr batch-complete -B "$B" --records 1 --metadata "$deep"
	says 'nested too deep'
	[[ $(events) == 1 ]]
}

# --- data records

@test "records whose batchId is null, too long or nearly right belong to nobody" {
	create
	echo mine | batch-send -B "$B" >sent.json
	for header in batchId "batchId=$(repeat x 10000)" "batchId=$B " "batchId= $B" "batchId=${B^^}" \
		"batchId=${B%?}" "batchID=$B" "batchId =$B"; do
		kput "$S.in" -H "$header" <<<"stranger"
	done
	batch-complete -B "$B" --count >completed.json </dev/null
	json_equals 1 .recordCount completed.json
	run -0 --separate-stderr batch-consume -B "$B"
	[[ $output == mine ]]
	run -0 --separate-stderr timeout 60 batch-consume -G "$S.g" -e
	[[ $output == mine ]]
}

@test "numbers that a stranger adds to a sender's are not given out" {
	create
	printf 'one\ntwo\n' | batch-send -B "$B" >sent.json
	sender=$(jq -r '.manifest.senders[0].sender' sent.json)
	for n in 1 2 3 4294967297 9223372036854775807; do
		kput "$S.in" -H "batchId=$B" -H "batchSeq=$sender:$n" <<<"stranger $n"
	done
	batch-complete <sent.json >completed.json
	run -0 --separate-stderr batch-consume -B "$B"
	[[ $output == $'one\ntwo' ]]
}

@test "a record forged while a sender sends is found out by the digest" {
	create
	mkfifo input
	background sender sh -c 'exec batch-send -B "$1" input' - "$B"
	exec {to}>input
	echo one >&"$to"
	wait_for holds_records "$S.in"
	seq=$(kget "$S.in" -c 1 -f '%h')
	sender=${seq#*batchSeq=}
	kput "$S.in" -H "batchId=$B" -H "batchSeq=${sender%%:*}:2" <<<"forged"
	echo two >&"$to"
	exec {to}>&-
	ends 0 sender
	batch-complete <sender.out >completed.json
	run -1 --separate-stderr batch-consume -B "$B"
	says 'batch-consume' "$B"
	[[ $output != *two* ]]
}

@test "many headers and a long key are carried" {
	create
	jq -nc '{value: "v", key: ("k" * 50000), headers: [range(5000) | ["n\(.)", "v"]]}' |
		batch-send -B "$B" -J | batch-complete >completed.json
	run -0 --separate-stderr batch-consume -B "$B" -J
	doc_is '.headers | length == 5002' '.key | length == 50000'
}

# --- files and standard input

@test "a gigabyte without an end of record is refused in flat memory" {
	create
	truncate -s 1G input
	for option in -s"$S" --json -J --whole '-D x'; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr measured timeout 60 batch-send -B "$B" $option input
		says 'input: record 1 is longer than 1000000 bytes'
		stayed_below 40
	done
	run -1 --separate-stderr measured timeout 60 batch-send -B "$B" <input
	stayed_below 40
	run -1 --separate-stderr measured batch-send -B "$B" --length-prefixed <<<$'\xff\xff\xff\xfe'
	says 'record 1 is longer than 1000000 bytes'
	stayed_below 40
	run ! holds_records "$S.in"
}

@test "CRLF, a byte order mark and a lone carriage return are kept" {
	create
	printf '\xef\xbb\xbfone\r\ntwo\r\n\r\n\rthree\n' >input
	run -0 --separate-stderr batch-send -B "$B" input
	silent
	batch-complete >completed.json <<<"$output"
	gives input batch-consume -B "$B"
}

@test "envelopes that are made to hurt are refused by line" {
	create
	repeat '[' 900000 >brackets
	{ printf '{"value":"","headers":' && repeat '[' 900000; } >headers
	{ printf '{"value":"","offset":' && repeat 9 900000 && echo '}'; } >number
	for input in brackets headers number; do
		run -1 --separate-stderr measured timeout 60 batch-send -B "$B" -J "$input"
		says "$input, line 1"
		stayed_below 60
	done
	for line in '{"value":"\ud800"}' '{"value":"a","value":"b"}' '{"value":"","value_b64":"="}' \
		'{"value":"","headers":[["a"]]}' '{"value":"","headers":{"a":"b"}}' '{"value":"","ts":1e999}'; do
		run -1 --separate-stderr batch-send -B "$B" -J <<<"$line"
		says 'standard input, line 1'
	done
	run ! holds_records "$S.in"
}

@test "documents on standard input that are made to hurt change nothing" {
	create
	repeat '[' 1000000 >brackets
	{ head -c -2 created.json && printf ',"x":[' && repeat '{},' 2000000 && echo '1]}'; } >members
	{ head -c -2 created.json && printf ',"x":' && repeat 9 1000000 && echo '}'; } >number
	{ head -c -2 created.json && echo ',"id":"other"}'; } >twice
	{ head -c -2 created.json && echo ',"x":"\udc00"}'; } >surrogate
	{ head -c -2 created.json && printf ',"x":"\0"}'; } >nul
	for input in brackets members number twice surrogate nul; do
		for tool in complete terminate; do
			run -1 --separate-stderr measured timeout 60 batch-$tool <"$input"
			says
			[[ -z $output ]]
			stayed_below 100
		done
	done
	[[ $(events) == 1 ]]
}

@test "a folder is no input" {
	create
	run ! --separate-stderr batch-send -B "$B" .
	says 'Is a directory'
	run ! --separate-stderr batch-send -B "$B" <.
	says 'Is a directory'
	run ! --separate-stderr batch-complete <.
	says 'Is a directory'
	run -2 --separate-stderr batch-status -F .
	says 'Is a directory'
	run ! holds_records "$S.in"
}

# --- options and settings

@test "numbers are taken whole or not at all" {
	create
	for number in '' ' 5' '5 ' +5 -1 0x10 1e3 3.0 5,0 99999999999999999999 9223372036854775808 ٣; do
		run -2 --separate-stderr batch-complete -B "$B" --records "$number"
		says "$number"
	done
	for time in '' ' 5s' '5 s' -1 -1s 1h1h 5y 1.5s 99999999999999999999s 1e9; do
		run -2 --separate-stderr batch-status -m "$time"
		says -m
	done
	for partition in -5 abc 2147483648 ''; do
		run -2 --separate-stderr batch-consume -t "$S.in" -p "$partition" -e
		says -p
	done
	run -6 --separate-stderr batch-consume -t "$S.in" -p 99 -e
	says 99
	[[ $(events) == 1 ]]
}

@test "names that no topic can have are refused" {
	for name in '' . .. 'a b' a/b ü "$(repeat x 250)" $'a\nb' $'a\e[2J'; do
		run -2 --separate-stderr batch-consume -t "$name" -e
		says
		run -2 --separate-stderr batch-status -s "$name"
		says
	done
}

@test "ids that differ in case or a blank are different batches" {
	for id in a A 'a ' ' a' -a .. a/b %s '$(id)'; do
		run -0 --separate-stderr batch-create -n x --id="$id"
		doc_is ".id == \"$id\""
	done
	batch-terminate -B 'a ' >/dev/null
	for id in a A ' a' -a .. a/b %s '$(id)'; do
		B=$id status_is started
	done
}

@test "lists of brokers that name none: 2 or 5, in time" {
	for brokers in h1,,h2 'ho st' '[::1]:9' "$(repeat h 5000)"; do
		run -5 --separate-stderr timeout 20 batch-status -b "$brokers" -m 500ms
		says
	done
	for brokers in : host:99999 localhost: localhost:abc 'host:9 9'; do
		run -2 --separate-stderr timeout 20 batch-status -b "$brokers" -m 500ms
		says 'a port is a number'
	done
	for brokers in '' ',' ' ' ',,'; do
		run -2 --separate-stderr batch-status -b "$brokers"
		says 'no brokers'
	done
}

@test "configuration files that are none are refused with their place" {
	repeat x 1100000 >long
	{ printf 'timeout=' && repeat 1 500000; } >value
	printf 'acks=1\0\n' >nul
	printf '\xef\xbb\xbfacks=1\n' >bom
	head -c 10000 /dev/zero >zero
	printf '[profile x\n' >section
	printf '\e[2Jacks=1\n' >escape
	unset BATCH_TIMEOUT
	for file in long value nul bom zero section escape; do
		run -2 --separate-stderr batch-status -F "$file"
		says
		((${#stderr} < 600000))
		harmless <(echo "$stderr")
	done
	run -2 --separate-stderr batch-status -F bom
	says 'bom:1: a byte order mark'
}

# --- the terminal

# What would move the cursor, change colours or direction, or break a line
bad=$'\e]0;x\a\e[2J\u009b31m\u202e\u2028\r\nfake'

# A batch of another writer with such an id, and batch b with such texts in every other member
nasty() { # STATUS [JQ-CHANGE]
	notify "$bad" "$1" "${2:-.}"
	notify "$bad" "$1" '.name = $id | .integratorId = $id | .metadata = {($id): $id} |
		.failureMessage = $id | .id = "b" | '"${2:-.}"
}

@test "a terminal is shown texts of others, and obeys none" {
	nasty started
	printf '%s' "${bad//$'\n'/ }"$'\x9b31m\xff' | kput "$S.in" -k "$bad" -H "batchId=b" -H "a$bad=$bad"
	for command in status 'status --ids' 'status --history -B b' 'watch --since -1h -e' 'consume -B b --no-wait' \
		"consume -t $S.in -e -q" "consume -t $S.in -e -q -J" "consume -t $S.in -e -q -K :" \
		"consume -t $S.in -e -q -f '%t %k %h %s %T'" 'send -B b </dev/null' 'complete -B b --records 1' \
		'terminate -B b --force' 'status -B b --wait completed' "create -n x --id=\"\$bad\""; do
		bad=$bad script -qc "batch-$command -vv" typed </dev/null >/dev/null
		sed -i '1d;$d;s/\r$//' typed # what script itself adds
		[[ -s typed ]]
		harmless typed
	done
}

@test "an id of two lines does not look like two ids" {
	nasty started
	run -0 --separate-stderr batch-status --ids
	[[ $output == b ]]
	says 'line break in its id'
}

@test "errors show texts of others on one line" {
	nasty started
	nasty failed
	run -1 --separate-stderr batch-consume -B b
	says '\x1b]0;x' fake
	harmless <(echo "$stderr")
	run -6 --separate-stderr batch-complete -B b --records 1
	harmless <(echo "$stderr")
	run -2 --separate-stderr batch-terminate -B "$bad"
	says 'control character'
	harmless <(echo "$stderr")
	run ! --separate-stderr batch-consume -B b --log json
	docs_are 'length == 0'
	output=$stderr
	doc_is '.message | contains("fake")'
	harmless <(echo "$stderr")
}

# --- surroundings

@test "little memory and few descriptors: the work is done, or it is said why not" {
	[[ -z ${BATCH_TEST_SAN:-} ]] || skip "sanitizers need more"
	create
	echo one >input
	for limit in --as=20000000 --as=40000000 --as=60000000 --as=2000000000 --nofile=20; do
		run --separate-stderr timeout 60 prlimit "$limit" batch-status -B "$B"
		((status == 0 || ${#stderr} > 0))
		((status != 0)) || cmp created.json <(echo "$output")
		((status != 124 && status != 139))
	done
	for limit in 30000000 150000000; do
		for tool in "batch-send -B $B input" 'batch-watch -e --since=-1h'; do
			# shellcheck disable=SC2086 # its words
			run --separate-stderr timeout 60 prlimit "--as=$limit" $tool
			((status == 0 || ${#stderr} > 0))
			((status < 124 || status == 127)) # neither aborted nor hanging; 127: the loader had no room
		done
	done
	create
	run -0 --separate-stderr prlimit --nofile=20 batch-send -B "$B" input
	run -0 --separate-stderr prlimit --nofile=20 batch-complete <<<"$output"
	run -0 --separate-stderr prlimit --nofile=20 batch-consume -B "$B"
	[[ $output == one ]]
}

@test "closed standard descriptors are not written to by mistake" {
	create
	printf 'one\ntwo\n' >input
	run -1 sh -c 'exec batch-send -B "$1" input <&- >&- 2>&-' - "$B"
	[[ $(kget "$S.in" -f '%s ') == 'one two ' ]]
	run -1 sh -c 'exec batch-complete -B "$1" --records 2 <&- >&- 2>&-' - "$B"
	status_is completed
	run -0 sh -c 'exec batch-consume -B "$1" 2>&-' - "$B"
	[[ $output == $'one\ntwo' ]]
	run -0 sh -c 'exec batch-status -B "$1" <&- 2>&-' - "$B"
	doc_is '.status == "completed"'
	run -2 sh -c 'exec batch-status -B "$1" --wait typo 2>/dev/full' - "$B"
}

@test "without HOME, USER and all other variables it works the same" {
	create
	run -0 --separate-stderr env -i "PATH=$PATH" batch-status -b "$BATCH_BROKERS" -s "$S" -B "$B"
	silent
	cmp created.json <(echo "$output")
	run -0 --separate-stderr env -i "PATH=$PATH" TERM=$'\e[2J' COLUMNS=-1 batch-create \
		-b "$BATCH_BROKERS" -s "$S" -n x
	silent
}
