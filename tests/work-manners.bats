# batch-work: what it says before, while and after it works, and what it takes of the machine.
bats_require_minimum_version 1.5.0
load lib/batch
load lib/work

setup_file() {
	kafka_up
}

setup() {
	begin_work 2
}

# The settings that --dry-run shows for these options.
settings() { # OPTION...
	work --dry-run "$@" -- true | jq -c 'select(.settings).settings' >settings.json
}

# All records of the stream, by where they stand.
records() {
	for topic in in out invalid notification; do
		kget "$S.$topic" -f '%t %p %o\n' | sort # partitions come in any order
	done
}

# Does the broker know the group? It does from the first member or committed offset on. (ListGroups, version 0.)
is_group() {
	python3 - "$BATCH_BROKERS" "$G" <<-'END'
		import socket, struct, sys
		host, port = sys.argv[1].rsplit(":", 1)
		with socket.create_connection((host, int(port)), 10) as s:
		    s.sendall(struct.pack(">ihhihb", 11, 16, 0, 1, 1, 120))
		    f = s.makefile("rb")
		    sys.exit(sys.argv[2].encode() not in f.read(struct.unpack(">i", f.read(4))[0]))
	END
}

# --- --dry-run

@test "--dry-run shows which batches are ready, in the order of their turns, and changes nothing" {
	seq 30 >in
	: >none
	ready_keyed in --priority 90 && low=$B
	ready_keyed in --priority 5 && high=$B
	ready_keyed in && medium=$B
	ready_keyed none && empty=$B
	create --processing # not ready
	records >before
	run -0 --separate-stderr work --dry-run -- sh -c 'touch ran; cat'
	silent
	docs_are 'length == 5' '.[0].settings.group == "'"$G"'"' \
		'.[1:] | map(.id) == ["'"$high"'", "'"$medium"'", "'"$empty"'", "'"$low"'"]' \
		'.[1:] | map(.class) == ["high", "medium", "medium", "low"]' \
		'.[1:] | map(.priority) == [5, 50, 50, 90]' \
		'.[1:] | map(.records) == [30, 30, 0, 30]' '.[1:] | map(.done) == [0, 0, 0, 0]' \
		'.[1].openPartitions == [0, 1]' '.[3].openPartitions == []'
	records | cmp before -
	run -1 is_group
	[[ ! -e ran ]]
	run -0 --separate-stderr work --dry-run --strict-priority -- cat
	docs_are '.[1:] | map(.priority) == [5, 50, 50, 90]' '.[0].settings | has("agingMs") | not'
}

@test "--dry-run shows what is left of a batch that others work on" {
	seq 100 >in
	ready_keyed in
	run -1 work --chunk 10 -j 1 -- sh -c '[ "$BATCH_PARTITION" = 0 ] || exit 77; cat'
	run -0 --separate-stderr work --dry-run -- cat
	docs_are '.[1].records == 100' '.[1].openPartitions | index(1) != null'
	run -0 work -- cat
	is_group
	run -0 --separate-stderr work --dry-run -- cat
	docs_are 'length == 1'
}

@test "--dry-run shows the settings in effect" {
	settings --chunk 5..20,7 --target 2s -j 2..6 --retries 7 --backoff 1s*2..5m --on-exit 3=done \
		--on-exit 40-49=isolate --time-limit 90 --order none
	doc=settings.json
	json_equals '{"min":5,"max":20,"first":7}' .chunk "$doc"
	json_equals '{"min":2,"max":6,"first":2}' .jobs "$doc"
	json_equals '[2000,90000,7,"none",6000]' '[.targetMs,.timeoutMs,.retries,.order,.agingMs]' "$doc"
	json_equals '{"ms":[1000],"factor":2,"mostMs":300000,"jitter":0.1}' .backoff "$doc"
	json_equals '["done","done","retry","isolate","isolate","stop"]' \
		'.onExit | [."exit 0", ."exit 3", ."exit 4-39", ."exit 40-49", ."exit 65", ."exit 77-78"]' "$doc"
	settings
	json_equals '{"ms":[5000,15000,30000],"jitter":0}' .backoff "$doc"
	json_equals '["lines",false,true,"dead",null,null,null]' \
		'[.format,.pair,.contrast,.onInvalid,.maxInvalid,.maxLoad,.memFree]' "$doc"
	settings -J --pair --early --exactly-once --no-contrast --on-invalid skip --max-invalid 7% --max-load 2.5 \
		--mem-free 1G -j 1..3 --allow-partial-read --instance one
	json_equals '["envelopes",true,true,true,false,"skip",7,2.5,1073741824,true,"one"]' '[.format,.pair,.early,
		.exactlyOnce,.contrast,.onInvalid,.maxInvalidPercent,.maxLoad,.memFree,.allowPartialRead,.instance]' "$doc"
	settings
	json_equals "[\"$S\",\"$S.out\",\"$S.invalid\",1000]" '[.stream,.out,.invalid,.lingerMs]' "$doc"
}

