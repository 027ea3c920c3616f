# Workers that are killed, frozen, and lose their partitions.
bats_require_minimum_version 1.5.0
load ../lib/fault
load ../lib/work

setup_file() {
	kafka_up
}

setup() {
	begin_work 4
	quick=(-X session.timeout.ms=1000 -X heartbeat.interval.ms=100) # for who is to be given up
	patient=(-X session.timeout.ms=20000 -X heartbeat.interval.ms=100)
}

worker() { # NAME OPTION... -- COMMAND...
	background "$1" batch-work -G "$G" "${quick[@]}" "${@:2}"
}

# Runs a worker again and again until it ends by itself; sets deaths.
restarted() { # MOST OPTION... -- COMMAND...
	local status
	for ((deaths = 0; deaths <= $1; deaths++)); do
		status=0
		timeout -s KILL 120 batch-work -G "$G" "${patient[@]}" --instance one --once "${@:2}" || status=$?
		((status == 137)) || return "$status"
	done
}

@test "a record that kills its worker ends as invalid, and the others are done" {
	begin_work 1
	seq 40 >in
	ready in
	restarted 30 --retries 1 --chunk 10 -- sh -c '
		cat >"in.$BATCH_SLOT"
		! grep -qx 17 "in.$BATCH_SLOT" || kill -KILL $PPID
		echo "$BATCH_CHUNK $BATCH_ATTEMPT $BATCH_REASON $BATCH_COUNT" >>runs
		cat "in.$BATCH_SLOT"'
	ended_as completed 40 1
	kget "$S.invalid" | jq -e '.offset == 16 and (.failure | contains("worker"))'
	cmp <(kget "$S.out" | sort -nu) <(grep -vx 17 in)
	((deaths >= 2 && deaths <= 12))
}

@test "a worker's command ends with it" {
	begin_work 1
	echo one >in
	ready in
	worker w -- sh -c 'echo $$ >pid; exec sleep 120'
	wait_for test -s pid
	kill -KILL "${pids[w]}"
	ends 137 w
	wait_for eval '! kill -0 "$(<pid)"'
}

@test "two records that kill their workers, in chunks that run side by side" {
	seq 40 >in
	ready in
	restarted 60 --retries 1 --chunk 10 --order none -- sh -c '
		cat >"in.$BATCH_SLOT"
		! grep -qxE "17|27" "in.$BATCH_SLOT" || kill -KILL $PPID
		cat "in.$BATCH_SLOT"'
	ended_as completed 40 2
	cmp <(kget "$S.out" | sort -nu) <(grep -vxE '17|27' in)
	((deaths <= 24))
}

@test "a run that ended a worker has no other beside it" {
	begin_work 1
	seq 80 >in
	ready in
	restarted 40 --retries 1 --chunk 10 --order none -- sh -c '
		cat >"in.$BATCH_SLOT"
		echo "$PPID $BATCH_REASON" >>runs
		! grep -qx 17 "in.$BATCH_SLOT" || { sleep 0.25; kill -KILL $PPID; }
		sleep 0.1
		echo "$PPID end" >>runs
		cat "in.$BATCH_SLOT"'
	ended_as completed 80 1
	grep -q resume runs
	awk '$2 == "end" {n[$1]--; alone[$1] = 0; next}
		alone[$1] || ($2 == "resume" && n[$1] > 0) {print; bad = 1}
		{n[$1]++; alone[$1] = $2 == "resume"}
		END {exit bad}' runs
}

@test "without retries, too, a worker's death condemns nothing that was not run again" {
	begin_work 1
	seq 6 >in
	ready in
	restarted 5 --retries 0 --chunk 1 -- sh -c '
		[ -e killed ] || { touch killed; kill -KILL $PPID; }
		cat'
	((deaths == 1))
	ended_as completed 6 0
	cmp <(kget "$S.out" | sort -nu) in
}

@test "who comes after a killed worker runs the same chunk, under the same token" {
	begin_work 1
	seq 100 >in
	ready in
	restarted 3 --chunk 10 -- sh -c '
		echo "$BATCH_CHUNK $BATCH_ATTEMPT $BATCH_REASON" >>runs
		cat >"in.$BATCH_SLOT"
		! grep -qx 35 "in.$BATCH_SLOT" || [ -e killed ] || { touch killed; kill -KILL $PPID; sleep 5; }
		cat "in.$BATCH_SLOT"'
	((deaths == 1))
	ended_as completed 100 0
	[[ $(cut -d' ' -f1 runs | sort -u | wc -l) == 10 ]]
	token=$(cut -d' ' -f1 runs | sed -n 4p)
	grep -qxF "$token 1 first" runs
	grep -qxF "$token 2 resume" runs
}

