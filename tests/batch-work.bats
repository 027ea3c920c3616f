# batch-work: a command over the records of ready batches, in chunks.
bats_require_minimum_version 1.5.0
load lib/batch
load lib/work

setup_file() {
	kafka_up
	"${CC:-cc}" -shared -fPIC -D_GNU_SOURCE -o "$BATS_FILE_TMPDIR/clock.so" "$tests_root/fault/clock.c"
}

setup() {
	begin_work 4
}

# TOPIC holds the lines of FILE, in any order.
has_lines() { # TOPIC FILE
	cmp <(kget "$1" -f '%s\n' | sort) <(sort "$2")
}

# The columns of the joblog that tell of a run: its exit status and its signal.
runs() {
	tail -n +2 joblog | cut -f 7,8
}

# --- what goes in and what comes out

@test "the results are the input, and the totals stand in the completed document" {
	ids=()
	for i in 1 2 3; do
		seq -f "record %.0f of $i" 1000 >"in.$i"
		ready "in.$i"
		ids+=("$B")
	done
	run -0 --separate-stderr work -- cat
	silent
	for id in "${ids[@]}"; do
		ended_as completed 1000 0 "$id"
	done
	has_lines "$S.out" <(cat in.?)
	[[ -z $(kget "$S.invalid") ]]
}

@test "batches without and of one record, of all sizes of chunks" {
	: >none
	echo one >one
	seq 100 >hundred
	ready none && none=$B
	ready one && one=$B
	ready hundred && hundred=$B
	work --chunk 7 -j 2 --joblog joblog -- cat
	ended_as completed 0 0 "$none"
	ended_as completed 1 0 "$one"
	ended_as completed 100 0 "$hundred"
	has_lines "$S.out" <(cat one hundred)
	(($(runs | wc -l) >= 100 / 7 + 1))
}

@test "what is between the records of a batch and is not its own is passed over, and what is there twice" {
	begin_work 1
	create --processing
	seq 50 | batch-send -B "$B" >first.json
	sender=$(jq -r '.manifest.senders[0].sender' first.json)
	echo again | kput "$S.in" -H "batchId=$B" -H "batchSeq=$sender:3"
	echo again | kput "$S.in" -H "batchId=$B" -H "batchSeq=$sender:50"
	echo stranger | kput "$S.in" -H "batchId=$B" -H "batchSeq=0123456789abcdef:1"
	echo other | kput "$S.in" -H batchId=other -H "batchSeq=$sender:60"
	echo other | kput "$S.in" -H batchId=other -H "batchId=$B" -H "batchSeq=$sender:70"
	echo nobody | kput "$S.in"
	seq 51 100 | batch-send -B "$B" >second.json
	cat first.json second.json | batch-complete >/dev/null
	work -- cat
	ended_as completed 100 0
	kget "$S.out" | cmp - <(seq 100)
}

@test "the same batch is not worked on again" {
	seq 10 >in
	ready in
	work -- cat
	run -0 --separate-stderr work -- sh -c 'cat >/dev/null; touch again'
	silent
	[[ ! -e again ]]
	run -0 --separate-stderr timeout 60 batch-work -G "$G.other" --once -- touch again
	[[ ! -e again ]]
}

@test "another group does all of a batch again that is not ended, and ends it" {
	begin_work 1
	seq 100 >in
	ready in
	background work batch-work -G "$G.first" --chunk 10 --report 100ms -- sh -c '[ "$BATCH_FIRST" != 50 ] || exec sleep 120; cat'
	wait_for eval '[[ $(batch-status -B "$B" | jq ".progress.parts[\"0\"].w") == 50 ]]'
	work -- cat
	ended_as completed 100 0
	kget "$S.out" | cmp - <(seq 50; seq 100)
	seq 3 >in
	ready in
	wait_for ended_as completed 3 0
	stopped work
}

@test "a batch that nobody is to process, or that is not sent, is left alone" {
	seq 10 >in
	create --processing
	batch-send -B "$B" in >sent.json
	finished in
	work -- touch again
	[[ ! -e again ]]
}

@test "the command is told what it is given" {
	seq 3 >in
	ready in --metadata '{"a":[1,2]}'
	work -- sh -c 'cat >/dev/null; env | grep ^BATCH_'
	kget "$S.out" >all
	for wanted in "BATCH_ID=$B" BATCH_NAME=test-$BATS_TEST_NUMBER 'BATCH_METADATA={"a":[1,2]}' "BATCH_STREAM=$S" \
		BATCH_REASON=first BATCH_ATTEMPT=1 BATCH_REPORT_FD=3; do
		grep -qxF "$wanted" all
	done
	[[ $(awk -F= '/^BATCH_COUNT=/ { n += $2 } END { print n }' all) == 3 ]]
	grep -qE "^BATCH_CHUNK=$S.in-[0-3]-[0-9]+-[0-9]+-[0-9a-f]{8}$" all
}

@test "the command has a process group, default signals and the descriptors 0 to 3" {
	echo one >in
	ready in
	cat >see.sh <<-'END'
		cat >/dev/null
		cut -d' ' -f1,5 /proc/$$/stat | tr ' ' '\n' | uniq | wc -l
		for set in $(grep -E 'Sig(Ign|Blk)' /proc/$$/status | cut -f2); do
			echo $((0x$set & ~0x180000000)) # but for 32 and 33, which the C library keeps for itself
		done
		for fd in /proc/$$/fd/*; do [ ! -e "$fd" ] || echo "${fd##*/}"; done
	END
	(
		trap '' HUP INT PIPE TERM USR1
		exec 7</dev/null 8>other
		work --out - -- sh -c "$(<see.sh)" >got
	)
	diff - got <<<$'1\n0\n0\n0\n1\n2\n3'
}