# --- settings and profiles

@test "each number of the profiles is in effect" {
	profiles=$PWD/profiles # whoever owns the source tree, these are ours
	install -D -m 644 -t profiles "$tests_root"/../share/profiles/*
	settings -F "$profiles/workers.conf" -C workers
	json_equals '{"min":5,"max":20,"first":10}' .chunk settings.json
	json_equals '3' .jobs.max settings.json
	json_equals '60000' .lingerMs settings.json
	json_equals '3' .retries settings.json
	json_equals '{"ms":[5000,15000,30000],"jitter":0}' .backoff settings.json
	settings -F "$profiles/streams.conf" -C streams
	json_equals '{"min":100,"max":100,"first":100}' .chunk settings.json
	json_equals '1000' .lingerMs settings.json
	json_equals '3' .retries settings.json
	json_equals '"skip"' .onInvalid settings.json
	run -0 --separate-stderr batch-work -F "$profiles/streams.conf" -C streams -t "$S.in" -G "$G" --dry-run -- true
	run -2 --separate-stderr batch-work -t "$S.in" -G "$G" --dry-run -- true
}

@test "a setting is weaker than the option and stronger than the default" {
	settings -X work.chunk=7 -X work.retries=1 -X work.drain=5s --retries 2
	json_equals '[7,2,5000]' '[.chunk.max,.retries,.drainMs]' settings.json
	BATCH_WORK_CHUNK=8 settings
	json_equals '[8,3]' '[.chunk.max,.retries]' settings.json
	printf 'work.jobs=9\n[profile p]\nwork.jobs=11\n' >conf
	settings -F conf
	json_equals 9 .jobs.max settings.json
	settings -F conf -C p
	json_equals 11 .jobs.max settings.json
}

@test "a setting that is wrong is refused, with its place" {
	printf 'stream=%s\nwork.retries=many\n' "$S" >conf
	run -2 --separate-stderr work -F conf --dry-run -- true
	says conf:2 work.retries many
	printf 'work.chunck=1\n' >conf
	run -2 --separate-stderr work -F conf --dry-run -- true
	says conf:1 work.chunck
	run -2 --separate-stderr work -X work.chunk=9..1 --dry-run -- true
	says chunk
	for setting in chunk=9..1 jobs=none backoff=5,later jitter=2; do
		printf '\nwork.%s\n' "$setting" >conf
		run -2 --separate-stderr work -F conf --dry-run -- true
		says "conf:2: work.${setting%=*}"
	done
	run -2 --separate-stderr work -F conf --dry-run --jitter 3 -- true
	says "--jitter: "
}

@test "a setting with a dash in its name is taken from the environment, too" {
	BATCH_WORK_TIME_LIMIT=7s settings
	json_equals 7000 .timeoutMs settings.json
}

@test "each setting work.NAME is an option, and stands in the manual" {
	batch-work --list-options | cut -f 2 | sort >options
	batch-work -X list | sed -n 's/^work\.\([^ ]*\) .*/\1/p' | sort >names
	[[ -s names ]]
	comm -23 names options >unknown
	[[ ! -s unknown ]]
	while read -r name; do
		grep -q "work\.$name\b" "$tests_root/../man/batch-config.5"
	done <names
}

# --- options

refuses() { # TEXT OPTION...
	run -2 --separate-stderr work "${@:2}" --dry-run -- true
	says "$1" || { echo "with ${*:2}"; return 1; }
}

