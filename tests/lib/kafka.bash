# For the .bats files: `load lib/kafka`, kafka_up in setup_file, new_stream in setup.
# shellcheck shell=bash
#
# BATCH_TEST_BROKERS    the broker to use; without it kafka_up starts one for this run of bats
# BATCH_TEST_DIR        where run.sh keeps its brokers
# BATCH_TEST_OWNER      the process of run.sh
# BATCH_TEST_SAN        set when the tools under test are the ones with sanitizers

tests_root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
tests_bin=${tests_root%/*}/build${BATCH_TEST_SAN:+/san}/bin
[[ :$PATH: == *":$tests_bin:"* ]] || export PATH=$tests_bin:$PATH

# The caller's own settings must not decide what a test sees. Only once: bats reads this file again
# for each test, after setup_file may have set some.
if [[ -z ${BATCH_TEST_CLEAN:-} ]]; then
	for tests_name in "${!BATCH_@}" KAFKA_BROKERS; do
		[[ $tests_name == BATCH_TEST_* ]] || unset "$tests_name"
	done
	unset tests_name
	export BATCH_TEST_CLEAN=1
	export XDG_CONFIG_HOME=${BATS_RUN_TMPDIR:-/nonexistent}/config
	export BATCH_TIMEOUT=2m # the 30 s of a user are too few for a busy machine that starts, stops and kills brokers
fi
[[ -z ${BATCH_TEST_BROKERS:-} ]] || export BATCH_BROKERS=$BATCH_TEST_BROKERS

# The process whose end is the end of the run: run.sh, else the bats that the user called.
_run_pid() {
	local pid=$$ found=$$ stat
	while ((pid > 1)); do
		grep -qzE '(^|/)bats(-exec-[a-z]+)?$' "/proc/$pid/cmdline" && found=$pid
		stat=$(<"/proc/$pid/stat")
		stat=${stat##*) } # the name before it may hold spaces
		read -r _ pid _ <<<"$stat"
	done
	echo "${BATCH_TEST_OWNER:-$found}"
}

# Starts a broker in DIR unless an earlier file of this run did. It goes when bats goes.
_broker_up() { # DIR OPTION...
	mkdir -p "$1"
	(
		flock 9
		[[ -s $1/address ]] && exit
		"$tests_root/kafka/broker.sh" start "$@" --owner "$(_run_pid)" >/dev/null
	) 9>"$1.lock"
}

# BATCH_BROKERS is the shared broker afterwards.
kafka_up() {
	if [[ -z ${BATCH_TEST_BROKERS:-} ]]; then
		_broker_up "$BATS_RUN_TMPDIR/kafka" || return
		BATCH_TEST_BROKERS=$(<"$BATS_RUN_TMPDIR/kafka/address")
		export BATCH_TEST_BROKERS
	fi
	export BATCH_BROKERS=$BATCH_TEST_BROKERS
}

# A second broker with TLS, passwords and access rules, shared too: see broker.sh --help.
# Sets SECURE_DIR, SECURE_BROKERS, MUTUAL_BROKERS, EXPIRED_BROKERS, SECURE_CA; does not touch
# BATCH_BROKERS. The first stream word that alice may use is "alice": new_stream alice.
kafka_secure_up() {
	SECURE_DIR=${BATCH_TEST_DIR:-$BATS_RUN_TMPDIR}/kafka-secure
	_broker_up "$SECURE_DIR" --secure || return
	SECURE_BROKERS=$(<"$SECURE_DIR/address-secure")
	MUTUAL_BROKERS=$(<"$SECURE_DIR/address-mutual")
	EXPIRED_BROKERS=$(<"$SECURE_DIR/address-expired")
	SECURE_CA=$SECURE_DIR/ca.pem
	export SECURE_DIR SECURE_BROKERS MUTUAL_BROKERS EXPIRED_BROKERS SECURE_CA
}

# A broker of this test alone, which it may stop, kill or start again. Prints its address.
own_kafka_up() { # DIR OPTION...
	"$tests_root/kafka/broker.sh" start "$@" --owner "$(_run_pid)"
}

own_kafka_down() { # DIR
	"$tests_root/kafka/broker.sh" stop "$1"
}

# Is the librdkafka with which the tools run of this version, or newer?
library_since() { # VERSION
	local runs
	runs=$(python3 -c 'import ctypes
version = ctypes.CDLL("librdkafka.so.1").rd_kafka_version
print(".".join(str(version() >> by & 255) for by in (24, 16, 8)))')
	[[ $(printf '%s\n' "$1" "$runs" | sort -V | head -n 1) == "$1" ]]
}

# Sets S to a stem that no other test has.
new_stream() { # [FIRST-WORD]
	local file=${BATS_TEST_FILENAME##*/} random
	file=${file%.bats}
	random=$(od -An -N4 -tx4 /dev/urandom)
	S=${1:-t}.${file//[^A-Za-z0-9_-]/-}.${BATS_TEST_NUMBER:-0}.${random// /}
	export S
}

# Polls until COMMAND succeeds. Its output of the last try is shown when time is up. SECONDS is for a test of the
# time itself: the common limit is there for what never comes, on a machine however slow.
wait_for() { # [SECONDS] COMMAND...
	local seconds=60 end out
	if [[ $1 == +([0-9]) ]]; then
		seconds=$1
		shift
	fi
	end=$((${EPOCHREALTIME/[.,]/} + seconds * 1000000))
	until out=$("$@" 2>&1); do
		if ((${EPOCHREALTIME/[.,]/} >= end)); then
			printf 'not in time: %s\n%s\n' "$*" "$out" >&2
			return 1
		fi
		sleep 0.05
	done
}

# The distribution's Python has the module, the first in PATH may be another one.
python_with_jsonschema() {
	local python
	for python in python3 /usr/bin/python3; do
		if "$python" -c 'import jsonschema' 2>/dev/null; then
			echo "$python"
			return
		fi
	done
	echo "no python3 with jsonschema; tests/setup.sh test installs it" >&2
	return 1
}
