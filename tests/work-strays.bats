# batch-work: records of a stream that belong to no batch that is worked on.
bats_require_minimum_version 1.5.0
load lib/batch
load lib/work

setup_file() {
	kafka_up
}

setup() {
	begin_work 1
}

# The group stands where there is something that it begins with.
begun() {
	seq 10 >ten
	ready ten
	work -- cat
}

# Puts a record with VALUE and these headers into the stream.
stray() { # VALUE [HEADER...]
	local headers=() h
	for h in "${@:2}"; do
		headers+=(-H "$h")
	done
	printf %s "$1" >value
	kput "$S.in" -p "${P:-0}" "${headers[@]}" value
}

# The invalid records are these, one a line: OFFSET FAILURE.
invalid_are() {
	kget "$S.invalid" -f '%s\n' >invalid.json
	diff - <(jq -r '"\(.offset) \(.failure)"' invalid.json | sort -n)
}

# Sets read, no_id, unknown, late and skipped to what -v says.
counts() { # FILE
	# shellcheck disable=SC2034 # not each test asks for all
	read -r read no_id unknown late skipped < <(sed -n \
		's/^.*: \(.*\) records were read, of which \(.*\) have no batchId, \(.*\) are of unknown batches, \(.*\) came late, \(.*\) are skipped$/\1 \2 \3 \4 \5/p' "$1")
}

# The offset that the group has committed for a partition of STREAM.in.
committed_offset() { # GROUP PARTITION
	kget __consumer_offsets -f '%K %S\n%k%s\n' -u >offsets
	python3 - "$1" "$S.in" "$2" <<-'END'
		import struct, sys
		data, at, found = open("offsets", "rb").read(), 0, None
		while at < len(data):
		    end = data.index(b"\n", at)
		    klen, vlen = map(int, data[at:end].split())
		    key = data[end + 1:end + 1 + klen]
		    value = data[end + 1 + klen:end + 1 + klen + max(vlen, 0)]
		    at = end + 1 + klen + max(vlen, 0) + 1
		    group, topic, partition = sys.argv[1].encode(), sys.argv[2].encode(), int(sys.argv[3])
		    wanted = struct.pack(">hh", 1, len(group)) + group + struct.pack(">h", len(topic)) + \
		        topic + struct.pack(">i", partition)
		    if key == wanted and vlen > 10:
		        found = struct.unpack(">q", value[2:10])[0]
		print(found)
	END
}

# Where the log of a partition of STREAM.in ends.
log_end() { # PARTITION
	kcat -Q -b "$BATCH_BROKERS" -t "$S.in:$1:-1" | sed 's/.* //'
}

no_lag() { # GROUP [PARTITIONS]
	local p
	for ((p = 0; p < ${2:-1}; p++)); do
		[[ $(committed_offset "$1" "$p") == "$(log_end "$p")" ]] && continue
		echo "partition $p: $(committed_offset "$1" "$p") of $(log_end "$p")"
		return 1
	done
}

status_of() { # ID STATUS
	B=$1 status_is "$2"
}

# --- of each kind

@test "records without a batch, of an unknown one, and of one that was completed" {
	begun
	stray bare
	stray named batchId=nobody
	stray late "batchId=$B"
	stray foreign "batchId=$B" batchSeq=someone:1
	run -0 --separate-stderr work -- touch ran
	silent
	[[ ! -e ran ]]
	invalid_are <<-END
		10 it has no batchId
		11 batch 'nobody' is unknown
		12 batch '$B' was completed without it
		13 batch '$B' was completed without it
	END
	run -0 --separate-stderr batch-consume -t "$S.invalid" -e -J
	docs_are 'all(.headers | any(. == ["batch_error_how", "not run"]))' \
		'all(.headers | any(. == ["__dlq.errors.delivery.count", "0"]))' \
		".[1].headers | any(. == [\"batchId\", \"nobody\"])" \
		".[2].headers | any(. == [\"__dlq.errors.message\", \"batch '$B' was completed without it\"])"
	status_is completed
	batch-status -B "$B" | jq -e '.invalidRecordCount == 0'
}

@test "a record of a batch that was terminated or failed is skipped" {
	begun
	for how in terminated failed; do
		create
		batch-send -B "$B" ten >/dev/null
		[[ $how == failed ]] && why=(--failed why) || why=()
		batch-terminate -B "$B" "${why[@]}" >/dev/null
		stray more "batchId=$B"
	done
	work -v --metrics work.prom -- cat 2>said
	counts said
	((skipped == 22 && no_id + unknown + late == 0))
	grep -qE '^batch_work_records_total\{.*outcome="skipped".*\} 22$' work.prom
	invalid_are </dev/null
}

