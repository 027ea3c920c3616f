#!/usr/bin/env bash
# The main job on real input, against a Kafka that exists for the length of this demo only.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
broker=$root/tests/kafka/broker.sh
export LC_ALL=C.UTF-8

lines_shown=8
columns_shown=150

# --- showing

chapter() {
	printf '\n\n# %s\n' "$*"
}

shorten() { # FILE
	sed -E "$lines_shown"'q' "$1" | sed -E "s/^(.{$columns_shown}).+/\\1 .../"
	local more
	more=$(($(wc -l <"$1") - lines_shown))
	((more <= 0)) || printf '... and %d more lines\n' "$more"
}

# Prints the command line on stdin, as one would type it, runs it in this shell, and prints what
# came out.
show() { # [EXPECTED-STATUS]
	local command status=0
	command=$(cat)
	printf '\n$ %s\n' "$command"
	eval "$command" >"$out" 2>&1 </dev/null || status=$?
	shorten "$out"
	((status == 0)) || printf '(exit status %d)\n' "$status"
	((status == ${1:-0})) || fail "expected exit status ${1:-0}"
}

fail() {
	printf '\ndemo: FAILED: %s\n' "$*" >&2
	exit 1
}

# --- input

# Real records that this system has anyway: one line each, fields separated by tabs.
package_list() {
	if command -v dpkg-query >/dev/null; then
		cat <<'EOF'
dpkg-query -W -f '${Package}\t${Version}\t${Installed-Size}\t${Section}\t${binary:Summary}\n'
EOF
	elif command -v rpm >/dev/null; then
		cat <<'EOF'
rpm -qa --qf '%{NAME}\t%{VERSION}\t%{SIZE}\t%{GROUP}\t%{SUMMARY}\n'
EOF
	else
		cat <<'EOF'
find /etc -type f -printf '%f\t%TF\t%k\t%h\t%p\n' 2>/dev/null
EOF
	fi
}

file_list() { # FOLDER
	cat <<EOF
find $1 -type f -printf '%s\\t%TF\\t%p\\n' | head -n 50000 |
    jq -cR 'split("\\t") | {file: .[2], bytes: .[0], day: .[1]}'
EOF
}

# --- the story

one_batch() {
	chapter "One batch: the packages installed here, from create to consume"
	show <<EOF
$(package_list) |
    jq -cR 'split("\\t") | {package: .[0], version: .[1], kib: .[2], section: .[3], summary: .[4]}' > packages
EOF
	show <<<'head -n 2 packages'
	show <<'EOF'
batch-init -s demo.packages --partitions 4 --replication 1
EOF
	show <<'EOF'
batch-create -s demo.packages -n packages | batch-send packages | batch-complete > packages.json
EOF
	show <<'EOF'
id=$(jq -r .id packages.json)
  batch-status -s demo.packages -B "$id" | jq -c '{name, status, expectedRecordCount, startDate, endDate}'
EOF
	show <<'EOF'
batch-consume -s demo.packages -B "$id" > packages.back
EOF
	show <<<'wc -l packages packages.back'
}

two_batches() {
	chapter "Two batches at the same time in one stream, taken apart again"
	show <<'EOF'
export BATCH_STREAM=demo.packages
  share=$(batch-create -n files-of-share | jq -r .id)
  lib=$(batch-create -n files-of-lib | jq -r .id)
EOF
	show <<EOF
$(file_list /usr/share) |
    tee share | batch-send -B "\$share" | batch-complete > share.json &
  $(file_list /usr/lib) |
    tee lib | batch-send -B "\$lib" | batch-complete > lib.json &
  wait
EOF
	show <<'EOF'
jq -c '{name, status, expectedRecordCount}' share.json lib.json
EOF
	printf '\nHow they lie in partition 0, run by run:\n'
	show <<'EOF'
kcat -C -b "$BATCH_BROKERS" -t demo.packages.in -p 0 -e -q -f '%h\n' |
    grep -o 'batchId=[^,]*' | uniq -c
EOF
	show <<'EOF'
batch-consume -B "$share" > share.back; batch-consume -B "$lib" > lib.back
EOF
	show <<<'wc -l share share.back lib lib.back'
}

refused_batch() {
	chapter "A batch that its sender gave up: no consumer takes it for a whole one"
	show <<'EOF'
bad=$(batch-create -n given-up | jq -r .id)
  head -n 100 packages | batch-send -B "$bad" | jq -c '{name, status, manifest}'
EOF
	show <<'EOF'
batch-terminate -B "$bad" | jq -c '{name, status, endDate}'
EOF
	show 1 <<'EOF'
batch-consume -B "$bad" > bad.back
EOF
	show <<<'wc -c bad.back'
	[[ ! -s bad.back ]] || fail "records of a terminated batch were given out"
}

events() {
	chapter "Nothing is hidden: every event is a record that any Kafka client can read"
	show <<'EOF'
batch-status -B "$id" --history | jq -c '{time, type, version}'
EOF
	show <<'EOF'
kcat -C -b "$BATCH_BROKERS" -t demo.packages.notification -J -c 1 -e -q |
    jq -c '{key, headers}, (.payload | fromjson)'
EOF
}

compare() {
	local what
	chapter "What went in, and what came out"
	for what in packages share lib; do
		show <<<"cmp $what $what.back && echo the same"
	done
}

summary() {
	local records
	records=$(cat packages share lib | wc -l)
	printf '\nDone: %d records in 3 batches came back byte for byte, 1 batch was refused, in %d s with the broker.\n' \
		"$records" "$SECONDS"
}

# --- around it

# What runs in the background is deaf to Ctrl-C and would wait for a broker that is gone.
clean_up() {
	local children
	read -ra children <"/proc/$$/task/$$/children" || true
	kill "${children[@]}" 2>/dev/null || true
	"$broker" stop "$work/kafka" || true
	rm -rf "$work"
}

# The caller's own settings are not part of the story.
forget_settings() {
	local name
	for name in "${!BATCH_@}" KAFKA_BROKERS; do
		unset "$name"
	done
	export XDG_CONFIG_HOME=$work/config
}

prepare() {
	"$root/tests/setup.sh" demo
	unset MAKEFLAGS MFLAGS MAKELEVEL
	make -C "$root" --no-print-directory -s -j "$(nproc)" >&2
	export PATH=$root/build/bin:$PATH
	work=$(mktemp -d "${TMPDIR:-/tmp}/batch-demo.XXXXXX")
	out=$work/out
	trap clean_up EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	forget_settings
	mkdir "$work/here"
	cd "$work/here"
}

start_broker() {
	echo "# Starting Kafka in a folder of its own"
	"$broker" start "$work/kafka" --owner $$ >"$out"
	show <<<"export BATCH_BROKERS=$(<"$out")"
}

main() {
	prepare
	start_broker
	one_batch
	two_batches
	refused_batch
	events
	compare
	summary
}

main "$@"
