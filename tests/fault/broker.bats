# A broker that pauses, dies, comes back, comes late, or deletes what is being read.
bats_require_minimum_version 1.5.0
load ../lib/fault

setup_file() {
	export BATS_NO_PARALLELIZE_WITHIN_FILE=true
	export KAFKA=$BATS_FILE_TMPDIR/kafka
	use_broker "$(own_kafka_up "$KAFKA")"
}

teardown_file() {
	own_kafka_down "$KAFKA"
}

setup() {
	[[ -n $("$tests_root/kafka/broker.sh" start "$KAFKA" --again 2>&1) ]] # does nothing when it runs
	begin 2
	seq -f 'record %.0f' 20000 >input
}

teardown() {
	continue_broker "$KAFKA" || true
	end_background
}

@test "I1-I4: paused for 5 s in the middle, all goes on" {
	all_at_work
	pause_broker "$KAFKA"
	pause_ms 5000
	continue_broker "$KAFKA"
	all_end_well
}

@test "paused while a worker gives partitions back: it lives on" {
	quick=(-X heartbeat.interval.ms=100)
	seq 60 >in # more than a chunk in each partition: no part is done, and no event under way
	create --processing
	batch-send -B "$B" in | batch-complete >completed.json
	background one timeout -s KILL 100 batch-work -v -G "$S.group" "${quick[@]}" --chunk 10 --out none --report 1m -- sh -c '
		touch began; while [ ! -e go ]; do sleep 0.02; done; exec cat'
	wait_for test -e began
	background two timeout -s KILL 100 batch-work -G "$S.group" "${quick[@]}" --out none -- cat
	wait_for grep -q 'asked back' one.err
	pause_broker "$KAFKA"
	touch go
	wait_for grep -q 'done again' one.err
	continue_broker "$KAFKA"
	batch-status -B "$B" --wait completed >now.json
	kill "${pids[one]}" "${pids[two]}"
	ends 143 one
	ends 143 two
	json_equals 60 .actualRecordCount now.json
}

@test "I1-I4: killed and started again in the middle, all goes on" {
	all_at_work
	kill_broker "$KAFKA"
	restart_broker "$KAFKA"
	all_end_well
}

@test "I1-I4 I9: stopped and started again in the middle, all goes on, and nobody is alarmed" {
	for_torture
	all_at_work
	own_kafka_down "$KAFKA"
	restart_broker "$KAFKA"
	all_end_well
	cat ./*.err
	[[ -z $(cat ./*.err) ]]
}

@test "I5 I8: paused for longer than they wait, every tool ends in time and says what is so" {
	finished input
	whole=$B
	create
	mkfifo pipe
	export BATCH_TIMEOUT=4s
	alone send sh -c 'batch-send -B "$0" <pipe' "$B"
	exec {writer}>pipe
	head -n 1000 input >&"$writer"
	wait_for holds_records "$S.in" 21000
	pause_broker "$KAFKA"
	tail -n +1001 input >&"$writer"
	exec {writer}>&-
	alone create batch-create -n x --id "$B.x"
	alone complete batch-complete -B "$B" --records 0
	alone terminate batch-terminate -B "$B"
	alone status batch-status -B "$B"
	alone list batch-status
	alone consume batch-consume -B "$whole"
	alone waiting batch-consume -B "$B"
	alone group batch-consume -G "$S.group" -e
	alone topic batch-consume -t "$S.in" -e
	alone watch batch-watch -e
	alone until batch-watch -B "$B" --until completed
	alone init batch-init -s "$S"
	for name in create complete terminate status list consume waiting group topic watch until init; do
		ends_within 6 4,5 "$name"
		[[ ! -s $name.out ]]
	done
	ends_within 7 7 send
	[[ ! -s send.out ]]
	continue_broker "$KAFKA"
	verify input
	saw '.counted == ["started"]' '.records >= 1000' '.duplicates == 0'
	batch-send -m 30s --resume -B "$B" input | batch-complete -m 30s >/dev/null
	is_whole input
}

@test "I5 I8: no broker: exit 5 when time is up, with the reason; one that comes late is waited for" {
	finished input
	own_kafka_down "$KAFKA"
	alone create batch-create -m 1s -n x
	alone send batch-send -m 1s -B x input
	alone consume batch-consume -m 1s -B x
	for name in create send consume; do
		ends_within 3 5 "$name"
		grep 'Connection refused' "$name.err"
	done
	alone create batch-create -n x --id "$B.x"
	alone consume batch-consume -B "$B"
	alone member batch-consume -G "$S.group" -c 1
	pause_ms 1500
	restart_broker "$KAFKA"
	for name in create consume member; do
		began["$name"]=$(milliseconds)
		ends_within 5 0 "$name"
	done
	cmp consume.out input
	cmp member.out input
}

@test "I1 I5: what was deleted before it was read is said, and never skipped" {
	create
	head -c 24000000 /dev/urandom | base64 -w 1000 >large
	batch-send -z none -B "$B" large | batch-complete >/dev/null
	mkfifo pipe
	alone reader sh -c 'batch-consume -B "$0" >pipe' "$B"
	exec {reader}<pipe
	read -r line <&"$reader"
	jq -n --arg topic "$S.in" '{version: 1, partitions: [{$topic, partition: 0, offset: -1},
		{$topic, partition: 1, offset: -1}]}' >all.json
	"$tests_root/kafka/broker.sh" delete-records "$KAFKA" --offset-json-file "$PWD/all.json" >/dev/null
	cat <&"$reader" >rest
	exec {reader}<&-
	ends_within 60 1 reader
	grep 'not in the log any more' reader.err
	{ echo "$line" && cat rest; } >got
	head -c "$(stat -c %s got)" large | cmp - got
	run -1 --separate-stderr batch-consume -B "$B"
	says 'not in the log any more'
}

@test "I2 I5: what the broker's disk has changed is an error that says where, and no record" {
	for last in 100 200; do
		seq -f 'record %.0f' $((last - 99)) "$last" |
			kput "$S.in" -p 0 -z none -X linger.ms=5000 -X batch.num.messages=100 # in one piece
	done
	own_kafka_down "$KAFKA"
	sed -i 's/record 150/rekord 150/' "$KAFKA/data/$S.in-0/"*.log
	restart_broker "$KAFKA"
	run -1 --separate-stderr batch-consume -t "$S.in" -p 0 -e -q
	says "topic $S.in, partition 0, offset 100: "
	head -n 100 input | cmp - <(echo "$output")
}

@test "I2 I5: an event that the broker's disk has changed ends a member of a group, which says where" {
	batch-create -n recorded -X compression.type=none >created.json
	own_kafka_down "$KAFKA"
	sed -i 's/"name":"recorded"/"name":"rekorded"/' "$KAFKA/data/$S.notification-"*/*.log
	restart_broker "$KAFKA"
	run -1 --separate-stderr batch-consume -G "$S.group" -e --exec true
	says "topic $S.notification, partition " ', offset 0: ' "group $S.group"
}