@test "a result has the batch and the run in its headers, and the partition of its chunk" {
	seq 100 >in
	ready_keyed in
	work -- sh -c 'cat >/dev/null; echo "$BATCH_PARTITION batchId=$BATCH_ID,batchChunk=$BATCH_CHUNK"'
	kget "$S.out" -f '%s|%p %h\n' >got
	[[ $(wc -l <got) == 4 ]]
	awk -F '|' '$1 != $2 {print; bad = 1} END {exit bad}' got
}

@test "the command has no variable that holds a secret" {
	echo one >in
	ready in
	SESAME=hush BATCH_SSL_KEY_PASSWORD=hush work -X sasl.password.env=SESAME -- sh -c 'cat >/dev/null; env'
	kget "$S.out" >all
	grep -q "^BATCH_ID=$B" all
	run ! grep -E 'hush|^SESAME|^BATCH_SSL' all
}

@test "a run that ended its worker comes again under its name, as the next attempt" {
	echo 1 >in
	ready in
	cat >step.sh <<-'END'
		echo "$BATCH_CHUNK" >>chunks
		echo "$BATCH_REASON $BATCH_ATTEMPT" >>runs
		(($(wc -l <runs) > 2)) || kill -9 $PPID
		cat
	END
	for _ in 1 2; do
		run -137 work --instance same -- bash step.sh
	done
	work --instance same -- bash step.sh
	diff - runs <<<$'first 1\nresume 2\nresume 3'
	(($(sort -u chunks | wc -l) == 1))
	has_lines "$S.out" in
}

@test "a run that waited to be tried again when its worker was killed comes again under its name" {
	begin_work 1
	seq 20 >in
	ready in
	background work batch-work -G "$G" --instance same --order none --chunk 7 --backoff 1h -- sh -c '
		read -r v
		[ "$v" != 1 ] || { echo "$BATCH_CHUNK" >name; exit 75; }
		echo "$v" && cat'
	wait_for holds_records "$S.out" 13
	wait_for eval 'batch-consume -t __consumer_offsets -e -q | grep -aF "[$B]" | tail -n 1 | grep -qa "]0,0,0,0;0+6;"'
	kill -9 "${pids[work]}"
	ends 137 work
	work --instance same --order none --chunk 5 -- sh -c 'echo "$BATCH_CHUNK $BATCH_ATTEMPT $BATCH_REASON" >again && cat'
	echo "$(<name) 2 resume" | diff - again
	has_lines "$S.out" in
}

@test "--order key: with more lanes than records are read for, chunks begin as they are" {
	begin_work 1
	seq 30000 | sed 's/.*/&:&/' >in
	create --processing
	batch-send -B "$B" -K : in | batch-complete >/dev/null
	work --order key -j 32 --chunk 300 --out none -- sh -c 'cat >/dev/null'
	ended_as completed 30000 0
}

# There are results, and no more a moment later.
is_at_rest() {
	local n
	n=$(kget "$S.out" | wc -l)
	sleep 0.5
	((n > 2000 && n == $(kget "$S.out" | wc -l)))
}

