# batch-work: what follows from how the command ended.
bats_require_minimum_version 1.5.0
load lib/batch
load lib/work

setup_file() {
	kafka_up
}

setup() {
	begin_work 1
}

# What follows by the table of the manual from each way to end.
table() {
	local i name
	for ((i = 1; i < 255; i++)); do
		case $i in
		65) echo "exit status $i: isolate" ;;
		69 | 75) echo "exit status $i: outage" ;;
		77 | 78 | 126 | 127) ;; # stop
		137) echo "exit status $i: halve" ;;
		*) echo "exit status $i: retry" ;;
		esac
	done
	for name in SEGV ABRT BUS FPE; do
		echo "killed by signal $(kill -l "$name"): crash"
	done
	echo 'killed by signal 9: halve'
	for name in HUP INT ILL TRAP USR1 USR2 PIPE ALRM TERM; do
		echo "killed by signal $(kill -l "$name"): retry"
	done
}

# The first run of each record, which is alone in its chunk, ends as its value says; all others are done.
end_as_told=(bash -c '
	read -r how && cat
	[[ $BATCH_REASON,$BATCH_ATTEMPT = first,1 ]] || exit 0
	ulimit -c 0
	((how > 0)) && exit "$how"
	kill "$how" $$ && sleep 30')

@test "each exit status and signal has its action" {
	table | sed -E 's/^exit status ([0-9]+):.*/\1/; s/^killed by signal (.*):.*/-\1/' >in
	ready in
	work -v -j 4 --order none --chunk 1 --retries 1 --backoff 10ms --breaker 100000 --report 1m -- \
		"${end_as_told[@]}" 2>said
	sed -nE "s/^batch-work: $S\.in-0-.*: command bash: ((exit|killed) [a-z ]* [0-9]+).*(: [a-z]+)$/\1\3/p" said | sort >is
	table | sort | diff - is
	ended_as completed "$(wc -l <in)" 1 # 65 blames the data
}

@test "stop ends the worker: with 1, after 78 with 2; nothing is marked" {
	seq 3 >in
	ready in
	for code in 77 78 126 127 255; do
		wanted=$((code == 78 ? 2 : 1))
		run "-$wanted" --separate-stderr work --joblog "joblog.$code" -- sh -c 'cat >/dev/null; exit "$0"' "$code"
		says "exit status $code" 'nothing was marked invalid'
		(($(wc -l <"joblog.$code") == 2))
	done
	status_is sendCompleted
	[[ -z $(kget "$S.invalid") && -z $(kget "$S.out") ]]
}

@test "--on-exit: the first that fits counts, and what none fits is as ever" {
	printf '%d\n' 1 3 4 40 45 65 75 77 137 254 >in
	ready in
	work -v -j 4 --order none --chunk 1 --retries 1 --backoff 10ms --breaker 100000 \
		--on-exit 3=done --on-exit 2-44=outage --on-exit 40-50=halve --on-exit 65=crash --on-exit 77=isolate \
		--on-exit 137=crash -- \
		"${end_as_told[@]}" 2>said
	sed -nE "s/^batch-work: $S\.in-0-.*: command bash: exit status (.*: [a-z]+)$/\1/p" said | sort >is
	diff - is <<-'END'
		137: crash
		1: retry
		254: retry
		3: done
		40: outage
		45: halve
		4: outage
		65: crash
		75: outage
		77: isolate
	END
	ended_as completed 10 1 # 77 blames it here
	kget "$S.invalid" | jq -e '.offset == 7'
}

# The reasons and sizes of all runs, over eight records of which the third makes the command end so.
runs_when() { # HOW OPTION...
	seq 8 >in
	ready in
	work --chunk 8 "${@:2}" -- bash -c '
		cat >got
		echo "$BATCH_REASON $BATCH_COUNT" >>reasons
		! grep -qx 3 got || eval "$0"' "$1"
	ended_as completed 8 1
	kget "$S.invalid" | jq -e '.offset == 2'
}

# No wait of --backoff is in it.
@test "a crash: once more, at once, and then the record is sought" {
	# shellcheck disable=SC2016
	runs_when 'kill -SEGV $$' --backoff 1h
	diff - <(head -n 3 reasons) <<<$'first 8\nretry 8\nisolate 3'
	[[ $(sed 1,2d reasons | grep -vcE '^(isolate|probe) ') == 0 ]]
}

@test "too much at once: each half for itself, without a wait" {
	runs_when 'exit 137' --backoff 1h
	diff - <(head -n 7 reasons) <<<$'first 8\nretry 4\nretry 2\nretry 2\nretry 1\nretry 1\nretry 4'
}

@test "what is written and cannot be kept is no record's fault" {
	seq 6 >in
	ready in
	# shellcheck disable=SC2016
	TMPDIR=/nowhere background work batch-work -G "$G" --once --chunk 2 --retries 1 --backoff 10ms -- sh -c '
		cat >got
		cat got
		[ -e go ] || ! grep -qx 3 got || head -c 3000000 /dev/zero | tr "\0" "\n"'
	wait_for grep 'no record is blamed' work.err
	grep 'temporary file in /nowhere: .*: outage' work.err >said
	touch go
	ends 0 work
	ended_as completed 6 0
	kget "$S.out" | cmp - in
}

@test "--failed-dir: files have the number that the command was told, also after a worker's death" {
	seq 3 >in
	ready in
	# shellcheck disable=SC2016
	told=(work --instance one --backoff 10ms --failed-dir failed -- bash -c '
		cat >/dev/null
		echo "$BATCH_CHUNK-$BATCH_ATTEMPT.in" >>runs
		case $(wc -l <runs) in
		1) kill -9 $PPID && sleep 30 ;;
		2) exit 1 ;;
		esac')
	run -137 "${told[@]}"
	run -0 "${told[@]}"
	(cd failed && echo *.in) | diff <(sed -n 2p runs) -
}

