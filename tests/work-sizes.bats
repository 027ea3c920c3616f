# batch-work: how many records a chunk holds, and how many commands run at once.
bats_require_minimum_version 1.5.0
load lib/batch
load lib/work

setup_file() {
	kafka_up
	"${CC:-cc}" -shared -fPIC -o "$BATS_FILE_TMPDIR/load.so" "$tests_root/fault/load.c"
}

setup() {
	begin_work 1
	seq 200 >in
	ready in
}

# What -v said of chunks in $stderr, without rates.
sizes() {
	grep -o 'chunks of .*' <<<"$stderr" | sed 's/, [0-9.]* records.s$//'
}

@test "--chunk MIN..MAX doubles while a chunk takes less than half the target; -v says each size, and why" {
	run -0 --separate-stderr work --chunk 2..16 --target 60s -v -- sh -c 'wc -l >&2'
	ended_as completed 200 0
	sed -n 's/^batch-work: sh: //p' <<<"$stderr" | uniq | head -n 4 | cmp - <(printf '%s\n' 2 4 8 16)
	sizes | cmp - <(printf 'chunks of %s records: doubled: less than half the target\n' 4 8 16)
}

@test "what was learned of a command is where the next worker begins, and of another one it is not" {
	work --chunk 1..32 --target 60s -- cat
	ready in
	run -0 --separate-stderr work --chunk 1..32 --target 60s -v -- cat
	ended_as completed 200 0
	[[ $(sizes) == "chunks of 32 records: rate x target, learned before" ]]
	ready in
	run -0 --separate-stderr work --chunk 1..32 --target 60s -v -- cat -u
	[[ $(sizes | head -n 1) == "chunks of 2 records: doubled: less than half the target" ]]
}

@test "chunks become smaller when memory is short, and not smaller than MIN" {
	run -0 --separate-stderr work --chunk 3..50,50 --mem-free 1000T -v -- cat
	ended_as completed 200 0
	sizes | cmp - <(printf 'chunks of %s records: halved: load or memory is far over its limit\n' 25 12 6 3)
}

@test "--max-bytes: a chunk ends before its input is longer, and has one record at least" {
	begin_work 1
	seq -f '%07.0f' 99 >in
	ready in
	work --max-bytes 31 --out - -- wc -c >got
	sort -u got | cmp - <(echo 24)
	ready in
	work --max-bytes 5 --out - -- wc -c >got
	sort -u got | cmp - <(echo 8)
	ready in
	work --max-bytes 500 --out - -J -- sh -c 'jq -nc "{value: \"$(wc -lc | xargs)\"}"' >got
	jq -r .value got | awk '$2 > 500 || ($1 < 2 && NR < 50) {print; bad = 1} {n += $1} END {exit bad || n != 99}'
}

@test "with --target it is nine tenths of what the command does in that time, and changes by a half at most" {
	begin_work 1
	seq 500 >in
	ready in
	run -0 --separate-stderr work --chunk 1..200,200 --target 300ms -v -- sh -c 'sleep "$(awk "END { print NR * 0.005 }")"'
	ended_as completed 500 0
	sizes | grep -c 'rate x target'
	# Not more than 200 records a second, however slow the machine is.
	sizes | awk '{print $3}' | awk 'NR == 1 {bad = $1 != 100} NR > 1 {bad = bad || $1 > 54 || $1 < last / 2 - 1}
		{last = $1} END {exit bad || NR < 2}'
}

@test "without a target it doubles until that makes it no faster" {
	begin_work 1
	seq 300 >in
	ready in
	run -0 --separate-stderr work --order none -j 8 --chunk 4..64 -v -- sh -c 'sleep "$(awk "END { print NR * NR * 0.02 }")"'
	ended_as completed 300 0
	sizes | head -n 1 | cmp - <(echo 'chunks of 8 records: doubled: that may be faster')
	sizes | tail -n 1 | grep 'as before: more are hardly faster'
}

@test "a command that was too large halves it, one that is run again makes it smaller, and for ten chunks it does not grow" {
	begin_work 1
	seq 1000 >in
	ready in
	run -0 --separate-stderr work -j 1 --chunk 1..64,64 -v -- sh -c '[ "$BATCH_COUNT" -lt 20 ] || exit 137; cat'
	ended_as completed 1000 0
	sizes | head -n 2 | cmp - <(printf 'chunks of %s records: halved: out of memory or time\n' 32 16)
	seq 200 >in
	ready in
	run -0 --separate-stderr work --chunk 1..64,10 --target 60s --retries 1 --backoff 20ms -v -- \
		sh -c '[ -e failed ] || { touch failed; exit 1; }; wc -l >&2'
	ended_as completed 200 0
	sizes | head -n 1 | cmp - <(echo 'chunks of 7 records: seven tenths: it failed')
	# Between the two are the chunk that failed and ten more.
	(($(sed -n '/chunks of 7/,/rate x target/p' <<<"$stderr" | grep -c ' sh: ') >= 11))
}

# The machine has this load for what is started by "${loaded[@]}".
load_is() { # LOAD
	[[ -z ${BATCH_TEST_SAN:-} ]] || skip 'a sanitizer wants to be the first library'
	echo "$1 0 0 1/1 1" >load
	loaded=(env "LOADAVG=$PWD/load" "LD_PRELOAD=$BATS_FILE_TMPDIR/load.so")
}

@test "--max-load: above it chunks do not grow, and far above they become smaller" {
	load_is 1.0
	options=(-G "$G" --once --target 60s --max-load 1 -v)
	run -0 --separate-stderr "${loaded[@]}" timeout -s KILL 60 batch-work "${options[@]}" --chunk 2..8 -- cat
	[[ $(sizes) == *'chunks of 8 records: doubled'* ]]
	load_is 1.2
	ready in
	run -0 --separate-stderr "${loaded[@]}" timeout -s KILL 60 batch-work "${options[@]}" --chunk 2..8 -- cat -u
	[[ -z $(sizes) ]]
	load_is 1.3
	ready in
	run -0 --separate-stderr "${loaded[@]}" timeout -s KILL 60 batch-work "${options[@]}" --chunk 2..8,8 -- cat -uu
	sizes | cmp - <(printf 'chunks of %s records: halved: load or memory is far over its limit\n' 4 2)
}

@test "-j MIN..MAX: one more when all were busy for ten seconds, half as many above a limit, and only then smaller chunks" {
	load_is 0.5
	seq 10000 >in
	ready in
	background work "${loaded[@]}" batch-work -G "$G" --order none --chunk 1..4,4 --target 60s -j 1..2 --max-load 1 -v \
		--drain 0s -- sh -c 'echo "$BATCH_SLOT" >>slots; sleep 0.3; cat'
	wait_for grep -qx 2 slots
	load_is 3.0
	wait_for grep -q 'chunks of 1 records' work.err
	sed -n 's/^batch-work: \(.* commands at once\)/\1/p; s/.*\(chunks of .* its limit\).*/\1/p' work.err | cmp - <(
		echo '2 commands at once: all were busy'
		echo '1 commands at once: load or memory is over its limit'
		printf 'chunks of %s records: halved: load or memory is far over its limit\n' 2 1)
	stopped work
}
