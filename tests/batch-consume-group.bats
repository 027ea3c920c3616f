# batch-consume -G: every finished batch, each to one member of a group, once.
bats_require_minimum_version 1.5.0
load lib/batch
load lib/work

setup_file() {
	kafka_up
}

setup() {
	begin_work 2
}

# Finished batches with the ids of files that hold their records; sets ids.
finished_ids() { # COUNT
	local i
	ids=()
	for ((i = 1; i <= $1; i++)); do
		seq "$i" "$((i * 100))" >"b$i"
		batch-create -n "batch $i" --id "b$i" | batch-send "b$i" | batch-complete >>completed.json
		ids+=("b$i")
	done
}

# What group GROUP is given up to now.
all_of() { # GROUP OPTION...
	batch-consume -s "$S" -e -G "$@"
}

@test "every finished batch, whole and in input order, to standard output" {
	finished_ids 3
	batch-create -n 'still open' --id open | batch-send b1
	batch-create -n 'given up' --id up | batch-send b1 | batch-terminate
	run -0 --separate-stderr all_of "$G" -f '%H{batchId} %s\n'
	silent
	cut -d' ' -f1 <<<"$output" | uniq | sort >seen
	printf '%s\n' "${ids[@]}" | cmp - seen
	for id in "${ids[@]}"; do
		sed -n "s/^$id //p" <<<"$output" | cmp - "$id"
	done
}

@test "once for a group, and again for another one" {
	finished_ids 2
	run -0 --separate-stderr all_of "$G"
	first=$output
	[[ $(wc -l <<<"$first") == 299 ]]
	run -0 --separate-stderr all_of "$G"
	[[ -z $output ]]
	run -0 --separate-stderr all_of "$G.other"
	[[ $(sort <<<"$output") == $(sort <<<"$first") ]]
}

@test "-c ends after so many batches, and the next run goes on" {
	finished_ids 3
	for round in 1 2 3; do
		run -0 --separate-stderr batch-consume -G "$G" -c 1 -f '%H{batchId}\n'
		uniq <<<"$output" >>seen
	done
	printf '%s\n' "${ids[@]}" | cmp - <(sort seen)
	run -0 --separate-stderr all_of "$G"
	[[ -z $output ]]
}

@test "two members of a group share the batches" {
	finished_ids 12
	for member in left right; do
		mkdir "$member"
		background "$member" batch-consume -G "$G" --to-dir "$member"
	done
	all_there() { (($(find left right -type f -name 'b*' | wc -l) == 12)); }
	wait_for all_there
	stopped left right
	for id in "${ids[@]}"; do
		cmp "$id" "$(find left right -name "$id")"
	done
}

@test "batches that are finished later come too" {
	mkdir out
	background member batch-consume -G "$G" -c 2 --to-dir out
	finished_ids 2
	ends 0 member
	cmp b1 out/b1
	cmp b2 out/b2
}

# --- --to-dir

@test "--to-dir makes a file for each batch, under its id" {
	finished_ids 3
	mkdir out
	run -0 --separate-stderr all_of "$G" --to-dir out
	[[ -z $output ]]
	[[ $(ls -A out) == $'b1\nb2\nb3' ]]
	for id in "${ids[@]}"; do
		cmp "$id" "out/$id"
	done
}

@test "--to-dir makes a file of zero records too" {
	finished /dev/null
	mkdir out
	all_of "$G" --to-dir out
	[[ -e out/$B && ! -s out/$B ]]
}

