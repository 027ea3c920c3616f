# batch-consume -B: the records of one batch, as they were sent, with the proof.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin 2
}

# FILE, sent with OPTIONs, comes back byte for byte.
comes_back() { # FILE OPTION...
	create
	batch-send -B "$B" "${@:2}" "$1" >sent.json
	batch-complete <sent.json >completed.json
	gives "$1" batch-consume -B "$B"
}

# --- byte for byte

@test "a batch comes back as it was sent" {
	seq 100000 >input
	comes_back input
}

@test "only the records of the batch come back" {
	seq 1 2 5001 >odd
	seq 2 2 5000 >even
	create && odd=$B
	create && even=$B
	for part in 1 2 3; do
		batch-send -B "$odd" odd >>odd.json
		batch-send -B "$even" even >>even.json
	done
	batch-complete <odd.json >/dev/null
	batch-complete <even.json >/dev/null
	cat odd odd odd | gives - batch-consume -B "$odd"
	cat even even even | gives - batch-consume -B "$even"
}

@test "with keys the records of many partitions come back in input order" {
	seq 5000 | sed 's/.*\(.\)$/{"id":"key \1","n":&}/' >input
	comes_back input -k /id
	json_equals 2 '.manifest.partitions | length' sent.json
}

@test "--unordered gives the same records in another order" {
	seq 20000 >input
	comes_back input
	batch-consume -B "$B" --unordered >unordered
	sort -n unordered | cmp - input
}

@test "any bytes come back" {
	{
		printf 'no newline at the end follows\n\n\r\n\0\n\xff\xfe\xc3\n\0\0\0\r\n \n'
		head -c 300000 /dev/urandom
	} >input
	comes_back input
}

@test "a last line without its newline comes back without it" {
	printf 'a\nb' >input
	comes_back input
	printf 'b' >input
	comes_back input
}

@test "nothing at all comes back as nothing" {
	: >input
	comes_back input
	run -0 --separate-stderr batch-consume -B "$B"
	silent
	[[ -z $output ]]
}

@test "each framing comes back as it was" {
	printf 'a;b;;;c;;d' >input
	comes_back input -D ';;'
	printf 'a;b;;;c;;' >input
	comes_back input -D ';;'
	printf 'a\n\0b\0\0' >input
	comes_back input -0
	comes_back input -D '\0'
	printf '\0\0\0\3a\nb\0\0\0\0\xff\xff\xff\xff\0\0\0\1\0' >input
	comes_back input --length-prefixed
	printf 'a\nb' >input
	comes_back input --whole
}

@test "each codec comes back" {
	seq 5000 >input
	for codec in none gzip snappy lz4 zstd; do
		comes_back input -z "$codec"
	done
}

@test "records near the broker's limit come back" {
	for size in 999000 999000 500000 1; do
		head -c "$size" /dev/zero | tr '\0' x
		echo
	done >input
	comes_back input
}

@test "a million records of one byte are read in bounded memory" {
	[[ -z ${BATCH_TEST_SAN:-} ]] || skip "sanitizers need memory of their own"
	begin 4
	head -c 2000000 < <(yes) >input
	finished input
	run -0 --separate-stderr peak_mib batch-consume -B "$B"
	echo "$output MiB"
	((output < 96)) # the same for four million; mimalloc 3 keeps 70, mimalloc 2 and the C library up to 45
}

@test "several senders come back one after the other" {
	seq 1 3000 >a
	seq 3001 6000 >b
	create
	batch-send -B "$B" a >a.json
	batch-send -B "$B" b >b.json
	cat a.json b.json | batch-complete >/dev/null
	cat a b | gives - batch-consume -B "$B"
}

@test "records of one batch sent by another client as well are not taken for the sender's" {
	seq 10 >input
	create
	batch-send -B "$B" input >sent.json
	kput "$S.in" -H "batchId=$B" <<<stranger
	batch-complete <sent.json >/dev/null
	gives input batch-consume -B "$B"
	batch-consume -B "$B" --unordered | sort -n | cmp - input
}

@test "a record that was written twice is given out once" {
	seq 10 >input
	create
	batch-send -B "$B" input >sent.json
	sender=$(jq -r .manifest.senders[0].sender sent.json)
	partition=$(jq -r '.manifest.partitions | keys[0]' sent.json)
	kput "$S.in" -p "$partition" -H "batchId=$B" -H "batchSeq=$sender:10" <<<10
	jq -c --arg p "$partition" '.manifest.senders[0].partitions[$p].last += 1' sent.json |
		batch-complete >/dev/null
	gives input batch-consume -B "$B"
	batch-consume -B "$B" --unordered | sort -n | cmp - input
	run -0 --separate-stderr batch-consume -B "$B" -v
	mentions '10 records, 1 duplicates dropped'
}

