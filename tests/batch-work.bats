# batch-work: a command over the records of ready batches, in chunks.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin 4
	G=$S.group
}

# Sets B to the id of a new batch with what FILE holds, ready to be worked on.
ready() { # FILE [OPTION...]
	create --processing "${@:2}" || return
	batch-send -B "$B" "$1" >sent.json && batch-complete <sent.json >completed.json
}

work() { # OPTION... -- COMMAND...
	timeout -s KILL 60 batch-work -G "$G" --once "$@"
}

# The batch ended so, with these numbers.
ended_as() { # STATUS ACTUAL INVALID [ID]
	batch-status -B "${4:-$B}" >now.json
	json_equals "[\"$1\",$2,$3]" '[.status,.actualRecordCount,.invalidRecordCount]' now.json
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
	kget "$S.out" -p 0 >0 && kget "$S.out" >all
	for wanted in "BATCH_ID=$B" BATCH_NAME=test-$BATS_TEST_NUMBER 'BATCH_METADATA={"a":[1,2]}' "BATCH_STREAM=$S" \
		BATCH_REASON=first BATCH_ATTEMPT=1 BATCH_REPORT_FD=3; do
		grep -qxF "$wanted" all
	done
	[[ $(sed -n 's/^BATCH_COUNT=//p' all | paste -sd+ | bc) == 3 ]]
	grep -qE "^BATCH_CHUNK=$S.in-[0-3]-[0-9]+-[0-9]+-[0-9a-f]{8}$" all
}

@test "a run that ended its worker comes again under its name, as the next attempt" {
	echo 1 >in
	ready in
	cat >command <<-'END'
		echo "$BATCH_CHUNK" >>chunks
		echo "$BATCH_REASON $BATCH_ATTEMPT" >>runs
		(($(wc -l <runs) > 2)) || kill -9 $PPID
		cat
	END
	for _ in 1 2; do
		run -137 work --instance same -- bash command
	done
	work --instance same -- bash command
	diff - runs <<<$'first 1\nresume 2\nresume 3'
	(($(sort -u chunks | wc -l) == 1))
	has_lines "$S.out" in
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
	printf 'a\nb\0' >in
	create --processing
	batch-send -B "$B" -0 in | batch-complete >/dev/null
	run -2 --separate-stderr work -- touch called
	says 'line end' '-0 or -J' "$S.in"
	[[ ! -e called ]]
	status_is sendCompleted
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
	work --out "$S.notification" -- sh -c 'cat >/dev/null; echo other'
	kget "$S.notification" | grep -qx other
	[[ -z $(kget "$S.out") ]]
}
