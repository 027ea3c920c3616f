#!/usr/bin/env bash
# A newer librdkafka than the distribution's, for tests of what only that can do and of what it does
# otherwise. It is the one inside a Python package; the tools use it by LD_LIBRARY_PATH.
set -euo pipefail

version=2.16.1
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
dir=$root/build/librdkafka-$version

usage() {
	cat <<EOF
usage: newer.sh   prints the folder with librdkafka.so.1 of version $version, fetched by pip if it is not there

LD_LIBRARY_PATH=\$(tests/kafka/newer.sh) bats tests/batch-send.bats
EOF
}

die() {
	printf 'newer.sh: %s\n' "$*" >&2
	exit 1
}

# For the oldest Python there is one for, whatever Python runs pip: only the library is wanted.
fetch() { # DIR
	python3 -m pip download --quiet --disable-pip-version-check --timeout 10 --retries 1 \
		--no-deps --only-binary :all: --python-version 3.9 \
		--platform "manylinux_2_28_$(uname -m)" --dest "$1" "confluent-kafka==$version" \
		>"$1/log" 2>&1 || die "pip could not fetch confluent-kafka $version: $(tail -n 1 "$1/log")"
	python3 -m zipfile -e "$1"/*.whl "$1/wheel"
	cp "$1"/wheel/confluent_kafka.libs/librdkafka-*.so.1 "$1/librdkafka.so.1"
	rm -r "$1"/wheel "$1"/*.whl
}

get() {
	rm -rf "$dir.new"
	mkdir -p "$dir.new"
	fetch "$dir.new"
	mv "$dir.new" "$dir"
}

if (($# > 0)); then
	usage
	exit 2
fi
mkdir -p "$root/build"
(
	flock 9
	[[ -e $dir/librdkafka.so.1 ]] || get
) 9>"$dir.lock"
echo "$dir"