# --- how records look

@test "-D, -0 and --length-prefixed end or begin values as they say" {
	printf 'a\nbc' >input
	finished input
	printf 'a, bc' | gives - batch-consume -B "$B" -D ', '
	printf 'a\0bc' | gives - batch-consume -B "$B" -0
	printf '\0\0\0\1a\0\0\0\2bc' | gives - batch-consume -B "$B" --length-prefixed
}

@test "-K prints the keys, and batch-send -K takes them back" {
	printf 'k1:v1\n:v2\nk3::\n' >input
	create
	batch-send -B "$B" -K : input | batch-complete >/dev/null
	gives input batch-consume -B "$B" -K :
}

@test "-f prints by a format" {
	printf 'one\ntwo\n' >input
	create
	batch-send -B "$B" -k key -H h=1 input | batch-complete >/dev/null
	run -0 --separate-stderr batch-consume -B "$B" -f '%k=%s %H{h} %S%%\n'
	[[ $output == $'key=one 1 3%\nkey=two 1 3%' ]]
}

@test "-J keeps everything, and batch-send -J takes it back" {
	printf '\0\0\0\2a\n\0\0\0\0\xff\xff\xff\xff\0\0\0\2\xff\0\0\0\0\3\xc3\xbc"' >input
	create
	batch-send -B "$B" --length-prefixed -k k -H 'h=ü' -H $'b=\xff' input | batch-complete >/dev/null
	batch-consume -B "$B" -J >envelopes
	jq -cs 'map([.key, .value, .value_b64, .headers[2:]])' envelopes >seen
	[[ $(<seen) == '[["k","a\n",null,[["h","ü"],["b",{"b64":"/w=="}]]],["k","",null'*'["k",null,"/wA=",'* ]]
	create
	batch-send -B "$B" -J --keep-time envelopes | batch-complete >/dev/null
	gives input batch-consume -B "$B" --length-prefixed
	batch-consume -B "$B" -J >again
	cmp <(jq -c '[.key, .value, .value_b64, .ts, .headers[2:]]' envelopes) \
		<(jq -c '[.key, .value, .value_b64, .ts, .headers[2:]]' again)
}

@test "-J has kcat's members with kcat's values" {
	printf '{"a":"\\u0001"}\nü\n' >input
	create
	batch-send -B "$B" -k key -H h=1 input | batch-complete >/dev/null
	shape='[.topic, .partition, .offset, .ts, .key, (.value // .payload), (.headers | flatten)]'
	batch-consume -B "$B" -J | jq -c "$shape" >ours
	kget "$S.in" -J | jq -c "$shape" | cmp - ours
}

@test "styles exclude each other" {
	for options in '-D x -0' '-J -0' '-f %s -J' '-K : -J' '--early --no-wait' '-c 1' '-e' '-p 0' \
		'-o end' '-G g' '-t x' '--grep x' '--exec cat' '--to-dir .' '-D \q' '-f %q' -Z; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr batch-consume -B some $options
		says
	done
}

# --- when there is no batch to give

@test "a batch that was terminated gives nothing, and says so" {
	create
	batch-send -B "$B" <<<one
	batch-terminate -B "$B"
	for options in '' --unordered --early --no-wait; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr batch-consume -B "$B" $options
		says "batch '$B' is terminated"
		[[ -z $output ]]
	done
}

@test "a batch that failed gives nothing, and says why" {
	echo one >one
	finished one
	batch-terminate -B "$B" --failed 'bad data'
	run -1 --separate-stderr batch-consume -B "$B"
	says "batch '$B' is failed: bad data"
	[[ -z $output ]]
}

@test "an unknown batch is refused at once" {
	run -6 --separate-stderr batch-consume -B none
	says "no batch 'none'"
}

@test "--no-wait refuses a batch that is still being sent" {
	create
	run -6 --separate-stderr batch-consume -B "$B" --no-wait
	says 'still being sent'
}

