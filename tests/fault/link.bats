# A link that is cut, swallows, delays, or is silent.
bats_require_minimum_version 1.5.0
load ../lib/fault

setup_file() {
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	linked_kafka_up "$BATS_FILE_TMPDIR/kafka"
}

teardown_file() {
	own_kafka_down "$BATS_FILE_TMPDIR/kafka"
	kill "$proxy_pid"
}

setup() {
	begin 2
	seq -f 'record %.0f of an input for which a bad link takes its time' 20000 >input
	cat input input >long
	export GOOD=$BATCH_BROKERS
}

teardown() {
	link pass >/dev/null
	end_background
}

cuts() {
	link count | cut -d' ' -f1
}

hits() {
	link count | cut -d' ' -f2
}

# COMMAND, begun at a good link, has sent something already.
has_begun() {
	holds_records "$S.in" 100
}

@test "I1 I3 I4: cut every 0.3 s, a sender loses nothing and sends nothing twice" {
	create
	before=$(cuts)
	link rate 8000000
	link flap 0.3
	batch-send -b "$LINK" -z none -B "$B" long >sent.json
	link pass
	(($(cuts) - before >= 3))
	batch-complete <sent.json >/dev/null
	is_whole long
	saw '.duplicates == 0'
}

@test "I1 I3 I4: neither does it when requests or their answers are swallowed" {
	create
	link rate 400000
	background sender batch-send -b "$LINK" -z none -B "$B" input
	wait_for has_begun
	for way in down up; do
		before=$(hits)
		link swallow "$way"
		was_hit() { (($(hits) > before)); }
		wait_for was_hit
		pause_ms 1200 # a request takes half of that
		link pass
		link cut
		link rate 400000
	done
	ends 0 sender
	batch-complete <sender.out >/dev/null
	link pass
	is_whole input
	saw '.duplicates == 0'
}

@test "I1 I9: cut every 0.3 s, a consumer gets each record once" {
	create
	batch-send -z none -B "$B" long | batch-complete >/dev/null
	before=$(cuts)
	link rate 8000000
	link flap 0.3
	gives long batch-consume -b "$LINK" -B "$B"
	(($(cuts) - before >= 3))
	mkdir out
	batch-consume -b "$LINK" -G "$S.group" -c 1 --to-dir out
	cmp out/"$B" long
}

@test "I8: batch-init asks again when nobody answers to its making of topics" {
	link mute 19 # CreateTopics
	before=$(hits)
	background init batch-init -s "$S.new" --partitions 1 --replication 1 -b "$LINK"
	wait_for eval '(($(hits) > before))'
	link pass
	ends 0 init
	[[ $(jq -c '[.topics[].created]' init.out) == '[true,true,true,true]' ]]
}

# Asked once more it would be told of an error, that there are so many already.
@test "I5: batch-init that hears nothing of the partitions it asked for does not ask again" {
	before=$(hits)
	link deaf 37 # CreatePartitions
	background init batch-init --partitions 5 --replication 1 --grow -b "$LINK"
	wait_for eval '(($(hits) > before))'
	link pass
	ends 4 init
	[[ $(batch-init --partitions 5 | jq '.topics[0].partitions') == 5 ]]
}

# Longer than the shortest wait for an answer.
@test "I8: a slow link is no failure" {
	create
	link delay 0.3
	export BATCH_BROKERS=$LINK
	alone init batch-init --partitions 2 --replication 1
	alone status batch-status -B "$B"
	ends_within 30 0 init
	ends_within 30 0 status
}

@test "I1 I8: a slow link is no failure for those who send and read either" {
	for_torture
	create
	link delay 0.3
	head -n 500 input >some
	export BATCH_BROKERS=$LINK
	batch-send -B "$B" some | batch-complete >/dev/null
	gives some batch-consume -B "$B"
	mkdir out
	batch-consume -G "$S.group" -e --to-dir out
	cmp out/"$B" some
}

@test "I8: what waits for a slow link takes no memory" {
	create
	link rate 200000
	for _ in {1..40}; do cat input; done >large
	background sender batch-send -b "$LINK" -z none -B "$B" large
	wait_for has_begun
	link rate 50000
	pause_ms 1000
	peak=$(awk '/^VmHWM/ { print $2 }' "/proc/${pids[sender]}/status")
	kill -KILL "${pids[sender]}"
	[[ -n ${BATCH_TEST_SAN:-} ]] || ((peak < 60000))
}

