# batch-send: records into a batch.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin
	create
}

# What batch B holds in the topic, by another client: one line of FORMAT a record.
in_topic() { # FORMAT
	kget "$S.in" -f "$1\n"
}

nothing_sent() {
	run ! holds_records "$S.in"
}

# --- documents and manifests

@test "prints the document as it is, with the manifest of what arrived" {
	printf 'one\ntwo\nthree' >input
	run -0 --separate-stderr batch-send -B "$B" input
	silent
	doc_is ".id == \"$B\"" '.status == "started"' '.version == 1' \
		'.manifest | .records == 3 and .bytes == 11 and .rejected == 0' \
		'.manifest.digest | test("^[0-9a-f]{32}$")' \
		'[.manifest.partitions[].count] | add == 3' \
		'all(.manifest.partitions[]; .first == 0 and .last == .count - 1)' \
		'.manifest.senders | length == 1' \
		'.manifest.senders[0] | .records == 3 and .framing == "delimited" and .unterminated'
	[[ $(events) == 1 ]]
}

@test "every record has its batch and its number" {
	seq 2000 | batch-send -B "$B" >sent.json
	sender=$(jq -r '.manifest.senders[0].sender' sent.json)
	in_topic '%h %s' | sort -t: -k2n >records
	seq 2000 | sed "s/.*/batchId=$B,batchSeq=$sender:& &/" | cmp - records
}

@test "the digest depends on the records, not on their order" {
	seq 3000 >up
	tac up >down
	sed 's/^7$/8/' up >other
	for input in up down other; do
		batch-send -B "$B" "$input" >"$input.json"
	done
	digest() { jq -r .manifest.digest "$1.json"; }
	[[ $(digest up) == $(digest down) ]]
	[[ $(digest up) != $(digest other) ]]
}

@test "each sender has its own id" {
	batch-send -B "$B" <<<one >a.json
	batch-send -B "$B" <<<one >b.json
	[[ $(jq .manifest.senders[0].sender a.json) != $(jq .manifest.senders[0].sender b.json) ]]
}

@test "takes the batch from the document on standard input, and adds to its manifest" {
	echo one >one
	unset BATCH_STREAM
	batch-send one <created.json >a.json
	run -0 --separate-stderr batch-send one one <a.json
	doc_is '.manifest.records == 3' '.manifest.senders | map(.records) == [1, 2]'
}

@test "without -B and without files there is nothing to send" {
	echo one >one
	for files in '' - 'one -'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr batch-send $files <created.json
		says FILE
	done
	nothing_sent
}

@test "an empty document means that the stage before failed" {
	echo one >one
	run -1 --separate-stderr batch-send one </dev/null
	says 'standard input is empty'
	nothing_sent
}

@test "an unknown batch, and one that is not started, take nothing" {
	run -6 --separate-stderr batch-send -B none <<<one
	says "no batch 'none'"
	for state in sendCompleted completed terminated failed; do
		in_state "$state"
		run -6 --separate-stderr batch-send -B "$B" <<<one
		says "is $state"
		[[ -z $output ]]
	done
	nothing_sent
}

# --- input

@test "no input is a delivery of zero records" {
	run -0 --separate-stderr batch-send -B "$B" </dev/null
	doc_is '.manifest.records == 0' '.manifest.bytes == 0' '.manifest.partitions == {}'
}

@test "files are sent one after the other, - is standard input" {
	echo 1 >a
	echo 3 >c
	run -0 --separate-stderr batch-send -B "$B" a - c <<<2
	doc_is '.manifest.records == 3'
	[[ $(in_topic '%h %s' | sed 's/.*://' | sort) == $'1 1\n2 2\n3 3' ]]
}

@test "a file that cannot be read is refused before anything is sent" {
	echo 1 >a
	mkdir folder
	for file in missing folder; do
		run -2 --separate-stderr batch-send -B "$B" a "$file"
		says "$file"
		[[ -z $output ]]
	done
	nothing_sent
}

