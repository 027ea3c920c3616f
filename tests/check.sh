#!/usr/bin/env bash
# make check: everything that needs no broker. Each part prints TAP lines; the status says if all held.
set -uo pipefail
build=${1:-build}
cd "$(dirname "$0")/.." || exit 2
status=0

run() {
	printf '# %s\n' "$*"
	"$@" || status=1
}

export CMOCKA_MESSAGE_OUTPUT=TAP
for t in "$build"/unit/* "$build"/tooltest/*; do
	if [[ -x $t ]]; then
		run "$t"
	fi
done
run tests/check-layers.sh
run tests/check-valgrind.sh "$build"
run tests/fuzz/run.sh 0
run tests/check-man.sh
run tests/check-completions.sh
run tests/check-scripts.sh
exit $status
