#!/usr/bin/env bash
# All scripts of the tree as shellcheck sees them. Prints TAP, a line for each file.
# shellcheck disable=SC2317 # look_at is called by xargs
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2

if ! command -v shellcheck >/dev/null; then
	printf 'ok 1 - shellcheck # SKIP it is not installed\n1..1\n'
	exit 0
fi

is_bash() { # FILE
	local line=
	IFS= read -r line 2>/dev/null <"$1"
	[[ $1 =~ \.(sh|bash|bats)$ || $line =~ ^#!.*[/\ ](bash|bats)( |$) ]]
}

find_scripts() {
	local file
	find . \( -path ./.git -o -path ./build \) -prune -o -type f -print | LC_ALL=C sort |
		while IFS= read -r file; do
			! is_bash "$file" || printf '%s\n' "${file#./}"
		done
}

# bats runs each test in a subshell (2030, 2031), its helpers and the test take variables from each
# other (2034, 2154), programs for jq stand in single quotes (2016) and escapes for them after echo
# (2028), options are split on purpose (2089, 2090), arguments may be left out (2119, 2120), and a
# line of its own for each redirection is easier to read (2129). A file's name may also be a word (2094).
# Completions are given their variables by the shell, and split words as it does (2207).
options_for() { # FILE
	case $1 in
	*.bats | tests/lib/*.bash) echo --exclude=2016,2028,2030,2031,2034,2089,2090,2094,2119,2120,2129,2154 ;;
	completions/*) echo --exclude=2034,2154,2207 ;;
	esac
}

# What it says goes to DIR/NUMBER, which stays empty when all is well.
look_at() { # DIR NUMBER FILE
	local options=(--shell=bash --external-sources --format=gcc)
	mapfile -t -O 3 options < <(options_for "$3")
	shellcheck "${options[@]}" -- "$3" >"$1/$2" 2>&1 || [[ -s $1/$2 ]] ||
		printf 'shellcheck failed\n' >"$1/$2"
}
export -f look_at options_for

dir=$(mktemp -d)
trap 'rm -rf "$dir"' EXIT
mapfile -t scripts < <(find_scripts)

for i in "${!scripts[@]}"; do
	printf '%s\0%s\0' "$i" "${scripts[i]}"
done | xargs -0 -r -n 2 -P "$(nproc)" bash -c 'look_at "$@"' bash "$dir"

failed=0
for i in "${!scripts[@]}"; do
	if [[ -e $dir/$i && ! -s $dir/$i ]]; then
		printf 'ok %d - shellcheck %s\n' "$((i + 1))" "${scripts[i]}"
	else
		failed=1
		printf 'not ok %d - shellcheck %s\n' "$((i + 1))" "${scripts[i]}"
		sed 's/^/# /' "$dir/$i"
	fi
done
if ((${#scripts[@]} == 0)); then
	failed=1
	printf 'not ok 1 - there are scripts\n1..1\n'
else
	printf '1..%d\n' "${#scripts[@]}"
fi
exit "$failed"
