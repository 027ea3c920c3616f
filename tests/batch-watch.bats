# batch-watch: the events of a stream that count, as they come.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin 2
}

# Batches a and b: completed and terminated, four events.
two() {
	batch-create -n 'nightly a' --id a --metadata '{"kind":"full"}' >>events.json
	batch-complete -B a --records 1 >>events.json
	batch-create -n 'hourly b' --id b >>events.json
	batch-terminate -B b >>events.json
}

# Name and status of each document in $output, in a row
seen() {
	jq -r '"\(.id) \(.status)"' <<<"$output" | tr '\n' ,
}

@test "--since prints each document as it was after its event, -e ends there" {
	two
	run -0 --separate-stderr batch-watch --since -1h -e
	silent
	sort events.json | cmp - <(sort <<<"$output")
}

@test "events of one batch come in order" {
	two
	run -0 --separate-stderr batch-watch --since -1h -e
	grep '"id":"a"' <<<"$output" | cmp - <(head -n 2 events.json)
	grep '"id":"b"' <<<"$output" | cmp - <(tail -n 2 events.json)
}

@test "without --since it begins now" {
	two
	run -0 --separate-stderr batch-watch -e
	[[ -z $output ]]
	background watcher batch-watch -c 1
	shows_new() {
		batch-create -n new
		[[ -s watcher.out ]]
	}
	wait_for shows_new
	ends 0 watcher
	json_equals '"new"' .name watcher.out
}

@test "no event is missed that comes while the watch begins" {
	for round in {1..20}; do
		since=$(milliseconds)
		background watcher timeout 60 batch-watch --since "$since" -c 1
		create
		ends 0 watcher
		cmp created.json watcher.out
	done
}

@test "-B follows one batch from its start" {
	create
	background watcher batch-watch -B "$B" --until completed,failed
	batch-create -n other
	batch-complete -B "$B" --records 1 >completed.json
	ends 0 watcher
	cat created.json completed.json | cmp - watcher.out
}

@test "-B of a batch that is there already ends at once" {
	two
	run -0 --separate-stderr timeout 60 batch-watch -B b --until terminated
	tail -n 2 events.json | cmp - <(echo "$output")
}

@test "--until that cannot come true any more is a failure" {
	two
	run -1 --separate-stderr timeout 60 batch-watch -B b --until completed
	says "batch 'b' is terminated"
}

@test "--until is limited by -m" {
	create
	run_in_vain 4 batch-watch -B "$B" --until completed -m 3s
	says 'time is up'
	cmp created.json <(echo "$output")
}

@test "--until without -B waits for any batch" {
	two
	run -0 --separate-stderr timeout 60 batch-watch --since -1h --until terminated
	[[ $(seen) == *'b terminated,' ]]
}

@test "filters by name, status and metadata" {
	two
	watched() { # OPTION...
		run -0 --separate-stderr batch-watch --since -1h -e "$@"
		seen
	}
	[[ $(watched -n 'nightly*') == 'a started,a completed,' ]]
	[[ $(watched --status terminated,failed) == 'b terminated,' ]]
	[[ $(watched --metadata kind=full) == 'a started,a completed,' ]]
	[[ $(watched -B a) == 'a started,a completed,' ]]
	[[ $(watched -B a -c 1) == 'a started,' ]]
	[[ $(watched -c 0) == '' ]]
}

@test "an event that was overtaken is not shown" {
	create
	batch-complete -B "$B" --records 1 >completed.json
	kput "$S.notification" -k "$B" -H ce_type=batch.completed -H ce_batchversion=2 -l completed.json
	run -0 --separate-stderr batch-watch -B "$B" -e
	cat created.json completed.json | cmp - <(echo "$output")
}

@test "events of progress are shown on wish" {
	create
	jq -c '.progress = {done: 1}' created.json |
		kput "$S.notification" -k "$B" -H ce_type=batch.progress -H ce_batchversion=1
	run -0 --separate-stderr batch-watch -B "$B" -e
	docs_are 'length == 1'
	run -0 --separate-stderr batch-watch -B "$B" -e --progress
	docs_are 'map(.progress) == [null, {done: 1}]'
}

# --- --expect

@test "--expect is content with a batch of that name that was completed" {
	two
	run -0 --separate-stderr batch-watch --expect 'nightly*'
	cmp <(sed -n 2p events.json) <(echo "$output")
}

@test "--expect of what did not come is a failure at once, or --within" {
	two
	run -1 --separate-stderr timeout 60 batch-watch --expect 'hourly*'
	says "no batch 'hourly*' was completed"
	[[ -z $output ]]
	before=$(milliseconds)
	run -1 --separate-stderr timeout 60 batch-watch --expect 'hourly*' --within 500ms
	(($(milliseconds) - before >= 500))
	run -1 --separate-stderr timeout 60 batch-watch --expect 'nightly*' --since now
	says
}

