# Members of a group that come, go, freeze and take their time.
bats_require_minimum_version 1.5.0
load ../lib/fault

setup_file() {
	kafka_up
}

setup() {
	begin 3
	prompt=(-X heartbeat.interval.ms=100)
	quick=("${prompt[@]}" -X session.timeout.ms=600) # for who is to be frozen
	mkdir want out
}

# COUNT finished batches, each with the file that it is to become.
batches() { # FIRST LAST
	local i
	for ((i = $1; i <= $2; i++)); do
		seq -f "record %.0f of b$i" $((i * 100)) >"want/b$i"
		batch-create -n x --id "b$i" | batch-send "want/b$i" | batch-complete >/dev/null
	done
}

member() { # NAME OPTION...
	background "$1" batch-consume -G "$S.group" "${prompt[@]}" "${@:2}"
}

all_out() {
	[[ $(ls out) == "$(ls want)" ]]
}

same_files() {
	for file in want/*; do
		cmp "$file" "out/${file##*/}"
	done
}

nothing_is_left() {
	run -0 batch-consume -G "$S.group" "${prompt[@]}" -e -f '%H{batchId}\n'
	[[ -z $(uniq <<<"$output") ]]
}

@test "I1: members come and go and one is frozen, and every batch comes whole" {
	member frozen "${quick[@]}" --to-dir out
	member leaving --to-dir out
	batches 1 4
	kill -STOP "${pids[frozen]}"
	batches 5 8
	kill -TERM "${pids[leaving]}"
	member late --to-dir out
	batches 9 12
	wait_for all_out
	kill -CONT "${pids[frozen]}"
	batches 13 14
	wait_for all_out
	kill -TERM "${pids[frozen]}" "${pids[late]}"
	ends 143 leaving
	ends 143 frozen
	ends 143 late
	same_files
	nothing_is_left
	[[ -z $(find out -name '.b*') ]]
}

joined() {
	grep -c 'new assignment of 1 partition' frozen.err
}

has_joined_again() {
	(($(joined) > before))
}

# The partition is the other's meanwhile, and when that has left its own again.
@test "I1 I5: who was frozen in the middle of a batch does not say that it is done" {
	begin 1
	batches 1 1
	member frozen "${quick[@]}" -vvv -X debug=cgrp --exec 'touch began; while [ ! -e go ]; do sleep 0.02; done; cat >late'
	wait_for test -e began
	kill -STOP "${pids[frozen]}"
	before=$(joined)
	batches 2 3
	member other --exec 'cat >"out/$BATCH_ID.new" && mv "out/$BATCH_ID.new" "out/$BATCH_ID"'
	wait_for all_out
	stopped other
	same_files
	kill -CONT "${pids[frozen]}"
	wait_for has_joined_again
	touch go
	wait_for cmp late want/b1
	wait_for grep -q 'may be read twice' frozen.err
	stopped frozen
	nothing_is_left
}

@test "I1: a command that runs longer than max.poll.interval.ms runs once" {
	batches 1 2
	slow='echo "$BATCH_ID" >>runs; [ "$BATCH_ID" != b1 ] || sleep 7; cat >out/$BATCH_ID'
	member one -v -X session.timeout.ms=6000 -X max.poll.interval.ms=6000 -e --exec "$slow"
	ends 0 one
	run -1 grep 'maximum poll interval' one.err
	[[ $(sort runs) == $'b1\nb2' ]]
	same_files
	nothing_is_left
}
