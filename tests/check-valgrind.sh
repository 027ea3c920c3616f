#!/usr/bin/env bash
# Runs the unit tests of BUILD under valgrind: no bad access, nothing lost. Prints TAP.
# shellcheck disable=SC2317 # run_one is called by xargs
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2
build=${1:-build}

# Random tests draw less often. What still takes longer than so many seconds is left out, and says so.
export BATCH_UNIT_QUICK=1
limit=15

end() { # RESULT
	printf '%s\n1..1\n' "$1"
	[[ $1 == ok* ]]
	exit
}

shopt -s nullglob
tests=("$build"/unit/*)
shopt -u nullglob
((${#tests[@]} > 0)) || end "not ok 1 - valgrind: there is no test in $build/unit: run make unit"
command -v valgrind >/dev/null || end "ok 1 - valgrind # SKIP it is not installed"
[[ $(nm "${tests[0]}") != *__[atmu]*san_* ]] || end "ok 1 - valgrind # SKIP a sanitizer does its work"

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT

# All that is said goes to DIR/TEST.out, the exit status to DIR/TEST.status.
run_one() { # DIR LIMIT BINARY
	local to=$1/${3##*/} status=0
	timeout "$2" valgrind -q --leak-check=full --error-exitcode=99 "$3" >"$to.out" 2>&1 || status=$?
	printf '%d\n' "$status" >"$to.status"
}
export -f run_one

printf '%s\0' "${tests[@]}" |
	xargs -0 -n 1 -P "$(nproc)" bash -c 'run_one "$@"' bash "$dir" "$limit"

total=0 failed=0
for test in "${tests[@]}"; do
	name=${test##*/}
	status=$(<"$dir/$name.status") || status=unknown
	total=$((total + 1))
	if [[ $status == 0 ]]; then
		printf 'ok %d - valgrind %s\n' "$total" "$name"
	elif [[ $status == 124 ]]; then
		printf 'ok %d - valgrind %s # SKIP longer than %d s\n' "$total" "$name" "$limit"
	elif grep -qs 'Possibly corrupted debuginfo file' "$dir/$name.out"; then
		printf 'ok %d - valgrind %s # SKIP it cannot read this debugging information\n' \
			"$total" "$name"
	else
		failed=1
		printf 'not ok %d - valgrind %s\n# exit status %s\n' "$total" "$name" "$status"
		tail -n 60 "$dir/$name.out" | sed 's/^/# /'
	fi
done
printf '1..%d\n' "$total"
exit "$failed"