# --- a full disk

small_disk_up() {
	SMALL=$BATS_TEST_TMPDIR/small
	mkdir -p "$SMALL/disk"
	mount -t tmpfs -o size=48m tmpfs "$SMALL/disk" 2>/dev/null || skip 'only root may mount a small disk'
	BATCH_BROKERS=$(own_kafka_up "$SMALL" --property log.dirs=@DIR@/disk/log \
		--property log.index.size.max.bytes=65536 --property log.cleaner.enable=false)
}

small_disk_down() {
	own_kafka_down "$SMALL"
	umount -l "$SMALL/disk"
}

@test "I1 I5 I8: the broker's disk is full: it is said, and what was acknowledged is there" {
	for_torture
	small_disk_up
	batch-init -s "$S" --partitions 1 --replication 1 >/dev/null
	head -c 48000000 /dev/urandom | base64 -w 1000 >large
	create
	alone send batch-send -m 5s -z none -B "$B" large
	wait "${pids[send]}" || status=$?
	[[ $status == [1357] && ! -s send.out ]]
	own_kafka_down "$SMALL"
	mount -o remount,size=400m "$SMALL/disk"
	restart_broker "$SMALL"
	acked=$(sed -n 's/.*: \([0-9]*\) records acknowledged, .*/\1/p' send.err)
	verify large
	saw ".records >= ${acked:-0}" '.duplicates == 0' '.status == "started"'
	batch-send --resume -z none -B "$B" large | batch-complete >/dev/null
	is_whole large
	small_disk_down
}

# Two runs for the one slot may have been written down before the broker stopped.
@test "no command begins before its run is written down" {
	create --processing
	seq 40 | batch-send -B "$B" | batch-complete >completed.json
	background work batch-work -G "$S.group" --once -j 1 --order none --chunk 1 -- \
		sh -c 'echo >>runs; if [ ! -e go ]; then touch began; while [ ! -e go ]; do sleep 0.02; done; fi; cat'
	wait_for test -e began
	pause_broker "$KAFKA"
	touch go
	pause_ms 1500
	begun=$(wc -l <runs)
	continue_broker "$KAFKA"
	ends 0 work
	((begun <= 3))
	status_is completed
	[[ $(wc -l <runs) == 40 ]]
}