@test "I8: a link that lets nothing through: every tool ends in time, and changes nothing" {
	finished input
	whole=$B
	create
	link hole
	export BATCH_BROKERS=$LINK
	alone create batch-create -m 2s -n x --id "$B.x"
	alone send batch-send -m 2s -B "$B" input
	alone complete batch-complete -m 2s -B "$B" --records 0
	alone terminate batch-terminate -m 2s -B "$B"
	alone status batch-status -m 2s -B "$B"
	alone consume batch-consume -m 2s -B "$whole"
	alone group batch-consume -m 2s -G "$S.group" -e
	alone topic batch-consume -m 2s -t "$S.in" -e
	alone watch batch-watch -m 2s -e
	alone init batch-init -m 2s -s "$S"
	for name in create send complete terminate status consume group topic watch init; do
		ends_within 4 4,5 "$name"
		[[ ! -s $name.out ]]
	done
	export BATCH_BROKERS=$GOOD
	link pass
	verify
	saw '.counted == ["started"]' '.records == 0' '.ignored == 0'
}

@test "I5 I8: silent in the middle of a send: it says what is known, and no more" {
	create
	link rate 400000
	alone send batch-send -b "$LINK" -m 4s -z none -B "$B" input
	wait_for has_begun
	link hole
	began[send]=$(milliseconds)
	ends_within 6 7 send
	[[ ! -s send.out ]]
	link pass
	acked=$(sed -n 's/.*: \([0-9]*\) records acknowledged, .*/\1/p' send.err)
	verify input
	saw ".records >= $acked" '.duplicates == 0'
	batch-send --resume -B "$B" input | batch-complete >/dev/null
	is_whole input
}

# An event that arrives without an answer, or does not arrive at all: nobody can tell which.
@test "I5 I6: no answer to an event: outcome unknown, whether it arrived or not" {
	for verb in deaf mute; do
		for command in 'batch-create -n x --id' 'batch-complete --records 0 -B' 'batch-terminate -B'; do
			B=$verb-${command%% *}
			[[ $command == batch-create* ]] || batch-create -n x --id "$B" >/dev/null
			link "$verb" 0 # Produce
			# shellcheck disable=SC2086
			alone writer $command "$B" -b "$LINK" -m 2s
			ends_within 4 7 writer
			[[ ! -s writer.out ]]
			link pass
			link cut
			verify
			arrived=$([[ $verb == deaf ]] && echo 1 || echo 0)
			created=$([[ $command == batch-create* ]] && echo 0 || echo 1)
			saw "(.counted | length) == $((arrived + created))"
			# The same once more: done already, or done now.
			# shellcheck disable=SC2086
			run -$((arrived * 6)) $command "$B"
		done
	done
}

@test "I5 I7: no answer to a commit of --atomic: outcome unknown, whether it arrived or not" {
	for verb in deaf mute; do
		batch-create -n x --id "$verb" >/dev/null
		link "$verb" 26 # EndTxn
		alone writer batch-send --atomic -B "$verb" -b "$LINK" -m 4s input
		ends_within 6 7 writer
		[[ ! -s writer.out ]]
		link pass
		link cut
	done
	B=deaf
	wait_for status_is completed
	gives input batch-consume -B "$B"
	# What did not arrive is aborted by whoever sends it again.
	batch-send --atomic -B mute input >/dev/null
	gives input batch-consume -B mute
}

@test "I1: no answer to a commit of offsets: the batch comes again, or not, but is not lost" {
	finished input
	mkdir out
	for verb in deaf mute; do
		link "$verb" 8 # OffsetCommit
		alone member batch-consume -b "$LINK" -m 3s -G "$S.$verb" -c 1 --to-dir out -X session.timeout.ms=1000
		ends_within 8 4,7 member
		link pass
		link cut
		cmp out/"$B" input
		rm out/"$B"
		batch-consume -G "$S.$verb" -e --to-dir out -X session.timeout.ms=1000
		if [[ $verb == mute ]]; then cmp out/"$B" input; else [[ -z $(ls -A out) ]]; fi
	done
}
