# batch-consume -t: records of any topic, by hand, in kcat's way.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin 2
	T=$S.in
	unset BATCH_STREAM
}

# Ten records of partition 0, a0 to a9, and five of partition 1, b0 to b4.
lettered() {
	printf 'a%d\n' {0..9} | kput "$T" -p 0
	printf 'b%d\n' {0..4} | kput "$T" -p 1
}

# One record a second, t0 to t9, from 2026-11-21T10:00:00Z on.
dated() {
	create -s "$S"
	printf '{"value":"t%d","ts":179525520%d000}\n' 0 0 1 1 2 2 3 3 4 4 5 5 6 6 7 7 8 8 9 9 |
		batch-send -s "$S" -B "$B" -J --keep-time >sent.json
}

# $output, sorted, as one line
sorted() {
	sort <<<"$output" | tr '\n' ' '
}

@test "prints the values, and last what was scanned and matched" {
	lettered
	run -0 --separate-stderr batch-consume -t "$T" -e
	[[ $(sorted) == 'a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 b0 b1 b2 b3 b4 ' ]]
	says '15 records scanned, 15 matched'
	run -0 --separate-stderr batch-consume -t "$T" -e -q
	silent
}

@test "an empty topic ends at once" {
	run -0 --separate-stderr batch-consume -t "$T" -e
	says '0 records scanned, 0 matched'
	[[ -z $output ]]
}

@test "-o by offset: from N on, the last N, from A to before B" {
	lettered
	expect() { # RANGE RECORDS
		run -0 --separate-stderr batch-consume -t "$T" -e -o "$1"
		[[ $(sorted) == "$2 " ]]
	}
	expect beginning 'a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 b0 b1 b2 b3 b4'
	expect end ''
	expect 3 'a3 a4 a5 a6 a7 a8 a9 b3 b4'
	expect 7 'a7 a8 a9'
	expect 700 ''
	expect -2 'a8 a9 b3 b4'
	expect -700 'a0 a1 a2 a3 a4 a5 a6 a7 a8 a9 b0 b1 b2 b3 b4'
	expect -0 ''
	expect 3:5 'a3 a4 b3 b4'
	expect :2 'a0 a1 b0 b1'
	expect 8: 'a8 a9'
	expect 4:4 ''
}

@test "a time before 1970 is the beginning, in ranges, lists and what is watched" {
	dated
	local time
	for time in 1960-01-01 -36500d 1969-12-31T23:59:59.999Z 1969-12-31T23:59:59.998Z 0001-01-01 1970-01-01; do
		run -0 --separate-stderr batch-consume -m 10s -t "$T" -e -o "@$time"
		[[ $(sorted) == 't0 t1 t2 t3 t4 t5 t6 t7 t8 t9 ' ]]
		run -0 --separate-stderr batch-consume -m 10s -t "$T" -o "@:$time"
		[[ -z $output ]]
	done
	for time in 1960-01-01 1969-12-31T23:59:59.999Z; do
		run -0 batch-status -s "$S" --since "$time"
		doc_is ".id == \"$B\""
		run -0 --separate-stderr batch-watch -s "$S" --since "$time" -e
		doc_is ".id == \"$B\""
	done
}

@test "-o by time: since, from and to, relative" {
	dated
	expect() { # RANGE RECORDS
		run -0 --separate-stderr batch-consume -t "$T" -e -o "$1"
		[[ $(sorted) == "$2 " ]]
	}
	expect @2026-11-21T10:00:07Z 't7 t8 t9'
	expect @1795255207 't7 t8 t9'
	expect @1795255207001 't8 t9'
	expect @2026-11-21T12:00:07+02:00 't7 t8 t9'
	expect @2026-11-21T10:00:02Z:2026-11-21T10:00:04Z 't2 t3'
	expect @:2026-11-21T10:00:02Z 't0 t1'
	expect @2026-11-22 ''
	expect @2026-11-21:2026-11-22 't0 t1 t2 t3 t4 t5 t6 t7 t8 t9'
}

