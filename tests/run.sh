#!/usr/bin/env bash
# Runs all tests, or the .bats files given. The last line of its output is the count of all suites.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
broker=$root/tests/kafka/broker.sh

usage() {
	cat <<'EOF'
usage: run.sh               make check; every .bats file; one pass of the tools with the sanitizer build
       run.sh FILE.bats...  these, with a broker of their own

environment:
  BATCH_TEST_SAN=1   with FILE.bats: use the sanitizer build
  BATCH_TEST_JOBS=N  tests at the same time (6 with GNU parallel, else 1)
  BATCH_TEST_KEEP=1  leave the broker running and the folder in place
EOF
}

passed=0 failed=0 skipped=0
broken=() # what made a suite fail beside its failed tests
done_all=0

say() {
	printf '# %s\n' "$*"
}

blame() { # COUNT WHAT
	failed=$((failed + $1))
	broken+=("$2")
}

# --- counting

# Prints: passed failed skipped planned
count_tap() { # FILE
	awk '
		/^ok [0-9]+/ { if (tolower($0) ~ /# skip/) skipped++; else passed++ }
		/^not ok [0-9]+/ { failed++ }
		/^1\.\.[0-9]+/ { planned += substr($1, 4) }
		END { print passed + 0, failed + 0, skipped + 0, planned + 0 }' "$1"
}

# A suite that says nothing, stops early or exits with an error has failed, whatever it printed.
judge() { # NAME FILE STATUS
	local p f s planned results
	read -r p f s planned < <(count_tap "$2")
	results=$((p + f + s))
	passed=$((passed + p)) failed=$((failed + f)) skipped=$((skipped + s))
	if ((results == 0)); then
		blame 1 "$1: no test ran (exit status $3)"
	elif ((planned > results)); then
		blame $((planned - results)) "$1: $((planned - results)) of $planned tests did not run"
	elif (($3 != 0 && f == 0)); then
		blame 1 "$1: exit status $3 without a failed test"
	fi
	say "$1: $p passed, $f failed, $s skipped"
}

run_suite() { # NAME COMMAND...
	local name=$1 status=0
	shift
	say "$name"
	"$@" 2>&1 | tee "$dir/$name.tap" || status=$?
	judge "$name" "$dir/$name.tap" "$status"
}

# The failed tests with what they said, then the ends of what went wrong as a whole.
show_failures() {
	local file item
	for file in "$dir"/*.tap; do
		grep -qsE '^not ok [0-9]+' "$file" || continue
		say "failed in ${file##*/}:"
		awk '/^not ok [0-9]+/ { show = 1 } /^ok [0-9]+|^1\.\.[0-9]+/ { show = 0 } show' "$file"
	done
	for item in "${broken[@]}"; do
		say "$item"
		file=$dir/${item%%:*}.tap
		if [[ -e $file ]]; then tail -n 60 "$file"; fi
	done
}

# --- suites

build() { # NAME MAKE-ARGUMENT...
	local name=$1
	shift
	make -C "$root" --no-print-directory -j "$(nproc)" "$@" >"$dir/$name.tap" 2>&1 && return
	blame 1 "$name: could not be built"
	return 1
}

jobs() {
	if [[ -n ${BATCH_TEST_JOBS:-} ]]; then
		echo "$BATCH_TEST_JOBS"
	elif [[ $(parallel --version 2>/dev/null </dev/null) == GNU\ parallel* ]]; then
		echo 6 # they wait more than they compute
	else
		echo 1
	fi
}

run_bats() { # BIN FILE...
	local options=(--formatter tap) n
	n=$(jobs)
	((n == 1)) || options+=(--jobs "$n")
	PATH=$1:$PATH bats "${options[@]}" "${@:2}" </dev/null
}

plain_suite() { # FILE...
	run_suite bats run_bats "$root/build/bin" "$@"
}

# A report goes to a file of its own, because a test may expect the status that it causes. With gcc
# the undefined sanitizer can't write one: there it aborts, which the address sanitizer reports.
sanitizer_suite() { # FILE...
	local report reports=0
	build build-san SAN=1 || return 0
	mkdir "$dir/reports"
	export BATCH_TEST_SAN=1
	export ASAN_OPTIONS=exitcode=99:detect_leaks=1:handle_abort=1:log_path=$dir/reports/san
	export UBSAN_OPTIONS=print_stacktrace=1:abort_on_error=1:log_path=$dir/reports/san
	run_suite bats-san run_bats "$root/build/san/bin" "$@"
	unset BATCH_TEST_SAN ASAN_OPTIONS UBSAN_OPTIONS
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
	say "Kafka serves at $BATCH_TEST_BROKERS"
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

# --- the run

finish() {
	local status=$?
	trap - EXIT
	((done_all)) || blame 1 "run.sh: it did not come to its end (exit status $status)"
	if [[ -n ${BATCH_TEST_KEEP:-} ]]; then
		say "kept: $dir; to stop its broker: tests/kafka/broker.sh stop $dir/kafka"
	else
		brokers_down
	fi
	show_failures
	[[ -n ${BATCH_TEST_KEEP:-} ]] || rm -rf "$dir"
	say "skipped: $skipped, seconds: $SECONDS"
	printf '%d passed, %d failed\n' "$passed" "$failed"
	exit $((failed > 0))
}

run_all() {
	local files
	shopt -s nullglob
	files=("$root"/tests/fault/*.bats "$root"/tests/*.bats) # first those that take longest
	unset BATCH_TEST_SAN
	run_suite check make -C "$root" -k --no-print-directory check
	broker_up || return
	plain_suite "${files[@]}"
	# One pass over all tools; of every file it is BATCH_TEST_SAN=1 run.sh tests/*.bats.
	sanitizer_suite "$root"/tests/{atomic,batch-consume-group,batch-send,batch-work,hostile,pipes,resume}.bats
}

run_some() { # FILE...
	broker_up || return
	if [[ -n ${BATCH_TEST_SAN:-} ]]; then
		sanitizer_suite "$@"
	else
		plain_suite "$@"
	fi
}

main() {
	[[ ${1:-} != -* ]] || { usage && exit 2; }
	# This may be the recipe of a make whose flags and job slots are not for the makes below.
	unset MAKEFLAGS MFLAGS MAKELEVEL
	export CMOCKA_MESSAGE_OUTPUT=TAP
	dir=$(mktemp -d "${TMPDIR:-/tmp}/batch-test.XXXXXX")
	trap finish EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	mkdir "$dir/tmp"
	export TMPDIR=$dir/tmp

	"$root/tests/setup.sh" test
	if build build; then
		if (($# > 0)); then run_some "$@"; else run_all; fi
	fi
	done_all=1
}

main "$@"