@test "--order key: the same chunks again, also of records without a key" {
	begin_work 1
	create --processing
	jq -nc 'range(1; 201) | {key: (if . % 3 == 0 then "\(. % 7)" else null end), value: "\(.)"}' |
		batch-send -B "$B" -J | batch-complete >/dev/null
	restarted 3 --order key -j 2 --chunk 5 -- sh -c '
		echo "$BATCH_CHUNK $BATCH_ATTEMPT $BATCH_REASON" >>runs
		cat >"in.$BATCH_SLOT"
		! grep -qx 107 "in.$BATCH_SLOT" || [ -e killed ] || { echo "$BATCH_CHUNK" >killed; kill -KILL $PPID; sleep 5; }
		cat "in.$BATCH_SLOT"'
	((deaths == 1))
	ended_as completed 200 0
	grep -qxF "$(<killed) 2 resume" runs
}

@test "--split: who comes after a killed worker divides the same chunk in the same way" {
	begin_work 1
	seq 100 >in
	ready in
	restarted 3 --split 3 --chunk 10 -- sh -c '
		echo "$BATCH_CHUNK $BATCH_ATTEMPT $BATCH_REASON" >>runs
		cat >"in.$$"
		! grep -qx 36 "in.$$" || [ -e killed ] || { touch killed; kill -KILL $PPID; sleep 5; }
		cat "in.$$"'
	((deaths == 1))
	ended_as completed 100 0
	[[ $(cut -d' ' -f1 runs | sort -u | wc -l) == 30 ]]
	(($(sort -u runs | grep -c '2 resume') % 3 == 0))
	(($(grep -c '2 resume' runs) >= 3))
}

@test "--split: a record that kills its worker is found, and the others of its share are done" {
	begin_work 1
	seq 40 >in
	ready in
	restarted 30 --retries 1 --split 2 --chunk 10 -- sh -c '
		cat >"in.$$"
		! grep -qx 17 "in.$$" || kill -KILL $PPID
		cat "in.$$"'
	ended_as completed 40 1
	kget "$S.invalid" | jq -e '.offset == 16 and (.failure | contains("worker"))'
	cmp <(kget "$S.out" | sort -nu) <(grep -vx 17 in)
}

# How many runs were written down when one of a single slot killed its worker: itself, and those ahead of it.
written_down() { # SECONDS-FOR-EACH RECORDS KILLER
	begin_work 1
	seq "$2" >in
	ready in
	TAKES=$1 KILLER=$3 restarted 1 -j 1 --order none --chunk 1 -- sh -c '
		read -r record
		echo "$BATCH_REASON" >>runs
		[ "$TAKES" = 0 ] || sleep "$TAKES"
		[ "$record" != "$KILLER" ] || [ -e killed ] || { touch killed; kill -KILL $PPID; sleep 5; }'
	((deaths == 1))
	ended_as completed "$2" 0
	written=$(grep -c resume runs)
}

@test "of short runs more are written down ahead, so that none waits for it; of long ones not" {
	linked_kafka_up "$BATS_TEST_TMPDIR/kafka"
	export BATCH_BROKERS=$LINK
	link delay 0.04 # runs are short beside a commit, on any machine
	written_down 0 80 60
	((written > 4))
	link pass
	rm runs killed
	written_down 0.5 6 2
	((written >= 2 && written <= 4))
}

@test "who ends well leaves no chunk as one that ended its worker" {
	begin_work 1
	seq 100 >in
	ready in
	for round in 1 2 3 4; do
		worker w "${patient[@]}" --retries 0 --chunk 5 -- sh -c 'touch began; cat >/dev/null; sleep 0.2; echo "$BATCH_REASON $BATCH_ATTEMPT"'
		wait_for test -e began
		kill -TERM "${pids[w]}"
		ends 143 w
		rm began
	done
	timeout 120 batch-work -G "$G" --once --chunk 5 -- sh -c 'cat >/dev/null; echo "$BATCH_REASON $BATCH_ATTEMPT"'
	ended_as completed 100 0
	[[ $(kget "$S.out" | sort | uniq -c | awk '{print $1, $2, $3}') == '20 first 1' ]]
}