@test "--exactly-once: what is done above one that waits is never forgotten, however much it is" {
	begin_work 1
	seq 16000 >in
	ready in
	fate='{h = ($1 * $1 * 31 + $1 * 17) % 1009 % 3}'
	# shellcheck disable=SC2016
	command=(sh -c 'cat >"in.$BATCH_SLOT"
		[ -e go ] || ! grep -qx 7 "in.$BATCH_SLOT" || exit 75
		exec awk "$0"" h == 0 {print; next} {print NR - 1, h == 1 ? \"skip\" : \"invalid\" >\"/dev/fd/3\"}" "in.$BATCH_SLOT"
		' "$fate")
	worker=(batch-work -G "$G" --instance same --order none -j 4 --on-invalid skip --exactly-once)
	background work "${worker[@]}" --chunk 500 --backoff 1h -- "${command[@]}"
	wait_for is_at_rest
	kill -9 "${pids[work]}"
	ends 137 work
	touch go
	run -0 --separate-stderr timeout -s KILL 120 "${worker[@]}" --once --chunk 400 -- "${command[@]}"
	committed "$S.out" 2000 -f '%s\n' | sort >out
	cmp out <(awk "$fate h == 0" in | sort)
}

# In two partitions, so that they run beside each other; one of them kills its worker whenever it is run.
two_of_which_one_kills() {
	begin_work 2
	create --processing
	printf '1:K\n2:good\n' | batch-send -B "$B" -K : | batch-complete >/dev/null
	# shellcheck disable=SC2016
	command=(sh -c 'read -r v
		echo "$v $BATCH_REASON" >>runs
		[ "$v" != K ] || { kill -9 $PPID; sleep 30; }
		echo "$v"')
}

@test "who merely ran beside what kills its worker is tried alone, and is not blamed" {
	for options in "" --exactly-once; do
		: >runs
		G=$S.group$options
		two_of_which_one_kills
		deaths=0
		until work --instance same --retries 0 $options -- "${command[@]}"; do
			((++deaths < 9))
		done
		ended_as completed 2 1
		((deaths == 4)) # one beside each other, three alone
		[[ $(kget "$S.invalid" | jq -r .failure) == "ended the worker" ]]
		[[ $(committed "$S.out" 1 -f '%s\n' | sort -u) == good ]]
	done
}

# What is committed for the partition of B's only record says that it has run, and not that it runs.
is_written_down_as_ended() {
	batch-consume -t __consumer_offsets -e -q | grep -aF "[$B]" | tail -n 1 | grep -qaE ']0,0,0,0;[0-9]+\+0;'
}

@test "a worker that is killed although it was asked to end says nothing about what it ran" {
	echo 1 >in
	ready in
	for _ in 1 2 3 4; do
		rm -f running
		background work batch-work -G "$G" --instance same --retries 0 --once -- sh -c 'touch running; exec sleep 60'
		wait_for test -e running
		kill -TERM "${pids[work]}"
		wait_for is_written_down_as_ended
		kill -9 "${pids[work]}"
		ends 137 work
	done
	work --instance same --retries 0 -- cat
	ended_as completed 1 0
}

@test "-J: envelopes in and out, with key, headers and null" {
	create --processing
	jq -nc '{key: "k", value: "v", headers: [["h", "1"]]}, {key: null, value: null, headers: []}' |
		batch-send -B "$B" -J | batch-complete >/dev/null
	work -J -- tee in.json
	ended_as completed 2 0
	run -0 --separate-stderr batch-consume -t "$S.out" -e -J
	docs_are 'length == 2' 'any(.key == null and .value == null)' \
		'any(.key == "k" and .value == "v" and (.headers | any(. == ["h", "1"])))' \
		'all(.headers | map(.[0]) | sort == (unique))' \
		"all(.headers | any(. == [\"batchId\", \"$B\"]))"
}

@test "-J: results whose JSON has escapes, many at a time" {
	seq 50 | jq -c '{value: "line\n\(.)"}' >in
	create --processing
	batch-send -B "$B" -J in | batch-complete >/dev/null
	work -J -- cat
	batch-consume -t "$S.out" -e -J >out
	cmp <(jq -c .value out | sort) <(jq -c .value in | sort)
}

@test "-0: records with line ends in them" {
	printf 'a\nb\0c\0' >in
	create --processing
	batch-send -B "$B" -0 in | batch-complete >/dev/null
	work -0 -- cat
	ended_as completed 2 0
	run -0 --separate-stderr batch-consume -t "$S.out" -e -J
	docs_are '[.[].value] | sort == ["a\nb", "c"]'
}

@test "a record that holds the delimiter is not given to the command as two" {
	printf 'a\nb\0c\0\n\0d\0e\0' >in
	create --processing
	batch-send -B "$B" -0 in | batch-complete >/dev/null
	run -0 --separate-stderr batch-work -G "$G" --sample 10 -- cat
	[[ $output == $'c\nd\ne' ]]
	mentions 'offset 0: left out'
	run -0 --separate-stderr work --keep-records -- cat
	ended_as completed 5 2
	cmp <(kget "$S.out" -f '%s\n') <(printf 'c\nd\ne\n')
	kget "$S.invalid" -f '%s\n' >invalid.json
	output=$(<invalid.json)
	docs_are '[.[].record.value] == ["a\nb", "\n"]' 'all(.[]; .failure | startswith("newline: "))'
}

@test "the same whatever the order, from topics, and of NUL with -0" {
	printf '{"value":"a\\u0000b"}\n{"value":"c\\n"}\n' >in
	for options in '--order key' '--order none' --exactly-once '--on-invalid skip'; do
		create --processing
		batch-send -B "$B" -J in | batch-complete >/dev/null
		# shellcheck disable=SC2086
		run -0 --separate-stderr work -0 $options -- cat
		ended_as completed 2 1
	done
	mentions 'is invalid: NUL: '
	cmp <(kget "$S.out" -X isolation.level=read_committed -f '%s;') <(printf 'c\n;%.0s' {1..4})
	G+=.t work -t "$S.in" -o beginning --invalid "$S.invalid" --out "$S.out" -- cat
	[[ $(kget "$S.out" -f '%s;' | tr '\0' 0 | grep -o 'a0b;' | wc -l) == 4 ]]
	run -1 --separate-stderr batch-work -t "$S.in" -G "$G.u" -o beginning --once --on-invalid stop -0 -- cat
	mentions 'is invalid: NUL: '
}

@test "--pair keeps the key and the number of each record" {
	seq 100 | sed 's/.*/&:value &/' >in
	create --processing
	batch-send -B "$B" -K : in | batch-complete >/dev/null
	work --pair --chunk 10 -- sed 's/^/got /'
	kget "$S.in" -f '%k:got %s:%h\n' | sed 's/batchId=[^,]*,//' | sort >wanted
	kget "$S.out" -f '%k:%s:%h\n' | sed 's/batchId=[^,]*,batchChunk=[^,]*,//' | sort >got
	cmp wanted got
	[[ $(wc -l <got) == 100 ]]
}

@test "--pair: another number of lines than records is a failure" {
	seq 4 >in
	ready in
	work --pair --retries 0 --no-contrast -- sed p
	ended_as completed 4 4
	[[ -z $(kget "$S.out") ]]
	kget "$S.invalid" | jq -r .failure | sort -u >why
	[[ $(<why) == 'command sed: 2 lines came out for 1 records' ]]
}

@test "--out: nowhere, standard output, another topic" {
	seq 100 >in
	ready in
	work --out none -- cat
	ended_as completed 100 0
	ready in
	work --out - -- cat >got
	cmp <(sort got) <(sort in)
	ready in
	work --out "$S.invalid" -- sh -c 'cat >/dev/null; echo other'
	[[ $(kget "$S.invalid" | sort -u) == other ]]
	[[ -z $(kget "$S.out") ]]
}

# --- records that are bad

# 100 records with keys, of which seven are bad, and in file good the others.
seven_bad() { # [OPTION...]
	seq 100 | awk '{print "k" $1 ":record " $1 ($1 % 14 == 13 ? " bad" : "")}' >keyed
	sed -n '/bad/!s/^[^:]*://p' keyed >good
	create --processing "$@"
	batch-send -B "$B" -K : keyed | batch-complete >/dev/null
}

fail_on_bad=(sh -c 'cat >"$BATCH_SLOT.in"; cat "$BATCH_SLOT.in"; if grep -q bad "$BATCH_SLOT.in"; then exit "$0"; fi')

@test "bad records: exactly they are invalid, with key, headers and reason" {
	seven_bad
	work --chunk 16 --joblog joblog -- "${fail_on_bad[@]}" 65
	ended_as completed 100 7
	has_lines "$S.out" good
	kget "$S.in" -f '%k:%s:%o:%p:%h\n' | grep ' bad:' | cut -d: -f1,3- | sort >wanted
	kget "$S.invalid" -J >invalid
	[[ $(wc -l <invalid) == 7 ]]
	jq -r '(.payload | fromjson) as $v | [.key, ($v.offset | tostring), ($v.partition | tostring),
		"batchId=" + .headers[1] + ",batchSeq=" + .headers[3]] | join(":")' invalid | sort | cmp - wanted
	jq -e --arg b "$B" --arg g "$G" --arg t "$S.in" '(.payload | fromjson) as $v | .headers as $h |
		([range(0; $h | length; 2) | {($h[.]): $h[. + 1]}] | add) as $h |
		$v.batchId == $b and $v.topic == $t and ($v.failure | contains("exit status 65")) and
		$h["__dlq.errors.topic"] == $t and $h["__dlq.errors.group"] == $g and
		$h["__dlq.errors.offset"] == ($v.offset | tostring) and
		$h["batch_error_how"] == "exit status 65"' invalid
}

@test "an invalid record comes with the end of what the command said of it" {
	printf '%s\n' 1 bad 3 >in
	ready in
	work -- sh -c 'if grep -qx bad; then head -c 5000 /dev/zero | tr "\0" - >&2; echo "it is bad" >&2; exit 65; fi' 2>said
	ended_as completed 3 1
	kget "$S.invalid" -f '%s\n%h\n' >invalid
	jq -e '.failure | length <= 1024 and test("^-*it is bad\n?$")' <<<"$(head -n 1 invalid)"
	grep -q '__dlq.errors.message=-*it is bad' invalid
}

# Prints the value of the only invalid record, after its key's length and the names of its headers.
only_letter() {
	kget "$S.invalid" -J | jq -ce '[(.key | length), ([.headers | range(0; length; 2) as $i | .[$i]] - ["batchSeq"] |
		map(select(startswith("__dlq") or startswith("batch_error") | not)) | join(",")), (.payload | fromjson | .omitted)]'
}

