# Killed at random moments, again and again: what comes out is what went in. make torture does it longer.
bats_require_minimum_version 1.5.0
load ../lib/fault

setup_file() {
	kafka_up
}

setup() {
	begin 4
	chance
}

# Ends with 0; or with 6, when a run of it that was killed had done it already.
done_or_before() {
	((status == 0 || (status == 6 && was_killed))) && return
	echo "exit status $status"
	cat ./*.err
	return 1
}

complete_it() {
	exec batch-complete <sent.json
}

# One batch from its beginning to its end.
killed_run() {
	draw 20000
	seq -f "record %.0f of round $round" "$drawn" >input
	B=round-$round
	tortured create batch-create -n x --id "$B"
	done_or_before
	tortured send batch-send --resume -B "$B" input
	((status == 0)) || done_or_before
	mv send.out sent.json
	tortured complete complete_it
	done_or_before
	tortured consume batch-consume -B "$B"
	((status == 0)) || done_or_before
	cmp consume.out input
	is_whole input
}

@test "I1 I3 I6: kill -9 over create, send, resume, complete and consume" {
	for ((round = 1; kills < TORTURE_KILLS; round++)); do
		time_left || break
		killed_run
	done
	tell "$kills kills in $((round - 1)) batches (create ${killed[create]:-0}, send ${killed[send]:-0}," \
		"complete ${killed[complete]:-0}, consume ${killed[consume]:-0})"
	((kills > 0))
}

# --- one transaction

# A commit comes to one partition after the other, and goes on when its sender is dead.
look_around() {
	wait_for all_or_nothing "$records"
	if status_is completed; then
		committed=$((committed + 1))
	elif (($(visible read_uncommitted) > aborted)); then
		torn=$((torn + 1))
	fi
	aborted=$(visible read_uncommitted)
}

atomic_run() {
	draw 20000
	records=$((drawn + 1)) aborted=0
	seq -f "record %.0f of round $round" "$records" >input
	create --id "atomic-$round"
	background reader batch-consume -m 5m -B "$B"
	tortured send batch-send --atomic -B "$B" input
	done_or_before
	ends 0 reader
	cmp reader.out input
	is_whole input
	saw ".records == $records" '.duplicates == 0' '.counted == ["started", "completed"]'
}

@test "I1 I3 I7: kill -9 over batch-send --atomic: all or nothing, and sent again exactly once" {
	after_kill() { look_around; }
	committed=0 torn=0
	for ((round = 1; kills < TORTURE_KILLS; round++)); do
		time_left || break
		atomic_run
	done
	tell "$kills kills in $((round - 1)) batches ($torn in the transaction, $committed after it)"
	((kills > 0))
}

# --- consumers of a group

# Finished batches, each with the file that it is to become.
more_batches() { # COUNT
	local i
	for ((i = 0; i < $1; i++)); do
		made=$((made + 1))
		draw 60000
		seq -f "record %.0f of b$made" "$drawn" >"want/b$made"
		batch-create -n x --id "b$made" | batch-send "want/b$made" | batch-complete >/dev/null
	done
}

# A group would wait 45 s for a member that was killed. The first of them comes back as the same one.
start_member() { # NUMBER
	local options=(-X session.timeout.ms=600 -X heartbeat.interval.ms=100)
	(($1 > 0)) || options+=(-X group.instance.id=first -X session.timeout.ms=4000)
	[[ -z ${running[m$1]:-} ]] || return 0
	background "m$1" batch-consume -G "$S.group" --to-dir out "${options[@]}"
}

kill_member() { # NUMBER
	local status=0
	kill -KILL "${pids[m$1]}" 2>/dev/null || true
	wait "${pids[m$1]}" 2>/dev/null || status=$?
	unset "running[m$1]"
	((status == 137)) && kills=$((kills + 1)) && return
	echo "member $1: exit status $status"
	cat "m$1.err"
	return 1
}

# Files appear under their names only when they are whole.
check_new() {
	local file
	for file in out/b*; do
		[[ -e $file && ! -e seen/${file##*/} ]] || continue
		cmp "$file" "want/${file##*/}" && touch "seen/${file##*/}" || return
	done
}

# Any; or, one time in two, one when a file is being written.
random_moment() {
	local i unfinished
	draw 800
	pause_ms "$drawn"
	((drawn % 2)) || return 0
	for ((i = 0; i < 300; i++)); do
		unfinished=(out/.b*)
		((${#unfinished[@]} == left_unfinished)) || break
		pause_ms 1
	done
	left_unfinished=${#unfinished[@]}
}

# As long as the group waits for who was killed it keeps his partitions for him.
all_consumed() {
	batch-consume -G "$S.group" -e --to-dir out && [[ $(ls out) == "$(ls want)" ]]
}

@test "I1 I8: kill -9 over the members of a group: no batch is lost, each file is whole" {
	made=0 left_unfinished=0
	shopt -s nullglob
	mkdir want out seen
	more_batches 3
	while ((kills < TORTURE_KILLS)) && time_left; do
		draw 3
		member=$drawn
		start_member "$member"
		more_batches 1
		random_moment
		kill_member "$member"
		check_new
	done
	for member in "${!running[@]}"; do
		kill -KILL "${running[$member]}"
	done
	wait
	running=()
	tell "$kills kills of 3 members, $made batches, $(find out -name '.b*' | wc -l) left unfinished," \
		"$(find seen -type f | wc -l) were there before the end"
	wait_for all_consumed
	check_new
}