@test "an id that is no file name stays inside the folder" {
	mkdir out
	for id in ../outside . .. .hidden a/b ü; do
		echo "$id" >input
		batch-create -n x --id "$id" | batch-send input | batch-complete
	done
	all_of "$G" --to-dir out
	[[ ! -e outside ]]
	run -0 find out -type f
	[[ ${#lines[@]} == 6 ]]
	find out -type f -exec cat {} + | sort >seen
	printf '%s\n' ../outside . .. .hidden a/b ü | sort | cmp - seen
}

@test "a batch that is not whole leaves no file, is not committed and comes again" {
	echo one >one
	create
	batch-send -B "$B" one
	batch-complete -B "$B" --records 2
	mkdir out
	for round in 1 2; do
		run -1 --separate-stderr all_of "$G" --to-dir out
		says "batch '$B'" 'missing'
		[[ $stderr != *"batch '$B': batch '$B'"* ]]
		[[ -z $(ls -A out) ]]
	done
}

@test "a folder that is not there is an error, and nothing is committed" {
	finished_ids 1
	run ! --separate-stderr all_of "$G" --to-dir missing
	says missing
	((status == 1 || status == 2))
	mkdir missing
	run -0 --separate-stderr all_of "$G" --to-dir missing
	cmp b1 missing/b1
}

@test "a batch that went to another member is left to it" {
	id=0
	until batch-create -n x --id "$((++id))" >created.json &&
		[[ $(batch-status -B "$id" --history | jq .partition) == 0 ]]; do
		:
	done
	# behind an open transaction it takes as long as we want
	open_transaction "$S.in"
	seq 10 >input
	batch-send input <created.json | batch-complete >completed.json
	member() { exec batch-consume -G "$S.group" -v -X client.id="$2" --to-dir "$1"; }
	mkdir loses gets
	begun() { [[ -n $(ls -A "$1") ]]; }
	background loses member loses z {transaction}>&-
	wait_for begun loses
	# the one whose name comes first gets partition 0
	background gets member gets a {transaction}>&-
	wait_for begun gets
	exec {transaction}>&-
	wait_for cmp input "gets/$id"
	wait_for grep -q "batch '$id': left to another member" loses.err
	[[ -z $(ls -A loses) ]]
	batch-create -n x | batch-send input | batch-complete >completed.json
	stopped loses gets
	run -0 --separate-stderr all_of "$S.group" -f '%H{batchId}\n'
	run ! grep -qx "$id" <<<"$output"
}

# --- --exec

@test "--exec runs a command with the records on its standard input" {
	finished_ids 2
	run -0 --separate-stderr all_of "$G" --exec 'cat >"got.$BATCH_ID"'
	for id in "${ids[@]}"; do
		cmp "$id" "got.$id"
	done
}

@test "--exec tells the command which batch it is" {
	batch-create -n 'nightly load' --data-type claims --id b | batch-send /dev/null | batch-complete
	run -0 --separate-stderr all_of "$G" --exec \
		'echo "$BATCH_ID,$BATCH_NAME,$BATCH_STATUS,$BATCH_STREAM,$BATCH_DATA_TYPE"'
	[[ $output == "b,nightly load,completed,$S,claims" ]]
}

@test "when the command fails nothing is committed, and the batch comes again" {
	finished_ids 1
	run -1 --separate-stderr all_of "$G" --exec 'cat >/dev/null; exit 3'
	says "batch 'b1'" 'exit status 3'
	run -1 --separate-stderr all_of "$G" --exec 'kill -9 $$'
	says "batch 'b1'" 'signal 9'
	run -1 --separate-stderr all_of "$G" --exec no-such-command
	mentions "batch 'b1'"
	run -0 --separate-stderr all_of "$G" --exec 'cat >got'
	cmp b1 got
	run -0 --separate-stderr all_of "$G" --exec 'echo again'
	[[ -z $output ]]
}

@test "a command that does not read all of a batch did not do its work" {
	seq 100000 >input
	finished input
	run -1 --separate-stderr all_of "$G" --exec 'head -n 1 >/dev/null; exit 3'
	says "batch '$B'" 'exit status 3'
	run -1 --separate-stderr all_of "$G" --exec 'head -n 1'
	[[ $output == 1 ]]
	says "batch '$B'" 'did not read the whole batch'
	run -0 --separate-stderr all_of "$G" --exec 'cat >got'
	cmp input got
}

@test "that a batch is too small to fill a pipe makes no difference" {
	finished_ids 1
	for command in true 'exec <&-' 'sleep 30 <&0 >/dev/null 2>&1 3>&- &'; do
		run -1 --separate-stderr timeout 60 batch-consume -s "$S" -e -G "$G" --exec "$command"
		says "batch 'b1'" 'did not read the whole batch' --allow-partial-read
	done
	run -1 --separate-stderr all_of "$G" --allow-partial-read --exec 'exit 3'
	says 'exit status 3'
	run -0 --separate-stderr all_of "$G" --allow-partial-read --exec 'echo done'
	[[ $output == 'done' ]]
	run -0 --separate-stderr all_of "$G" --exec 'echo again'
	[[ -z $output ]]
}

@test "--allow-partial-read: a command may leave the rest of a batch, however large" {
	seq 100000 >input
	finished input
	run -0 --separate-stderr all_of "$G" --allow-partial-read --exec 'head -n 1'
	[[ $output == 1 ]]
	run -0 --separate-stderr all_of "$G" --exec 'echo again'
	[[ -z $output ]]
}

@test "no command is run for a batch that cannot be read whole" {
	echo one >one
	create
	batch-send -B "$B" one
	batch-complete -B "$B" --records 2
	run -1 --separate-stderr all_of "$G" --exec 'cat >/dev/null; echo done >finished'
	mentions missing
	[[ ! -e finished ]]
}

@test "a command that begins to read late does not cost the membership" {
	seq 100000 >input
	finished input
	run -0 --separate-stderr all_of "$G" -v -X session.timeout.ms=5000 \
		-X heartbeat.interval.ms=100 -X max.poll.interval.ms=5000 --exec 'sleep 6; cat >got'
	[[ $stderr != *'maximum poll interval'* ]]
	cmp input got
	run -0 --separate-stderr all_of "$G" --exec 'echo again'
	[[ -z $output ]]
}

# --- which batches

@test "a batch that a worker processes comes when that is done" {
	echo one >one
	create --processing
	batch-send -B "$B" one | batch-complete
	run -0 --separate-stderr all_of "$G"
	[[ -z $output ]]
	batch-complete -B "$B" --processed --actual 1
	run -0 --separate-stderr all_of "$G"
	[[ $output == one ]]
}

@test "a batch that failed afterwards is passed over" {
	finished_ids 1
	batch-terminate -B b1 --failed 'found out'
	run -0 --separate-stderr all_of "$G"
	[[ -z $output ]]
}

@test "the log is read once to see what became of the batches" {
	finished_ids 8
	batch-terminate -B b3 --failed 'found out' >>completed.json
	run -0 --separate-stderr all_of "$G" -vv -f '%H{batchId}\n'
	[[ $(uniq <<<"$output" | sort | tr '\n' ' ') == 'b1 b2 b4 b5 b6 b7 b8 ' ]]
	n=$(sed -n 's/.*: \([0-9]*\) events read to look batches up$/\1/p' <<<"$stderr")
	# each event once, and all of one partition again for the one that failed
	((n > 0 && n <= 2 * 17))
}

@test "of a completion that was overtaken nothing comes" {
	finished_ids 1
	kget "$S.notification" -f '%s\n' | tail -n 1 |
		kput "$S.notification" -k b1 -H ce_type=batch.completed -H ce_batchversion=2
	run -0 --separate-stderr all_of "$G" -f '%H{batchId}\n'
	[[ $(uniq <<<"$output") == b1 && ${#lines[@]} == 100 ]]
}

@test "an empty stream is read to its end at once" {
	run -0 --separate-stderr timeout 60 batch-consume -G "$G" -e
	silent
	[[ -z $output ]]
}

@test "a full disk behind standard output commits nothing" {
	finished_ids 1
	into_full_disk() { batch-consume -G "$G" -e >/dev/full; }
	run -1 --separate-stderr into_full_disk
	says 'No space left on device'
	run -0 --separate-stderr all_of "$G"
	cmp b1 <(echo "$output")
}

@test "a closed pipe behind standard output commits nothing" {
	finished_ids 1
	run -141 --separate-stderr into_closed_pipe batch-consume -G "$G" -e
	run -0 --separate-stderr all_of "$G"
	cmp b1 <(echo "$output")
}

@test "options of the other ways are refused" {
	for options in '--exec cat --to-dir .' '-B x' '-o end' '-p 0' '--early' '--no-wait'; do
		# shellcheck disable=SC2086
		run -2 --separate-stderr batch-consume -G "$G" $options
		says
	done
}

@test "a setting that would have partitions given one by one is refused" {
	run -2 --separate-stderr all_of "$G" -X partition.assignment.strategy=cooperative-sticky
	says partition.assignment.strategy=cooperative-sticky 'not with a consumer group'
}