@test "-o by relative time" {
	echo now | kput "$T"
	run -0 --separate-stderr batch-consume -t "$T" -e -o @-1h
	[[ $output == now ]]
	run -0 --separate-stderr batch-consume -t "$T" -e -o @-1h:
	[[ $output == now ]]
	run -0 --separate-stderr batch-consume -t "$T" -e -o @-2h:-1h
	[[ -z $output ]]
}

@test "a range with an end ends there, with and without -e" {
	lettered
	run -0 --separate-stderr timeout 60 batch-consume -t "$T" -o 3:5
	[[ $(sorted) == 'a3 a4 b3 b4 ' ]]
}

@test "what is no range is refused" {
	for range in '' typo 1x 5:3 @ @soon @2026-13-01 : --1 @2026-11-21T10:00:00; do
		run -2 --separate-stderr batch-consume -t "$T" -o "$range"
		says -o
	done
}

@test "-p reads only those partitions" {
	lettered
	run -0 --separate-stderr batch-consume -t "$T" -e -p 1
	[[ $(sorted) == 'b0 b1 b2 b3 b4 ' ]]
	run -0 --separate-stderr batch-consume -t "$T" -e -p 1 -p 0 -o -1
	[[ $(sorted) == 'a9 b4 ' ]]
	run -6 --separate-stderr batch-consume -t "$T" -e -p 2
	says 'partitions 0 to 1, not 2'
	for partition in x -1 1.0 99999999999; do
		run -2 --separate-stderr batch-consume -t "$T" -e -p "$partition"
		says -p
	done
}

@test "-c ends after so many that match" {
	lettered
	run -0 --separate-stderr timeout 60 batch-consume -t "$T" -p 0 -c 3
	[[ $(sorted) == 'a0 a1 a2 ' ]]
	run -0 --separate-stderr timeout 60 batch-consume -t "$T" -p 0 -c 2 --grep '[57]'
	[[ $(sorted) == 'a5 a7 ' ]]
	says '8 records scanned, 2 matched'
	run -0 --separate-stderr timeout 60 batch-consume -t "$T" -c 0
	[[ -z $output ]]
	run -2 --separate-stderr batch-consume -t "$T" -c -1
}

@test "--grep counts the characters of the locale, and takes any byte" {
	printf '%s\n' café cafe $'caf\xe9' | kput "$S.in" -p 0
	[[ $(batch-consume -t "$S.in" -e --grep '^caf.$') == $'café\ncafe' ]]
	[[ $(LC_ALL=C batch-consume -t "$S.in" -e --grep '^caf.$') == $'cafe\ncaf\xe9' ]]
	[[ $(batch-consume -t "$S.in" -e --grep '^caf') == $'café\ncafe\ncaf\xe9' ]]
}

@test "without -e it goes on, until a signal ends it" {
	background reader batch-consume -t "$T"
	for i in 1 2 3; do
		echo "$i" | kput "$T"
		wait_for grep -qx "$i" reader.out
	done
	stopped reader
	run -0 grep -c '3 records scanned, 3 matched' reader.err
}

@test "-o end gives what comes from now on" {
	echo old | kput "$T" -p 0
	background reader batch-consume -t "$T" -o end -c 1
	shows_new() {
		echo new | kput "$T" -p 0
		[[ -s reader.out ]]
	}
	wait_for shows_new
	ends 0 reader
	[[ $(<reader.out) == new ]]
}

# --- how records look

@test "-f has kcat's verbs" {
	printf 'k1:v1\n:v2\nk3:\n' | kput "$T" -K : -H 'a=1' -H 'b=x=y' -p 0
	printf 'k4:\n:\n' | kput "$T" -K : -Z -p 0
	printf 'no key\n' | kput "$T" -p 0
	format='%t|%p|%o|%T|%k|%K|%s|%S|%h|%%|\t\x41\n'
	run -0 --separate-stderr batch-consume -t "$T" -e -f "$format"
	kget "$T" -f "$format" | cmp - <(echo "$output")
	run -0 --separate-stderr batch-consume -t "$T" -e -Z -f '%k=%s\n'
	[[ $output == $'k1=v1\n=v2\nk3=\nk4=NULL\nNULL=NULL\nNULL=no key' ]]
}