@test "--jitter 1: waits are drawn between nothing and what --backoff says" {
	seq 100 >in
	ready in
	background work batch-work -G "$G" -j 4 --order none --chunk 1 --backoff 30 --jitter 1 --breaker 100000 \
		--joblog joblog -- sh -c 'cat >/dev/null; exec test "$BATCH_ATTEMPT" = 2'
	wait_for grep -qP '^(\S+\s+){6}0\t0\t' joblog
	first=$(awk 'NR == 2 {print int($3)}' joblog)
	second=$(awk '$7 == 0 {print int($3); exit}' joblog)
	((second - first < 25))
	stopped work
}

# So many records, of which each third is invalid by the report.
thirds() { # N OPTION...
	seq "$1" >in
	ready in
	run --separate-stderr work --chunk 5 "${@:2}" -- sh -c '
		n=0
		while read -r line; do
			[ $((line % 3)) != 0 ] || echo "$n invalid it is a third" >&"$BATCH_REPORT_FD"
			n=$((n + 1))
		done'
}

@test "--max-invalid P%: so many of the last 1000, and not before 20 were seen" {
	thirds 19 --max-invalid 10%
	((status == 0))
	ended_as completed 19 6
	thirds 100 --max-invalid 34%
	((status == 0))
	ended_as completed 100 33
	thirds 100 --max-invalid 25%
	((status == 1))
	says --max-invalid
	status_is sendCompleted
}

@test "an invalid record has all that the manual says in its headers, and with --keep-records all of its own" {
	create --processing
	printf 'k:one\nk:two\n' | batch-send -K : -H own=1 -B "$B" | batch-complete >/dev/null
	work --keep-records --retries 1 --backoff 10ms --joblog joblog -- sh -c '
		cat >got
		! grep -q two got || { echo "it is two" >&2; exit 3; }'
	ended_as completed 2 1
	runs_of_it=$(($(tail -n +2 joblog | awk '$7 == 3' | wc -l)))
	run -0 --separate-stderr batch-consume -t "$S.invalid" -e -q -J
	doc_is '.key == "k"' "(.headers | map({key: .[0], value: .[1]}) | from_entries) as \$h |
		([\"own\", \"__dlq.errors.topic\", \"__dlq.errors.partition\", \"__dlq.errors.offset\", \"__dlq.errors.group\",
		\"__dlq.errors.delivery.count\", \"__dlq.errors.message\", \"batch_error_how\", \"batch_error_host\"] |
		map(\$h[.])) == [\"1\", \"$S.in\", \"0\", \"1\", \"$G\", \"$runs_of_it\", \"it is two\\n\", \"exit status 3\",
		\"$(hostname)\"] and (\$h.batch_error_chunk | startswith(\"$S.in-0-\")) and
		(now - (\$h.batch_error_time | tonumber) / 1000 | . >= 0 and . < 300)" \
		'.value | fromjson | .failure == "it is two\n" and .record.value == "two" and .record.key == "k" and
		(.record.headers | any(. == ["own", "1"])) and .record.offset == 1'
}
