#!/usr/bin/env bash
# make check: everything that needs no broker, or the PARTs named. Each prints TAP lines; the status says if all held.
# shellcheck disable=SC2317 # the parts are called by name
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2

# First what takes long
parts=(fuzz valgrind unit completions scripts man layers install)
status=0

run() {
	printf '# %s\n' "$*"
	"$@" || status=1
}

part_unit() {
	local t
	for t in "$build"/unit/* "$build"/tooltest/*; do
		[[ ! -x $t ]] || run "$t"
	done
}

part_fuzz() { run tests/fuzz/run.sh 0; }
part_valgrind() { run tests/check-valgrind.sh "$build"; }
part_layers() { run tests/check-layers.sh; }
part_man() { run tests/check-man.sh; }
part_completions() { run tests/check-completions.sh; }
part_scripts() { run tests/check-scripts.sh; }
part_install() { run tests/check-install.sh; }

if [[ ${1:-} == --parts ]]; then
	printf '%s\n' "${parts[@]}"
	exit
elif [[ ${1:-} == -* ]]; then
	printf 'usage: check.sh [BUILD [PART...]]\n       check.sh --parts\n' >&2
	exit 2
fi
build=${1:-build}
shift || true
(($# == 0)) || parts=("$@")
export CMOCKA_MESSAGE_OUTPUT=TAP
for part in "${parts[@]}"; do
	"part_$part"
done
exit "$status"