@test "an invalid record that is too long is cut until it fits" {
	long=$(printf '%019900d' 0)
	while IFS='|' read -r options wanted record; do
		begin_work
		create --processing
		jq -nc --arg long "$long" "$record" | batch-send -B "$B" -J | batch-complete >/dev/null
		work -X message.max.bytes=20000 ${options:+"$options"} -- \
			sh -c 'cat >/dev/null; echo 0 invalid it is >&"$BATCH_REPORT_FD"'
		ended_as completed 1 1
		diff - <(only_letter) <<<"$wanted"
	done <<-'END'
		|[1,"batchId,h",null]|{key: "k", value: $long, headers: [["h", "1"]]}
		--keep-records|[1,"batchId,h","record"]|{key: "k", value: $long, headers: [["h", "1"]]}
		--keep-records|[1,"batchId","headers"]|{key: "k", value: "", headers: [["h", $long]]}
		|[1,"batchId","headers"]|{key: "k", value: "", headers: [["h", $long]]}
		--keep-records|[0,"batchId","key"]|{key: $long, value: "", headers: []}
	END
}

@test "a result that is too long for a record is a failed run" {
	for ((i = 19400; i <= 20050; i += 50)); do
		printf '%0*d\n' "$i" 0
	done >in
	echo short >>in
	for options in "" --pair --exactly-once -J; do
		begin_work
		ready in
		work -X message.max.bytes=20000 --retries 0 $options -- cat
		batch-status -B "$B" >now.json
		json_equals '["completed",15]' '[.status,.actualRecordCount]' now.json
		invalid=$(jq .invalidRecordCount now.json)
		committed "$S.out" $((15 - invalid)) -f '%S\n' >lengths
		(($(wc -l <lengths) == 15 - invalid))
		grep -qx 19400 lengths && grep -qx 5 lengths
		committed "$S.invalid" "$invalid" | jq -r .failure >why
		grep -c '^command cat: line [0-9]* of the output: .* message.max.bytes=20000' why | cmp - <(wc -l <why)
	done
}

# One record, which COMMAND makes a result or an invalid record of 20000 bytes and more, for a topic that takes 10000.
too_long_for_topic() { # OPTION... -- COMMAND...
	G=$S.$RANDOM$RANDOM
	ready in
	run -1 --separate-stderr work "$@"
	says "topic $S.in, partition " ' offset' "topic $S.small: " max.message.bytes message.max.bytes
	work -X message.max.bytes=9900 --no-contrast --retries 0 "$@"
	ended_as completed 1 1
}

@test "what only the topic finds too long ends the worker with what to do about it" {
	base64 -w 20000 /dev/urandom | sed 1q >in || true
	[[ $(wc -c <in) == 20001 ]]
	python3 "$tests_root/make_topic.py" "$BATCH_BROKERS" "$S.small" max.message.bytes 10000
	too_long_for_topic --invalid "$S.small" --keep-records -- \
		sh -c 'cat >/dev/null; echo 0 invalid it is >&"$BATCH_REPORT_FD"'
	too_long_for_topic --out "$S.small" -- cat
	too_long_for_topic --out "$S.small" --exactly-once -- cat
}