@test "the first batchId header counts" {
	begun
	stray one "batchId=$B" batchId=nobody
	stray two batchId=nobody "batchId=$B"
	stray three batchId "batchId=$B"
	stray four batchId= "batchId=$B"
	work -- cat
	invalid_are <<-END
		10 batch '$B' was completed without it
		11 batch 'nobody' is unknown
		12 it has no batchId
		13 it has no batchId
	END
}

@test "whatever the record holds: line ends, nothing, an id that is none" {
	begun
	stray $'a\nb\n' batchId=$'\xff\x01'
	stray long "batchId=$(printf 'x%.0s' {1..3000})"
	kput "$S.in" -p 0 -Z -K : <<<'key:'
	work --keep-records -- cat
	invalid_are <<-END
		10 batch '\xff\x01' is unknown
		11 batch '$(printf 'x%.0s' {1..100})...' is unknown
		12 it has no batchId
	END
	jq -se '.[0].batchId and (.[1] | has("batchId") | not)' invalid.json
	jq -se '.[0].record.value == "a\nb\n" and .[2].record.key == "key" and .[2].record.value == null' invalid.json
}

@test "a completed batch without a manifest, by no worker: what is dated later is late" {
	begun
	create
	stray one "batchId=$B"
	stray two "batchId=$B"
	batch-complete -B "$B" --records 2 >/dev/null
	stray three "batchId=$B"
	work -v -- cat 2>said
	counts said
	((read == 3 && late == 1))
	invalid_are <<<"12 batch '$B' was completed without it"
}

@test "a completed batch without a manifest, worked off: what lies behind its parts is late, however it is dated" {
	begun
	create --processing
	stray one "batchId=$B"
	batch-complete -B "$B" --records 1 >/dev/null
	work -- cat
	status_is completed
	stray two "batchId=$B"
	work -- cat
	invalid_are <<<"11 batch '$B' was completed without it"
	batch-status -B "$B" | jq -e '.progress.ranges["0"].last == 10'
}

@test "a batch without a manifest that is being worked on: what comes behind a part that has begun is late" {
	begun
	create --processing
	stray one "batchId=$B"
	batch-complete -B "$B" --records 1 >/dev/null
	background work batch-work -G "$G" --report 100ms -- sh -c 'touch began; while [ ! -e go ]; do sleep 0.02; done; exec cat'
	wait_for test -e began
	stray two "batchId=$B"
	wait_for holds_records "$S.invalid"
	touch go
	wait_for status_is completed
	stopped work
	invalid_are <<<"11 batch '$B' was completed without it"
}

@test "what a sender left that was not completed is invalid, ready or done" {
	seq 5 >five
	create --processing
	batch-send -B "$B" five >/dev/null
	batch-send -B "$B" five >sent.json
	batch-complete <sent.json >/dev/null
	ready five && second=$B
	# The group begins with the first ready one, so with the second sender.
	stray after "batchId=$second" batchSeq=dead:1
	work -- cat
	invalid_are <<<"15 batch '$second' was completed without it"
}

# --- where it begins, and how far it goes

@test "a group that is new begins with what is ready, or with what comes" {
	stray long-ago
	work -v -- cat 2>said
	invalid_are </dev/null
	stray now
	work -- cat
	invalid_are <<<"1 it has no batchId"
	G=$S.other
	seq 3 >three
	ready three
	stray behind
	work -- cat
	invalid_are <<-END
		1 it has no batchId
		5 it has no batchId
	END
}

@test "nothing is written a second time by who comes next" {
	begun
	stray one
	work -- cat
	stray two
	work -- cat
	work -- cat
	invalid_are <<-END
		10 it has no batchId
		11 it has no batchId
	END
}

@test "nothing is written a second time, though a batch before it is not done" {
	begun
	ready ten
	stray one
	background work batch-work -G "$G" --report 100ms --backoff 60s -- sh -c 'exit 75'
	wait_for holds_records "$S.invalid"
	stopped work
	[[ $(committed_offset "$G" 0) == 10 ]]
	work -- cat
	invalid_are <<<"20 it has no batchId"
	no_lag "$G"
}