@test "a count by hand that is too high is a failure, with the missing numbers" {
	seq 10 >input
	create
	batch-send -B "$B" input >sent.json
	sender=$(jq -r .manifest.senders[0].sender sent.json)
	batch-complete -B "$B" --records 12
	for options in '' --unordered; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr batch-consume -B "$B" $options
		says "batch '$B': 2 of 12 records are missing" "$sender:11-12"
		[[ ${#lines[@]} == 10 ]]
	done
}

@test "a manifest that goes beyond the end of the log is a failure at once" {
	seq 10 >input
	create
	batch-send -B "$B" input >sent.json
	jq -c '.manifest.senders[0].partitions |= map_values(.last += 5)' sent.json |
		batch-complete >/dev/null
	run -1 --separate-stderr timeout 60 batch-consume -B "$B"
	says "batch '$B'" 'manifest' 'the log of topic'
	[[ -z $output ]]
}

@test "a manifest that goes beyond the end ends --early, too" {
	seq 10 >input
	create
	background consumer timeout 60 batch-consume -B "$B" --early
	batch-send -B "$B" input >sent.json
	wait_for cmp input consumer.out
	jq -c '.manifest.senders[0].partitions |= map_values(.last += 5)' sent.json |
		batch-complete >/dev/null
	ends 1 consumer
	grep 'the log of topic' consumer.err
}

@test "records behind an open transaction of another are waited for" {
	seq 10 >input
	open_transaction "$S.in"
	finished input
	run_in_vain 4 batch-consume -B "$B" -m 1s
	commit_transaction
	gives input batch-consume -B "$B"
}

@test "a manifest that promises more than there is, is a failure with the missing numbers" {
	seq 1000 >input
	create
	batch-send -B "$B" input >sent.json
	sender=$(jq -r .manifest.senders[0].sender sent.json)
	p=$(jq -r '.manifest.partitions | keys[0]' sent.json)
	seq 3 | kput "$S.in" -p "$p"
	jq -c --arg p "$p" '.manifest.senders[0] |= (.records += 3 | .partitions[$p] |= (.last += 3 | .count += 3))' \
		sent.json | batch-complete >/dev/null
	for options in '' --unordered; do
		# shellcheck disable=SC2086
		run -1 --separate-stderr batch-consume -B "$B" $options
		says '3 of 1003 records are missing' "$sender:1001-1003"
	done
}

@test "records that the log lost are named" {
	create
	printf '%s\n' 1 3 4 8 >input
	while read -r n; do
		kput "$S.in" -p 0 -H "batchId=$B" -H "batchSeq=sender:$n" <<<"$n"
	done <input
	batch-complete -B "$B" --records 9
	run -1 --separate-stderr batch-consume -B "$B"
	says '5 of 9 records are missing' 'sender:2, 5-7, 9'
}

@test "without a manifest: records of a sender whose clock is forty minutes behind are found" {
	create
	jq -nc --argjson now "$(date +%s)" 'range(10) | {ts: (($now - 2400) * 1000), value: "\(.)"}' >input
	batch-send -B "$B" -J --keep-time input >/dev/null
	batch-complete -B "$B" --records 10
	run -0 --separate-stderr batch-consume -B "$B"
	[[ ${#lines[@]} == 10 ]]
}

@test "more records than announced are a failure too" {
	seq 10 >input
	create
	batch-send -B "$B" input >/dev/null
	batch-complete -B "$B" --records 8
	run -1 --separate-stderr batch-consume -B "$B"
	says '10 records, 2 more than the 8'
}

@test "records that are not those of the manifest are a failure" {
	seq 10 >input
	create
	batch-send -B "$B" input >sent.json
	jq -c '.manifest.senders[0].digest |= (explode | reverse | implode)' sent.json |
		batch-complete >/dev/null
	run -1 --separate-stderr batch-consume -B "$B"
	says 'digest'
}

@test "a manifest that does not make sense is refused before a record is given out" {
	seq 10 >input
	create
	batch-send -B "$B" input >sent.json
	for change in '.manifest.senders[0].digest = "no"' \
		'.manifest.senders[0].partitions = {"99": {first: 0, last: 0, count: 1}}'; do
		id=$RANDOM-$RANDOM
		KEY=1 notify "$id" started
		KEY=1 notify "$id" completed ".manifest = $(jq -c "$change | .manifest" sent.json)"
		run -1 --separate-stderr batch-consume -B "$id"
		says manifest
		[[ -z $output ]]
	done
}

@test "a manifest that contradicts itself or its document is refused before a record is given out" {
	seq 10 >input
	create
	batch-send -B "$B" input >sent.json
	p=$(jq -r '.manifest.partitions | keys[0]' sent.json)
	while read -r change why; do
		create
		jq -c "$change" --arg p "$p" <(jq ".id = \"$B\" | .expectedRecordCount = 10" sent.json) >lie.json
		KEY=1 notify "$B-f" started
		KEY=1 notify "$B-f" completed "{id, topic, status} + $(jq -c 'del(.id, .topic, .status)' lie.json)"
		for way in "-B $B-f" "-B $B-f --unordered" "-B $B-f --early"; do
			# shellcheck disable=SC2086
			run -1 --separate-stderr timeout 60 batch-consume $way
			says "$why"
			[[ -z $output ]]
		done
	done <<-'END'
		.expectedRecordCount=11 expectedRecordCount is 11, and the manifest has 10 records
		.manifest.records=11 manifest: 11 records in all, and 10 of its senders
		.manifest.senders=[] manifest: 10 records, and no sender of any
		.manifest.senders[0].partitions={} has 10 records, and 0 in its partitions
		.manifest.partitions={} its partitions are not those of its senders
		.manifest.digest="00" its digest is not the sum of those of its senders
		(.manifest|=(.senders+=[.senders[0]|.sender="0123456789abcdef"]|del(.partitions,.digest,.records)))|del(.expectedRecordCount) 20 records of all senders between offsets
	END
}

# --- waiting

connected() { # NAME
	[[ $(ls -l "/proc/${pids[$1]}/fd") == *socket:* ]]
}

@test "a consumer that was there first waits for the end" {
	seq 1000 >input
	create
	background consumer batch-consume -B "$B"
	wait_for connected consumer
	batch-send -B "$B" input >sent.json
	[[ ! -s consumer.out ]]
	batch-complete <sent.json >/dev/null
	ends 0 consumer
	cmp input consumer.out
}

@test "a consumer that waits learns of a bad end" {
	create
	background consumer batch-consume -B "$B"
	wait_for connected consumer
	batch-terminate -B "$B"
	ends 1 consumer
	[[ ! -s consumer.out ]]
}

@test "waiting is over when the time is" {
	create
	run_in_vain 4 batch-consume -B "$B" -m 300ms
	says "$B"
	[[ -z $output ]]
}

@test "sent is enough to read, a worker's end is not waited for" {
	seq 10 >input
	create --processing
	batch-send -B "$B" input | batch-complete >/dev/null
	gives input batch-consume -B "$B"
}

@test "--early gives records while they are being sent, and proves them at the end" {
	mkfifo input
	create
	background consumer batch-consume -B "$B" --early
	background sender batch-send -B "$B" input
	exec {input}>input
	echo one >&"$input"
	wait_for grep -qx one consumer.out
	status_is started
	seq 100 >&"$input"
	exec {input}>&-
	ends 0 sender
	batch-complete <sender.out >/dev/null
	ends 0 consumer
	sort -n consumer.out | cmp - <(echo one && seq 100)
}

@test "--early of a batch that is given up fails" {
	create
	batch-send -B "$B" <<<one
	background consumer batch-consume -B "$B" --early
	wait_for grep -qx one consumer.out
	batch-terminate -B "$B"
	ends 1 consumer
	run -0 grep -c 'is terminated' consumer.err
}

@test "--early of a batch that lost records fails" {
	create
	batch-send -B "$B" <<<one
	background consumer batch-consume -B "$B" --early
	wait_for grep -qx one consumer.out
	batch-complete -B "$B" --records 2
	ends 1 consumer
	run -0 grep -c '1 of 2 records are missing' consumer.err
}

@test "--early of a finished batch is like any other" {
	seq 10 >input
	finished input
	gives input batch-consume -B "$B" --early
}

@test "SIGTERM while waiting ends it" {
	create
	background consumer batch-consume -B "$B"
	wait_for connected consumer
	stopped consumer
}

@test "the batch and its stream may come from a document on standard input" {
	seq 10 >input
	finished input
	unset BATCH_STREAM
	gives input batch-consume <completed.json
	run -1 --separate-stderr batch-consume </dev/null
	says 'standard input is empty'
}

@test "-v tells what was passed over: nothing that lies before and after the batch" {
	seq 1000 >input
	finished input
	create
	middle=$B
	batch-send -B "$middle" input >middle.json
	finished input
	batch-complete <middle.json >/dev/null
	run -0 --separate-stderr batch-consume -v -B "$middle"
	mentions "batch '$middle': 1000 records, 0 duplicates dropped, 0 of other batches passed over"
}
