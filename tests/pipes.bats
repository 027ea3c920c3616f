# The tools together: whole stories, as a shell tells them.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin 2
}

@test "what the command before takes is no waiting for brokers" {
	echo record >input
	create
	batch-send -B "$B" input >sent.json
	batch-create -n slow >slow.json
	after_a_while() { # FILE COMMAND...
		(sleep 5.5 && cat "$1") | "${@:2}"
	}
	export BATCH_TIMEOUT=5s # an -m would bound the wait for the document, too
	background send after_a_while slow.json batch-send input
	background complete after_a_while sent.json batch-complete
	ends 0 send
	ends 0 complete
	json_equals 1 .manifest.records send.out
	json_equals '["completed",1]' '[.status,.manifest.records]' complete.out
}

@test "five files of real records, sent at the same time, come back byte for byte" {
	begin 4
	resources=(Condition Encounter MedicationRequest Patient Procedure)
	for resource in "${resources[@]}"; do
		gunzip -c "$data/fhir/$resource.ndjson.gz" >"$resource"
		batch-create -n "$resource" --id "$resource" >/dev/null
	done
	for resource in "${resources[@]}"; do
		background "$resource" batch-send -B "$resource" --json "$resource"
	done
	for resource in "${resources[@]}"; do
		ends 0 "$resource"
	done
	for resource in "${resources[@]}"; do
		batch-complete <"$resource.out" >/dev/null
	done
	for resource in "${resources[@]}"; do
		gives "$resource" batch-consume -B "$resource"
	done
}

@test "real records with keys come back too, in input order and not" {
	begin 4
	for resource in Encounter Patient; do
		gunzip -c "$data/fhir/$resource.ndjson.gz" >"$resource"
		batch-create -n "$resource" --id "$resource" >/dev/null
		background "$resource" batch-send -B "$resource" -k /id "$resource"
	done
	for resource in Encounter Patient; do
		ends 0 "$resource"
		json_equals 4 '.manifest.partitions | length' "$resource.out"
		batch-complete <"$resource.out" >/dev/null
		gives "$resource" batch-consume -B "$resource"
		batch-consume -B "$resource" --unordered | sort | cmp - <(sort "$resource")
		batch-consume -B "$resource" -f '%k\n' | cmp - <(jq -r .id "$resource")
	done
}

@test "create, send and complete in one pipe" {
	seq 1000 >input
	run -0 --separate-stderr bash -c \
		'set -o pipefail; batch-create -s "$S" -n nightly | batch-send input | batch-complete'
	silent
	doc_is '.status == "completed"' '.name == "nightly"' '.expectedRecordCount == 1000'
	B=$(jq -r .id <<<"$output")
	gives input batch-consume -B "$B"
}

@test "the batch first, then its records by a pipe" {
	seq 1000 >input
	id=$(batch-create -n nightly | jq -r .id)
	run -0 --separate-stderr bash -c 'set -o pipefail; cat input | batch-send -B "$1" | batch-complete' - "$id"
	doc_is '.status == "completed"' ".id == \"$id\""
	gives input batch-consume -s "$S" -B "$id"
}

@test "no stage after the first needs to be told the stream" {
	echo one >one
	unset BATCH_STREAM
	batch-create -s "$S" -n x | batch-send one | batch-complete >completed.json
	gives <(echo one) batch-consume <completed.json
	run -0 --separate-stderr batch-terminate --failed 'found out' <completed.json
	doc_is '.status == "failed"'
}

@test "the document says the stream, another one on the command line is refused" {
	echo one >one
	batch-create -n x >created.json
	run -2 --separate-stderr batch-send -s "$S.other" one <created.json
	says "$S" "$S.other"
	BATCH_STREAM=$S.other batch-send one <created.json >sent.json
	run -2 --separate-stderr batch-complete -s "$S.other" <sent.json
	says "$S.other"
	BATCH_STREAM=$S.other batch-complete <sent.json >completed.json
	BATCH_STREAM=$S.other gives one batch-consume <completed.json
}