@test "several partitions, two groups: each group says it" {
	begin_work 3
	begun
	for P in 0 1 2; do
		stray "to $P" batchId=nobody
		stray "to $P"
	done
	work -- cat
	kget "$S.invalid" -f '%s\n' >first
	[[ $(jq -c '[.partition, .failure]' first | sort | uniq -c | grep -c ' 1 ') == 6 ]]
	no_lag "$G" 3
	G=$S.other
	work -- cat # begins at the end
	P=1 stray more
	work -- cat
	G=$S.group
	work -- cat
	kget "$S.invalid" -f '%s %h\n' | tail -n +1 >both
	[[ $(grep -c "__dlq.errors.group=$S.group" both) == 7 ]]
	[[ $(grep -c "__dlq.errors.group=$S.other" both) == 1 ]]
}

@test "who follows the stream finds them while it runs" {
	background work batch-work -G "$G" --report 100ms -- cat
	seq 5 >five
	ready five
	wait_for status_is completed
	stray one
	wait_for holds_records "$S.invalid"
	ready five
	stray two batchId=nobody
	wait_for holds_records "$S.invalid" 2
	stopped work
	invalid_are <<-END
		5 it has no batchId
		11 batch 'nobody' is unknown
	END
}

@test "workers that share the partitions" {
	begin_work 4
	begun
	for n in 1 2; do
		background "w$n" batch-work -G "$G" --report 100ms -v -- cat
		wait_for grep -q 'partitions are ours' "w$n.err"
	done
	wait_for grep -q '2 partitions are ours' w1.err
	for P in 0 1 2 3; do
		stray "to $P"
	done
	wait_for holds_records "$S.invalid" 4
	stopped w1 w2
	kget "$S.invalid" -f '%s\n' >invalid.json
	[[ $(jq .partition invalid.json | sort | tr '\n' ' ') == '0 1 2 3 ' ]]
	no_lag "$G" 4
}

@test "a batch that comes after it was asked for" {
	begun
	background work batch-work -G "$G" --report 100ms -v -- cat
	stray early batchId=chosen
	wait_for holds_records "$S.invalid"
	kill -STOP "${pids[work]}" # it sees the batch when that has ended, on a busy machine, too
	create --id chosen
	batch-send -B chosen ten >/dev/null
	batch-terminate -B chosen >/dev/null
	kill -CONT "${pids[work]}"
	stray last
	wait_for holds_records "$S.invalid" 2
	stopped work
	invalid_are <<-END
		10 batch 'chosen' is unknown
		21 it has no batchId
	END
	counts work.err
	((skipped == 10))
}

@test "a batch that was asked for, and fails afterwards" {
	begun
	ready ten
	background work batch-work -G "$G" --report 100ms --backoff 60s -v -- sh -c 'exit 75'
	stray one "batchId=$B"
	wait_for holds_records "$S.invalid"
	batch-terminate -B "$B" --failed why >/dev/null
	stray two "batchId=$B"
	stray three
	wait_for holds_records "$S.invalid" 2
	stopped work
	counts work.err
	((late == 1 && skipped == 1))
}

@test "the offset is not beyond a batch that waits for its turn" {
	begun
	ready ten --priority 100
	ready ten --priority 0
	stray last
	background work batch-work -G "$G" --report 100ms -j 1 -- sh -c 'touch began; while [ ! -e go ]; do sleep 0.02; done; exec cat'
	wait_for test -e began
	wait_for holds_records "$S.invalid"
	[[ $(committed_offset "$G" 0) == 10 ]]
	touch go
	wait_for status_is completed
	stopped work
}

@test "a manifest that tells of more than there is moves the group nowhere" {
	begun
	background work batch-work -G "$G" --report 100ms -- cat
	jq -c '.manifest | walk(if type == "object" and has("last") then . + {last: 1009, count: 1010} else . end) |
		.records = 1010 | .senders[].records = 1010' completed.json >manifest.json
	grep -q '"last":1009' manifest.json
	KEY=1 notify liar started
	KEY=1 notify liar completed ". + {expectedRecordCount: 1010, manifest: $(<manifest.json)}"
	ready ten
	wait_for status_is completed
	stopped work
	status_of liar completed
	no_lag "$G"
}

@test "a record between those of a batch" {
	begun
	create --processing
	background send batch-send -B "$B" -- sh -c 'seq 5; while [ ! -e go ]; do sleep 0.02; done; seq 5'
	wait_for holds_records "$S.in" 15
	stray between
	stray "of it, as it says" "batchId=$B"
	touch go
	ends 0 send
	batch-complete <send.out >completed.json
	jq -e '.manifest.partitions["0"] == {first: 10, last: 21, count: 10}' completed.json
	work -v -- cat 2>said
	counts said
	((read == 12))
	invalid_are <<-END
		15 it has no batchId
		16 batch '$B' was completed without it
	END
	status_is completed
}