@test "options without effect beside the others are refused" {
	to_topic=(-t "$S.in" --on-invalid skip)
	refuses "-t TOPIC goes without -s" "${to_topic[@]}" -s "$S"
	refuses "-o goes with -t" -o beginning
	refuses "--linger goes with -t or --early" --linger 1s
	refuses "--target goes with --chunk MIN..MAX" --target 2s
	refuses "--target goes with --chunk MIN..MAX" --chunk 5..5 --target 2s
	refuses "--max-load and --mem-free go with --chunk MIN..MAX or -j MIN..MAX" --max-load 3
	refuses "--max-load and --mem-free go with --chunk MIN..MAX or -j MIN..MAX" --chunk 7 -j 3 --mem-free 1G
	refuses "weights go without --strict-priority" -t "$S.in:3,$S.out" --on-invalid skip --strict-priority
	refuses "--invalid and --keep-records go with --on-invalid dead" --on-invalid skip --invalid "$S.invalid"
	refuses "--invalid and --keep-records go with --on-invalid dead" --on-invalid stop --keep-records
	refuses "--max-invalid goes without --on-invalid stop" --on-invalid stop --max-invalid 5
	refuses "--confirm and --no-contrast exclude each other" --no-contrast --confirm 1s
	refuses "--pair is for results" --out none --pair
	refuses "--pair is for results" "${to_topic[@]}" --pair
}

@test "options that go together, and settings without effect, are not refused" {
	to_topic=(-t "$S.in" --on-invalid skip)
	settings "${to_topic[@]}" -o end --linger 2s --target 0 --chunk 1..2 --strict-priority
	settings --early --linger 2s --on-invalid skip --max-invalid 5
	settings --max-load 2.5 -j 1..3 --target 0
	settings --mem-free 1G --chunk 1..3 --target 2s
	settings --pair --out - --invalid "$S.invalid" --keep-records
	settings -s "$S" -X work.linger=3s -X work.target=2s
	json_equals '[2000,3000]' '[.targetMs,.lingerMs]' settings.json
	printf 'stream=%s\nwork.linger=3s\n' "$S" >conf
	settings "${to_topic[@]}" -F conf
	json_equals 3000 .lingerMs settings.json
	BATCH_WORK_TARGET=2s settings -F conf
}

@test "--max-load takes a number, and nothing else" {
	for load in '' abc -1 0 nan inf 1e999 1e1 1x '5 ' ' 5' . 1. .5 0x1 99999999999999999999 5..2; do
		refuses "--max-load: '$load' is not a number" --chunk 1..2 --max-load "$load"
	done
}

@test "names that are none are refused, with their option" {
	run -2 --separate-stderr batch-work -G '' --dry-run -- true
	says "-G: it is empty"
	for option in --instance --out --invalid --joblog --failed-dir --metrics; do
		refuses "$option: it is empty" "$option" ''
	done
	refuses "--out: topic 'a b'" --out 'a b'
	refuses "--invalid: topic '$S.in '" --invalid "$S.in "
}

@test "--on-invalid stop needs no topic for invalid records" {
	seq 5 | kput "$S.in"
	run -0 --separate-stderr work -t "$S.in" -o beginning --out - --on-invalid stop -- cat
	[[ $(sort <<<"$output") == "$(seq 5)" ]]
}

# --- --instance

@test "--instance: one whose name another has ends, and says why that may be" {
	member=(batch-work -G "$G" --instance one)
	background first "${member[@]}" --report 100ms --metrics m.prom -- cat
	wait_for metric_is 1 batch_work_rebalances_total
	background second "${member[@]}" -- cat
	ends 1 first
	grep "another member has come under our instance id 'one'" first.err >said
	grep 'or the broker did not answer for longer than the session' said
	kill "${pids[second]}"
	ends 143 second
}

# --- --sample

