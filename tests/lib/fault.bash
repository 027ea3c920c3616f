# For tests/fault: ways to break things, and the judgement of what is left.
# shellcheck shell=bash

# shellcheck source=tests/lib/batch.bash
source "$(dirname "${BASH_SOURCE[0]}")/batch.bash"

# The one of the system starts ten times faster than a shim in PATH.
python=/usr/bin/python3
[[ -x $python ]] || python=python3

# Leaks cannot be looked for in a traced process, nor in one that is killed.
export ASAN_OPTIONS=${ASAN_OPTIONS:+$ASAN_OPTIONS:}detect_leaks=${FAULT_LEAKS:-1}

# --- the log, from outside

look_at_log() {
	kget "$S.notification" -J >log.events && kget "$S.in" -J >log.records
}

# Sets verdict to what verify.py saw of B when the log was looked at; fails when an invariant does not
# hold.
judge() { # [INPUT...]
	grep -F "\"batchId\",\"$B\"" log.records >log.of-batch || true # other batches may be many
	verdict=$("$python" "$tests_root/fault/verify.py" "$B" log.events log.of-batch "$@") && return
	echo "$verdict"
	return 1
}

verify() { # [INPUT...]
	look_at_log && judge "$@"
}

# Each jq EXPRESSION is true of the verdict.
saw() { # EXPRESSION...
	local output=$verdict
	doc_is "$@"
}

# The batch is completed: FILE is what is in the log, what batch-consume gives, and nothing else.
is_whole() { # FILE...
	verify "$@" && saw '.status == "completed"' && gives <(cat "$@") batch-consume -B "$B"
}

# How many records of the batch a reader sees.
visible() { # ISOLATION
	kget "$S.in" -X isolation.level="$1" -f '%h\n' | grep -c "batchId=$B," || true
}

# The batch is completed and all its RECORDS are there, or neither.
all_or_nothing() { # RECORDS
	local wanted=0
	! status_is completed || wanted=$1
	(($(visible read_committed) == wanted))
}

# --- the end of a tool

# Ends in time, with one of the statuses, and leaves no process and no file behind. Start it by
# `alone NAME COMMAND...`. Sets ended to the status.
ends_within() { # SECONDS STATUS[,STATUS...] NAME
	ended=0
	wait_for $(($1 + 60)) has_ended "$3" || kill -KILL -- "-${pids[$3]}"
	wait "${pids[$3]}" || ended=$?
	unset "running[$3]"
	if [[ ,$2, != *,$ended,* ]]; then
		echo "$3: exit status $ended, expected $2"
		return 1
	fi
	took_at_most "$1" "${began[$3]}" || return
	wait_for 30 left_nothing "$3" # nobody left, rather than gone by itself
}

# Or is a zombie, which waits for us.
has_ended() { # NAME
	local stat
	! { stat=$(<"/proc/${pids[$1]}/stat"); } 2>/dev/null || [[ $stat == *') Z '* ]]
}

# Zombies are for whoever adopted them.
left_nothing() { # NAME
	! pgrep -a -r D,R,S,T -s "${pids[$1]}" && [[ -z $(find "$1.tmp" -mindepth 1) ]]
}

declare -gA began

# Starts COMMAND in a session and with a folder for temporary files of its own.
alone() { # NAME COMMAND...
	mkdir -p "$1.tmp"
	began[$1]=$(milliseconds)
	background "$1" env TMPDIR="$PWD/$1.tmp" setsid "${@:2}"
}

# --- kill -9

# Kills COMMAND at its Nth CALL, counted for each thread. 0: it was killed; 1: it ended before, with 0.
killed_at() { # CALL N COMMAND...
	local status=0
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 strace -f -qq -o /dev/null \
		-e "trace=$1" -e "inject=$1:signal=KILL:when=$2" "${@:3}" || status=$?
	case $status in
	137) return 0 ;;
	0) return 1 ;;
	esac
	echo "killed_at $1 $2: exit status $status" >&2
	return 2
}

# --- a broker of one's own

# Makes ADDRESS the broker of all tests of this file; for setup_file.
use_broker() { # ADDRESS
	export BATCH_TEST_BROKERS=$1 BATCH_BROKERS=$1
}

# Kills the broker in DIR, as a machine that loses its power.
kill_broker() { # DIR
	local pid
	pid=$(<"$1/pid")
	kill -KILL "$pid"
	while kill -0 "$pid" 2>/dev/null; do sleep 0.01; done
}

restart_broker() { # DIR
	own_kafka_up "$1" --again >/dev/null
}

pause_broker() { # DIR
	kill -STOP "$(<"$1/pid")"
}

continue_broker() { # DIR
	kill -CONT "$(<"$1/pid")"
}

# --- all tools at work