# Without a report in the log, only the group's offset knows what is done of the long one.
@test "who comes after killed workers knows of all batches that were begun" {
	begin_work 1
	seq 100 >in
	ready in --priority 100 && long=$B
	command='echo "$BATCH_ID $BATCH_FIRST" >>runs; [ -z "$STOP" ] || case $BATCH_ID in $STOP) kill -KILL $PPID ;; esac; cat'
	worker long "${patient[@]}" --instance one -j 1 --chunk 10 --report 1h -- sh -c 'cat; echo >>long.runs; sleep 0.1'
	wait_for eval '(($(wc -l <long.runs) >= 3))'
	ready in --priority 0 && short=$B
	ends_by_kill() {
		STOP=$short worker "$1" "${patient[@]}" --instance one -j 1 --chunk 50 --report 1h -- sh -c "$command"
		ends 137 "$1"
	}
	kill -KILL "${pids[long]}"
	ends 137 long
	before=$(wc -l <long.runs)
	ends_by_kill first
	ends_by_kill second
	timeout 120 batch-work -G "$G" "${patient[@]}" --instance one --once -j 1 --chunk 10 -- sh -c "$command"
	ended_as completed 100 0 "$long"
	ended_as completed 100 0 "$short"
	(($(grep -c "^$long" runs) <= 10 - before + 1))
}

# Another program that commits for the group leaves no word of what is done.
@test "who finds nothing with the group's offset begins where the log says" {
	begin_work 1
	seq 100 >in
	ready in
	worker w "${patient[@]}" --instance one -j 1 --chunk 10 --report 100ms -- sh -c 'cat; [ "$BATCH_FIRST" != 50 ] || sleep 30'
	reported() {
		batch-status -B "$B" --history | jq -es 'any(.batch.progress.parts["0"].w == 50)'
	}
	wait_for reported
	kill -KILL "${pids[w]}"
	ends 137 w
	timeout 120 kcat -b "$BATCH_BROKERS" -G "$G" "${patient[@]}" -X group.instance.id=one -e "$S.in" >other
	timeout 120 batch-work -G "$G" "${patient[@]}" --instance one --once --chunk 10 -- sh -c 'echo "$BATCH_FIRST" >>runs; cat'
	diff <(seq 50 10 90) runs
	ended_as completed 100 0
	cmp <(kget "$S.out" | sort -nu) in
}

# --- fleets

# Five batches of real records in files in.1 to in.5, and their ids in ids.
five_batches() {
	local i type types=(Patient Condition Encounter Procedure MedicationRequest)
	local last=${TORTURE_TIME:+\$}
	ids=()
	for i in 1 2 3 4 5; do
		type=${types[i - 1]}
		zcat "$data/fhir/$type.ndjson.gz" | sed -n "1,${last:-400}p" >"in.$i"
		ready "in.$i"
		ids+=("$B")
	done
}

all_completed() {
	local i
	for i in 1 2 3 4 5; do
		ended_as completed "$(wc -l <"in.$i")" 0 "${ids[i - 1]}" || return
	done
}

# Three workers, of which one is killed every so often and started again, until all is completed.
killed_fleet() { # OPTION... -- COMMAND...
	local n
	for n in 0 1 2; do
		worker "w$n" "${patient[@]}" --instance "w$n" -j 2 --retries 100 "$@"
	done
	kills=0
	until all_completed >/dev/null; do
		((kills < 300))
		pause_ms "${KILL_EVERY_MS:-1200}"
		draw 3
		kill -KILL "${pids[w$drawn]}"
		wait "${pids[w$drawn]}" || true
		worker "w$drawn" "${patient[@]}" --instance "w$drawn" -j 2 --retries 100 "$@"
		kills=$((kills + 1))
	done
	for n in 0 1 2; do
		kill -TERM "${pids[w$n]}"
		ends 143 "w$n"
	done
}

@test "workers of which one is killed every two seconds: all is done, and counted once" {
	chance
	five_batches
	killed_fleet --chunk 20 -- sh -c 'sleep 0.1; exec cat'
	all_completed
	((kills > 0))
	cmp <(kget "$S.out" | sort -u) <(sort -u in.?)
	tell "$kills kills, $(($(kget "$S.out" | wc -l) - $(cat in.? | wc -l))) results twice"
}