@test "an invalid record of which the report says too much is told by how it ended" {
	echo bad >in
	ready in
	work -X message.max.bytes=20000 -- \
		sh -c 'cat >/dev/null; printf "0 invalid %020000d\n" 0 >&"$BATCH_REPORT_FD"'
	ended_as completed 1 1
	[[ $(only_letter) == '[0,"batchId","failure"]' ]]
}

# One bad record in a chunk of n costs at most 2 log2(n) runs more.
@test "bad records are found with few runs" {
	seven_bad
	work --order none --chunk 32 --joblog joblog -- cat
	chunks=$(runs | wc -l)
	rm joblog
	seven_bad
	work --chunk 32 --joblog joblog -- "${fail_on_bad[@]}" 65
	ended_as completed 100 7
	more=$(($(runs | wc -l) - chunks))
	((more > 0 && more <= 7 * 2 * 5))
}

@test "bad records, and the command does not know that it is they" {
	seven_bad
	work --chunk 25 --retries 1 --backoff 10ms -- "${fail_on_bad[@]}" 1
	ended_as completed 100 7
	has_lines "$S.out" good
	[[ $(kget "$S.invalid" | wc -l) == 7 ]]
}

@test "what a run gives out that was only for a contrast is no result" {
	begin_work
	printf '%s\n' good bad >in
	ready in
	work --pair -- sh -c 'echo "$BATCH_REASON" >>reasons; sed "s/^/$BATCH_REASON: /"; [ "$BATCH_LAST" = 0 ] || exit 65'
	ended_as completed 2 1
	[[ $(<reasons) == $'first\nisolate\nisolate\nprobe' ]]
	[[ $(kget "$S.out") == 'isolate: good' ]]
}

@test "a batch whose threshold is reached fails, one below it does not" {
	seven_bad --invalid-threshold 5
	run -0 --separate-stderr work --chunk 10 -- "${fail_on_bad[@]}" 65
	status_is failed
	batch-status -B "$B" >now.json
	jq -e '.invalidRecordCount >= 5 and (.failureMessage | contains("invalid"))' now.json
	seven_bad --invalid-threshold 8
	work --chunk 10 -- "${fail_on_bad[@]}" 65
	ended_as completed 100 7
}

@test "a batch that has failed is not worked on any more" {
	begin_work 1
	{ seq -f 'bad %.0f' 5 && seq 95; } >in
	ready in --invalid-threshold 5
	work --chunk 10 -- sh -c 'echo >>runs; cat >in.chunk; ! grep -q bad in.chunk || exit 65; sleep 0.1; cat in.chunk'
	status_is failed
	batch-status -B "$B" >now.json
	jq -e '.actualRecordCount < 100' now.json
	(($(wc -l <runs) < 30))
}

@test "--max-invalid ends the worker, and fails no batch" {
	seven_bad
	run -1 --separate-stderr work --chunk 10 --max-invalid 3 -- "${fail_on_bad[@]}" 65
	says --max-invalid
	status_is sendCompleted
	work --chunk 10 -- "${fail_on_bad[@]}" 65
	ended_as completed 100 7
	cmp <(kget "$S.out" | sort -u) <(sort good) # what was on its way is there twice
}

@test "--on-invalid skip counts them, and says which" {
	seven_bad
	run -0 --separate-stderr work --on-invalid skip -- "${fail_on_bad[@]}" 65
	[[ $(grep -c "^batch-work: topic $S.in, partition .*, offset .* is invalid: command sh: exit status 65$" <<<"$stderr") -eq 7 ]]
	ended_as completed 100 7
	has_lines "$S.out" good
	[[ -z $(kget "$S.invalid") ]]
}

@test "--on-invalid stop: nothing passes a bad record, and it is none for who comes after" {
	begin_work 1
	seven_bad
	run -1 --separate-stderr work --chunk 10 --on-invalid stop -- "${fail_on_bad[@]}" 65
	mentions 'is invalid: command sh: exit status 65'
	status_is sendCompleted
	[[ -z $(kget "$S.invalid") ]]
	head -n 10 good | cmp - <(kget "$S.out")
	work -- cat
	ended_as completed 100 0
	[[ $(kget "$S.out" | sort -u | wc -l) == 100 ]]
}

@test "a report names records: invalid, skipped, to be tried again" {
	begin_work 1
	seq 0 9 >in
	ready in
	work --pair --backoff 10ms -- sh -c '
		n=-1
		while read -r line; do
			n=$((n + 1))
			case $line,$BATCH_REASON in
			3,*) echo "$n invalid it is three" >&3 ;;
			5,*) echo "$n skip" >&3 ;;
			7,first) echo "$n retry" >&3 ;;
			*) echo "$line" ;;
			esac
		done'
	ended_as completed 10 1
	has_lines "$S.out" <(grep -v '[35]' in)
	kget "$S.invalid" | jq -e '.offset == 3 and .failure == "it is three"'
	cmp <(kget "$S.out" -f '%s %h\n' | sed 's/ .*:/ /' | sort) <(grep -v '[35]' in | awk '{print $1, $1 + 1}')
}

@test "a report of another form fails the run" {
	seq 4 >in
	ready in
	work --retries 0 --no-contrast -- sh -c 'cat; echo nonsense >&3'
	ended_as completed 4 4
	[[ -z $(kget "$S.out") ]]
	kget "$S.invalid" | jq -e '.failure | contains("report, line 1")'
}

