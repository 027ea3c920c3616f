# batch-work: how many records a chunk holds, and how many commands run at once.
bats_require_minimum_version 1.5.0
load lib/batch
load lib/work

setup_file() {
	kafka_up
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

@test "-j MIN..MAX: one command more when all were busy for ten seconds" {
	background work batch-work -G "$G" --order none --chunk 1 -j 1..2 -v --drain 0s -- sh -c 'cat; sleep 1'
	wait_for eval '[[ $(pgrep -P "${pids[work]}" | wc -l) -eq 2 ]]'
	grep -q '2 commands at once: all were busy' work.err
	stopped work
}
