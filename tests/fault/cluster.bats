# Three brokers, of which one dies, and then a second.
bats_require_minimum_version 1.5.0
load ../lib/fault

setup_file() {
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	export KAFKA=$BATS_FILE_TMPDIR/kafka
	export BATCH_TEST_JVM='-Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC'
	use_broker "$(own_kafka_up "$KAFKA" --brokers 3)"
}

teardown_file() {
	own_kafka_down "$KAFKA"
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	new_stream
	export BATCH_STREAM=$S
	wait_for all_there
	batch-init --partitions 3 --replication 3 --min-isr 2 >init.json
}

teardown() {
	end_background
	[[ -z ${slow:-} ]] || continue_broker "$KAFKA/$slow"
	for broker in "${dead[@]}"; do
		restart_broker "$KAFKA/$broker"
	done
}

metadata() { # OPTION...
	kcat -L -J -b "$BATCH_BROKERS" "$@"
}

all_there() {
	[[ $(metadata | jq '.brokers | length') == 3 ]]
}

in_sync() { # TOPIC
	[[ $(metadata -t "$1" | jq '[.topics[0].partitions[].isrs | length] | min') == 3 ]]
}

# Sets leader to who leads partition 0.
leader_of() { # TOPIC
	leader=$(metadata -t "$1" | jq '.topics[0].partitions[] | select(.partition == 0).leader')
}

dead=()

lose() { # BROKER
	kill_broker "$KAFKA/$1"
	dead+=("$1")
}

bring_back() {
	for broker in "${dead[@]}"; do
		restart_broker "$KAFKA/$broker"
	done
	dead=()
	wait_for all_there
	wait_for in_sync "$S.in"
}

# Asks those brokers and no other.
known_to() { # TOPIC BROKER...
	local broker
	for broker in "${@:2}"; do
		kcat -L -J -b "$(<"$KAFKA/$broker/address")" -t "$1" |
			jq -e '.topics[0].error | not' >/dev/null || return
	done
}

both_list_all() { # BROKER BROKER
	local broker
	for broker; do
		[[ $(kcat -L -J -b "$(<"$KAFKA/$broker/address")" | jq '.brokers | length') == 3 ]] || return
	done
}

# Sets controller to who makes the topics.
find_controller() {
	controller=$("$tests_root/kafka/broker.sh" quorum "$KAFKA/1" describe --status |
		sed -n 's/^LeaderId: *//p')
}

@test "I5: batch-init is done when the slowest broker knows the topics" {
	find_controller
	slow=$((controller % 3 + 1)) other=$((slow % 3 + 1))
	pause_broker "$KAFKA/$slow"
	background init batch-init -s "$S.new" --partitions 1 --replication 2 -b "$(<"$KAFKA/$other/address")"
	wait_for known_to "$S.new.in" "$controller" "$other"
	pause_ms 200 # it would have ended by now
	if has_ended init; then
		run ! both_list_all "$other" "$controller" # only what the cluster has given up is not waited for
	fi
	continue_broker "$KAFKA/$slow"
	ends 0 init
	known_to "$S.new.in" "$slow"
}

@test "I5: batch-init waits for a broker that says nothing until the cluster gives it up" {
	find_controller
	slow=$((controller % 3 + 1)) other=$((slow % 3 + 1))
	pause_broker "$KAFKA/$slow"
	for n in {1..5}; do # some of them are told that this one makes topics
		background "init$n" batch-init -s "$S.$n" --partitions 1 --replication 2 -b "$(<"$KAFKA/$other/address")"
	done
	for n in {1..5}; do
		ends 0 "init$n"
	done
	run ! both_list_all "$other" "$controller"
}

@test "I1-I4: a leader dies in the middle, all goes on" {
	for_torture
	all_at_work
	leader_of "$S.in"
	lose "$leader"
	all_end_well
}

@test "I1-I4: the group's coordinator dies in the middle, all goes on" {
	all_at_work
	leader_of __consumer_offsets
	lose "$leader"
	all_end_well
}

@test "I1 I5 I8: the second dies too: it is said in time, and what was acknowledged is there" {
	for_torture
	seq -f 'record %.0f' 20000 >input
	mkfifo pipe
	create
	other=$B
	create
	alone send sh -c 'batch-send -m 4s -B "$0" <pipe' "$B"
	exec {writer}>pipe
	head -n 10000 input >&"$writer"
	wait_for holds_records "$S.in" 10000
	lose 1
	lose 2
	tail -n +10001 input >&"$writer"
	exec {writer}>&-
	began[send]=$(milliseconds)
	ends_within 7 7 send
	alone complete batch-complete -m 2s -B "$other" --records 0
	ends_within 4 4,5,7 complete
	bring_back
	((ended == 7)) || [[ $(batch-status -B "$other" | jq -r .status) == started ]]
	acked=$(sed -n 's/.*: \([0-9]*\) records acknowledged, .*/\1/p' send.err)
	((acked >= 10000))
	verify input
	saw ".records >= $acked" '.duplicates == 0' '.status != "completed"'
	batch-send --resume -B "$B" input | batch-complete >/dev/null
	is_whole input
}

@test "I1 I5 I8: fewer replicas than asked for: nothing is reported as sent" {
	for_torture
	export BATCH_STREAM=$S.two
	batch-init --partitions 1 --replication 2 --min-isr 2 >init.json
	S=$S.two
	seq 100 >input
	create
	leader_of "$S.in"
	follower=$(metadata -t "$S.in" | jq ".topics[0].partitions[0].isrs[].id | select(. != $leader)")
	lose "$follower"
	alone send batch-send -m 4s -B "$B" input
	ends_within 6 3,4,5,7 send
	[[ ! -s send.out ]]
	restart_broker "$KAFKA/$follower"
	dead=()
	batch-send --resume -B "$B" input | batch-complete >/dev/null
	is_whole input
}