@test "--sample prints what comes out for the first records, and changes nothing" {
	seq -f 'low %.0f' 50 >in
	ready_keyed in --priority 90
	seq -f 'high %.0f' 50 >in
	ready_keyed in --priority 0
	records >before
	run -0 --separate-stderr work --sample 7 -- sed 's/^/got /'
	silent
	[[ ${#lines[@]} -eq 7 ]]
	run ! grep -v "^got high " <<<"$output"
	run -0 --separate-stderr work --sample 1000 -- cat
	[[ $(sort <<<"$output") == "$(sort in)" ]]
	records | cmp before -
	run -1 is_group
	run -0 --separate-stderr work --dry-run -- cat
	docs_are 'length == 3' 'map(.done) == [null, 0, 0]'
}

@test "--sample tells how the command failed, or that there is nothing to try" {
	run -6 --separate-stderr work --sample 3 -- cat
	says "no batch is ready"
	seq 5 >in
	ready_keyed in
	run -1 --separate-stderr work --sample 3 -- sh -c 'cat; exit 3'
	mentions "exit status 3"
	[[ -z $output ]]
	run -1 --separate-stderr work --sample 1 --pair -- sh -c 'cat; echo more'
	says "2 lines came out for 1 records"
	run -2 --separate-stderr work --exactly-once --out - -- cat
	says --exactly-once
	run -2 --separate-stderr batch-work -G "$G" -t "$S.in" --on-invalid skip --sample 3 -- cat
	says --sample
}

@test "--sample of a batch whose records are not there says so, and ends nothing" {
	seq 5 >in
	create --processing
	batch-send -B "$B" in | jq -c '.manifest.senders[0].sender |= (explode | reverse | implode)' | batch-complete >completed.json
	records >before
	run -1 --separate-stderr work --sample 3 -- cat
	says "batch '$B': none of its records are there"
	records | cmp before -
}

# --- --metrics

# The value of a series, of which LABELS are some.
metric() { # NAME [LABELS]
	local n
	n=$(grep -c "^$1{.*${2:-}.*}" m.prom)
	((n == 1)) || { echo "$n series of $1 $2" >&2 && return 1; }
	sed -n "s/^$1{.*${2:-}.*} //p" m.prom
}

metric_is() { # VALUE NAME [LABELS]
	[[ $(metric "${@:2}") == "$1" ]]
}

@test "--metrics holds at the end what was done, and zeros" {
	seq 30 >in
	ready_keyed in
	# shellcheck disable=SC2016
	run -0 --separate-stderr work --chunk 30 --metrics m.prom -- sh -c 'grep -x 7 && exit 65; exit 0'
	silent
	metric_is 29 batch_work_records_total 'outcome="done"'
	metric_is 1 batch_work_records_total 'outcome="invalid"'
	metric_is 0 batch_work_records_total 'outcome="skipped"'
	metric_is 1 batch_work_chunks_total 'outcome="ok"'
	metric_is 1 batch_work_chunks_total 'outcome="isolated"'
	metric_is 0 batch_work_chunks_total 'outcome="aborted"'
	metric_is 0 batch_work_chunks_total 'outcome="killed"'
	metric_is 1 batch_build_info "version=\"$(batch-work --version | cut -d' ' -f3)\",librdkafka=\"[0-9.]*\""
	metric_is 30 batch_work_record_age_seconds_count 'priority="medium"'
	metric_is 30 batch_work_record_age_seconds_bucket 'priority="medium",le="100"'
	(($(metric batch_work_chunk_duration_seconds_count) > 4))
	metric_is 30 batch_work_chunk_target_records
	metric_is 3 batch_work_slots
	metric_is 0 batch_work_slots_busy
	metric_is 0 batch_work_breaker_open
	metric_is 1 batch_work_rebalances_total
	metric_is 0 batch_queue_batches 'priority="low"'
	[[ $(metric batch_exporter_timestamp_seconds) == "$(stat -c %Y m.prom)" ]]
	[[ $(grep -c "{stream=\"$S\",group=\"$G\",instance=\"m\"" m.prom) -eq $(grep -vc '^#' m.prom) ]]
	[[ $(stat -c %a m.prom) == 644 ]]
}

@test "--metrics is written at each report, with what waits and what runs" {
	seq 30 >in
	ready_keyed in --priority 0
	ready_keyed in --priority 100
	background worker batch-work -G "$G" --once -j 1 --chunk 100 --report 100ms --metrics m.prom \
		--instance w1 -- sh -c 'until [ -e go ]; do sleep 0.05; done; cat'
	wait_for metric_is 1 batch_work_slots_busy
	metric_is 1 batch_queue_batches 'priority="high"'
	metric_is 0 batch_queue_batches 'priority="medium"'
	metric_is 1 batch_queue_batches 'priority="low"'
	metric_is 30 batch_queue_records 'priority="low"'
	metric_is 0 batch_work_records_total 'outcome="done"'
	[[ $(metric batch_queue_oldest_age_seconds 'priority="high"') =~ [1-9] ]]
	metric_is 0 batch_queue_oldest_age_seconds 'priority="medium"'
	grep -q 'instance="w1"' m.prom
	touch go
	ends 0 worker
	metric_is 60 batch_work_records_total 'outcome="done"'
	metric_is 0 batch_queue_batches 'priority="low"'
}

@test "--metrics counts what was killed since time was up, once" {
	seq 30 >in
	ready_keyed in
	background worker batch-work -G "$G" -j 1 --chunk 10 --drain 100ms --metrics m.prom -- sh -c '
		touch began; sleep 60; cat'
	wait_for test -e began
	stopped worker
	metric_is 1 batch_work_chunks_total 'outcome="killed"'
	metric_is 0 batch_work_chunks_total 'outcome="ok"'
}

@test "--metrics that cannot be written any more is only a warning" {
	seq 3 >in
	ready_keyed in
	mkdir there
	run -0 --separate-stderr work --report 10ms --out none --metrics there/m.prom -- sh -c 'cat; rm -rf there'
	[[ $(grep -c -- --metrics <<<"$stderr") -eq 1 ]]
}

@test "--metrics, --joblog and --failed-dir that cannot be written: 2, with the option and the file" {
	: >file
	mkdir there
	for option in --metrics --joblog --failed-dir; do
		for path in missing/x file/x /proc/x; do
			run -2 --separate-stderr work "$option" "$path" -- cat
			says "$option: $path: "
		done
	done
	for path in there /m.prom/; do
		run -2 --separate-stderr work --metrics "$path" -- cat
		says "--metrics: " "$path: "
	done
	[[ -z $(ls -A there) ]]
}

# The names that the manual has under METRICS.
metrics_of_manual() {
	sed -n '/^\.Sh METRICS/,/^\.Sh SYSTEMD/p' "$tests_root/../man/batch-work.1" | grep '^\.It Li' | grep -oE 'batch_[a-z_]+'
}

@test "--metrics is of Prometheus' format, and has the metrics of the manual and no others, from the beginning on" {
	seq 30 >in
	ready_keyed in
	run -0 work --metrics 'a "b".prom' -- sh -c '! grep -x 7 || exit 65'
	run -0 work -t "$S.in" -o beginning --on-invalid skip --metrics stream.prom -- cat
	for file in 'a "b".prom' stream.prom; do
		python3 "$tests_root/lib/prometheus.py" "$file" >families
		diff <(metrics_of_manual | sort) <(cut -d ' ' -f 1 families | sort)
	done
}

# --- --joblog

@test "--joblog is what GNU parallel reads: what has ended well is not done again, what failed is" {
	seq 5 >in
	ready in
	# shellcheck disable=SC2016
	run -0 work --chunk 1 --order none -j 1 --retries 1 --backoff 10ms --breaker 1000 --joblog joblog -- \
		sh -c '# a	tab
			[ "$(cat)$BATCH_ATTEMPT" != 11 ]'
	[[ $(awk -F '\t' '{print NF}' joblog | uniq) == 9 ]]
	[[ $(cut -f 7 joblog | paste -sd ' ') == 'Exitval 1 0 0 0 0 0' ]]
	command -v parallel || skip "no GNU parallel"
	cp joblog resumed
	parallel --joblog resumed --resume echo ::: {1..8} >out
	[[ $(sort out) == $'7\n8' ]]
	parallel --joblog joblog --resume-failed echo ::: {1..6} >out
	[[ $(<out) == 1 ]]
}

# --- --failed-dir

@test "--failed-dir keeps the last 100 runs, for their owner alone" {
	seq 120 >in
	ready in
	run -0 work -j 1 --order none --chunk 1 --retries 1 --backoff 1h*2..2h --on-exit 3=done --failed-dir failed -- \
		sh -c 'cat; exit 3'
	[[ -z $(ls failed) ]]
	ready in
	umask 0
	run -1 work -j 1 --chunk 1 --order none --no-contrast --retries 0 --breaker 1000 --max-invalid 115 \
		--failed-dir kept -- sh -c 'cat >/dev/null; exit 65'
	for ending in in err json; do
		(($(find kept -name "*.$ending" | wc -l) == 100))
	done
	[[ $(stat -c %a kept) == 700 && $(stat -c %a kept/* | uniq) == 600 ]]
	# shellcheck disable=SC2046
	grep -qx 115 kept/*.in && run ! grep -qx '[1-9]' kept/*.in
}

@test "--failed-dir keeps the input, what was said, and how it ended of runs that failed" {
	seq 5 >in
	ready_keyed in
	run -0 --separate-stderr work --backoff 10ms --retries 1 --failed-dir failed -- \
		sh -c 'if grep -qx 4; then echo "it is a 4" >&2; exit 9; fi'
	mentions "it is a 4"
	one=$(grep -lx 4 failed/*.in | head -n 1)
	[[ $(cat "${one%.in}.err") == "it is a 4" ]]
	output=$(cat "${one%.in}.json")
	doc_is '.exit == 9' '.how == "exit"' '.attempt >= 1' '.chunk | startswith("'"$S"'.in-")' \
		'.message | contains("exit status 9")'
	failures=$(grep -c "it is a 4" <<<"$stderr")
	(($(grep -lx 4 failed/*.in | wc -l) == failures))
	(($(find failed -name '*.in' | wc -l) == failures))
	[[ $(stat -c %a "$one") == 600 ]]
}

@test "--failed-dir that is no directory is refused; one that goes away is a warning" {
	: >file
	run -2 --separate-stderr work --failed-dir file -- cat
	says file
	seq 3 >in
	ready_keyed in
	run -0 --separate-stderr work --retries 2 --backoff 10ms --failed-dir gone -- \
		sh -c 'if [ -d gone ]; then rmdir gone; exit 1; fi; cat'
	mentions "a failed run is not kept"
	has_all_of_it=$(kget "$S.out" -f '%s\n' | sort)
	[[ $has_all_of_it == "$(sort in)" ]]
}

# --- what the command gets

@test "what a command says is a message of its own" {
	seq 3 >in
	ready in
	run -0 --separate-stderr work --chunk 3 --log json -- sh -c 'cat >/dev/null; printf "one\ntwo \033[1m" >&2'
	output=$stderr
	docs_are 'map(.level) == ["command", "command"]' 'map(.message) == ["sh: one", "sh: two \\x1b[1m"]'
}

# --- descriptors

# COMMAND waits until N of it run.
together() { # N
	# shellcheck disable=SC2016
	printf 'mkdir -p here; : >here/$$; cat >/dev/null
		until [ "$(ls here | wc -l)" -ge %d ]; do sleep 0.05; done' "$1"
}

@test "-j raises the limit of open files as far as it needs" {
	seq 60 >in
	ready_keyed in
	ulimit -Sn 128
	run -0 --separate-stderr work -j 60 --chunk 1 --order none --out none -- sh -c "$(together 60)"
	silent
	(($(find here -type f | wc -l) == 60))
}

@test "-j beyond what the hard limit of open files allows is refused" {
	ulimit -n 300
	run -2 --separate-stderr work -j 8 -- cat
	says "-j 8: 312 open files are needed, and 300 are allowed"
	run -0 --separate-stderr work -j 6 -- cat
}

# --- the service manager

# Writes down what is said to the socket "notified", a message a line.
listen() {
	exec python3 -c '
import socket
s = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
s.bind("notified")
while True:
    print(s.recv(65536).decode(), flush=True)'
}

@test "a service manager hears when the worker is ready, how it is, and that it stops" {
	background listener listen
	wait_for test -S notified
	export NOTIFY_SOCKET=$PWD/notified WATCHDOG_USEC=200000
	seq 5 >in
	create --processing
	ready_keyed in
	background worker batch-work -G "$G" --early --report 100ms --out none -- sh -c 'cat >/dev/null; env >seen'
	wait_for grep -q '^STATUS=0 batches are ready; 0 of 3 commands run; 5 records done, 0 invalid$' listener.out
	[[ $(grep -v STATUS listener.out | head -n 1) == READY=1 ]]
	wait_for grep -q '^WATCHDOG=1$' listener.out
	run ! grep -qx STOPPING=1 listener.out
	kill "${pids[worker]}"
	ends 143 worker
	wait_for grep -qx STOPPING=1 listener.out
	run ! grep -qE '^(NOTIFY_SOCKET|WATCHDOG)' seen
}

# What systemd makes of ExecStart: %H-%i is expanded, and the words of $WORK are words.
@test "the unit is one that systemd takes, and its command is one that works" {
	unit=$tests_root/../share/batch-work@.service
	seq 5 >in
	ready in
	WORK="-G $G --once --out none -- tee got"
	line=$(sed -n 's/^ExecStart=//p' "$unit" | sed "s/%H/host/; s/%i/1/")
	[[ ${line%% *} == /*/batch-work ]]
	read -ra words <<<"${line#* }"
	[[ ${words[-1]} == "\$WORK" ]]
	# shellcheck disable=SC2086
	run -0 timeout -s KILL 120 batch-work "${words[@]::${#words[@]}-1}" $WORK
	sort got | cmp - in
	command -v systemd-analyze || skip "no systemd"
	mkdir units
	sed "s|^ExecStart=[^ ]*|ExecStart=/bin/true|" "$unit" >units/batch-work@.service
	systemd-analyze verify --man=no "$PWD/units/batch-work@.service" >said 2>&1
	run ! grep batch-work said
}
