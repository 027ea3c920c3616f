# batch-work -t: any topics, without batches.
bats_require_minimum_version 1.5.0
load lib/batch
load lib/work

setup_file() {
	kafka_up
}

setup() {
	begin_work 2
	out=(--on-invalid skip --out -)
}

@test "each record once, from where the group stands" {
	seq 1000 | kput "$S.in"
	work -t "$S.in" "${out[@]}" -o beginning -- cat >got
	sort -n got | cmp - <(seq 1000)
	seq 1001 1100 | kput "$S.in"
	work -t "$S.in" "${out[@]}" -- cat >got
	sort -n got | cmp - <(seq 1001 1100)
	work -t "$S.in" "${out[@]}" -- cat >got
	[[ ! -s got ]]
}

@test "a group without an offset is told so, and begins where it is told to" {
	seq 10 | kput "$S.in"
	run -6 --separate-stderr work -t "$S.in" "${out[@]}" -- cat
	says "$S.in" "$G" '-o beginning'
	work -t "$S.in" "${out[@]}" -o end -- cat >got
	[[ ! -s got ]]
	seq 11 20 | kput "$S.in"
	work -t "$S.in" "${out[@]}" -- cat >got
	sort -n got | cmp - <(seq 11 20)
}

@test "-o counts only where the group has no offset" {
	seq 10 | kput "$S.in" -p 0
	work -t "$S.in" "${out[@]}" -o beginning -- cat >got
	seq 11 20 | kput "$S.in" -p 0
	work -t "$S.in" "${out[@]}" -o end -- cat >got
	cmp got <(seq 11 20)
	work -t "$S.in" "${out[@]}" -o beginning -- cat >got
	[[ ! -s got ]]
}

@test "--once ends where the partition ended, though the command writes behind it; results go nowhere unless told" {
	seq 10 | kput "$S.in" -p 0
	work -t "$S.in" --on-invalid skip --out "$S.in" -o beginning --pair -- cat
	kget "$S.in" | cmp - <(seq 10; seq 10)
	run -0 --separate-stderr work -t "$S.in" --on-invalid skip -- cat
	silent
	[[ -z $output && $(kget "$S.in" | wc -l) == 20 && -z $(kget "$S.out") && -z $(kget "$S.notification") ]]
}

@test "--dry-run shows where the group stands in each partition, and changes nothing" {
	seq 10 | kput "$S.in" -p 0
	seq 5 | kput "$S.in" -p 1
	run -0 --separate-stderr work -t "$S.in" --on-invalid skip --dry-run -- touch ran
	docs_are '.[1:] == [{topic: .[1].topic, partition: 0, end: 10}, {topic: .[1].topic, partition: 1, end: 5}]' \
		".[1].topic == \"$S.in\""
	run -0 --separate-stderr work -t "$S.in" --on-invalid skip -o beginning --dry-run -- touch ran
	docs_are '.[1:] | map(.lag) == [10, 5]'
	run -0 --separate-stderr work -t "$S.in" --on-invalid skip -o end --dry-run -- touch ran
	docs_are '.[1:] | map(.lag) == [0, 0]'
	work -t "$S.in" "${out[@]}" -o beginning -- cat >got
	seq 3 | kput "$S.in" -p 1
	run -0 --separate-stderr work -t "$S.in,$S.out" --on-invalid skip --dry-run -- touch ran
	docs_are '.[1:] | map([.partition, .offset, .end, .lag])[:2] == [[0, 10, 10, 0], [1, 5, 8, 3]]' \
		".[3].topic == \"$S.out\" and (.[3] | has(\"offset\") | not)"
	[[ ! -e ran ]]
}