# --- commands and services that fail altogether

@test "no such command: nothing is invalid, no batch failed, and it is said" {
	seq 100 >in
	ready in
	for command in /no/such/command ./in "sh -c 'exit 127'"; do
		eval "run --separate-stderr work -- $command"
		[[ $status == 1 ]]
		mentions "command ${command%% *}"
		status_is sendCompleted
	done
	run -2 --separate-stderr work -- sh -c 'exit 78'
	says 'command sh: exit status 78' 'nothing was marked invalid'
	[[ -z $(kget "$S.invalid") && -z $(kget "$S.out") ]]
	work -- cat
	ended_as completed 100 0
	has_lines "$S.out" in
}

# The command fails for everything until file up is there.
service=(sh -c 'cat >"$BATCH_SLOT.in"; touch called; [ -e up ] || exit "$0"; cat "$BATCH_SLOT.in"')

# After an outage nothing is begun for five seconds.
@test "a service that is away for a while: nothing is invalid, all is done afterwards" {
	seq 100 >in
	for code in 1 75; do
		new_stream
		export BATCH_STREAM=$S
		batch-init --partitions 4 --replication 1 >init.json
		mkdir "$code" && ready in && cp created.json "$code"
		(cd "$code" && exec batch-work -G "$G" --once --chunk 10 --retries 2 --backoff 50ms \
			--confirm 300ms --breaker 1000 -- "${service[@]}" "$code") 2>"$code.err" &
		pids["$code"]=$! running["$code"]=$!
	done
	for code in 1 75; do
		wait_for grep -q 'no record is blamed' "$code.err"
		touch "$code/up"
	done
	for code in 1 75; do
		ends 0 "$code"
		S=$(jq -r '.topic | rtrimstr(".in")' "$code/created.json")
		BATCH_STREAM=$S ended_as completed 100 0 "$(jq -r .id "$code/created.json")"
		has_lines "$S.out" in
		[[ -z $(kget "$S.invalid") ]]
	done
}

@test "a service that goes away in the middle of a chunk: nobody is blamed" {
	begin_work 1
	seq 100 >in
	ready in
	touch up
	background work batch-work -G "$G" --once --chunk 10 -j 1 --retries 1 --backoff 50ms \
		--confirm 200ms --joblog joblog -- sh -c '
		cat >in.chunk
		! grep -qx 35 in.chunk || [ -e back ] || rm -f up
		[ -e up ] || exit 1
		cat in.chunk'
	wait_for eval '(($(runs | wc -l) > 6))'
	[[ ! -e up ]]
	touch up back
	ends 0 work
	ended_as completed 100 0
	[[ -z $(kget "$S.invalid") ]]
	cmp <(kget "$S.out") in
}

none_runs() {
	! pgrep -P "${pids[work]}"
}

@test "after failures in a row the worker pauses, and one chunk tries whether it is over" {
	seq 100 >in
	ready in
	background work batch-work -G "$G" --once --chunk 5 -j 4 --order none --joblog joblog \
		--retries 0 --breaker 3 --confirm 50ms -- "${service[@]}" 69
	wait_for eval '(($(runs | wc -l) >= 3))'
	wait_for none_runs
	touch up
	ends 0 work
	ended_as completed 100 0
	failed=$(runs | grep -vc '^0')
	((failed >= 3 && failed <= 8))
	# It was quiet for five seconds before the first success.
	tail -n +2 joblog | awk '$7 != 0 {last = $3} $7 == 0 && !first {first = $3}
		END {exit !(first - last > 4)}'
}

@test "records that went back are not tried again for a while" {
	begin_work 1
	seq 10 >in
	ready in
	background work batch-work -G "$G" --once --joblog joblog --retries 0 --breaker 1000 -- "${service[@]}" 69
	wait_for grep -q 'no record is blamed' work.err
	touch up
	ends 0 work
	ended_as completed 10 0
	tail -n +2 joblog | awk 'NR > 1 && $3 - last <= 4 {exit 1} {last = $3} END {if (NR < 2) exit 1}'
}

# --- the command

@test "a command that does not read its input has failed, unless it may" {
	begin_work 1
	seq -f '%060.0f' 3000 >in
	ready in
	run -0 --separate-stderr work -v --chunk 3000 --retries 0 --no-contrast --max-invalid 1 --breaker 1 \
		--on-exit 1=stop --joblog joblog --allow-partial-read -- head -n 1
	ended_as completed 3000 0
	ready in
	background work batch-work -v -G "$G" --once --chunk 3000 --backoff 30 -- true
	wait_for grep -q 'did not read 183000 bytes' work.err
	status_is sendCompleted
	stopped work
}

@test "--time-limit ends a command, and a record that always takes longer is invalid" {
	begin_work 1
	seq 8 >in
	ready in
	work --chunk 8 --time-limit 2s --joblog joblog -- sh -c '
		cat >got
		! grep -qx 3 got || sleep 30
		cat got'
	ended_as completed 8 1
	has_lines "$S.out" <(grep -vx 3 in)
	kget "$S.invalid" | jq -e '.failure | contains("not done in time")'
	(($(runs | wc -l) <= 2 + 2 * 3))
}

@test "a command that is killed by a signal" {
	begin_work 1
	seq 8 >in
	ready in
	work --chunk 8 --joblog joblog -- sh -c 'cat >got; ! grep -qx 3 got || kill -SEGV $$; cat got'
	ended_as completed 8 1
	has_lines "$S.out" <(grep -vx 3 in)
	runs | grep -qE '11$'
	kget "$S.invalid" -f '%h\n' | grep -q 'batch_error_how=killed by SIGSEGV'
}

