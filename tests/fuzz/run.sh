#!/usr/bin/env bash
# Builds the fuzzers and runs them, one on each core. Prints TAP and a last line with the count.
set -uo pipefail
cd "$(dirname "$0")/../.." || exit 2

usage() {
	cat <<'EOT'
usage: run.sh SECONDS   each fuzzer for so long; 0: only the inputs that are kept
       run.sh keep      keeps the fewest of the new inputs that reach as much

Kept inputs are in tests/fuzz/corpus/NAME; those that were written by hand are called seed*. New
ones gather in build/fuzz/corpus/NAME, and those that fail in build/fuzz/failed;
build/fuzz/bin/fuzz-NAME FILE runs one again.
EOT
}

export build=build/fuzz kept=tests/fuzz/corpus

have_fuzzer() {
	echo 'int LLVMFuzzerTestOneInput(const char *p, long n) { return p && n; }' |
		clang -fsanitize=fuzzer -x c - -o /dev/null 2>/dev/null
}

# The make that called may have another compiler and another build folder.
build_fuzzers() {
	env -u MAKEFLAGS make --no-print-directory -j "$(nproc)" FUZZ=1 fuzzers
}

fuzz() { # SECONDS NAME
	local how=(-max_total_time="$1" "$build/corpus/$2") status=0
	[[ $1 != 0 ]] || how=(-runs=0)
	"$build/bin/fuzz-$2" -dict="tests/fuzz/$2.dict" -timeout=10 -rss_limit_mb=1024 \
		-artifact_prefix="$build/failed/$2-" "${how[@]}" "$kept/$2" \
		>"$build/log/$2" 2>&1 || status=$?
	echo "$status" >"$build/log/$2.status"
}

keep() { # NAME
	find "$kept/$1" -type f ! -name 'seed*' -delete &&
		"$build/bin/fuzz-$1" -merge=1 -use_counters=0 "$kept/$1" "$build/corpus/$1"
}

report() { # NAME...
	local name number=0 failed=0
	for name; do
		number=$((number + 1))
		if [[ $(<"$build/log/$name.status") == 0 ]]; then
			printf 'ok %d - fuzz %s: %s\n' "$number" "$name" "$(grep '^Done' "$build/log/$name")"
		else
			failed=$((failed + 1))
			printf 'not ok %d - fuzz %s\n' "$number" "$name"
			tail -n 60 "$build/log/$name" | sed 's/^/# /'
		fi
	done
	printf '1..%d\n' "$number"
	[[ $seconds == 0 ]] || printf '%d passed, %d failed\n' "$((number - failed))" "$failed"
	((failed == 0))
}

if [[ ! ${1:-} =~ ^(keep|[0-9]+)$ ]]; then
	usage >&2
	exit 2
fi
seconds=$1
if ! have_fuzzer; then
	if [[ $seconds == 0 ]]; then
		printf 'ok 1 - fuzzers # SKIP clang with its fuzzer is not installed\n1..1\n'
		exit 0
	fi
	echo "clang with its fuzzer is not installed; tests/setup.sh test does it" >&2
	exit 2
fi
build_fuzzers || exit
mapfile -t names < <(basename -s .c -a tests/fuzz/*.c)
for name in "${names[@]}"; do
	mkdir -p "$build/corpus/$name" "$build/failed" "$build/log"
	rm -f "$build/log/$name.status"
	[[ $seconds != keep ]] || keep "$name" || exit
done
[[ $seconds != keep ]] || exit 0
export -f fuzz
printf '%s\n' "${names[@]}" | xargs -P "$(nproc)" -I NAME bash -c 'fuzz "$@"' bash "$seconds" NAME
report "${names[@]}"