@test "%R is a value's length in four bytes" {
	printf 'one\n' | kput "$T"
	kput "$T" -Z </dev/null
	printf '\0\0\0\3one' | gives - batch-consume -t "$T" -e -f '%R%s'
	kget "$T" -f '%R%s' | cmp - given
}

@test "%H{NAME} is one header's value" {
	echo v | kput "$T" -H a=1 -H b=2
	run -0 --separate-stderr batch-consume -t "$T" -e -f '[%H{b}%H{none}%H{a}]\n'
	[[ $output == '[21]' ]]
}

@test "a format that is none is refused" {
	for format in '%' '%x' '%H' '%H{' '\q'; do
		run -2 --separate-stderr batch-consume -t "$T" -e -f "$format"
		says -f
	done
}

@test "-J is what kcat -J says, lossless" {
	printf 'k:v "\\ü\n' | kput "$T" -K : -H 'a=1' -H 'ü=ü'
	printf '\xff:\xfe\n' | kput "$T" -K : -H $'b=\xff'
	printf ':\n' | kput "$T" -K : -Z
	batch-consume -t "$T" -e -J | jq -cs 'map([.topic, .key, .key_b64, .value, .value_b64, .headers]) | sort' >seen
	echo "[[\"$T\",null,null,null,null,[]],[\"$T\",null,\"/w==\",null,\"/g==\",[[\"b\",{\"b64\":\"/w==\"}]]],[\"$T\",\"k\",null,\"v \\\"\\\\ü\",null,[[\"a\",\"1\"],[\"ü\",\"ü\"]]]]" |
		cmp - seen
	batch-consume -t "$T" -e -J | jq -c '[.topic, .partition, .offset, .ts]' | sort >ours
	kget "$T" -J | jq -c '[.topic, .partition, .offset, .ts]' | sort | cmp - ours
}

@test "-D, -0, -K and --length-prefixed" {
	printf 'k1:v1\nk2:v2\n' | kput "$T" -K : -p 0
	printf 'v1, v2, ' | gives - batch-consume -t "$T" -e -D ', '
	printf 'v1\0v2\0' | gives - batch-consume -t "$T" -e -0
	printf 'k1=v1\nk2=v2\n' | gives - batch-consume -t "$T" -e -K =
	printf '\0\0\0\2v1\0\0\0\2v2' | gives - batch-consume -t "$T" -e --length-prefixed
}

@test "a terminal sees control characters, and does not obey them" {
	printf 'a\e[31m\a\tb\n' | kput "$T"
	script -qec "batch-consume -q -t $T -e" terminal </dev/null >/dev/null
	grep -q '^a.*31m.*b' terminal
	run ! grep -q $'[\e\a]' terminal
}

@test "the last line is an object with --log json" {
	lettered
	run -0 --separate-stderr batch-consume -t "$T" -e --log json
	jq -e '.level == "note" and .message == "15 records scanned, 15 matched"' <<<"$stderr"
}

# --- filters

@test "--key, repeated: any of them" {
	printf '%s\n' a:1 b:2 c:3 ab:4 :5 | kput "$T" -K :
	run -0 --separate-stderr batch-consume -t "$T" -e --key a
	[[ $output == 1 ]]
	says '5 records scanned, 1 matched'
	run -0 --separate-stderr batch-consume -t "$T" -e --key a --key c --key none
	[[ $(sorted) == '1 3 ' ]]
	run -0 --separate-stderr batch-consume -t "$T" -e --key ''
	[[ $output == 5 ]]
}

@test "--header, repeated: all of them" {
	echo 1 | kput "$T" -H a=1 -H b=1
	echo 2 | kput "$T" -H a=1
	echo 3 | kput "$T" -H a=2 -H b=1
	run -0 --separate-stderr batch-consume -t "$T" -e --header a=1
	[[ $(sorted) == '1 2 ' ]]
	run -0 --separate-stderr batch-consume -t "$T" -e --header a=1 --header b
	[[ $output == 1 ]]
	run -0 --separate-stderr batch-consume -t "$T" -e --header b
	[[ $(sorted) == '1 3 ' ]]
	run -2 --separate-stderr batch-consume -t "$T" -e --header =1
	says header
}

