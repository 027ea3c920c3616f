# Writers that end a batch at the same moment: one wins, all agree on which. make torture runs 100 rounds.
bats_require_minimum_version 1.5.0
load ../lib/fault

setup_file() {
	kafka_up
}

setup() {
	begin 2
	chance
}

# In each round A and B race for the batch that create makes; winners has who won, by batch.
race() { # A B
	local both
	mkfifo start
	declare -gA winners=()
	for ((round = 1; round <= TORTURE_ROUNDS; round++)); do
		time_left || break
		create --id "round-$round"
		exec {both}<>start
		background "$1" "$1" "$both"
		background "$2" "$2" "$both"
		echo gg >&"$both"
		one_wins "$1" "$2"
		exec {both}>&-
		winners[$B]=$winner
		[[ -s $winner.out ]]
		[[ $(cat "$1.out" "$2.out") == $(<"$winner.out") ]]
	done
}

# Each of two waits for a letter, so that both begin at once.
go() { # FD
	read -rn 1 -u "$1"
}

# In the log, in batch-status and in what the winner was told, it is the same one.
agree() { # RECORDS
	look_at_log
	for B in "${!winners[@]}"; do
		judge
		saw ".last.metadata.by == \"${winners[$B]}\"" '.counted | length == 2' ".records == $1"
		run -0 --separate-stderr batch-status -B "$B"
		doc_is ".metadata.by == \"${winners[$B]}\""
	done
	tell "${#winners[@]} rounds, won by $(printf '%s\n' "${winners[@]}" | sort | uniq -c | tr -s '\n ' ' ')"
}

left() {
	go "$1" && exec batch-complete -B "$B" --records 0 --metadata '{"by":"left"}'
}

right() {
	go "$1" && exec batch-complete -B "$B" --records 0 --metadata '{"by":"right"}'
}

quitter() {
	go "$1" && exec batch-terminate -B "$B" --metadata '{"by":"quitter"}'
}

@test "I6: of two that complete a batch one wins, the other is told" {
	race left right
	agree 0
}

@test "I6: of one that completes and one that terminates it one wins, the other is told" {
	race left quitter
	agree 0
}

@test "I6: of two that create a batch one wins" {
	host1() { go "$1" && exec batch-create -n x --id "$id" --metadata '{"by":"host1"}'; }
	host2() { go "$1" && exec batch-create -n x --id "$id" --metadata '{"by":"host2"}'; }
	create() { B=$2 id=$2; }
	race host1 host2
	look_at_log
	for B in "${!winners[@]}"; do
		judge
		saw ".last.metadata.by == \"${winners[$B]}\"" '.counted == ["started"]' '.ignored <= 1'
	done
}

@test "I5 I6: who terminates a batch stops its sender, and nobody reads it" {
	for ((round = 1; round <= (TORTURE_ROUNDS + 4) / 5; round++)); do
		create
		alone sender batch-send -B "$B" -- sh -c 'while echo "$0"; do sleep 0.01; done' "$B"
		sent_some() { kget "$S.in" -f '%s\n' | grep "$B"; }
		wait_for sent_some
		batch-terminate -B "$B" >/dev/null
		began[sender]=$(milliseconds)
		ends_within 3 1 sender
		[[ ! -s sender.out && $(<sender.err) == *"was terminated by another"* ]]
		run -1 --separate-stderr batch-consume -B "$B"
		[[ -z $output ]]
		run -6 --separate-stderr batch-complete -B "$B" --records 1
	done
	look_at_log
	judge
	saw '.counted == ["started", "terminated"]' '.records > 0' '.duplicates == 0'
}

@test "I3: the same file sent twice at once, and one of the documents: it comes once" {
	seq -f 'record %.0f' 3000 >input
	for ((round = 1; round <= (TORTURE_ROUNDS + 4) / 5; round++)); do
		create
		background a batch-send -B "$B" input
		background b batch-send -B "$B" input
		ends 0 a
		ends 0 b
		batch-complete <a.out >/dev/null
		gives input batch-consume -B "$B"
	done
}

@test "I1 I5: a count that is not so is found out by whoever reads" {
	seq 100 >input
	create
	batch-send -B "$B" input >/dev/null
	batch-complete -B "$B" --records 101 >/dev/null
	run -1 --separate-stderr batch-consume -B "$B"
	says 'missing'
	mkdir out
	run -1 --separate-stderr batch-consume -G "$S.group" -e --to-dir out
	[[ -z $(ls -A out) ]]
	run ! verify input
	[[ $output == *"I6: completed with 101 records, the log has 100"* ]]
}
