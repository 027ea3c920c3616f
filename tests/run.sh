#!/usr/bin/env bash
# Runs all tests, or the .bats files given. The last line of its output is the count of all suites.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
broker=$root/tests/kafka/broker.sh

usage() {
	cat <<'EOF'
usage: run.sh               make check; every .bats file; some of them again with the sanitizer build
       run.sh FILE.bats...  these, with a broker of their own
       run.sh --newest [FILE.bats...]  with the newest librdkafka; pip fetches it

It prints a line for each file when that is done, the failed tests with what they said at the end,
and last how many passed and failed.

environment:
  BATCH_TEST_SAN=1   with FILE.bats: use the sanitizer build
  BATCH_TEST_JOBS=N  files at the same time (6); with 1 each test is shown when it is done
  BATCH_TEST_KEEP=1  leave the broker running and the folder in place
EOF
}

passed=0 failed=0 skipped=0
broken=() # what made a suite fail beside its failed tests
done_all=0
library=() # LD_LIBRARY_PATH of the newest librdkafka, when the tests run with that

say() {
	printf '# %s\n' "$*"
}

blame() { # COUNT WHAT
	failed=$((failed + $1))
	broken+=("$2")
}

# --- counting

output_of() { # NAME
	echo "$dir/${1//\//-}.tap"
}