@test "a document that cannot be printed: what was delivered is said" {
	into_full_disk() { seq 3 | batch-send -B "$B" >/dev/full; }
	run -1 --separate-stderr into_full_disk
	says "3 records of batch '$B' were delivered" 'standard output: No space left on device'
}

@test "a closed standard input is an error, not an empty one" {
	run -1 --separate-stderr sh -c 'batch-send -B "$1" <&-' - "$B"
	says 'standard input'
}

@test "blank lines are records unless skipped" {
	printf 'a\n\n \t\nb\n' >input
	run -0 --separate-stderr batch-send -B "$B" input
	doc_is '.manifest.records == 4'
	run -0 --separate-stderr batch-send -B "$B" --skip-blank input
	doc_is '.manifest.records == 2' '.manifest.rejected == 0'
	run -0 --separate-stderr batch-send -B "$B" --skip-blank < <(printf '\r\na\r\n \t\r\n')
	doc_is '.manifest.records == 1' '.manifest.bytes == 2'
}

@test "--strict refuses a last line without its newline" {
	printf 'a\nb' >input
	run -3 --separate-stderr batch-send -B "$B" --strict input
	says 'input, line 2' '1 records'
	[[ -z $output ]]
	printf 'b' >input
	run -1 --separate-stderr batch-send -B "$B" --strict input
	says 'input, line 1'
	printf 'a\nb\n' >input
	run -0 --separate-stderr batch-send -B "$B" --strict input
	doc_is '.manifest.records == 2'
}

@test "records of any bytes are counted as they are" {
	printf '\0a\0\n\xff\xfe\r\n\n' >input
	run -0 --separate-stderr batch-send -B "$B" input
	doc_is '.manifest.records == 3' '.manifest.bytes == 6'
}

@test "records end with what -D says, of any length" {
	printf 'a;b;;c;;' >input
	run -0 --separate-stderr batch-send -B "$B" -D ';;' input
	doc_is '.manifest.records == 2' '.manifest.bytes == 4'
	printf 'a\tb\nc\t' >input
	run -0 --separate-stderr batch-send -B "$B" -D '\t' input
	doc_is '.manifest.records == 2' '.manifest.bytes == 4'
	printf 'a\0b\nc\0' >input
	run -0 --separate-stderr batch-send -B "$B" -0 input
	doc_is '.manifest.records == 2' '.manifest.bytes == 4'
	printf 'a\xf0b\xf0' >input
	run -0 --separate-stderr batch-send -B "$B" -D '\xf0' input
	doc_is '.manifest.records == 2' '.manifest.bytes == 2'
}

@test "--length-prefixed reads lengths, and nulls" {
	printf '\0\0\0\3a\nb\0\0\0\0\xff\xff\xff\xff' >input
	run -0 --separate-stderr batch-send -B "$B" --length-prefixed input
	doc_is '.manifest.records == 3' '.manifest.bytes == 3'
	[[ $(in_topic %S | sort -n) == $'-1\n0\n3' ]]
}

@test "a length-prefixed input that ends too early is refused" {
	for input in '\0\0' '\0\0\0\5abc'; do
		# shellcheck disable=SC2059
		printf "$input" >input
		run -1 --separate-stderr batch-send -B "$B" --length-prefixed input
		says 'input: the input ends inside'
		[[ -z $output ]]
	done
	nothing_sent
}

@test "--whole makes a record of each file" {
	printf 'a\nb\n' >a
	: >empty
	run -0 --separate-stderr batch-send -B "$B" --whole a empty
	doc_is '.manifest.records == 2' '.manifest.bytes == 4' '.manifest.senders[0].framing == "whole"'
}

@test "a hundred thousand tiny records" {
	begin 4
	create
	seq 100000 >input
	run -0 --separate-stderr batch-send -B "$B" input
	doc_is '.manifest.records == 100000' '.manifest.bytes == 488895' \
		'.manifest.partitions | length == 4'
}

# --- limits