@test "topics get their shares by weight" {
	seq -f 'heavy %.0f' 400 | kput "$S.in" -p 0
	seq -f 'light %.0f' 400 | kput "$S.out" -p 0
	work -t "$S.in:3,$S.out:1" "${out[@]}" -j 1 --order none \
		--chunk 10 -o beginning -- cat >got
	heavy=$(head -n 200 got | grep -c heavy)
	((heavy >= 120 && heavy <= 180))
	[[ $(wc -l <got) == 800 ]]
}

@test "with --strict-priority the first topic comes first, and each of the others has one of 16 chunks" {
	seq -f 'first %.0f' 400 | kput "$S.in" -p 0
	seq -f 'second %.0f' 400 | kput "$S.out" -p 0
	work -t "$S.in,$S.out" --strict-priority "${out[@]}" -j 1 --order none --chunk 10 -o beginning -- cat >got
	[[ $(wc -l <got) == 800 ]]
	second=$(sed '/first 400$/,$d' got | grep -c second)
	((second >= 10 && second <= 60))
	tail -n 300 got | grep -c second | cmp - <(echo 300)
}

@test "a chunk waits until it is full" {
	background work batch-work -G "$G" -t "$S.in" --on-invalid skip --out - -o beginning --chunk 3 --linger 10m -- wc -l
	for i in 1 2 3; do
		echo "$i" | kput "$S.in" -p 0
	done
	wait_for test -s work.out
	[[ $(<work.out) == 3 ]]
	stopped work
}

@test "a chunk lingers until it is full, or no longer" {
	seq 5 | kput "$S.in" -p 0
	background work batch-work -G "$G" -t "$S.in" --on-invalid skip --out - -o beginning \
		--chunk 10 --linger 300ms -- wc -l
	wait_for test -s work.out
	[[ $(<work.out) == 5 ]]
	stopped work
}

@test "partitions that the topic gets are worked on, too, by whoever has them" {
	for n in 1 2; do
		background "$n" timeout -s KILL 60 batch-work -v -G "$G" -t "$S.in" --on-invalid skip --out - \
			-o beginning --linger 50ms -X heartbeat.interval.ms=100 -- cat
		wait_for grep -q 'partitions are ours' "$n.err"
		batch-init --partitions 5 --grow >"grown.$n"
	done
	for p in 0 1 2 3 4; do
		seq $((p * 10 + 1)) $((p * 10 + 10)) | kput "$S.in" -p "$p"
	done
	wait_for eval '(($(cat 1.out 2.out | wc -l) == 50))'
	sort -n 1.out 2.out | cmp - <(seq 50)
	kill "${running[@]}"
	ends 143 1
	ends 143 2
}

@test "what was done above the lowest undone offset is not done again" {
	seq 40 | kput "$S.in" -p 0
	# The first chunk fails until there is a file.
	cat >script <<-'EOT'
		#!/bin/sh
		cat >"in.$BATCH_SLOT"
		grep -qx 1 "in.$BATCH_SLOT" && [ ! -e go ] && exit 75
		cat "in.$BATCH_SLOT"
	EOT
	chmod +x script
	background work batch-work -G "$G" -t "$S.in" --on-invalid skip --out - -o beginning \
		--order none --chunk 10 --linger 50ms --backoff 60s -- ./script
	wait_for has_at_least 30 work.out
	stopped work
	touch go
	work -t "$S.in" "${out[@]}" --chunk 10 -- ./script >>work.out
	sort -n work.out | cmp - <(seq 40)
}

has_at_least() { # N FILE
	(($(wc -l <"$2") >= $1))
}

@test "invalid records need a topic to go to" {
	run -2 --separate-stderr work -t "$S.in" -- cat
	says '--invalid TOPIC' '--on-invalid skip'
	seq 20 | kput "$S.in" -p 0
	work -t "$S.in" -o beginning --invalid "$S.invalid" --out none -- \
		sh -c 'cat >in; ! grep -qx 7 in || exit 65'
	kget "$S.invalid" -f '%s %h\n' >invalid
	[[ $(wc -l <invalid) == 1 ]]
	grep -q '"offset":6,' invalid
}