@test "what batches hold is not read for it, nor what is being sent" {
	seq 20000 >many
	begun
	ready many
	create --processing
	batch-send -B "$B" many >sent.json
	work -v --report 60s -- cat 2>said >/dev/null
	counts said
	((read == 0))
	batch-complete <sent.json >/dev/null
	finished many
	work -v --report 60s -- cat 2>said >/dev/null
	counts said
	((read == 0))
	invalid_are </dev/null
}

@test "a batch that is being sent hides nothing that lies before others" {
	begun
	create
	batch-send -B "$B" ten >/dev/null
	stray one
	finished ten
	stray two
	work -- cat
	invalid_are <<<"20 it has no batchId"
	finished ten
	work -- cat
	invalid_are <<-END
		20 it has no batchId
		31 it has no batchId
	END
}

@test "a batch that is left open hides nothing when all is quiet" {
	begun
	create
	batch-send -B "$B" ten >/dev/null
	stray behind
	background work batch-work -G "$G" --report 100ms -- cat
	wait_for holds_records "$S.invalid"
	stopped work
	invalid_are <<<"20 it has no batchId"
}

@test "the group has no lag when all is done, also behind the marker of a transaction" {
	begin_work 2
	begun
	create --processing
	batch-send -B "$B" --atomic ten >/dev/null
	stray last
	work -- cat
	no_lag "$G" 2
	finished ten
	create
	batch-send -B "$B" --atomic ten >/dev/null
	work -- cat
	no_lag "$G" 2
}

@test "what retention has deleted is passed over" {
	begun
	seq 100 | kput "$S.in" -p 0
	python3 "$tests_root/delete_records.py" "$BATCH_BROKERS" "$S.in" 0 50
	run -0 --separate-stderr work -- cat
	silent
	kget "$S.invalid" -f '%s\n' >invalid.json
	diff <(jq .offset invalid.json | sort -n) <(seq 50 109)
	no_lag "$G"
}

# --- what becomes of them

@test "--on-invalid skip and stop, --max-invalid" {
	begun
	stray one
	stray two
	run -1 --separate-stderr work --on-invalid stop -- cat
	says "$S.in" 'offset 10 is invalid'
	run -1 --separate-stderr work --max-invalid 2 --on-invalid skip -- cat
	mentions 'is invalid: it has no batchId'
	mentions --max-invalid
	invalid_are </dev/null
	stray three
	work --on-invalid skip -v -- cat 2>said
	counts said
	((no_id == 1))
	invalid_are </dev/null
}

@test "a thousand ids that nobody knows, and some between that are known" {
	begun
	known=$B
	create
	batch-terminate -B "$B" >/dev/null
	# kcat gives all records the same headers; a worker's results have any.
	for i in {1..1000}; do
		echo "{\"value\":\"v\",\"headers\":[[\"batchId\",\"id-$i\"]]}"
		((i % 100)) || echo "{\"value\":\"v\",\"headers\":[[\"batchId\",\"$known\"]]}" \
			"{\"value\":\"v\",\"headers\":[[\"batchId\",\"$B\"]]}" | tr ' ' '\n'
	done >envelopes
	kput "$S.out" <<<go
	batch-work -G "$G.copy" -t "$S.out" -o beginning --once --on-invalid skip --out "$S.in" -J \
		-- sh -c 'cat >/dev/null; exec cat envelopes'
	work -v -- cat 2>said
	counts said
	((unknown == 1000 && late == 10 && skipped == 10))
	kget "$S.invalid" -f '%s\n' | jq -r .failure | sort | uniq -c >reasons
	[[ $(wc -l <reasons) == 1001 ]]
	grep -qxF "     10 batch '$known' was completed without it" reasons
}

@test "--exactly-once: each once, though the worker is killed" {
	begun
	seq 3000 | kput "$S.in" -p 0
	same=(--instance one --exactly-once)
	for at in 100 1100 2100; do
		background work batch-work -G "$G" "${same[@]}" -- cat
		wait_for holds_records "$S.invalid" "$at"
		kill -KILL "${pids[work]}"
		ends 137 work
	done
	work "${same[@]}" -- cat
	committed "$S.invalid" 3000 -f '%s\n' >invalid.json
	diff <(jq .offset invalid.json | sort -n) <(seq 10 3009)
}