@test "a line that is longer than a record may be is refused by number" {
	{ echo short && head -c 1200000 /dev/zero | tr '\0' x && echo; } >input
	run -3 --separate-stderr batch-send -B "$B" input
	says input 2 1000000
	[[ -z $output ]]
}

@test "a million bytes without a newline are not kept in memory to the end" {
	run -1 --separate-stderr timeout 60 bash -c 'yes | tr -d "\n" | batch-send -B "$1"' - "$B"
	says 'standard input'
}

@test "the longest record that the broker takes is sent" {
	head -c 999000 /dev/zero | tr '\0' x >input
	run -0 --separate-stderr batch-send -B "$B" input
	doc_is '.manifest.bytes == 999000'
}

# --- JSON

@test "--json refuses what is not JSON, and names the line" {
	printf '{"a":1}\n[2]\n{"a":\n{}\n' >input
	run -3 --separate-stderr batch-send -B "$B" --json input
	says 'input, line 3' 'not JSON' '2 records'
	[[ -z $output ]]
}

@test "the first line decides alone when nothing was delivered" {
	for line in 'text' '{"a":1}{}' '{"a":01}' $'"\xff"' $'\xef\xbb\xbf{}' '"\ud800"' '{"a":1e}' ''; do
		run -1 --separate-stderr batch-send -B "$B" --json <<<"$line"
		says 'standard input, line 1'
	done
	nothing_sent
}

@test "one status for a bad line, wherever it stands" {
	printf '{}\nbad\n{}\n' >middle
	printf '{}\nbad\n' >last
	printf '{}\nbad' >unterminated
	for input in middle last unterminated; do
		run -3 --separate-stderr batch-send -B "$B" --json "$input"
		says "$input, line 2" '1 records'
	done
}

@test "--on-invalid skip goes on, counts, and keeps the lines for later" {
	printf '{"a":1}\nbad 1\n[2]\nbad 2\n' >input
	run -3 --separate-stderr batch-send -B "$B" --json --on-invalid skip --rejects rejects input
	doc_is '.manifest.records == 2' '.manifest.rejected == 2'
	[[ $(<rejects) == $'bad 1\nbad 2' ]]
	[[ ${stderr_lines[0]} == *'input, line 2'* && ${stderr_lines[1]} == *'input, line 4'* ]]
	[[ ${stderr_lines[2]} == 'batch-send: 2 records delivered, 2 refused'* ]]
}

@test "--on-invalid skip without anything to skip is a delivery like any other" {
	run -0 --separate-stderr batch-send -B "$B" --json --on-invalid skip --rejects rejects <<<'{}'
	doc_is '.manifest.rejected == 0'
	[[ -e rejects && ! -s rejects ]]
}

@test "--min-records refuses an extract that came out empty, and prints no document" {
	run -1 --separate-stderr batch-send -B "$B" --min-records 1 /dev/null
	[[ -z $output ]]
	says 'the input has 0 records, fewer than --min-records 1' "0 records of batch '$B' were delivered"
	seq 3 >three
	run -1 --separate-stderr batch-send -B "$B" --min-records 4 three
	[[ -z $output ]]
	says 'the input has 3 records, fewer than --min-records 4' '3 records'
	create
	run -1 --separate-stderr batch-send -B "$B" --min-records 4 --atomic three
	says 'fewer than --min-records 4'
	status_is started
	run -0 batch-send -B "$B" --min-records 3 --atomic three
}

@test "what is sent as it is, and was probably meant otherwise, is noted" {
	printf '{"id":%d}\n' 1 2 >in
	gzip -k in
	run -0 --separate-stderr batch-send -B "$B" in.gz
	says 'in.gz is compressed with gzip' 'decompress it first'
	run -0 --separate-stderr batch-send -B "$B" --whole in.gz
	silent
	run -0 --separate-stderr batch-send -B "$B" -k id in
	says "each record gets the key 'id'" 'use -k /id'
	run -0 --separate-stderr batch-send -B "$B" -k other in
	silent
	run -0 --separate-stderr batch-send -q -B "$B" -k id in in.gz
	silent
}

