# kill -9 at each point where a tool talks to a broker or a disk, one after the other; then once more.
bats_require_minimum_version 1.5.0
load ../lib/fault

setup_file() {
	kafka_up
}

setup() {
	begin 2
	seq -f 'record %.0f' 200 >input
}

# For each N: PREPARE a batch B, kill COMMAND at its Nth CALL, then see what AFTER does; until COMMAND
# comes to its end. @ in COMMAND is B. Set step to leave out points.
sweep() { # CALL PREPARE AFTER COMMAND...
	local n status command=("${@:4}")
	for ((n = 1; ; n += step)); do
		B=$1-$n
		"$2"
		status=0
		killed_at "$1" "$n" "${command[@]//@/$B}" >killed.out || status=$?
		((status < 2)) || return
		((status == 0)) || break
		points=$((points + 1))
		"$3"
	done
}

points=0 step=1

enough_points() { # AT-LEAST
	echo "# $points points" >&3
	((points >= $1))
}

# Runs COMMAND, which must do it now or say that it was done already.
again() { # COMMAND...
	local status=0
	"$@" >again.out 2>again.err || status=$?
	((status == 0 || status == 6)) && return
	echo "$*: exit status $status"
	cat again.err
	return 1
}

each_batch() { # WHAT-THE-VERDICT-IS...
	look_at_log
	for B in $(batch-status -s "$S" --ids --size -1); do
		judge
		saw "$@"
	done
}

nothing() {
	true
}

started() {
	batch-create -n x --id "$B" >/dev/null
}

@test "I6: batch-create" {
	create_again() { again started; }
	sweep sendmsg nothing create_again batch-create -n x --id @
	enough_points 5
	each_batch '.counted == ["started"]' '.ignored == 0'
}

@test "I1 I3: batch-send, and --resume after it" {
	resume() {
		batch-send --resume -B "$B" input | batch-complete >/dev/null &&
			gives input batch-consume -B "$B"
	}
	sweep sendmsg started resume batch-send -X batch.num.messages=10 -B @ input
	enough_points 5
	batch-complete -B "$B" --records 200 >/dev/null
	each_batch '.status == "completed"' '.records == 200'
}

# A commit that was asked for comes, whatever became of who asked.
@test "I1 I3 I7: batch-send --atomic, and once more" {
	once_more() {
		wait_for all_or_nothing 200 && again batch-send --atomic -B "$B" input &&
			gives input batch-consume -B "$B"
	}
	sweep sendmsg started once_more batch-send --atomic -B @ input
	sweep clone,clone3 started once_more batch-send --atomic -B @ input # one more client before the commit
	enough_points 8
	each_batch '.counted == ["started", "completed"]' '.records == 200' '.duplicates == 0'
}

@test "I6: batch-complete" {
	complete() { again batch-complete -B "$B" --records 0; }
	sweep sendmsg started complete batch-complete -B @ --records 0
	enough_points 5
	each_batch '.counted == ["started", "completed"]' '.ignored == 0'
}

@test "I6: batch-terminate" {
	terminate() { again batch-terminate -B "$B"; }
	sweep sendmsg started terminate batch-terminate -B @
	enough_points 5
	each_batch '.counted == ["started", "terminated"]' '.ignored == 0'
}

@test "I1 I9: batch-consume -B: what came out is the beginning" {
	finished input
	whole=$B
	reread() {
		head -c "$(stat -c %s killed.out)" input | cmp - killed.out && gives input batch-consume -B "$whole"
	}
	step=2
	sweep sendmsg nothing reread batch-consume -B "$whole"
	sweep write nothing reread batch-consume -B "$whole"
	enough_points 5
}

# Each point has a group of its own, into which the second member comes as the first.
@test "I1 I8: batch-consume -G --to-dir: the file is whole or not there, and comes" {
	seq -f 'record %.0f' 50000 >input
	finished input
	member=(-s "$S" -X group.instance.id=one -c 1 -e --to-dir)
	folder() { mkdir "$B"; }
	next_member() {
		local there
		there=$(ls "$B")
		[[ -z $there ]] || cmp "$B/$whole" input || return
		rm -f "$B/$whole"
		batch-consume -G "$S.$B" "${member[@]}" "$B" || return
		[[ -n $there && ! -e $B/$whole ]] || cmp "$B/$whole" input
	}
	whole=$B
	for call in fsync renameat write; do
		sweep "$call" folder next_member batch-consume -G "$S.@" "${member[@]}" @
	done
	step=${TORTURE_STEP:-4}
	sweep sendmsg folder next_member batch-consume -G "$S.@" "${member[@]}" @
	enough_points 6
}
