# Everything at once: a broker that pauses and dies, a bad link, tools that are killed. By make torture.
bats_require_minimum_version 1.5.0
load ../lib/fault

setup_file() {
	[[ -n ${TORTURE_TIME:-} ]] || return 0
	export KAFKA=$BATS_FILE_TMPDIR/kafka
	linked_kafka_up "$KAFKA"
}

teardown_file() {
	[[ -n ${TORTURE_TIME:-} ]] || return 0
	own_kafka_down "$KAFKA"
	kill "$proxy_pid"
}

# Loops that do their work whatever happens; each leaves its batches' inputs in want.

# Until COMMAND is done, or was done before.
insist() { # COMMAND...
	local status
	until [[ -e give-up ]]; do
		status=0
		"$@" || status=$?
		((status != 0 && status != 6)) || return 0
	done
	return 1
}

send_again() { # BATCH NAME
	until batch-send -q --resume -m 10s -B "$1" "want/$1.part" >"$2.sent"; do
		[[ ! -e give-up ]] || return
	done
}

complete_again() { # NAME
	batch-complete -q -m 10s <"$1.sent" >/dev/null
}

sends() { # NAME BROKERS
	local n
	export BATCH_BROKERS=$2
	for ((n = 1; ; n++)); do
		insist batch-create -q -n x --id "$1-$n" >/dev/null || return
		seq -f "record %.0f of $1-$n" $((n % 7 * 3000 + 10)) >"want/$1-$n.part"
		send_again "$1-$n" "$1" || return
		mv "want/$1-$n.part" "want/$1-$n"
		insist complete_again "$1" || return
		[[ ! -e stop ]] || return 0
	done
}

takes() { # BROKERS
	export BATCH_BROKERS=$1
	until [[ -e stop ]]; do
		batch-consume -q -m 10s -G "$S.group" --to-dir out -X session.timeout.ms=2000 || true
	done
}

kill_one() {
	draw 4
	pkill -KILL -P "${pids[$((drawn + 1))]}" || true
}

# One after the other, by the dice.
disturb() {
	local kind
	draw 9
	kind=$((drawn < 5 ? drawn : 5))
	case $kind in
	0) link cut ;;
	1) link flap 0.3 && pause_ms 2000 ;;
	2) link swallow down && pause_ms 500 && link cut ;;
	3) pause_broker "$KAFKA" && pause_ms 2500 && continue_broker "$KAFKA" ;;
	4) kill_broker "$KAFKA" && restart_broker "$KAFKA" ;;
	*) kill_one ;;
	esac >/dev/null
	disturbed[kind]=$((disturbed[kind] + 1))
	link pass >/dev/null
}

@test "I1-I6: a broker and a link that fail again and again, two senders, two consumers" {
	for_torture
	begin 3
	chance
	mkdir want out
	disturbed=(0 0 0 0 0 0)
	background 1 sends good "$BATCH_BROKERS"
	background 2 sends bad "$LINK"
	background 3 takes "$BATCH_BROKERS"
	background 4 takes "$LINK"
	while time_left; do
		disturb
		draw 3000
		pause_ms "$drawn"
	done
	touch stop
	{ wait_for has_ended 1 && wait_for 60 has_ended 2; } || touch give-up
	ends 0 1
	ends 0 2
	pkill -TERM -P "${pids[3]}" || true
	pkill -TERM -P "${pids[4]}" || true
	wait "${pids[3]}" "${pids[4]}" || true
	running=()
	tell "link cut ${disturbed[0]}, flapping ${disturbed[1]}, swallowing ${disturbed[2]}; broker paused" \
		"${disturbed[3]}, killed ${disturbed[4]}; tools killed" \
		"${disturbed[5]}; $(find want -type f | wc -l) batches"
	batch-consume -G "$S.group" -e --to-dir out
	[[ $(ls out) == "$(ls want)" ]]
	look_at_log
	for file in want/*; do
		B=${file##*/}
		cmp "$file" "out/$B"
		judge "$file"
		saw '.status == "completed"'
	done
}