@test "--rejects keeps records as they were, and - is no file" {
	skip=(batch-send -B "$B" --json --on-invalid skip --rejects)
	printf 'bad\n1\nbad again' >one
	printf 'x' >two
	printf 'y\n' >three
	run -3 --separate-stderr "${skip[@]}" rejects one
	printf 'bad\nbad again' | cmp - rejects
	run -3 --separate-stderr "${skip[@]}" rejects one two three two
	printf 'bad\nbad again\nx\ny\nx' | cmp - rejects
	run -3 --separate-stderr "${skip[@]}" rejects -D '||' < <(printf 'a||1||b')
	printf 'a||b' | cmp - rejects
	run -3 --separate-stderr "${skip[@]}" rejects --length-prefixed < <(printf '\0\0\0\1x')
	printf '\0\0\0\1x' | cmp - rejects
	run -2 --separate-stderr "${skip[@]}" - one
	says '--rejects -' './-'
	run -2 --separate-stderr timeout 20 batch-work -G "$S.g" --once --joblog - -- cat
	says '--joblog -'
	[[ ! -e ./- ]]
	run -3 --separate-stderr "${skip[@]}" ./- one
	[[ -s ./- ]]
}

@test "--rejects into a full disk is an error" {
	run -1 --separate-stderr batch-send -B "$B" --json --on-invalid skip --rejects /dev/full <<<bad
	mentions /dev/full
}

@test "--json looks at the value alone, where there is more" {
	run -0 --separate-stderr batch-send -B "$B" --json -K : <<<'key:{"a":1}'
	run -1 --separate-stderr batch-send -B "$B" --json -K : <<<'"key":value'
	run -0 --separate-stderr batch-send -B "$B" --json -J -k /id <<<'{"value":"{\"id\":7}"}'
	run -1 --separate-stderr batch-send -B "$B" --json -J <<<'{"value":"text"}'
	says 'line 1' 'not JSON'
	[[ $(in_topic '%k %s') == $'key {"a":1}\n7 {"id":7}' ]]
}

@test "JSON is sent as it was written" {
	line='  {"b" : 1.10, "a":-0,"\u0041": 1e2 }	'
	batch-send -B "$B" --json <<<"$line" >sent.json
	[[ $(in_topic %s) == "$line" ]]
}

@test "a million nested brackets are refused quickly" {
	head -c 900000 /dev/zero | tr '\0' '[' >input
	run -1 --separate-stderr timeout 60 batch-send -B "$B" --json input
	says 'input, line 1' 'not JSON'
}

# --- keys and headers

@test "one key for all, or the one to which a JSON pointer leads" {
	run -0 --separate-stderr batch-send -B "$B" -k all <<<one
	[[ $(in_topic %k) == all ]]
	create
	printf '{"id":"x/y","n":{"m":[7,"\\u00fc"]}}\n' >input
	for pointer in /id /n/m/0 /n/m/1; do
		batch-send -B "$B" -k "$pointer" input >/dev/null
	done
	[[ $(in_topic %k | sort) == $'7\nall\nx/y\nü' ]]
}

@test "a record without the key is refused by line" {
	for line in '{"a":1}' '{"id":null}' '{"id":[]}' 'text'; do
		run -1 --separate-stderr batch-send -B "$B" -k /id <<<"$line"
		says 'standard input, line 1'
	done
	run -1 --separate-stderr batch-send -B "$B" -K: <<<'no delimiter'
	says 'standard input, line 1'
	nothing_sent
}

@test "the key may stand before the value" {
	printf 'k1::v1\n::v2\nk3::::\n' >input
	run -0 --separate-stderr batch-send -B "$B" -K :: input
	doc_is '.manifest.records == 3' '.manifest.bytes == 10'
	[[ $(in_topic '%K %k=%s' | sort) == $'0 =v2\n2 k1=v1\n2 k3=::' ]]
}