# Every tool that runs for long, in the middle of its work: a sender and a member of a group, a consumer
# that waits, one that reads, a watcher.
all_at_work() {
	seq -f 'record %.0f' 20000 >input
	finished input
	whole=$B
	create
	mkdir out
	mkfifo pipe reading
	alone watch batch-watch -B "$B" --until completed
	alone waiting batch-consume -B "$B"
	alone member batch-consume -G "$S.group" -c 2 --to-dir out
	alone reading sh -c 'batch-consume -B "$0" >reading' "$whole"
	exec {reader}<reading
	alone send sh -c 'batch-send -B "$0" <pipe' "$B"
	exec {writer}>pipe
	head -n 10000 input >&"$writer"
	wait_for holds_records "$S.in" 30000
	wait_for test -e "out/$whole"
}

# They come to the end that they would have had.
all_end_well() {
	tail -n +10001 input >&"$writer"
	exec {writer}>&-
	cmp - input <&"$reader"
	exec {reader}<&-
	wait "${pids[send]}"
	[[ -s send.out ]]
	batch-complete <send.out >/dev/null
	for name in send reading waiting member watch; do
		began[$name]=$(milliseconds)
		ends_within 30 0 "$name"
	done
	cmp waiting.out input
	cmp "out/$whole" input
	cmp "out/$B" input
	[[ $(jq -r .status watch.out | tail -n 1) == completed ]]
	is_whole input
	saw '.duplicates == 0' '.strays == 0'
}

# --- a bad link

# A broker in DIR with a second listener, behind a proxy. Sets LINK to its address; `link` commands it.
linked_kafka_up() { # DIR OPTION...
	local port control address own=PLAINTEXT://127.0.0.1:@PORT@
	mkdir -p "$1"
	"$python" "$tests_root/fault/proxy.py" "$1/proxy" </dev/null >"$1/proxy.log" 2>&1 3>&- &
	proxy_pid=$!
	wait_for test -s "$1/proxy" || return
	read -r port control <"$1/proxy"
	address=$(own_kafka_up "$1" --property \
		"listeners=$own,LINK://127.0.0.1:@SECURE_PORT@,CONTROLLER://127.0.0.1:@CONTROLLER_PORT@" \
		--property "advertised.listeners=$own,LINK://127.0.0.1:$port" --property \
		listener.security.protocol.map=PLAINTEXT:PLAINTEXT,LINK:PLAINTEXT,CONTROLLER:PLAINTEXT \
		"${@:2}") || return
	use_broker "$address"
	export LINK=127.0.0.1:$port link_control=$control
	link target 127.0.0.1 "$(sed -n 's|^listeners=.*LINK://127.0.0.1:\([0-9]*\).*|\1|p' \
		"$1/server.properties")" >/dev/null
}

# Prints how many connections were cut, and how many bytes did not pass, up to now.
link() { # COMMAND...
	local both answer
	exec {both}<>"/dev/tcp/127.0.0.1/$link_control"
	echo "$*" >&"$both"
	read -r answer <&"$both"
	exec {both}>&-
	echo "$answer"
}

# --- chance

# make torture sets these; without, it is a short taste of the same.
TORTURE_SEED=${TORTURE_SEED:-1}
TORTURE_KILLS=${TORTURE_KILLS:-8}
TORTURE_ROUNDS=${TORTURE_ROUNDS:-5}
TORTURE_SECONDS=${TORTURE_SECONDS:-20} # for each of its tests

chance() {
	RANDOM=$((TORTURE_SEED + BATS_TEST_NUMBER))
	torture_end=$((SECONDS + TORTURE_SECONDS))
	kills=0
}

time_left() {
	((SECONDS < torture_end))
}

# Sets drawn to a number below N. No subshell may draw: it would begin another row of numbers.
draw() { # N
	drawn=$(((RANDOM << 15 | RANDOM) % $1))
}

# Without a process, whose start would take longer than what is waited for.
pause_ms() { # MILLISECONDS
	local seconds
	[[ -n ${never:-} ]] || exec {never}<> <(:)
	printf -v seconds '%d.%03d' $(($1 / 1000)) $(($1 % 1000))
	read -rt "$seconds" -u "$never" || true
}

# Says it where the log of the run shows it.
tell() {
	echo "# seed $TORTURE_SEED: $*" >&3
}

declare -gA span=() killed=()

# A test that looks around at those moments has one of its own.
after_kill() {
	true
}

# Runs COMMAND, and kills it after a random part of the time that it takes, again and again until it
# comes to its end: status is that of its last run, survived its name.out.
tortured() { # NAME COMMAND...
	local name=$1 tries start ms
	shift
	for ((tries = 0; ; tries++)); do
		start=$(milliseconds)
		background "$name" "$@"
		if ((tries < 6 && kills < TORTURE_KILLS)); then
			draw 1000
			pause_ms $((${span[$name]:-200} * drawn / 1000))
			kill -KILL "${pids[$name]}" 2>/dev/null || true
		fi
		status=0
		wait "${pids[$name]}" 2>/dev/null || status=$?
		unset "running[$name]"
		ms=$(($(milliseconds) - start))
		((status == 137)) || break
		kills=$((kills + 1)) killed[$name]=$((${killed[$name]:-0} + 1))
		after_kill
	done
	span[$name]=$((ms * 5 / 4))
	was_killed=$((tries > 0))
}

# What takes too long for every day.
for_torture() {
	[[ -n ${TORTURE_TIME:-} ]] || skip 'make torture runs it'
}
