# For the .bats files: a stream of one's own, batches in it, and what is said of them.
# shellcheck shell=bash
#
# Each test has a folder of its own as working directory, so that files have short names.

# shellcheck source=tests/lib/kafka.bash
source "$(dirname "${BASH_SOURCE[0]}")/kafka.bash"

set -o pipefail
export LC_ALL=C.UTF-8
umask 022 # the tools refuse configuration that others can write
export BATS_PRINT_OUTPUT_ON_FAILURE=1
data=$tests_root/data

# --- streams and batches

# Sets S and BATCH_STREAM to a new stream.
begin() { # [PARTITIONS]
	cd "$BATS_TEST_TMPDIR" || return
	new_stream
	batch-init -s "$S" --partitions "${1:-1}" --replication 1 >init.json
	export BATCH_STREAM=$S
}

# Sets B to the id of a new batch.
create() { # OPTION...
	batch-create -n "test-$BATS_TEST_NUMBER" "$@" >created.json || return
	B=$(jq -r .id created.json)
}

# An id as a host makes it whose clock is so far off.
id_made_at() { # SECONDS
	local hex
	printf -v hex %012x $(($(milliseconds) + $1 * 1000))
	echo "${hex:0:8}-${hex:8}-7000-8000-000000000000"
}

# Sets B to the id of a new batch with what FILEs hold, sent and completed.
finished() { # FILE...
	create || return
	batch-send -B "$B" "$@" >sent.json || return
	batch-complete <sent.json >completed.json
}

# Sets B to the id of a new batch that is so.
in_state() { # STATUS
	case $1 in
	started) create ;;
	sendCompleted) create --processing && batch-complete -B "$B" --records 0 >/dev/null ;;
	completed) create && batch-complete -B "$B" --records 0 >/dev/null ;;
	terminated) create && batch-terminate -B "$B" >/dev/null ;;
	failed) create && batch-terminate -B "$B" --failed "it is" >/dev/null ;;
	esac
}

# --- documents

_hold() { # FILTER EXPRESSION...
	local program=() expressions=("${@:2}") i false
	for i in "${!expressions[@]}"; do
		program+=("(if (${expressions[i]}) then empty else $i end)")
	done
	false=$(IFS=, && jq -sr "$1 | ${program[*]}" <<<"$output") || return
	for i in $false; do
		echo "not so: ${expressions[i]}"
	done
	[[ -z $false ]]
}

# Each jq EXPRESSION is true of the one document in $output.
doc_is() { # EXPRESSION...
	_hold 'if length == 1 then .[0] else error("\(length) documents") end' "$@"
}

# Each jq EXPRESSION is true of the list of all documents in $output.
docs_are() { # EXPRESSION...
	_hold . "$@"
}

# jq EXPRESSION of FILE is WANTED.
json_equals() { # WANTED EXPRESSION FILE
	local is
	is=$(jq -c "$2" "$3")
	[[ $is == "$1" ]] && return
	echo "$2 in $3 is $is, not $1"
	return 1
}

# Prints a line for each complaint about a document in FILE.
check_notifications() { # FILE
	local python
	python=$(python_with_jsonschema) || return
	"$python" "$tests_root/schema.py" "$data/hri/batchNotification.json" "$1"
}

# --- events

# The batch's events as the fold judges them, one a line: batch.created counted.
verdicts() { # ID
	batch-status -B "$1" --history >history.json &&
		jq -r '"\(.type) \(.verdict)"' history.json
}

# What readers see who take the last message of a batch for the truth.
last_says() { # ID
	kget "$S.notification" -f '%s\n' | jq -r --arg id "$1" 'select(.id == $id).status' | tail -n 1
}

# The counted events of B are exactly TYPEs, whatever other events there are.
counted() { # TYPE...
	local is
	is=$(verdicts "$B" | sed -n 's/^batch\.\(.*\) counted$/\1/p' | tr '\n' ' ')
	[[ $is == "$* " ]] && return
	echo "counted events: $is"
	return 1
}

# How many records B's notification topic holds of it, whether they count or not.
events() {
	verdicts "$B" | wc -l
}

status_is() { # STATUS
	local now
	now=$(batch-status -B "$B") && [[ $(jq -r .status <<<"$now") == "$1" ]]
}

# --- topics, with the eyes of another client

kput() { # TOPIC OPTION...
	kcat -P -m 60 -b "$BATCH_BROKERS" -X topic.partitioner=murmur2_random -t "$@"
}

kget() { # TOPIC OPTION...
	kcat -C -m 60 -b "$BATCH_BROKERS" -X fetch.wait.max.ms=10 -e -q -t "$@"
}

holds_records() { # TOPIC [AT-LEAST]
	local n=${2:-1}
	(($(kget "$1" -c "$n" -f '.\n' | wc -l) >= n))
}

# A notification as HRI writes it: no headers, no version, no key. With KEY=1 it has one.
notify() { # ID STATUS [JQ-CHANGE [OPTION...]]
	local key=()
	[[ -z ${KEY:-} ]] || key=(-k "$1")
	jq -nc --arg id "$1" --arg topic "$S.in" --arg status "$2" '{
		$id, name: "foreign", integratorId: "someone", $topic, dataType: "claims", $status,
		startDate: "2026-11-21T10:30:00Z", invalidThreshold: -1
	} | '"${3:-.}" | kput "$S.notification" "${key[@]}" "${@:4}"
}