@test "two senders in one pipe: first the one's records, then the other's" {
	seq 1 2 3001 >a
	seq 2 2 3000 >b
	batch-create -n x | batch-send a | batch-send b | batch-complete >completed.json
	json_equals 3001 .expectedRecordCount completed.json
	json_equals '[1501,1500]' '.manifest.senders | map(.records)' completed.json
	gives <(cat a b) batch-consume <completed.json
}

@test "two senders at the same time, whose manifests add up" {
	seq 1 30000 >a
	seq 30001 60000 >b
	create
	background a batch-send -B "$B" a
	background b batch-send -B "$B" b
	ends 0 a
	ends 0 b
	cat a.out b.out | batch-complete >completed.json
	json_equals 60000 .expectedRecordCount completed.json
	gives <(cat a b) batch-consume <completed.json
}

@test "a batch goes from one stream to another" {
	seq 1000 >input
	finished input
	batch-init -s "$S.copy" --partitions 2 --replication 1 >/dev/null
	id=$(batch-create -s "$S.copy" -n copy | jq -r .id)
	batch-consume -B "$B" -J | batch-send -s "$S.copy" -B "$id" -J | batch-complete -s "$S.copy"
	gives input batch-consume -s "$S.copy" -B "$id"
}

# --- a stage that fails

# The pipe of DESIGN with CREATE and SEND as its first two stages; batch x.
pipe() { # CREATE SEND
	bash -c "($1) | ($2) | batch-complete"
}

only_started() {
	B=x
	counted created
	[[ $(events) == 1 ]]
}