@test "--expect waits for what is still to come" {
	background watcher batch-watch --expect late --within 30s
	batch-create -n late | batch-send /dev/null | batch-complete >completed.json
	ends 0 watcher
	cmp completed.json watcher.out
}

@test "--expect is about the end of the log: what failed after all is no success" {
	in_state completed
	run -0 --separate-stderr batch-watch --expect 'test-*'
	batch-terminate -B "$B" --failed 'found late'
	run -1 --separate-stderr batch-watch --expect 'test-*'
	says "($B) failed at" ': found late'
	[[ -z $output ]]
	in_state completed
	run -0 --separate-stderr batch-watch --expect 'test-*'
	doc_is ".id == \"$B\""
}

@test "--expect says how far the batch is that was expected" {
	run -1 --separate-stderr batch-watch --expect 'test-*'
	says "no batch 'test-*' was completed since" ': none began'
	create --processing
	run -1 --separate-stderr batch-watch --expect 'test-*'
	says "batch 'test-$BATS_TEST_NUMBER' ($B) began at" 'is still being sent'
	batch-complete -B "$B" --records 5 >sent.json
	run -1 --separate-stderr batch-watch --expect 'test-*'
	says "($B) was sent at" 'waits for a worker'
	jq -c '.progress = {group: "g", done: 2, invalid: 1, skipped: 0}' sent.json |
		kput "$S.notification" -k "$B" -H ce_type=batch.progress -H ce_batchversion=2
	run -1 --separate-stderr batch-watch --expect 'test-*'
	says "($B) was sent at" 'is being processed (3 records so far)'
	in_state terminated
	run -1 --separate-stderr batch-watch --expect 'test-*'
	says "($B) was terminated at" 'of that name are 2'
}

@test "--expect counts the characters of the locale" {
	batch-create -n café | batch-send /dev/null | batch-complete >/dev/null
	run -0 --separate-stderr batch-watch --expect 'caf?'
}

@test "--until goes on while the batch can become so" {
	in_state completed
	background watcher batch-watch -B "$B" --until failed
	wait_for grep -q completed watcher.out
	batch-terminate -B "$B" --failed late
	ends 0 watcher
	in_state terminated
	run -1 --separate-stderr timeout 60 batch-watch -B "$B" --until failed
	mentions "batch '$B' is terminated, and cannot become"
}

# --- --exec