@test "retries come after the waits of --backoff, and nothing overtakes them" {
	begin_work 1
	seq 30 >in
	ready in
	work --chunk 10 --retries 3 --backoff 100ms,300ms --joblog joblog -- sh -c '
		cat >got
		[ "$(head -n 1 got)" != 11 ] || [ "$BATCH_ATTEMPT" = 4 ] || exit 1
		echo "$BATCH_REASON $BATCH_ATTEMPT" >&2
		cat got'
	cmp <(kget "$S.out") in
	[[ $(runs | cut -f 1 | tr '\n' ' ') == '0 1 1 1 0 0 ' ]]
	tail -n +2 joblog | awk '{waited[NR] = $3 - last; last = $3}
		END {exit !(waited[3] > 0.09 && waited[4] > 0.29 && waited[5] > 0.29 && waited[5] < 10)}'
}

# More of them than are kept in memory, or written down, at a time.
@test "chunks that wait for a retry hold back nobody for good" {
	seq 400 | sed 's/.*/&:&/' >keyed
	seq 400 >in
	for order in none partition key; do
		create --processing
		batch-send -B "$B" -K : keyed | batch-complete >/dev/null
		work --order "$order" -j 1 --chunk 10 --retries 1 --backoff 200ms --breaker 1000 -- \
			sh -c '[ "$BATCH_ATTEMPT" = 2 ] || exit 1; cat'
		ended_as completed 400 0
	done
	cmp <(kget "$S.out" | sort -n) <(sort -n in in in)
}

@test "while chunks of some partitions wait for a retry, all of the others are done" {
	seq 60 | sed 's/.*/&:&/' >keyed
	create --processing
	batch-send -B "$B" -K : keyed | batch-complete >/dev/null
	work -j 1 --chunk 2 --retries 1 --backoff 6 --breaker 1000 -- sh -c '
		echo "$BATCH_PARTITION $BATCH_REASON" >>runs
		[ "$BATCH_PARTITION" = 3 ] || [ "$BATCH_FIRST" != 0 ] || [ "$BATCH_ATTEMPT" = 2 ] || exit 1
		cat'
	ended_as completed 60 0
	sed '/retry/,$d' runs | grep '^3' >early
	grep '^3' runs | cmp - early
	[[ $(grep -c retry runs) == 3 ]]
}

@test "--order key: no retry is overtaken by its key" {
	begin_work 1
	seq 200 | awk '{print $1 % 10 ":" $1}' >in
	create --processing
	batch-send -B "$B" -K : in | batch-complete >/dev/null
	work --order key --chunk 5 -j 4 --retries 5 --backoff 20ms -- sh -c '
		cat >"got.$BATCH_SLOT"
		[ $((BATCH_FIRST % 3 + BATCH_ATTEMPT)) -gt 2 ] || exit 1
		cat "got.$BATCH_SLOT"'
	ended_as completed 200 0
	for key in 0 1 2 3 4 5 6 7 8 9; do
		kget "$S.out" | awk -v k="$key" '$1 % 10 == k' | sort -c -n
	done
	[[ $(kget "$S.out" | wc -l) == 200 ]]
}

@test "the one chunk that tries is taken away: another one tries" {
	begin_work 1
	seq 10 >in
	ready in
	background work batch-work -G "$G" --retries 0 --breaker 1 -- \
		sh -c '[ -e up ] || exit 69; touch tries; [ -e go ] || exec sleep 120; cat'
	wait_for grep -q 'no record is blamed' work.err
	touch up
	wait_for test -e tries
	touch go
	batch-terminate -B "$B" --failed enough >/dev/null
	ready in
	wait_for ended_as completed 10 0
	stopped work
}

# --- whose turn it is

# A batch of 100 chunks, of which one is not done when a short one arrives.
long_and_short() { # PRIORITY-OF-LONG PRIORITY-OF-SHORT OPTION...
	rm -f began go order
	begin_work 1
	seq 100 >in
	ready in --priority "$1" && long=$B
	background work batch-work -G "$G" -j 1 --chunk 1 "${@:3}" -- \
		sh -c 'touch began; until [ -e go ]; do sleep 0.02; done; cat; sleep 0.02; echo "$BATCH_ID" >>order'
	wait_for test -e began
	seq 5 >in
	ready in --priority "$2" && short=$B
	touch go
	wait_for ended_as completed 100 0 "$long"
	wait_for ended_as completed 5 0 "$short"
	stopped work
	first=$(uniq order | sed -n 2p)
	last=$(tail -n 1 order)
}

@test "a short batch of high priority is done before a long one that is under way" {
	long_and_short 100 0
	[[ $first == "$short" && $last == "$long" ]]
}

@test "a batch waits for those that were ready before it; with --strict-priority it does not" {
	long_and_short 50 50
	[[ $first == "$short" && $last == "$short" ]]
	long_and_short 51 50 --strict-priority
	[[ $first == "$short" && $last == "$long" ]]
}

# Its events are of a clock that is SECONDS off.
ready_at() { # SECONDS OPTION...
	local clock=(env "LD_PRELOAD=$BATS_FILE_TMPDIR/clock.so" "CLOCK_OFF=$1")
	B=$("${clock[@]}" batch-create -n "$1" --processing "${@:2}" | jq -r .id)
	"${clock[@]}" batch-send -B "$B" in | "${clock[@]}" batch-complete >completed.json
}

@test "each point of priority counts as six seconds of waiting" {
	[[ -z ${BATCH_TEST_SAN:-} ]] || skip 'a sanitizer wants to be the first library'
	begin_work 1
	echo one >in
	ready_at -800 --priority 100 && long=$B
	ready_at -200 --priority 100 && short=$B
	ready_at 0 --priority 0 && high=$B
	work -j 1 --out - -- sh -c 'cat >/dev/null; echo "$BATCH_ID"' >order
	printf '%s\n' "$long" "$high" "$short" | cmp - order
}

