# batch-send --atomic: records, manifest and completion are one: all to be seen, or nothing.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin 4
	create
}

# How many records a reader sees that begins now.
visible() { # [ISOLATION]
	kcat -C -b "$BATCH_BROKERS" -t "$S.in" -o beginning -e -q -f '\n' \
		-X isolation.level="${1:-read_committed}" | wc -l
}

# All records of the stream, each by its number.
numbers() {
	kcat -C -b "$BATCH_BROKERS" -t "$S.in" -o beginning -e -q -f '%s\n' | sort -n
}

# Starts a sender and stops it, by a signal, while its transaction is open. Sets sender.
stopped_in_transaction() {
	seq 200000 >input
	background begun timeout 60 kcat -C -b "$BATCH_BROKERS" -t "$S.in" -o beginning -c 1 -q -f '' \
		-X isolation.level=read_uncommitted
	local slow=(-X batch.num.messages=10 -X max.in.flight.requests.per.connection=1)
	background first batch-send --atomic "${slow[@]}" -B "$B" input
	sender=${pids[first]}
	ends 0 begun
	kill -STOP "$sender"
	[[ $(visible) == 0 && $(visible read_uncommitted) != 0 ]]
}

# The stopped sender goes on, and learns by the fence or by an event what happened.
goes_on_to() { # STATUS
	kill -CONT "$sender"
	ends "$1" first
}

@test "one command sends and completes" {
	seq 1000 >input
	run -0 batch-send --atomic -B "$B" input
	doc_is '.status == "completed"' '.version == 2' '.expectedRecordCount == 1000' \
		'.manifest.records == 1000' 'has("endDate")'
	[[ $(visible) == 1000 ]]
	counted created completed
	batch-consume -B "$B" | cmp - input
}

@test "of a pipe, of a command, of standard input" {
	seq 10 >input
	batch-create -n x | batch-send --atomic input >sent.json
	B=$(jq -r .id sent.json)
	batch-consume -B "$B" | cmp - input
	create
	batch-send --atomic -B "$B" -- cat input >/dev/null
	batch-consume -B "$B" | cmp - input
	create
	batch-send --atomic -B "$B" <input >/dev/null
	batch-consume -B "$B" | cmp - input
}

@test "keys, headers, nulls and rejects are as without it" {
	printf '{"k":"a"}\nbroken\n{"k":"b"}\n' >input
	run -3 --separate-stderr batch-send --atomic -B "$B" -k /k -H x=1 --json \
		--on-invalid skip --rejects bad input
	doc_is '.status == "completed"' '.manifest.senders[0].rejected == 1'
	[[ $(<bad) == broken ]]
	run -0 kcat -C -b "$BATCH_BROKERS" -t "$S.in" -o beginning -e -q -f '%k %h\n'
	[[ $output == *"a batchId=$B,batchSeq="*",x=1"* ]]
	create
	printf '\0\0\0\1a\377\377\377\377\0\0\0\0' >framed
	batch-send --atomic -B "$B" --length-prefixed framed >/dev/null
	batch-consume -B "$B" --length-prefixed | cmp - framed
}

@test "no records at all make a completed batch, too" {
	run -0 batch-send --atomic -B "$B" /dev/null
	doc_is '.status == "completed"' '.manifest.records == 0'
	run -0 batch-consume -B "$B"
	[[ -z $output ]]
}

@test "for a worker the batch is sendCompleted" {
	create --processing
	seq 3 >input
	run -0 batch-send --atomic -B "$B" input
	doc_is '.status == "sendCompleted"'
}

@test "a bad record at the end: nothing was sent" {
	(seq 1000 && echo '{') >input
	run -1 --separate-stderr batch-send --atomic -B "$B" --json input
	[[ $stderr == *"input, line 1001: "* && -z $output ]]
	[[ $(visible read_uncommitted) == 0 ]]
	status_is started
}

@test "a command that fails: nothing was sent" {
	run -1 --separate-stderr batch-send --atomic -B "$B" -- sh -c 'seq 1000; exit 3'
	[[ $stderr == *"3"* ]]
	[[ $(visible read_uncommitted) == 0 ]]
	status_is started
}

@test "what does not fit is refused before anything is sent" {
	seq 1000 >input
	run -1 --separate-stderr batch-send --atomic --max-bytes 1000 -B "$B" input
	[[ $stderr == *"longer than --max-bytes 1000"* ]]
	run -1 --separate-stderr batch-send --atomic --max-bytes 1000 -B "$B" -- cat input
	[[ $stderr == *"longer than --max-bytes 1000"* ]]
	TMPDIR=/nowhere run -1 --separate-stderr batch-send --atomic -B "$B" input
	[[ $stderr == *"temporary file in /nowhere: No such file"* ]]
	run -2 --separate-stderr batch-send --atomic -B "$B" -X transaction.timeout.ms=900001 input
	[[ $stderr == *"transaction.timeout.ms=900001: longer than the broker allows"* ]]
	[[ $(visible read_uncommitted) == 0 ]]
	status_is started
}