@test "when batch-create fails nothing is sent and nothing is completed" {
	echo one >one
	run -1 --separate-stderr pipe 'batch-create -n x --id x --priority 999' 'batch-send one'
	[[ -z $output ]]
	[[ ${#stderr_lines[@]} == 3 ]]
	mentions 'batch-send: standard input is empty'
	mentions 'batch-complete: standard input is empty'
	run ! holds_records "$S.in"
	run ! holds_records "$S.notification"
}

@test "when a file is missing nothing is completed" {
	run -1 --separate-stderr pipe 'batch-create -n x --id x' 'batch-send missing'
	[[ -z $output ]]
	only_started
}

@test "when a record is refused nothing is completed" {
	printf '{}\nbad\n' >input
	run -1 --separate-stderr pipe 'batch-create -n x --id x' 'batch-send --json input'
	[[ -z $output ]]
	only_started
}

@test "when the extractor fails nothing is completed" {
	run -1 --separate-stderr pipe 'batch-create -n x --id x' \
		'batch-send -- sh -c "seq 10; exit 1"'
	[[ -z $output ]]
	only_started
}

@test "when a sender is killed nothing is completed" {
	mkfifo input
	background pipe pipe 'batch-create -n x --id x' 'echo $BASHPID >pid; exec batch-send input'
	exec {input}>input
	echo one >&"$input"
	wait_for holds_records "$S.in"
	kill -KILL "$(<pid)"
	ends 1 pipe
	exec {input}>&-
	only_started
}

@test "rejects are sent again after they were mended" {
	printf '{"n":1}\n{"n":2\n{"n":3}\n' >input
	create
	run -3 --separate-stderr batch-send -B "$B" --json --on-invalid skip --rejects rejects input
	echo "$output" >first.json
	sed -i 's/$/}/' rejects
	batch-send -B "$B" --json rejects >second.json
	cat first.json second.json | batch-complete >completed.json
	json_equals 3 .expectedRecordCount completed.json
	gives <(printf '{"n":1}\n{"n":3}\n{"n":2}\n') batch-consume <completed.json
}

@test "two hosts run the same nightly job, one of them sends" {
	seq 100 >input
	cat >job <<-'END'
		doc=$(batch-create -n nightly --id nightly-2026-11-21) || exit
		echo "$doc" | batch-send input | batch-complete
	END
	background host1 bash job
	background host2 bash job
	one_wins host1 host2
	B=nightly-2026-11-21
	counted created completed
	gives input batch-consume -B "$B"
	run -0 --separate-stderr batch-consume -t "$S.in" -e
	[[ ${#lines[@]} == 100 ]]
}

@test "a pipe within a command works on its own batch" {
	echo one >one
	seq 3 >audit
	inner='batch-create -n audit | batch-send audit | batch-complete >>ended'
	create
	run -0 timeout 60 batch-watch -B "$B" -c 1 --exec "$inner"
	status_is started
	batch-send -B "$B" one | batch-complete >/dev/null
	run -0 timeout 60 batch-consume -G "$S.g" -c 1 --exec "cat >/dev/null; $inner"
	create --processing
	batch-send -B "$B" one | batch-complete >/dev/null
	run -0 timeout 60 batch-work -G "$S.w" --once -- sh -c "cat; { $inner; } </dev/null"
	status_is completed
	[[ $(jq -c '[.name, .status, .expectedRecordCount]' ended | sort -u) == '["audit","completed",3]' ]]
	(($(wc -l <ended) == 3))
}

@test "a command never acts on the batch of its BATCH_ID by accident" {
	create
	for tool in terminate complete consume 'send /dev/null' 'complete --records 0'; do
		run ! --separate-stderr timeout 60 batch-watch -B "$B" -c 1 --exec "batch-$tool </dev/null"
	done
	run -0 timeout 60 batch-watch -B "$B" -c 1 --exec 'batch-status >list; batch-terminate -B "$BATCH_ID"'
	status_is terminated
}

@test "a BATCH_ID that is not the document's is refused, and both are named" {
	echo one >one
	create
	old=$B
	for command in 'send one' complete terminate 'consume --no-wait'; do
		create --id "new-${command%% *}"
		# shellcheck disable=SC2086
		run -2 --separate-stderr env BATCH_ID="$old" batch-$command <created.json
		says "'$old'" "'$B'"
		status_is started
	done
	run -0 env BATCH_ID="$B" batch-send one <created.json
	run -0 env BATCH_ID="$old" batch-send one -B "$B"
	run -1 --separate-stderr env BATCH_ID="$old" batch-terminate </dev/null
	says '-B "$BATCH_ID"'
	run -2 --separate-stderr batch-terminate -X batch="$old"
	B=$old status_is started
	BATCH_BATCH=$old run -1 batch-terminate </dev/null
}

@test "documents on standard input are JSON texts, over as many lines as they like" {
	seq 3 >three
	batch-create -n one | jq . | batch-send three | jq --tab . | batch-complete | jq . >end.json
	[[ $(jq -c '[.status, .expectedRecordCount]' end.json) == '["completed",3]' ]]
	gives three batch-consume <end.json
	create
	batch-send -B "$B" three | jq . >a.json
	batch-send -B "$B" three | jq -c . >b.json
	cat a.json b.json | tr '\n' '\r' | batch-complete | jq . >end.json
	[[ $(jq -c '[.status, .expectedRecordCount]' end.json) == '["completed",6]' ]]
	create
	batch-create -n other | jq . | cat created.json - >two.json
	run -2 --separate-stderr batch-terminate <two.json
	says "not of '$B'"
	run -1 --separate-stderr batch-terminate < <(head -c -3 two.json)
	says 'standard input'
	status_is started
}

@test "a consumer per batch, started by a watcher" {
	echo one >one
	echo two >two
	background watcher batch-watch --since -1h -c 2 --status completed \
		--exec 'batch-consume -B "$BATCH_ID" >"got.$BATCH_NAME"'
	batch-create -n one | batch-send one | batch-complete
	batch-create -n two | batch-send two | batch-complete
	ends 0 watcher
	cmp one got.one
	cmp two got.two
}
