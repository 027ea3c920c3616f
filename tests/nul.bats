# NUL bytes in keys, values, headers and documents are data like any other, in all tools.
bats_require_minimum_version 1.5.0
load lib/batch
load lib/work

setup_file() {
	kafka_up
}

setup() {
	begin_work 1
}

record='["k\u0000","a\u0000b",[["h\u0000i","x\u0000y"],["n\u0000","\u0000"],["e\u0000",""]]]'

# Sends a record with NUL bytes everywhere to TOPIC.
put_nul() { # TOPIC
	create
	jq -c '{key: .[0], value: .[1], headers: .[2]}' <<<"$record" | batch-send -B "$B" -J >sent.json
}

@test "records go in and out as they are" {
	put_nul
	batch-complete <sent.json >completed.json
	for way in "-B $B" "-t $S.in -e" "-G $G -e"; do
		# shellcheck disable=SC2086
		run -0 --separate-stderr batch-consume $way -J
		doc_is "[.key, .value, [.headers[] | select(.[0] | startswith(\"batch\") | not)]] == $record"
	done
	batch-consume -t "$S.in" -e -q | cmp - <(printf 'a\0b\n')
	batch-consume -t "$S.in" -e -q -f '%k%s\n' | cmp - <(printf 'k\0a\0b\n')
	run -0 --separate-stderr batch-consume -t "$S.in" -e -J --header h=x
	[[ -z $output ]]
}

@test "invalid records and strays with --keep-records" {
	seq 3 >three
	ready three
	work -- cat
	create --processing
	put_nul
	batch-terminate -B "$B" >/dev/null
	printf 'a\0b' >n
	kput "$S.in" -k x -H h=1 n
	B=$(batch-create -n ready --processing | batch-send -J <(jq -c '{key: .[0], value: .[1], headers: .[2]}' <<<"$record") | batch-complete | jq -r .id)
	run -0 --separate-stderr work --keep-records --on-exit 9=isolate --no-contrast -- sh -c 'cat >/dev/null; exit 9'
	kget "$S.invalid" -f '%s\n' >invalid.json
	output=$(<invalid.json)
	docs_are 'length == 2' ".[0].record.value == \"a\u0000b\"" '.[0].failure == "it has no batchId"' \
		'.[1].failure == "command sh: exit status 9"' \
		"[.[1].record | .key, .value, [.headers[] | select(.[0] | startswith(\"batch\") | not)]] == $record"
	run -0 --separate-stderr batch-consume -t "$S.invalid" -e -J
	docs_are "[.[1].headers[] | select(.[0] == \"h\u0000i\")] == [[\"h\u0000i\", \"x\u0000y\"]]"
	ended_as completed 1 1
}

@test "a command gets them by -J and by lines, and gives them back" {
	put_nul
	batch-terminate -B "$B" >/dev/null
	B=$(batch-create -n ready --processing | batch-send -J <(jq -c '{key: .[0], value: .[1], headers: .[2]}' <<<"$record") | batch-complete | jq -r .id)
	batch-work -G "$G.2" --once --out - -- cat | cmp - <(printf 'a\0b\n')
}

@test "documents of other writers: metadata, name and failureMessage" {
	change='.processing = true | .metadata = {a: "x\u0000y"} | .name = "n\u0000m"'
	KEY=1 notify nul started "$change"
	seq 3 | kput "$S.in" -H batchId=nul
	KEY=1 notify nul sendCompleted "$change | .expectedRecordCount = 3"
	run -0 --separate-stderr work -- sh -c 'cat >/dev/null; echo "${BATCH_NAME-none}$BATCH_METADATA" >got'
	says "batch 'nul': the command gets no BATCH_NAME"
	[[ $(<got) == 'none{"a":"x\u0000y"}' ]]
	run -0 --separate-stderr batch-status -B nul
	doc_is '.status == "completed"' '.metadata.a == "x\u0000y"' '.name == "n\u0000m"'
	run -0 --separate-stderr batch-status -n 'n*'
	doc_is '.id == "nul"'
	for name in n nm; do
		run -0 --separate-stderr batch-status -n "$name"
		[[ -z $output ]]
	done
	KEY=1 notify nul failed "$change | .failureMessage = \"a\u0000b\""
	run -1 --separate-stderr batch-consume -B nul
	KEY=1 notify 'an"id' started '.id = "a\u0000b"'
	run -6 --separate-stderr batch-status -B a
	run -0 --separate-stderr batch-watch -e --since -1h
	docs_are 'all(.[]; .id == "nul")'
}