@test "a record that only the broker refuses takes all of them back" {
	BATCH_BROKERS=$(own_kafka_up "$PWD/broker" --property message.max.bytes=20000)
	begin 1
	create
	(seq 100 && head -c 50000 /dev/urandom | base64 -w 0) >input
	run ! batch-send --atomic -B "$B" -z none input
	[[ $output == *"the transaction is aborted, and no record of it counts"* ]]
	[[ $(visible) == 0 ]]
	status_is started
	own_kafka_down "$PWD/broker"
}

@test "a batch of another owner is refused before the work" {
	create --owner somebody
	run -6 --separate-stderr batch-send --atomic -B "$B" -- sh -c 'touch ran'
	[[ $stderr == *somebody* && ! -e ran ]]
}

@test "SIGTERM aborts, and readers go on at once" {
	stopped_in_transaction
	kill -TERM "$sender"
	goes_on_to 143
	[[ $(visible) == 0 ]]
	status_is started
	seq 5 >five
	finished five
	batch-consume -B "$B" -m 10s | cmp - five
}

@test "killed, and sent again: exactly once" {
	stopped_in_transaction
	kill -9 "$sender"
	run -0 batch-send --atomic -B "$B" input
	[[ $(visible) == 200000 ]]
	batch-consume -B "$B" | cmp - input
	counted created completed
}

@test "killed: nobody sees anything, and readers of committed records wait no longer than its time" {
	stopped_in_transaction
	kill -9 "$sender"
	status_is started
	run_in_vain 4 batch-consume -B "$B" -m 1s
	wait_for 50 ends_are_equal # the library's own time is a minute
	[[ $(visible) == 0 ]]
}

# The last stable offset has come to the end of the log: kcat at the end of both waits for nothing.
ends_are_equal() {
	[[ $(end_of read_committed) == "$(end_of read_uncommitted)" ]]
}

end_of() { # ISOLATION
	kcat -Q -b "$BATCH_BROKERS" -X isolation.level="$1" -t "$S.in:0:-1" -t "$S.in:1:-1" \
		-t "$S.in:2:-1" -t "$S.in:3:-1"
}

@test "a second sender fences the first" {
	stopped_in_transaction
	run -0 batch-send --atomic -B "$B" input
	goes_on_to 1
	grep -q another first.err
	[[ ! -s first.out && $(visible) == 200000 ]]
	counted created completed
}

@test "batch-terminate fences it, and readers go on at once" {
	stopped_in_transaction
	batch-terminate -B "$B" >/dev/null
	ends_are_equal
	goes_on_to 1
	grep -q another first.err
	[[ $(visible) == 0 ]]
	counted created terminated
}

@test "completed by another meanwhile: the transaction is aborted" {
	stopped_in_transaction
	batch-complete -B "$B" --records 7 >/dev/null
	goes_on_to 1
	grep -q "completed by another" first.err
	[[ $(visible) == 0 ]]
	counted created completed
}

@test "senders in a race, ten at once: one wins, and what is read is one input" {
	local i codes=0
	for i in {0..9}; do
		seq $((i * 1000 + 1)) $((i * 1000 + 1000)) >"in.$i"
		(
			rc=0
			batch-send --atomic -B "$B" "in.$i" >"out.$i" 2>"err.$i" || rc=$?
			echo "$rc" >"rc.$i"
		) &
	done
	wait
	codes=$(cat rc.* | sort | uniq -c | awk '$2 == 0 {print $1}')
	[[ $codes == 1 ]]
	[[ $(cat rc.* | grep -vc '^[016]$') == 0 ]]
	counted created completed
	for i in {0..9}; do
		[[ $(<"rc.$i") == 0 ]] || continue
		batch-consume -B "$B" | cmp - "in.$i"
		numbers | cmp - "in.$i"
	done
}

@test "against batch-complete and batch-terminate in a race: one wins, and a loser leaves nothing" {
	local round won rc
	echo one >input
	for round in {1..40}; do
		create
		{ batch-send --atomic -B "$B" input >sent.json 2>sent.err || echo $? >rc.sent; } &
		sleep "$(printf 0.%03d $((round)))" # so that all orders come up
		if ((round % 2)); then
			batch-complete -B "$B" --records 5 >other.json 2>other.err || echo $? >rc.other
		else
			batch-terminate -B "$B" >other.json 2>other.err || echo $? >rc.other
		fi
		wait
		won=$(verdicts "$B" | grep -c 'counted$')
		((won == 2))
		rc=$(cat rc.* 2>/dev/null | tr -d '\n')
		rm -f rc.*
		echo "$round: $rc $(cat sent.err)"
		[[ $rc == [16] ]]
		[[ -s sent.json ]] || ((($(kget "$S.in" -f '%h\n' | grep -c "batchId=$B") || true) == 0))
	done
}

@test "wrong combinations are usage errors" {
	run -2 batch-send --atomic --resume -B "$B" /dev/null
	run -2 batch-send --max-bytes 5 -B "$B" /dev/null
}