@test "--exec runs a command with each document on its standard input" {
	two
	run -0 --separate-stderr batch-watch --since -1h -e --exec \
		'cat >>got; echo "$BATCH_ID,$BATCH_NAME,$BATCH_STATUS,$BATCH_STREAM"'
	sort events.json | cmp - <(sort got)
	grep -qx "a,nightly a,completed,$S" <<<"$output"
	[[ ${#lines[@]} == 4 ]]
}

@test "--exec need not read its input" {
	two
	run -0 --separate-stderr batch-watch --since -1h -e --exec true
}

@test "--exec need not read its input, even if a job in the background holds that" {
	batch-create -n long --metadata "{\"a\":\"$(printf '%0100000d' 0)\"}"
	run -0 --separate-stderr timeout 60 batch-watch --since -1h -e --exec \
		'sleep 30 <&0 >/dev/null 2>&1 3>&- & echo done'
	[[ $output == 'done' ]]
}

@test "--exec that fails ends the watch" {
	two
	run -1 --separate-stderr batch-watch --since -1h -e --exec 'echo run; exit 3'
	[[ ${#lines[@]} == 1 ]]
	says 'exit status 3'
}

# --- -G

@test "-G goes on where the group stood, each group for itself" {
	two
	for n in 1 2 3 4; do
		run -0 --separate-stderr timeout 60 batch-watch -G "$S.g" -c 1
		echo "$output" >>got
	done
	sort events.json | cmp - <(sort got)
	run -0 --separate-stderr timeout 60 batch-watch -G "$S.g" -e
	[[ -z $output ]]
	run -0 --separate-stderr timeout 60 batch-watch -G "$S.other" -e
	sort events.json | cmp - <(sort <<<"$output")
}

@test "-G with a command that fails gets the event again" {
	create
	run -1 --separate-stderr timeout 60 batch-watch -G "$S.g" -e --exec 'exit 1'
	run -0 --separate-stderr timeout 60 batch-watch -G "$S.g" -e
	cmp created.json <(echo "$output")
}

@test "refuses options that make no sense together" {
	for options in '-G g --since now' '--within 1s' '--expect x -c 1' '--expect x --exec true' \
		'--expect x -n y' '--expect x --progress' '--until typo' '--since soon' '-c -1' 'operand'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr batch-watch $options
		says
	done
}

@test "a signal ends it" {
	background watcher batch-watch --since -1h
	create
	wait_for test -s watcher.out
	stopped watcher
	cmp created.json watcher.out
}

# --- what was before

# Batches of chosen ids, started and terminated.
terminated() { # ID...
	local id
	for id; do
		batch-create -n x --id "$id"
		batch-terminate -B "$id"
	done >>events.json
}

@test "what was before is read once, however many batches come" {
	terminated {1..6}
	batch-create -n x --id open >>events.json
	from=$(milliseconds)
	terminated {11..16}
	batch-terminate -B open
	run -0 --separate-stderr batch-watch --since "$from" -e -vv
	[[ ${#lines[@]} == 13 ]]
	looked_up 13
	run -0 --separate-stderr batch-watch --since -1h -e -vv
	[[ ${#lines[@]} == 26 ]]
	looked_up 0
	run -0 --separate-stderr batch-watch -G "$S.group" -e -vv
	[[ ${#lines[@]} == 26 ]]
	looked_up 0
}

@test "a batch that is finished does not begin again" {
	terminated a b
	kget "$S.notification" -f '%s\n' | grep '"a".*"started"' >first
	from=$(milliseconds)
	kput "$S.notification" -k a -H ce_type=batch.created -H ce_batchversion=1 first
	batch-create -n x --id new >>events.json
	run -0 --separate-stderr batch-watch --since "$from" -e
	[[ $(seen) == 'new started,' ]]
	for options in '--since -1h' "-G $S.group"; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr batch-watch $options -e
		sort events.json | cmp - <(sort <<<"$output")
	done
}

@test "foreign events in whatever partition are judged by all that was before" {
	for p in 0 1; do
		notify "f$p" started . -p "$p"
		notify "f$p" terminated . -p $((1 - p))
	done
	from=$(milliseconds)
	for p in 0 1; do
		notify "f$p" completed . -p "$p"
		notify "f$p" failed . -p $((1 - p))
	done
	for options in "--since $from" '--since -1h' "-G $S.group"; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr batch-watch $options -e
		seen | tr , '\n' | sort >"seen.$options"
	done
	[[ ! -s seen.--since\ $from ]]
	cmp <(printf '%s\n' 'f0 started' 'f0 terminated' 'f1 started' 'f1 terminated' | sort) 'seen.--since -1h'
	cmp 'seen.--since -1h' "seen.-G $S.group"
}

@test "what another member of the group saw meanwhile is not missed" {
	for id in a b c d; do
		batch-create -n x --id "$id" >>events.json
	done
	shows() { # COUNT FILE...
		(($(cat "${@:2}" | wc -l) >= $1))
	}
	background stays batch-watch -G "$S.group"
	wait_for shows 4 stays.out
	background goes batch-watch -G "$S.group"
	comes_in() {
		batch-create -n x >>events.json
		[[ -s goes.out ]]
	}
	wait_for comes_in
	for id in a b c d; do
		batch-complete -B "$id" --records 1 >>events.json
	done
	wait_for shows "$(wc -l <events.json)" stays.out goes.out
	grep -q completed goes.out
	stopped goes
	for id in a b c d; do
		batch-terminate -B "$id" --failed late >>events.json
	done
	wait_for shows "$(wc -l <events.json)" stays.out goes.out
	sort events.json | cmp - <(sort -u stays.out goes.out)
}

@test "who lost a partition meanwhile does not set the group back in it" {
	id=0
	until batch-create -n x --id "$((++id))" >>events.json &&
		[[ $(batch-status -B "$id" --history | jq .partition) == 0 ]]; do
		:
	done
	export first=$id
	hold() { exec batch-watch -G "$S.group" -X client.id="$1" --exec "$2"; }
	# shellcheck disable=SC2016
	background loses hold z '[ "$BATCH_ID" != "$first" ] || { echo >held; until [ -e go ]; do sleep .05; done; }'
	wait_for test -e held
	# the one whose name comes first gets partition 0
	background gets hold a 'echo "$BATCH_ID" >>got'
	wait_for grep -qx "$first" got
	batch-complete -B "$first" --records 1 >>events.json
	got_twice() { (($(grep -cx "$first" got) == 2)); }
	wait_for got_twice
	touch go
	wait_for grep -q 'went to another member' loses.err
	stopped gets
	stopped loses
	run -0 --separate-stderr batch-watch -G "$S.group" -e
	[[ $output != *"\"id\":\"$first\""* ]]
}