@test "--grep takes regular expressions, repeated: all of them" {
	printf '%s\n' one two three 'a.b' | kput "$T"
	printf 'bin\0ary\xff\n' | kput "$T"
	run -0 --separate-stderr batch-consume -t "$T" -e --grep '^t'
	[[ $(sorted) == 'three two ' ]]
	run -0 --separate-stderr batch-consume -t "$T" -e --grep 'e$' --grep '^(o|x)'
	[[ $output == one ]]
	run -0 --separate-stderr batch-consume -t "$T" -e --grep 'a\.b'
	[[ $output == a.b ]]
	printf 'bin\0ary\xff\n' | gives - batch-consume -t "$T" -e --grep 'ary'
	printf 'bin\0ary\xff\n' | gives - batch-consume -t "$T" -e --grep 'a[q-s]y'
	run -2 --separate-stderr batch-consume -t "$T" -e --grep '('
	says "'('"
}

@test "filters look at a batch's records by its header" {
	create -s "$S"
	seq 5 | batch-send -s "$S" -B "$B" >sent.json
	echo other | kput "$T"
	run -0 --separate-stderr batch-consume -t "$T" -e --header "batchId=$B"
	[[ $(sorted) == '1 2 3 4 5 ' ]]
}

# --- -G

@test "-G goes on where the group stood" {
	lettered
	run -0 --separate-stderr batch-consume -t "$T" -G "$S.g" -p 0 -c 4
	[[ $(sorted) == 'a0 a1 a2 a3 ' ]]
	run -0 --separate-stderr batch-consume -t "$T" -G "$S.g" -o stored -e
	[[ $(sorted) == 'a4 a5 a6 a7 a8 a9 b0 b1 b2 b3 b4 ' ]]
	run -0 --separate-stderr batch-consume -t "$T" -G "$S.g" -e
	[[ -z $output ]]
	run -0 --separate-stderr batch-consume -t "$T" -G "$S.other" -e
	[[ ${#lines[@]} == 15 ]]
}

@test "-G with a range begins there, and is stored" {
	lettered
	run -0 --separate-stderr batch-consume -t "$T" -G "$S.g" -p 0 -o 2:4
	[[ $(sorted) == 'a2 a3 ' ]]
	run -0 --separate-stderr batch-consume -t "$T" -G "$S.g" -p 0 -e
	[[ $(sorted) == 'a4 a5 a6 a7 a8 a9 ' ]]
}

@test "what could not be written is not stored" {
	lettered
	into_full_disk() { batch-consume -t "$T" -G "$S.g" -e >/dev/full; }
	run -1 --separate-stderr into_full_disk
	says 'No space left on device'
	run -0 --separate-stderr batch-consume -t "$T" -G "$S.g" -e
	[[ ${#lines[@]} == 15 ]]
}

@test "--unordered is for batches" {
	run -2 --separate-stderr batch-consume -t "$T" -e --unordered
	says --unordered
}

@test "-o stored needs a group" {
	run -2 --separate-stderr batch-consume -t "$T" -o stored
	says '-G'
}

# --- errors

@test "an unknown topic is refused at once, and not made" {
	run -6 --separate-stderr batch-consume -t "$S.typo" -e
	says "$S.typo"
	run -6 --separate-stderr batch-consume -t "$S.typo" -e
	for topic in '' a/b 'a b'; do
		run -2 --separate-stderr batch-consume -t "$topic" -e
		says topic
	done
}

@test "a hundred thousand records, filtered by key" {
	seq -w 0 99999 | sed 's/.*\(...\)$/k\1:&/' | kput "$T" -K :
	run -0 --separate-stderr batch-consume -t "$T" -e --key k007
	says '100000 records scanned, 100 matched'
	[[ ${#lines[@]} == 100 ]]
}

@test "compressed by any codec" {
	for codec in none gzip snappy lz4 zstd; do
		seq -f "$codec %.0f" 100 | tee -a input | kput "$T" -p 0 -z "$codec"
	done
	run -0 --separate-stderr batch-consume -t "$T" -p 0 -e -q
	cmp input <(echo "$output")
}