@test "the same with --exactly-once: each result once" {
	chance
	five_batches
	killed_fleet --chunk 20 --exactly-once -- sh -c 'sleep 0.1; exec cat'
	all_completed
	((kills > 0))
	cmp <(committed "$S.out" "$(cat in.? | wc -l)" | sort) <(sort in.?)
	tell "$kills kills"
}

# --- frozen

# Worker frozen is stopped while its command runs, another does all of it; then it goes on.
frozen_and_overtaken() { # OPTION...
	begin_work 1
	seq 30 >in
	ready in
	worker frozen --chunk 10 "$@" -- sh -c '[ -s pid ] || echo $$ >pid; while [ ! -e go ]; do sleep 0.02; done; exec cat'
	wait_for test -s pid
	kill -STOP "${pids[frozen]}"
	worker other "${patient[@]}" --chunk 10 "$@" -- cat
	wait_for ended_as completed 30 0
	kill -CONT "${pids[frozen]}"
	wait_for grep -q 'taken away' frozen.err
	wait_for eval '! kill -0 "$(<pid)"'
	touch go
}

@test "--exactly-once: nothing is written by who was frozen while another did its work" {
	frozen_and_overtaken --exactly-once
	ready in
	wait_for ended_as completed 30 0
	kill -TERM "${pids[frozen]}" "${pids[other]}"
	ends 143 frozen
	ends 143 other
	cmp <(committed "$S.out" 60 | sort -n) <(sort -n in in)
	counted created sendCompleted completed
}

# The other one's command is waited for before anybody has partitions again.
@test "who has lost his partitions ends what runs then, not when he has others" {
	begin 1
	G=$S.group
	seq 10 >in
	ready in
	worker frozen -- sh -c 'echo $$ >pid.new; mv pid.new pid; until [ -e go ]; do sleep 0.02; done; cat'
	wait_for test -s pid
	kill -STOP "${pids[frozen]}"
	worker other "${patient[@]}" --drain 10m -- sh -c 'touch began; until [ -e go ]; do sleep 0.02; done; cat'
	wait_for test -e began
	kill -CONT "${pids[frozen]}"
	wait_for eval '! kill -0 "$(<pid)"'
	touch go
	wait_for ended_as completed 10 0
	stopped frozen other
	grep -q 'taken away' frozen.err
}

# The command has closed its output before, so its end is all that the worker finds when it goes on.
ended_while_frozen() { # OPTION...
	begin_work 1
	seq 30 >in
	ready in
	worker frozen --chunk 10 "$@" -- sh -c '
		cat
		[ "$BATCH_FIRST" != 10 ] || readlink "/proc/$$/fd/1" >output
		exec >&-
		[ "$BATCH_FIRST" != 10 ] || echo $$ >pid
		while [ "$BATCH_FIRST" = 10 ] && [ ! -e go ]; do sleep 0.02; done'
	wait_for test -s pid
	wait_for eval '[[ $(readlink "/proc/${pids[frozen]}/fd"/*) != *"$(<output)"* ]]'
	kill -STOP "${pids[frozen]}"
	worker other "${patient[@]}" --chunk 10 "$@" -- cat
	wait_for ended_as completed 30 0
	touch go
	wait_for grep -q ') Z' "/proc/$(<pid)/stat"
	kill -CONT "${pids[frozen]}"
	wait_for grep -q 'taken away' frozen.err
	kill -TERM "${pids[other]}"
	ends 143 other
	ready in
	wait_for ended_as completed 30 0
	kill -TERM "${pids[frozen]}"
	ends 143 frozen
	cmp <(committed "$S.out" 60 | sort -n) <(sort -n in in)
}

@test "a command that ends while its worker is frozen: no results of what another has done" {
	ended_while_frozen
}

@test "--exactly-once: a command that ends while its worker is frozen" {
	ended_while_frozen --exactly-once
}

@test "--exactly-once: a transaction that is tried again counts its records once" {
	begin_work 1
	seq 20 >in
	ready in
	timeout 60 batch-work -v -G "$G" --instance one --once --chunk 10 --exactly-once --max-invalid 2 -- sh -c '
		[ "$BATCH_FIRST" = 0 ] || kcat -P -b "$BATCH_BROKERS" -X transactional.id="btx.$0.in.$0.group.work.one" \
			-t "$0.out" </dev/null
		[ "$BATCH_FIRST" = 0 ] || echo 3 invalid bad >&3
		cat' "$S" 2>said
	grep -q 'transaction: ' said
	grep -q '20 records: 19 done, 1 invalid' said
	ended_as completed 20 1
	[[ $(committed "$S.out" 20 | wc -l) == 20 && $(committed "$S.invalid" 1 | wc -l) == 1 ]]
}