# The group's offset has no room for more.
@test "at most four batches are begun in a partition, also when others come first" {
	begin_work 1
	echo one >in
	ids=()
	for i in 1 2 3; do
		ready in && ids+=("$B")
	done
	background work timeout -s KILL 120 batch-work -G "$G" --order none -j 2 --backoff 20ms --retries 1000 \
		--breaker 100000 -- sh -c 'echo "$BATCH_ID" >>begun; [ -e go ] || exit 75; cat'
	begun() { # NUMBER
		(($(sort -u begun | wc -l) >= $1))
	}
	wait_for begun 3
	for i in 1 2 3; do
		ready in --priority 0 && ids+=("$B")
	done
	wait_for begun 4
	at=$(wc -l <begun)
	wait_for eval '(($(wc -l <begun) > at + 40))'
	(($(sort -u begun | wc -l) == 4))
	touch go
	for B in "${ids[@]}"; do
		wait_for ended_as completed 1 0
	done
	stopped work
}

@test "workers share the partitions, also with one that joins" {
	seq 1500 >in
	create --processing
	sed 's/.*/&:&/' in | batch-send -B "$B" -K : | batch-complete >/dev/null
	for name in one two; do
		background "$name" batch-work -G "$G" -X heartbeat.interval.ms=100 -j 4 --chunk 5 -- \
			sh -c "cat; [ -e two ] || sleep 0.1; touch $name"
		wait_for test -e "$name"
	done
	wait_for ended_as completed 1500 0
	has_lines "$S.out" in
	stopped one two
}

# --- what others have done

# Another worker of the group says that all of the batch in PARTITION is done.
part_is_done() { # PARTITION
	batch-status -B "$B" | jq -c --arg g "$G" --arg p "$1" '.manifest.partitions[$p] as $m | .progress =
		{group: $g, part: ($m | {partition: ($p | tonumber), first, last, done: .count, invalid: 0, skipped: 0,
			worker: "other"})}' | kput "$S.notification" -k "$B" -H ce_type=batch.part -H ce_batchversion=2 \
		-H "ce_id=$B/2" -H ce_batchwriter=0123456789abcdef
}

@test "who did the last part ended before it completed the batch: another worker does it" {
	begin_work 1
	seq 10 >in
	ready in
	part_is_done 0
	work -- touch again
	ended_as completed 10 0
	[[ ! -e again ]]
}

@test "a part that another worker has done is given up" {
	begin_work 2
	seq 40 | sed 's/.*/&:&/' >keyed
	create --processing
	batch-send -B "$B" -K : keyed | batch-complete >/dev/null
	background work batch-work -G "$G" --once -j 2 -- sh -c '
		echo $$ >"pid.$BATCH_PARTITION"
		while [ ! -e go ]; do sleep 0.02; done
		sed "s/^/by us in $BATCH_PARTITION: /"'
	wait_for test -s pid.0
	wait_for test -s pid.1
	part_is_done 0
	wait_for eval '! kill -0 "$(<pid.0)"'
	kill -0 "$(<pid.1)"
	touch go
	ends 0 work
	ended_as completed 40 0
	run ! grep 'in 0' <(kget "$S.out")
}

# --- the end

# A worker whose command runs until file go is there.
at_work() { # OPTION...
	begin_work 1
	seq 100 >in
	ready in
	background work batch-work -v -G "$G" --chunk 10 "$@" -- \
		sh -c 'echo $$ >pid.new; mv pid.new pid; while [ ! -e go ]; do sleep 0.02; done; cat'
	wait_for test -e pid
	command=$(<pid)
}

@test "a batch that is terminated while it is worked on: what runs is ended, nothing more comes" {
	at_work
	batch-terminate -B "$B" --force >/dev/null || batch-terminate -B "$B" --failed enough >/dev/null
	wait_for eval "! kill -0 $command"
	touch go
	stopped work
	[[ -z $(kget "$S.out") && -z $(kget "$S.invalid") ]]
}

@test "many commands at once: of a partition as many as can be written down, and then the others" {
	begin_work 1
	seq 200 >in
	ready in
	work -j 200 --order none --chunk 1 -- sh -c 'touch "run.$BATCH_SLOT"; cat; until [ -e go ]; do sleep 0.2; done' &
	wait_for eval '(($(echo run.* | wc -w) == 128))'
	touch go
	wait $!
	(($(echo run.* | wc -w) == 128)) # each slot takes the lowest number that is free
	ended_as completed 200 0
	has_lines "$S.out" in
}

@test "SIGTERM: what runs comes to its end, and who comes next does the rest" {
	at_work
	kill -TERM "${pids[work]}"
	wait_for grep -q 'what runs may end' work.err
	touch go
	ends 143 work
	cmp <(kget "$S.out") <(seq 10)
	status_is sendCompleted
	work -- cat
	ended_as completed 100 0
	cmp <(kget "$S.out") in
}

@test "SIGTERM: --drain is how long it may run" {
	at_work --drain 300ms
	stopped work
	run ! kill -0 "$command"
	[[ -z $(kget "$S.out") ]]
	work -- cat
	ended_as completed 100 0
	cmp <(kget "$S.out") in
}

@test "a second signal ends worker and command at once" {
	at_work
	kill -TERM "${pids[work]}"
	wait_for grep -q 'what runs may end' work.err
	stopped work
	wait_for eval "! kill -0 $command"
}
