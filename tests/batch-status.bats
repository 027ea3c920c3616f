# batch-status: one batch, or those that match.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin 2
}

# Batches a, b and c, in that order: completed, terminated and started.
three() {
	batch-create -n 'nightly a' --id a --metadata '{"kind":"full","n":1}' >a.json
	batch-create -n 'nightly b' --id b --metadata '{"kind":"part"}' >b.json
	batch-create -n 'hourly c' --id c >c.json
	batch-complete -B a --records 5 >a.json
	batch-terminate -B b >b.json
}

# The ids that a query with OPTIONs gives, in a row
ids() { # OPTION...
	run -0 --separate-stderr batch-status --ids "$@"
	echo "${output//$'\n'/ }"
}

@test "one batch is its document, as it is now" {
	create
	gives created.json batch-status -B "$B"
	batch-complete -B "$B" --records 2 >completed.json
	gives completed.json batch-status -B "$B"
}

@test "an unknown batch is refused, an unknown stream too" {
	run -6 --separate-stderr batch-status -B none
	says "no batch 'none'"
	[[ -z $output ]]
	run -6 --separate-stderr batch-status -s "$S.typo"
	says "$S.typo"
}

@test "a fresh batch is found without what the last hour brought before it" {
	begin 1
	for id in {1..20}; do batch-create -n x --id "$id"; done >before.json
	create
	run -0 --separate-stderr batch-status -vv -B "$B"
	looked_up 1
}