@test "keys go to the partitions that Java clients choose" {
	begin 4
	create
	{ seq -f 'key-%g' 200 && printf 'ü%.0s' {1..9} && printf '\n\xff\n'; } | sed 's/$/\tvalue/' >input
	batch-send -B "$B" -K '\t' input >/dev/null
	kput "$S.out" -K $'\t' <input
	cmp <(in_topic '%k %p' | sort) <(kget "$S.out" -f '%k %p\n' | sort)
}

@test "-Z sends what is empty as null" {
	printf 'k:\n:v\n' >input
	batch-send -B "$B" -K : input >/dev/null
	batch-send -B "$B" -K : -Z input >/dev/null
	[[ $(in_topic '%K %S' | sort) == $'-1 1\n0 1\n1 -1\n1 0' ]]
}

@test "headers are added to every record" {
	run -0 --separate-stderr batch-send -B "$B" -H a=1 -H 'b=x=y' -H c= <<<one
	[[ $(in_topic %h) == *,a=1,b=x=y,c= ]]
	for header in batchId=x batchSeq=x:1 none =x; do
		run -2 --separate-stderr batch-send -B "$B" -H "$header" <<<one
		says
	done
}

@test "takes each codec, and refuses others" {
	seq 1000 >input
	for codec in none gzip snappy lz4 zstd; do
		run -0 --separate-stderr batch-send -B "$B" -z "$codec" input
		doc_is '.manifest.records == 1000'
	done
	run -2 --separate-stderr batch-send -B "$B" -z rar input
	says rar
}

# --- envelopes

@test "-J takes key, value, headers and time from each line" {
	cat >input <<-'END'
		{"key":"k","value":"v\n\u0000","headers":[["h","1"],["h",null],["b",{"b64":"/w=="}]],"ts":1234567890123}
		{"key":null,"value":null}
		{"key_b64":"/w==","value_b64":"/v8="}
		{"key":"","value":"","topic":"elsewhere","partition":77,"offset":5}
	END
	run -0 --separate-stderr batch-send -B "$B" -J --keep-time input
	doc_is '.manifest.records == 4' '.manifest.senders[0].framing == "envelope"'
	kget "$S.in" -J >records
	jq -cs 'map(select(.key == "k"))[0] | [.ts, .payload, .headers[4:7]]' records >first
	[[ $(<first) == '[1234567890123,"v\n\u0000",["h","1","h"]]' ]]
	[[ $(in_topic '%K %S' | sort) == $'-1 -1\n0 0\n1 2\n1 3' ]]
}

@test "the time is that of the sending, unless --keep-time" {
	echo '{"value":"v","ts":1234567890123}' >input
	batch-send -B "$B" -J input >/dev/null
	kget "$S.in" -J >record
	json_equals true '.ts / 1000 | now - . | . > -60 and . < 60' record
	for options in --keep-time '-J --keep-time --resume'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr batch-send -B "$B" $options input
		says --keep-time
	done
}

@test "-J takes what kcat -J writes, and replaces the headers that are ours" {
	other=$B
	create
	batch-send -B "$other" -k key -H a=1 <<<one >/dev/null
	kget "$S.in" -J >envelopes
	run -0 --separate-stderr batch-send -B "$B" -J envelopes
	kget "$S.in" -J >records
	jq -cs --arg b "$B" 'map(select(.headers[1] == $b))[0] | [.key, .payload, .headers[0,2,4,5]]' \
		records >second
	[[ $(<second) == '["key","one","batchId","batchSeq","a","1"]' ]]
	[[ $(jq -r '.headers | length' records) == $'6\n6' ]]
}

@test "what is no envelope is refused by line" {
	for line in 'text' '[]' '{}' '{"value":1}' '{"value":"a","value_b64":"YQ=="}' \
		'{"value_b64":"?"}' '{"value":"a","headers":[["h"]]}' '{"value":"a","headers":{}}' \
		'{"value":"a","ts":"now"}' '{"value":"a","value":"b"}'; do
		run -1 --separate-stderr batch-send -B "$B" -J <<<"$line"
		says 'standard input, line 1'
	done
	nothing_sent
}

