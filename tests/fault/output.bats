# Disks that are full or broken on our side, pipes that close, signals, and a clock that is wrong.
bats_require_minimum_version 1.5.0
load ../lib/fault

setup_file() {
	kafka_up
	"${CC:-cc}" -shared -fPIC -D_GNU_SOURCE -o "$BATS_FILE_TMPDIR/clock.so" "$tests_root/fault/clock.c"
}

setup() {
	begin 2
	seq -f 'record %.0f of an input' 20000 >input
	G=$S.group
}

# COMMAND sees ERROR at its Nth CALL.
with_error() { # CALL ERROR N COMMAND...
	ASAN_OPTIONS=$ASAN_OPTIONS:detect_leaks=0 strace -f -qq -o trace -e "trace=$1" \
		-e "inject=$1:error=$2:when=$3" "${@:4}"
}

comes_later() {
	[[ -z $(ls -A out) ]] || return
	batch-consume -G "$G" -e --to-dir out && cmp "out/$B" input
}

@test "I1 I8: a disk that is full: no file, nothing committed" {
	finished input
	mkdir out
	run -1 --separate-stderr prlimit --fsize=100000 batch-consume -G "$G" -e --to-dir out
	says 'File too large'
	comes_later
}

@test "I1 I8: a disk that cannot write, sync or rename: no file, nothing committed" {
	finished input
	mkdir out
	for what in fsync:EIO:1 renameat:EIO:1 fsync:ENOSPC:1; do
		IFS=: read -r call error n <<<"$what"
		run -1 --separate-stderr with_error "$call" "$error" "$n" \
			batch-consume -G "$G" -e --to-dir out
		grep INJECTED trace
		[[ -z $(ls -A out) ]]
	done
	comes_later
}

@test "I9: standard output into a file that may not grow" {
	finished input
	into() { prlimit --fsize=100000 batch-consume -B "$B" >"$1"; }
	run -1 --separate-stderr into short
	says 'File too large'
	head -c "$(stat -c %s short)" input | cmp - short
	run -1 --separate-stderr into /dev/full
	says 'No space left on device'
}

@test "I1: a closed pipe: status 141, and nothing committed" {
	finished input
	for how in "-B $B" "-G $G -e" "-t $S.in -e"; do
		rm -f closed.pipe
		# shellcheck disable=SC2086
		run -141 --separate-stderr into_closed_pipe batch-consume $how
		mentions 'Broken pipe'
	done
	rm closed.pipe
	run -141 --separate-stderr into_closed_pipe batch-watch --since -1h -e
	gives input batch-consume -G "$G" -e
}

@test "I5 I8: SIGTERM, SIGINT, SIGHUP: the end within 2 s, and what was sent is there" {
	for signal in TERM:143 INT:130 HUP:129; do
		create
		mkfifo pipe
		alone send env --default-signal=INT,HUP sh -c 'exec batch-send -B "$0" <pipe' "$B"
		exec {writer}>pipe
		before=$(kget "$S.in" -f '\n' | wc -l)
		cat input >&"$writer"
		wait_for holds_records "$S.in" $((before + 1))
		began[send]=$(milliseconds)
		kill -s "${signal%:*}" "${pids[send]}"
		ends_within 2 "${signal#*:}" send
		exec {writer}>&-
		rm pipe
		[[ ! -s send.out ]]
		delivered=$(sed -n 's/.* \([0-9]*\) records of batch .*/\1/p' send.err)
		verify input
		saw ".records == $delivered" '.status == "started"'
		batch-send --resume -B "$B" input | batch-complete >/dev/null
		is_whole input
	done
}

has_taken_signals() { # NAME
	! grep -E '^(Sig|Shd)Pnd:.*[1-9a-f]' "/proc/${pids[$1]}/status"
}

@test "I8: the second signal ends it at once" {
	finished input
	mkdir out
	background member batch-consume -G "$G" -X session.timeout.ms=600 --exec 'touch began; exec sleep 50'
	wait_for test -e began
	begun=$(milliseconds)
	kill -TERM "${pids[member]}"
	wait_for has_taken_signals member
	pause_ms 600 # within half a second it would be the same wish
	kill -TERM "${pids[member]}" || true
	ends 143 member
	took_at_most 1 "$begun"
	gives input batch-consume -G "$G" -e
}

@test "I8: a signal that comes twice at once ends it while its command reads nothing and the pipe is full" {
	finished input
	background member batch-consume -G "$G" -X session.timeout.ms=600 --exec 'touch began; exec sleep 50'
	wait_for test -e began
	pause_ms 300 # the pipe is full
	began[member]=$(milliseconds)
	kill -TERM "${pids[member]}"
	pause_ms 100
	kill -TERM "${pids[member]}" || true
	ends_within 10 143 member
	gives input batch-consume -G "$G" -e
}

at_clock() { # SECONDS COMMAND...
	LD_PRELOAD=$BATS_FILE_TMPDIR/clock.so CLOCK_OFF=$1 "${@:2}"
}

@test "I1 I6: clocks that differ by an hour: the batch is found, ended and read" {
	[[ -z ${BATCH_TEST_SAN:-} ]] || skip 'a sanitizer wants to be the first library'
	for clocks in '3300 -3300' '-3300 3300'; do
		read -r here there <<<"$clocks"
		at_clock "$here" batch-create -n x >created.json
		B=$(jq -r .id created.json)
		at_clock "$there" batch-send -B "$B" input >sent.json
		at_clock "$here" batch-complete <sent.json >completed.json
		at_clock "$there" batch-consume -B "$B" | cmp - input
		is_whole input
		mkdir "out$here"
		at_clock "$there" batch-consume -G "$G$here" -e --to-dir "out$here"
		cmp "out$here/$B" input
	done
}

@test "I6: an id from a clock that is an hour ahead of that of the events: they are found" {
	create --id "$(id_made_at 3500)"
	batch-send -B "$B" input | batch-complete >/dev/null
	is_whole input
	run -0 --separate-stderr batch-watch -B "$B" -e
	docs_are 'map(.status) == ["started", "completed"]'
	batch-terminate -B "$B" --failed 'found out' >/dev/null
	run -0 --separate-stderr batch-consume -G "$G" -e
	[[ -z $output ]]
}

@test "I5: a clock two hours ahead, which the broker refuses: it is said, and nothing is there" {
	[[ -z ${BATCH_TEST_SAN:-} ]] || skip 'a sanitizer wants to be the first library'
	create
	run --separate-stderr at_clock 7200 batch-send -m 5s -B "$B" input
	((status == 1 || status == 3))
	says 'imestamp'
	verify input
	saw '.records == 0'
	run -1 --separate-stderr at_clock 7200 batch-complete -m 5s -B "$B" --records 0
	says 'imestamp'
	status_is started
}