@test "a batch is found by an id from a clock that is ahead" {
	create --id "$(id_made_at 1000)"
	gives created.json batch-status -B "$B"
	kget "$S.notification" -f '%T\n' >time.ms
	((16#${B:0:8}${B:9:4} == $(<time.ms)))
}

@test "a batch is found though the broker dates events, before the time in its id" {
	S+=.dated
	export BATCH_STREAM=$S
	for topic in "$S.notification" "$S.in"; do
		python3 "$tests_root/make_topic.py" "$BATCH_BROKERS" "$topic" message.timestamp.type LogAppendTime
	done
	create --id "$(id_made_at 1000)"
	gives created.json batch-status -B "$B"
	seq 10 >input
	batch-send -B "$B" input | batch-complete >completed.json
	gives input batch-consume -B "$B"
}

@test "all batches, the youngest first" {
	three
	run -0 --separate-stderr batch-status
	cat c.json b.json a.json | cmp - <(echo "$output")
	silent
}

@test "no batch at all is an empty list" {
	run -0 --separate-stderr batch-status
	[[ -z $output ]]
}

@test "filters by name, status and metadata" {
	three
	[[ $(ids -n 'nightly*') == 'b a' ]]
	[[ $(ids -n 'nightly ?') == 'b a' ]]
	[[ $(ids -n nightly) == '' ]]
	[[ $(ids --status completed) == a ]]
	[[ $(ids --status started,terminated) == 'c b' ]]
	[[ $(ids --metadata kind) == 'b a' ]]
	[[ $(ids --metadata kind=full) == a ]]
	[[ $(ids --metadata kind=full --metadata n=1) == a ]]
	[[ $(ids --metadata kind=part --metadata n=1) == '' ]]
	[[ $(ids -n 'nightly*' --status terminated --metadata kind) == b ]]
}

@test "filters by the time of the start" {
	three
	time_of() {
		batch-status -B "$1" --history >history.json
		jq -rs '.[0].time' history.json
	}
	b=$(time_of b)
	[[ $(ids --since "$b") == 'c b' ]]
	[[ $(ids --until "$b") == a ]]
	[[ $(ids --since "$b" --until "$(time_of c)") == b ]]
	[[ $(ids --since -1h) == 'c b a' ]]
	[[ $(ids --until -1h) == '' ]]
}

@test "--from and --size page through, a hundred unless said otherwise" {
	printf '{"id":"p%03d","name":"n","integratorId":"o","topic":"t","dataType":"d","status":"started"}\n' \
		{1..120} | kput "$S.notification" -p 0
	run -0 --separate-stderr batch-status --ids
	[[ ${#lines[@]} == 100 ]]
	run -0 --separate-stderr batch-status --ids --size -1
	[[ ${#lines[@]} == 120 ]]
	all=("${lines[@]}")
	run -0 --separate-stderr batch-status --ids --from 10 --size 3
	[[ ${lines[*]} == "${all[*]:10:3}" ]]
	run -0 --separate-stderr batch-status --ids --from 118 --size 10
	[[ ${lines[*]} == "${all[*]:118}" ]]
	run -0 --separate-stderr batch-status --ids --from 120
	[[ -z $output ]]
	run -0 --separate-stderr batch-status --ids --size 0
	[[ -z $output ]]
}

@test "a list that is cut short says so, and --list has the total" {
	for n in {1..105}; do
		printf '{"id":"p%03d","name":"n%d","integratorId":"o","topic":"t","dataType":"d","status":"started"}\n' \
			"$n" $((n % 2))
	done | kput "$S.notification" -p 0
	run -0 --separate-stderr batch-status --ids
	says '100 of 105 batches are printed' '--size -1' '--from 100'
	run -0 --separate-stderr batch-status --ids --from 3
	says '100 of 105 batches are printed' '--from 103'
	for options in --size\ {-1,7,0} '--from 5' '-n n1' '-q' '--list'; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr batch-status $options
		silent
	done
	doc_is '.total == 105' '.results | length == 100' '.results[0] | has("id")'
	run -0 --separate-stderr batch-status --list -n n1 --size 2 --from 1
	doc_is '.total == 53' '.results | map(.name) == ["n1", "n1"]'
	run -0 --separate-stderr batch-status --list -n none
	doc_is '. == {results: [], total: 0}'
	run -0 --separate-stderr batch-status --list --status completed --size 0
	doc_is '. == {results: [], total: 0}'
}

@test "in the locale's characters ? is one" {
	create
	batch-create -n café --id c >/dev/null
	[[ $(ids -n 'caf?') == c && $(ids -n 'ca[é]?') == '' && $(ids -n 'ca?[é]') == c ]]
	[[ $(LC_ALL=C ids -n 'caf?') == '' && $(LC_ALL=C ids -n 'caf*') == c ]]
}

@test "--size and --from count what matches" {
	three
	[[ $(ids -n 'nightly*' --size 1) == b ]]
	[[ $(ids -n 'nightly*' --from 1) == a ]]
}

@test "--at tells the state as it was" {
	three
	batch-status -B a --history >history.json
	started=$(jq -rs '.[0].time' history.json)
	ended=$(jq -rs '.[1].time' history.json)
	run -0 --separate-stderr batch-status -B a --at "$started"
	doc_is '.status == "started"' '.version == 1'
	run -0 --separate-stderr batch-status -B a --at "$ended"
	doc_is '.status == "completed"' '.version == 2'
	run -0 --separate-stderr batch-status -B a --at now
	doc_is '.status == "completed"'
	run -6 --separate-stderr batch-status -B a --at -1h
	says "no batch 'a'"
	[[ $(ids --at "$started" --status started) == *a && $(ids --at "$started" --status completed) == '' ]]
	[[ $(ids --at -1h) == '' ]]
}

@test "--history shows every event, and which of them count" {
	create
	batch-complete -B "$B" --records 1
	kget "$S.notification" -f '%s\n' | head -n 1 >event
	kput "$S.notification" -k "$B" -H ce_type=batch.created -H ce_batchversion=1 -l event
	KEY=1 notify "$B" started
	KEY=1 notify "$B" failed
	run -0 --separate-stderr batch-status -B "$B" --history
	docs_are 'map(.type) == ["batch.created", "batch.completed", "batch.created", "batch.created", "batch.failed"]' \
		'map(.verdict) == ["counted", "counted", "overtaken", "illegal", "counted"]' \
		'map(.version) == [1, 2, 1, 0, 0]' '[.[0].batch.status, .[1].batch.status] == ["started", "completed"]' \
		'map(.offset) == [.[0].offset + range(5)]' 'map(.partition) | unique | length == 1'
	run -6 --separate-stderr batch-status -B none --history
	[[ -z $output ]]
}

@test "events of progress neither count nor race, the last of them shows" {
	create
	for n in 1 2; do
		jq -c ".progress = {done: $n} | .status = \"started\"" created.json |
			kput "$S.notification" -k "$B" -H ce_type=batch.progress -H ce_batchversion=1
	done
	run -0 --separate-stderr batch-status -B "$B"
	doc_is '.progress == {done: 2}' '.version == 1'
	run -0 --separate-stderr batch-complete -B "$B" --records 1
	doc_is '.version == 2'
	[[ $(verdicts "$B") == $'batch.created counted\nbatch.progress progress\nbatch.progress progress\nbatch.completed counted' ]]
}

@test "--wait ends when the batch is so" {
	create
	run -0 --separate-stderr batch-status -B "$B" --wait started
	doc_is '.status == "started"'
	background waiter batch-status -B "$B" --wait completed,failed
	batch-complete -B "$B" --records 1 >completed.json
	ends 0 waiter
	cmp completed.json waiter.out
}

@test "--wait is over when the batch ends otherwise" {
	create
	background waiter batch-status -B "$B" --wait completed
	batch-terminate -B "$B" >terminated.json
	ends 1 waiter
	cmp terminated.json waiter.out
	run -0 grep -c "^batch-status: batch '$B' is terminated" waiter.err
}

@test "--wait goes on while the batch can become so" {
	in_state completed
	background waiter batch-status -B "$B" --wait failed -m 60s
	batch-terminate -B "$B" --failed late >failed.json
	ends 0 waiter
	cmp failed.json waiter.out
	for wanted in terminated started sendCompleted; do
		in_state completed
		run -1 --separate-stderr timeout 60 batch-status -B "$B" --wait "$wanted"
		says "batch '$B' is completed, and cannot become"
		doc_is '.status == "completed"'
	done
	in_state sendCompleted
	run -1 --separate-stderr timeout 60 batch-status -B "$B" --wait terminated
	says "batch '$B' is sendCompleted"
}

@test "--wait that is interrupted says so" {
	create
	background waiter batch-status -B "$B" --wait completed -m 60s -X debug=fetch -vvv
	wait_for grep -q "Fetch topic $S.notification" waiter.err
	kill -TERM "${pids[waiter]}"
	ends 143 waiter
	run -0 grep '^batch-status: .*interrupted' waiter.err
	run -1 grep 'time is up' waiter.err
}

@test "--wait is over when time is up" {
	create
	run_in_vain 4 batch-status -B "$B" --wait completed -m 300ms
	says
	[[ -z $output ]]
}

@test "--wait for what is not there is refused" {
	run -6 --separate-stderr batch-status -B none --wait completed
	says none
	run -2 --separate-stderr batch-status -B none --wait 'done'
	says "'done' is no status"
}

@test "--streams lists the streams" {
	unset BATCH_STREAM
	run -0 --separate-stderr batch-status --streams
	grep -qx "$S" <<<"$output"
	run ! grep -F .notification <<<"$output"
}

@test "refuses options that make no sense together" {
	for options in '-B x --ids' '-B x -n y' '-B x --size 1' '--wait completed' '--history' \
		'-B x --wait completed --at now' '--status typo' '--since soon' '--size -2' '--from -1' \
		'--streams --ids' '--at 25:00' 'operand'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr batch-status $options
		says
	done
	unset BATCH_STREAM
	run -2 --separate-stderr batch-status
	says 'no stream'
}