# Prints: passed failed skipped planned
count_tap() { # FILE
	awk '
		/^ok [0-9]+/ { if (tolower($0) ~ /# skip/) skipped++; else passed++ }
		/^not ok [0-9]+/ { failed++ }
		/^1\.\.[0-9]+/ { planned += substr($1, 4) }
		END { print passed + 0, failed + 0, skipped + 0, planned + 0 }' "$1"
}

# A suite that says nothing, stops early or exits with an error has failed, whatever it printed.
judge() { # NAME STATUS SECONDS
	local p f s planned results
	read -r p f s planned < <(count_tap "$(output_of "$1")")
	results=$((p + f + s))
	if ((results == 0)); then
		f=1
		broken+=("$1: no test ran (exit status $2)")
	elif ((planned > results)); then
		f=$((f + planned - results))
		broken+=("$1: $((planned - results)) of $planned tests did not run")
	elif (($2 != 0 && f == 0)); then
		f=1
		broken+=("$1: exit status $2 without a failed test")
	fi
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	printf '%-36s %3d passed, %d failed, %d skipped, %d s\n' "$1:" "$p" "$f" "$s" "$3"
}

failures_in() { # FILE
	awk '
		/^not ok [0-9]+/ { show = 1 }
		/^ok [0-9]+|^1\.\.[0-9]+|^# tests\// { show = 0 }
		show' "$1"
}

# The failed tests with what they said. Of a suite that failed without one, the end of its output.
show_failures() {
	local file item
	for file in "$dir"/*.tap; do
		grep -qsE '^not ok [0-9]+' "$file" || continue
		say "failed in $(basename "$file" .tap):"
		failures_in "$file"
	done
	for item in "${broken[@]}"; do
		say "$item"
		file=$(output_of "${item%%:*}")
		[[ -s $file && $item != *interrupted ]] || continue
		grep -qE '^not ok [0-9]+' "$file" || tail -n 60 "$file"
	done
}

# --- several at a time

names=() commands=()      # what is to be run, in this order
declare -A running=() began=() # by process: its index, and when it began

add() { # NAME COMMAND...
	names+=("$1")
	commands+=("$(printf '%q ' "${@:2}")")
}

slots() {
	echo "${BATCH_TEST_JOBS:-6}" # they wait more than they compute
}

# Each has a process group of its own, so that it can be ended as a whole.
begin() { # INDEX
	local file show=(cat)
	file=$(output_of "${names[$1]}")
	(($(slots) > 1)) || show=(tee /dev/stderr)
	set -m
	(eval "${commands[$1]}" 2>&1 </dev/null | "${show[@]}" >"$file") &
	running[$!]=$1 began[$!]=$SECONDS
	set +m
}

# Waits for one and judges it.
reap() {
	local pid status=0 name
	wait -n -p pid "${!running[@]}" || status=$?
	name=${names[${running[$pid]}]}
	unset "running[$pid]"
	if [[ $name == build-* ]]; then
		printf '%-36s %d s\n' "$name:" $((SECONDS - began[$pid]))
		((status == 0)) || blame 1 "$name: it could not be built"
		((status != 0)) || touch "$dir/$name.done"
	else
		judge "$name" "$status" $((SECONDS - began[$pid]))
	fi
}

is_running() { # NAME
	local index
	for index in "${running[@]}"; do
		[[ ${names[$index]} != "$1" ]] || return 0
	done
	return 1
}

run_added() {
	local i
	for i in "${!names[@]}"; do
		while ((${#running[@]} >= $(slots))); do reap; done
		if [[ ${names[$i]} == san/* ]]; then
			while is_running build-san; do reap; done
			[[ -e $dir/build-san.done ]] || continue
		fi
		begin "$i"
	done
	while ((${#running[@]} > 0)); do reap; done
}

end_running() {
	local pid end
	((${#running[@]} > 0)) || return 0
	for pid in "${!running[@]}"; do
		kill -TERM -- "-$pid" 2>/dev/null || true
		blame 1 "${names[${running[$pid]}]}: interrupted"
	done
	end=$((SECONDS + 10))
	for pid in "${!running[@]}"; do
		while kill -0 -- "-$pid" 2>/dev/null && ((SECONDS < end)); do sleep 0.1; done
		kill -KILL -- "-$pid" 2>/dev/null || true
	done
}

# --- suites

build() { # MAKE-ARGUMENT...
	make -C "$root" --no-print-directory -j "$(nproc)" "$@"
}

# What nohup and the like have had ignored is not for the tests.
run_bats() { # BIN FILE
	PATH=$1:$PATH env --default-signal=HUP,INT,QUIT,TERM "${library[@]}" bats --formatter tap "$2"
}

# A report goes to a file of its own, because a test may expect the status that it causes. With gcc
# the undefined sanitizer can't write one: there it aborts, which the address sanitizer reports.
run_san_bats() { # FILE
	export BATCH_TEST_SAN=1
	export ASAN_OPTIONS=exitcode=99:detect_leaks=1:handle_abort=1:log_path=$dir/reports/san
	export UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1:log_path=$dir/reports/san
	run_bats "$root/build/san/bin" "$1"
}

use_newest() {
	local folder
	"$root/tests/setup.sh" newest
	folder=$("$root/tests/kafka/newer.sh")
	library=("LD_LIBRARY_PATH=$folder")
	say "librdkafka is that of $folder"
}

name_of() { # FILE
	local name
	name=$(realpath "$1")
	echo "${name#"$root/tests/"}"
}

add_plain() { # FILE...
	local file
	for file; do
		add "$(name_of "$file")" run_bats "$root/build/bin" "$file"
	done
}

add_sanitized() { # FILE...
	local file
	for file; do
		add "san/$(name_of "$file")" run_san_bats "$file"
	done
}

count_reports() {
	local report reports=0
	for report in "$dir"/reports/*; do
		[[ -s $report ]] || continue
		reports=$((reports + 1))
		head -n 40 "$report" >>"$dir/sanitizers.tap"
	done
	((reports == 0)) || blame "$reports" "sanitizers: $reports reports"
}

# --- the broker

broker_up() {
	local owner=(--owner $$)
	[[ -z ${BATCH_TEST_KEEP:-} ]] || owner=()
	"$broker" start "$dir/kafka" "${owner[@]}" >/dev/null || return
	BATCH_TEST_BROKERS=$(<"$dir/kafka/address")
	export BATCH_TEST_BROKERS BATCH_BROKERS=$BATCH_TEST_BROKERS
	export BATCH_TEST_DIR=$dir BATCH_TEST_OWNER=$$
}

brokers_down() {
	local folder
	for folder in "$dir"/kafka*/; do
		[[ -e $folder/pid ]] || continue
		if ! kill -0 "$(<"$folder/pid")" 2>/dev/null; then
			blame 1 "broker: it ended before the tests did"
			cp "$folder/log" "$dir/broker.tap"
		fi
		"$broker" stop "$folder" || blame 1 "broker: it could not be stopped"
	done
}

# Whatever the tests began has our folder for its temporary files.
left_behind() {
	env -u TMPDIR grep -lsz "^TMPDIR=$TMPDIR" /proc/[0-9]*/environ | cut -d / -f 3 || true
}

end_left_behind() {
	local pid words end=$((SECONDS + 5))
	while [[ -n $(left_behind) ]] && ((SECONDS < end)); do sleep 0.2; done
	for pid in $(left_behind); do
		words=$({ tr '\0' ' ' <"/proc/$pid/cmdline"; } 2>/dev/null) || continue
		[[ -n $words ]] || continue # the process that looked
		blame 1 "left behind: process $pid, $words"
		kill -KILL "$pid" 2>/dev/null || true
	done
}

# --- the run

finish() {
	local status=$?
	trap - EXIT
	trap : INT TERM HUP # once is enough
	end_running
	if [[ -n ${BATCH_TEST_KEEP:-} ]]; then
		say "kept: $dir; to stop its broker: tests/kafka/broker.sh stop $dir/kafka"
	else
		brokers_down
		end_left_behind
	fi
	((done_all)) || blame 1 "run.sh: it did not come to its end (exit status $status)"
	count_reports
	show_failures
	[[ -n ${BATCH_TEST_KEEP:-} ]] || rm -rf "$dir"
	say "skipped: $skipped, seconds: $SECONDS"
	printf '%d passed, %d failed\n' "$passed" "$failed"
	exit $((failed > 0))
}

# First what takes long.
add_all() {
	local part
	add build-san build SAN=1
	add_plain "${files[@]}"
	for part in "${parts[@]}"; do
		add "check/$part" "$root/tests/check.sh" "$root/build" "$part"
	done
	add_sanitized "${again[@]}"
}

add_some() { # FILE...
	if [[ -n ${BATCH_TEST_SAN:-} ]]; then
		unset BATCH_TEST_SAN
		add build-san build SAN=1
		add_sanitized "$@"
	else
		add_plain "$@"
	fi
}

announce() { # FILE...
	if ((newest && $# == 0)); then
		say "${#files[@]} files of tests with the newest librdkafka, $(slots) at a time: about 8 minutes on two cores"
	elif (($# > 0)); then
		say "$# files of tests, $(slots) at a time"
	else
		say "make check, ${#files[@]} files of tests, and ${#again[@]} of them again with sanitizers, $(slots) at a" \
			"time: about 9 minutes on two cores, and up to 2 when packages and Kafka have to be fetched"
	fi
}

choose() {
	shopt -s nullglob
	files=("$root"/tests/fault/*.bats "$root"/tests/*.bats)
	again=("$root"/tests/{atomic,batch-consume-group,batch-send,batch-work,hostile,pipes,resume}.bats)
	mapfile -t parts < <("$root/tests/check.sh" --parts)
}

main() {
	newest=0
	[[ ${1:-} != --newest ]] || { newest=1 && shift; }
	[[ ${1:-} != -* ]] || { usage && exit 2; }
	# This may be the recipe of a make whose flags and job slots are not for the makes below.
	unset MAKEFLAGS MFLAGS MAKELEVEL
	export CMOCKA_MESSAGE_OUTPUT=TAP
	choose
	announce "$@"
	"$root/tests/setup.sh" test
	((!newest)) || use_newest
	dir=$(mktemp -d "${TMPDIR:-/tmp}/batch-test.XXXXXX")
	trap finish EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	mkdir "$dir/tmp" "$dir/reports"
	export TMPDIR=$dir/tmp

	say "building"
	if ! build all unit >"$dir/build.tap" 2>&1; then
		blame 1 "build: it failed"
	elif broker_up; then
		say "Kafka serves at $BATCH_TEST_BROKERS after $SECONDS s; each file is named when it is done"
		if (($# > 0)); then
			add_some "$@"
		elif ((newest)); then
			add_plain "${files[@]}"
		else
			add_all
		fi
		run_added
	else
		blame 1 "broker: it could not be started"
	fi
	done_all=1
}

main "$@"
