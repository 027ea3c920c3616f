# batch-work --split: several commands do a run beside each other.
bats_require_minimum_version 1.5.0
load lib/batch
load lib/work

setup_file() {
	kafka_up
}

setup() {
	begin_work 1
}

@test "a chunk is divided among commands that run at the same time, and their results are in order" {
	seq 100 >in
	ready in
	work --split 3 --chunk 50 --time-limit 20s -- sh -c '
		touch "began.$BATCH_FIRST"
		echo "$BATCH_FIRST $BATCH_LAST $BATCH_COUNT" >>runs
		while [ "$(ls began.* | wc -l)" -lt $((BATCH_FIRST < 50 ? 3 : 6)) ]; do sleep 0.01; done
		cat'
	ended_as completed 100 0
	cmp <(kget "$S.out") in
	cmp <(sort -n runs) <(printf '%s\n' '0 15 16' '16 32 17' '33 49 17' '50 65 16' '66 82 17' '83 99 17')
}

@test "each has a slot of its own, and never more run than -j" {
	begin 4
	seq 200 >in
	ready in
	work --split 2 -j 3 --chunk 5 --order none -- sh -c '
		mkdir "slot.$BATCH_SLOT" || exit 77
		echo "$BATCH_SLOT" >>slots
		cat
		rmdir "slot.$BATCH_SLOT"'
	ended_as completed 200 0
	cmp <(sort -u slots) <(seq "$(sort -u slots | wc -l)")
	(($(sort -u slots | wc -l) <= 3))
}

@test "fewer records than N, and one" {
	seq 3 >in
	ready in
	work --split 3 --chunk 2 -- sh -c 'echo "$BATCH_COUNT" >>runs; cat'
	ended_as completed 3 0
	cmp <(kget "$S.out") in
	cmp runs <(printf '1\n1\n1\n')
}

@test "the report of a later share names its records" {
	seq 9 >in
	ready in
	work --split 3 --metrics numbers.prom -- sh -c '
		i=0
		while read -r record; do
			case $record in
			5) echo "$i skip" >&3 ;;
			9) echo "$i invalid nine" >&3 ;;
			*) echo "$record" ;;
			esac
			i=$((i + 1))
		done'
	ended_as completed 9 1
	cmp <(kget "$S.out") <(grep -v '[59]' in)
	kget "$S.invalid" | jq -e '.offset == 8 and .failure == "nine"'
	grep -q 'batch_work_records_total{.*outcome="skipped".*} 1$' numbers.prom
}

@test "a share that failed fails the run: all are run again, and no result is there twice" {
	seq 9 >in
	ready in
	work --split 3 --backoff 1ms -- sh -c '
		echo "$BATCH_CHUNK $BATCH_ATTEMPT $BATCH_REASON" >>runs
		cat
		[ "$BATCH_FIRST" != 3 ] || [ "$BATCH_ATTEMPT" != 1 ]'
	ended_as completed 9 0
	cmp <(kget "$S.out") in
	cmp <(cut -d' ' -f2,3 runs | sort | uniq -c | awk '{print $1, $2, $3}') \
		<(printf '%s\n' '3 1 first' '3 2 retry')
	[[ $(cut -d' ' -f1 runs | sort -u | wc -l) == 3 ]]
}

@test "the first share that failed says what follows, whichever ended first" {
	seq 9 >in
	ready in
	run -1 --separate-stderr work --split 3 --on-exit 3=isolate -- sh -c '
		case $BATCH_COUNT.$BATCH_FIRST in
		3.0) cat; sleep 0.3; exit 3 ;;
		3.3) exit 77 ;;
		esac
		echo "$BATCH_REASON" >>runs
		exit 77'
	says "nothing was marked invalid"
	grep -qx isolate runs
}

@test "a record that is refused is found by single commands" {
	seq 40 >in
	ready in
	work --split 4 -j 4 -- sh -c '
		cat >"in.$$"
		echo "$BATCH_REASON" >>runs
		! grep -qx 33 "in.$$" || exit 65
		cat "in.$$"'
	ended_as completed 40 1
	kget "$S.invalid" | jq -e '.offset == 32'
	cmp <(kget "$S.out") <(grep -vx 33 in)
	(($(grep -c first runs) == 4))
}

@test "--pair: each line belongs to its record" {
	printf 'k%s:v%s\n' 1 1 2 2 3 3 4 4 5 5 >in
	create --processing
	batch-send -B "$B" -K : in >sent.json && batch-complete <sent.json >completed.json
	work --split 2 --pair -- sed 's/^/got /'
	ended_as completed 5 0
	cmp <(kget "$S.out" -f '%k %s\n') <(printf 'k%s got v%s\n' 1 1 2 2 3 3 4 4 5 5)
	run -0 --separate-stderr bash -c "batch-consume -t '$S.out' -e -q -J | jq -r '.headers[] | select(.[0] == \"batchChunk\")[1]' | sort -u | wc -l"
	[[ $output == 2 ]]
}

@test "--dry-run and --sample know of it; -j must be as many" {
	seq 9 >in
	ready in
	work --dry-run --split 3 -- cat | jq -se '.[0].settings.split == 3'
	run -0 --separate-stderr work --sample 9 --split 3 -- sh -c 'echo "$BATCH_COUNT" >>runs; cat'
	[[ $output == "$(cat in)" ]]
	cmp runs <(printf '3\n3\n3\n')
	run -2 --separate-stderr work --split 4 -- cat
	says -j
	run -2 --separate-stderr work --split 4 -j 2..8 -- cat
	says -j
}
