# batch-work: what it says of how far it is.
# shellcheck disable=SC2016 # commands of batch-work expand their own variables
bats_require_minimum_version 1.5.0
load lib/batch
load lib/work

setup_file() {
	kafka_up
}

setup() {
	begin_work 2
}

# A batch of N records.
ready_of() { # N [OPTION...]
	seq "$1" >in
	ready_keyed in "${@:2}"
}

# Member of the manifest's partition.
part() { # PARTITION MEMBER
	jq ".manifest.partitions[\"$1\"].$2" completed.json
}

# Of the progress that batch-status shows jq EXPRESSION is true.
shows() { # EXPRESSION
	batch-status -B "$B" | jq -e ".progress // {} | $1" >shown
}

worker() { # OPTION... -- COMMAND...
	background worker timeout -s KILL 120 batch-work -G "$G" --once --report 100ms "$@"
}

@test "what is done in all parts, how fast, and when the slowest will be done" {
	ready_of 80
	n0=$(part 0 count) n1=$(part 1 count)
	w1=$(((n1 - 1) / 5 * 5))
	export FIRST LAST
	FIRST=$(part 1 first) LAST=$(part 1 last)
	worker -j 2 --chunk 5 -- sh -c '
		[ "$BATCH_PARTITION" = 1 ] || exec cat
		[ "$BATCH_FIRST" != "$FIRST" ] || until [ -e begin ]; do sleep 0.02; done
		[ "$BATCH_LAST" != "$LAST" ] || until [ -e end ]; do sleep 0.02; done
		sleep 0.2
		cat'
	wait_for shows ".done == $n0 and .expected == 80 and (.parts | keys == [\"1\"])"
	shows ".parts[\"1\"] | .w == 0 and .expected == $n1"
	shows 'has("rate") or has("etaSeconds") | not'
	touch begin
	wait_for shows ".done == $n0 + $w1 and .parts[\"1\"].w == $w1 and .etaSeconds"
	shows '.rate > 0 and .rate < 25 and .parts["1"].rate == .rate'
	shows ".etaSeconds | . > 0 and . >= ($n1 - $w1) / 25"
	shows '.state == "running" and .chunk == 5 and .slots == 2'
	touch end
	ends 0 worker
	shows '.done == 80 and .expected == 80 and (has("rate") or has("etaSeconds") | not)'
}

@test "what waits to be run again, why, and until when" {
	ready_of 10
	worker --order none --backoff 1h --retries 1 --breaker 100 -- sh -c 'echo no service >&2; exit 75'
	wait_for shows '.state == "retrying" and ([.parts[].state] == ["retrying", "retrying"])'
	shows '.lastError == "no service" and .parts["0"].lastError == .lastError'
	shows '.retryAt | fromdate - now | . > 3500 and . <= 3600'
	shows 'has("etaSeconds") | not'
	stopped worker
}

@test "what runs again after that has no error any more" {
	ready_of 10
	worker --backoff 100ms --retries 1000 --breaker 1000 -- sh -c '
		[ -e go ] || exit 75
		until [ -e end ]; do sleep 0.02; done
		cat'
	wait_for shows '.state == "retrying" and .lastError == "command sh: exit status 75"'
	touch go
	wait_for shows '.state == "running" and (has("lastError") or has("retryAt") | not)'
	touch end
	ends 0 worker
}

@test "what is held up since all fails" {
	ready_of 10
	worker --backoff 100ms --retries 1 --breaker 1 -- sh -c 'echo no service >&2; exit 75'
	wait_for shows '.state == "blocked" and .retryAt'
	shows '.lastError == "no service"'
	wait_for shows '.retryAt | fromdate - now | . > -2 and . < 61'
	stopped worker
}

@test "a batch that fails by invalidThreshold counts what was reported once" {
	begin_work 1
	ready_of 30 --invalid-threshold 2
	worker -j 1 --chunk 10 --no-contrast -- sh -c '
		[ "$BATCH_FIRST" -ge 10 ] || exec cat
		until [ -e go ]; do sleep 0.02; done
		exit 65'
	wait_for shows '.parts["0"].w == 10'
	touch go
	ends 0 worker
	batch-status -B "$B" >failed.json
	json_equals '["failed",20,10]' '[.status,.actualRecordCount,.invalidRecordCount]' failed.json
}