# --- a command in front

@test "the output of a command is sent, when it ends well" {
	run -0 --separate-stderr batch-send -B "$B" -- seq 5
	doc_is '.manifest.records == 5'
	run -0 --separate-stderr batch-send -- seq 5 <created.json
	doc_is '.manifest.records == 5'
	run -0 --separate-stderr batch-send -B "$B" -- cat <<<'is not read'
	doc_is '.manifest.records == 0'
}

@test "when the command fails there is no document, and the batch is still started" {
	run -1 --separate-stderr batch-send -B "$B" -- sh -c 'seq 5; exit 3'
	says 'exit status 3' '5 records'
	[[ -z $output ]]
	run -1 --separate-stderr batch-send -B "$B" -- sh -c 'kill -9 $$'
	says 'signal 9'
	[[ -z $output ]]
	status_is started
}

@test "a command that cannot be started is an error, and nothing is sent" {
	run -1 --separate-stderr batch-send -B "$B" -- no-such-command
	says no-such-command
	: >not-executable
	run -1 --separate-stderr batch-send -B "$B" -- ./not-executable
	says ./not-executable
	[[ -z $output ]]
	nothing_sent
}

@test "files and a command exclude each other" {
	run -2 --separate-stderr batch-send -B "$B" file -- seq 5
	says
	run -2 --separate-stderr batch-send -B "$B" --
	says 'no command'
}

# --- being interrupted

@test "SIGUSR1 asks for progress, and changes nothing" {
	mkfifo input
	background sender batch-send -B "$B" input
	exec {input}>input
	echo one >&"$input"
	wait_for holds_records "$S.in"
	kill -USR1 "${pids[sender]}"
	wait_for grep -q '^batch-send: sent [01] record' sender.err
	echo two >&"$input"
	exec {input}>&-
	ends 0 sender
	json_equals 2 .manifest.records sender.out
}

# Sends a record from a terminal, which shows what is in file NAME, and waits until it has arrived
on_terminal() { # NAME RECORDS OPTION...
	background "$1" script -qefc "batch-send ${*:3} -B $B input" "$1"
	exec {input}>input
	echo one >&"$input"
	wait_for holds_records "$S.in" "$2"
}

@test "a terminal sees progress, unless -q" {
	mkfifo input
	on_terminal loud 1
	wait_for grep -q 'sent [01] record' loud
	exec {input}>&-
	ends 0 loud
	on_terminal quiet 2 -q
	exec {input}>&-
	ends 0 quiet
	run ! grep 'sent [01] record' quiet
}

@test "SIGTERM ends it with what was begun, and says how much that is" {
	mkfifo input
	background sender batch-send -B "$B" input
	exec {input}>input
	seq 7 >&"$input"
	wait_for holds_records "$S.in" 7
	stopped sender
	[[ ! -s sender.out ]]
	run -0 grep -c '^batch-send: interrupted: 7 records' sender.err
	status_is started
	exec {input}>&-
}

@test "errors are objects with --log json" {
	run -6 --separate-stderr batch-send -B none --log json <<<one
	jq -e '.tool == "batch-send" and .level == "error" and .status == 6 and
		(.message | contains("none"))' <<<"$stderr"
	[[ ${#stderr_lines[@]} == 1 ]]
}

@test "-q hides notes, never an error" {
	run -6 --separate-stderr batch-send -q -B none <<<one
	says none
}

@test "a record without a key for a compacted topic: it is said that the key is missing" {
	new_stream
	python3 "$tests_root/make_topic.py" "$BATCH_BROKERS" "$S.in" cleanup.policy compact
	batch-init -s "$S" >init.json || true # it differs
	export BATCH_STREAM=$S
	create
	echo one >input
	run -1 --separate-stderr batch-send -B "$B" input
	mentions "no key and the topic is compacted (-k, -K)"
	batch-send -B "$B" -k key input >sent.json
}