# A transaction fails, and is tried again, when the worker has been at work for longer than it waits for brokers.
@test "--exactly-once: a worker outlives a failed transaction, however long it has been at work" {
	begin_work 1
	seq 20 >in
	ready in
	timeout 120 batch-work -v -m 5s -G "$G" --instance one --once --chunk 10 --exactly-once -- sh -c '
		sleep 3
		[ "$BATCH_FIRST" = 0 ] || kcat -P -b "$BATCH_BROKERS" -X transactional.id="btx.$0.in.$0.group.work.one" \
			-t "$0.out" </dev/null
		cat' "$S" 2>said
	grep -q 'transaction: ' said
	ended_as completed 20 0
}

# What it has written down waits for the end of its transaction, and so would who comes next.
@test "--exactly-once --instance: who comes after one that died in its commit need not wait for the broker to end it" {
	linked_kafka_up "$BATS_TEST_TMPDIR/kafka"
	begin_work 1
	seq 20 >in
	ready in
	BATCH_BROKERS=$LINK worker first --instance one --chunk 10 --exactly-once \
		-X transaction.timeout.ms=300000 -- sh -c 'touch ran; exec cat'
	wait_for test -e ran
	link mute 26 # EndTxn
	wait_for eval '[[ $(link count) != *" 0" ]]'
	kill -KILL "${pids[first]}"
	ends 137 first
	link pass
	timeout 120 batch-work -G "$G" --instance one --once --chunk 10 --exactly-once -- cat
	ended_as completed 20 0
	cmp <(committed "$S.out" 20 | sort -n) in
}

# The topic takes the events of the batch up to here, some 770 bytes, and not what tells that a part is done.
@test "an event that cannot be written ends the worker, also with --exactly-once" {
	for options in "" --exactly-once; do
		new_stream
		export BATCH_STREAM=$S
		python3 "$tests_root/make_topic.py" "$BATCH_BROKERS" "$S.notification" max.message.bytes 830
		batch-init --partitions 1 --replication 1 >made.json
		seq 20 >in
		ready in
		run -1 --separate-stderr timeout 60 batch-work -G "$S.group" --once $options -- cat
		[[ $stderr == *"not delivered: topic $S.notification: "* ]]
	done
}

@test "a commit that the broker refuses is tried again, and ends the worker when time is up" {
	use_broker "$(own_kafka_up "$BATS_TEST_TMPDIR/kafka" --property offset.metadata.max.bytes=16)"
	begin_work 1
	seq 20 >in
	ready in
	run -1 --separate-stderr timeout 120 batch-work -v -m 6s -G "$G" -- sh -c 'touch ran; exec cat'
	[[ $(grep -c 'it is tried again' <<<"$stderr") == 1 && ${stderr_lines[-1]} == *"commit of offsets: "* ]]
	[[ ! -e ran ]]
}

@test "who was frozen while another did its work lives on, and works again" {
	frozen_and_overtaken
	kill -TERM "${pids[other]}"
	ends 143 other
	ready in
	wait_for ended_as completed 30 0
	kill -TERM "${pids[frozen]}"
	ends 143 frozen
	cmp <(kget "$S.out" -f '%s %h\n' | sort -u | sort -n | cut -d' ' -f1) <(sort -n in in)
}

@test "--exactly-once: workers are frozen at any time for longer than the group waits" {
	chance
	five_batches
	for n in 0 1 2; do
		worker "w$n" -j 2 --chunk 10 --retries 100 --exactly-once -- sh -c 'sleep 0.2; exec cat'
	done
	for ((freezes = 0; freezes < TORTURE_ROUNDS && SECONDS < torture_end; freezes++)); do
		draw 3
		kill -STOP "${pids[w$drawn]}"
		pause_ms 1300
		kill -CONT "${pids[w$drawn]}"
		draw 500
		pause_ms "$drawn"
		! all_completed >/dev/null || break
	done
	wait_for all_completed
	for n in 0 1 2; do
		kill -TERM "${pids[w$n]}"
		ends 143 "w$n"
	done
	cmp <(committed "$S.out" "$(cat in.? | wc -l)" | sort) <(sort in.?)
	tell "$freezes freezes"
}