# --- what the tools give and say

# At most so many events were read to look batches up, says the last run.
looked_up() { # MOST
	local n
	n=$(sed -n 's/.*: \([0-9]*\) events read to look batches up$/\1/p' <<<"$stderr")
	[[ -n $n ]] && ((n <= $1)) && return
	echo "events read: $n"
	return 1
}

# COMMAND ends well, and its standard output is FILE byte for byte; - is standard input.
gives() { # FILE COMMAND...
	"${@:2}" >given && cmp "$1" given
}

# COMMAND, which waits in vain, ends with STATUS when its short time is up; run again when a broker that stalls did not
# answer in it.
run_in_vain() { # STATUS COMMAND...
	local _
	for _ in {1..50}; do
		run --separate-stderr "${@:2}"
		[[ $status == 5 || $stderr == *'no answer from'* ]] || break
	done
	((status == $1))
}

# Standard error is one line, by a tool of ours, that holds each TEXT.
says() { # TEXT...
	local text
	if [[ ${#stderr_lines[@]} -ne 1 || ! $stderr =~ ^batch-[a-z]+:\  ]]; then
		echo "not one line of a tool's:"
		return 1
	fi
	for text; do
		[[ $stderr == *"$text"* ]] && continue
		echo "not said: $text"
		return 1
	done
}

# One of the lines of standard error holds TEXT.
mentions() { # TEXT
	[[ $stderr == *"$1"* ]] && return
	echo "not said: $1"
	return 1
}

silent() {
	[[ -z $stderr ]] && return
	echo "standard error is not empty"
	return 1
}

# --- processes

declare -gA pids running # load is a function

# Starts COMMAND with its output in NAME.out and NAME.err.
background() { # NAME COMMAND...
	local name=$1
	shift
	"$@" </dev/null >"$name.out" 2>"$name.err" 3>&- &
	pids[$name]=$! running[$name]=$!
}

_seen() { # TOPIC ISOLATION
	kget "$1" -p 0 -f '.\n' -X isolation.level="$2" | wc -l
}

_is_held() { # TOPIC
	(($(_seen "$1" read_uncommitted) > $(_seen "$1" read_committed)))
}

# Opens a transaction of another program in all partitions of TOPIC. What is started in the background while it is open
# needs {transaction}>&-.
open_transaction() { # TOPIC [TRANSACTIONAL-ID]
	mkfifo "open.$1"
	background transaction kput "$1" -K : -X transactional.id="${2:-$S}" -l "open.$1"
	exec {transaction}>"open.$1"
	seq 50000 | sed "s/.*/&:&/" >&"$transaction" # kcat sends when it has read a block
	wait_for _is_held "$1"
}

commit_transaction() {
	exec {transaction}>&-
	ends 0 transaction
}

# What became of what a failed test had started, and the end of what it said.
tell_background() {
	local name status
	for name in "${!pids[@]}"; do
		status=running
		[[ -e /proc/${pids[$name]} ]] || { wait "${pids[$name]}" 2>/dev/null && status=0 || status=$?; }
		echo "--- $name: $status; the end of $name.err:"
		tail -n 20 "$name.err"
	done 2>&1
	[[ ! -s said ]] || tail -n 20 said
}

# Nothing that a failed test began stays behind.
end_background() {
	[[ -n ${BATS_TEST_COMPLETED:-} ]] || tell_background
	((${#running[@]} == 0)) || { kill "${running[@]}"; kill -CONT "${running[@]}"; } 2>/dev/null || true
}

teardown() {
	end_background
}

# What was started as NAME ends with STATUS.
ends() { # STATUS NAME
	local status=0
	wait "${pids[$2]}" || status=$?
	unset "running[$2]"
	((status == $1)) && return
	echo "$2: exit status $status, expected $1"
	return 1
}

# What was started as NAMEs ends by SIGTERM.
stopped() { # NAME...
	local name
	for name; do
		kill -TERM "${pids[$name]}"
	done
	for name; do
		ends 143 "$name" || return
	done
}

# Of two in the background one ends with 0 and is the winner, the other with 6.
one_wins() { # NAME NAME
	if ends 0 "$1" >"$1.lost"; then
		winner=$1
		ends 6 "$2"
	else
		winner=$2
		ends 0 "$2" && ends 6 "$1"
	fi
}

# Runs COMMAND with a standard output that nobody reads any more.
into_closed_pipe() { # COMMAND...
	local both end
	mkfifo closed.pipe
	exec {both}<>closed.pipe {end}>closed.pipe {both}<&-
	"$@" >&"$end"
}

# Prints the peak memory of COMMAND, whose output nobody wants.
peak_mib() { # COMMAND...
	python3 -c '
import resource, subprocess, sys
subprocess.run(sys.argv[1:], stdout=subprocess.DEVNULL, check=True)
print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)' "$@"
}

milliseconds() {
	echo $((${EPOCHREALTIME/[.,]/} / 1000))
}

# What began then took at most SECONDS; twenty more on a machine that may have other work, which that of make
# torture has not.
took_at_most() { # SECONDS BEGAN-MS
	local took=$(($(milliseconds) - $2)) slack=20000
	[[ -z ${TORTURE_TIME:-} ]] || slack=1000
	((took <= $1 * 1000 + slack)) && return
	echo "took $took ms, more than $1 s"
	return 1
}
