# What the tools read and what they write: no output is an input, and an input is read whole or not at all.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin
	create
	printf '{"a":1}\nbad\n' >data
	cp data kept
	ln -s data symbolic
	ln data hard
}

# COMMAND ends with 2 and leaves the files as they are.
refused() { # COMMAND...
	run -2 --separate-stderr "$@"
	[[ -z $output ]]
	cmp data kept
}

skip=(batch-send --json --on-invalid skip --rejects)

@test "the rejects of an input never go into it, whatever it is called" {
	for file in data symbolic hard ./data /proc/self/cwd/data; do
		refused "${skip[@]}" "$file" -B "$B" data
		says "$file is the same file as the input data"
		refused "${skip[@]}" data -B "$B" -- cat "$file"
		says 'argument'
	done
	refused "${skip[@]}" data -B "$B" <data
	says 'standard input'
	mkfifo pipe
	run -2 --separate-stderr timeout 30 "${skip[@]}" pipe -B "$B" pipe
	run ! holds_records "$S.in"
	"${skip[@]}" /dev/null -B "$B" /dev/null </dev/null >sent.json
}

@test "neither standard output nor standard error goes into an input" {
	for redirection in '>>data' '2>>data' '1<>data'; do
		run -2 bash -c "batch-send -B $B data $redirection"
		cmp data kept
	done
	cp created.json document
	for tool in complete terminate send\ kept consume; do
		run -2 --separate-stderr bash -c "batch-$tool <document >>document"
		mentions "standard input is the same file as standard output"
		cmp created.json document
	done
	status_is started
}

@test "two outputs are two files" {
	run -2 bash -c '"$@" >data' _ "${skip[@]}" data -B "$B" kept
	cp kept data
	for file in data new; do
		refused timeout 60 batch-work -G "$S.g" --once --joblog "$file" --metrics "$file" -- cat
		says "--metrics $file is the same file as --joblog $file"
	done
	[[ ! -e new ]]
}

@test "configuration, secrets and a command's files are inputs" {
	echo "client.id=me" >conf
	cp conf conf.kept
	printf secret >secret
	chmod 600 secret
	refused "${skip[@]}" conf -F conf -B "$B" data
	refused "${skip[@]}" secret -X sasl.password.file=secret -B "$B" data
	refused "${skip[@]}" conf -X ssl.ca.location=conf -B "$B" data
	refused timeout 60 batch-work -F conf -G "$S.g" --once --metrics conf -- cat
	refused timeout 60 batch-work -G "$S.g" --once --joblog data -- cat data
	cmp conf conf.kept
	[[ $(<secret) == secret ]]
	seq 3 >three
	finished three
	cp completed.json "$B"
	run -2 timeout 60 batch-consume -F "$B" -G "$S.g" -e --to-dir .
	run -2 bash -c "timeout 60 batch-consume -G $S.h -e --to-dir . >>$B"
	cmp completed.json "$B"
}

# Starts batch-send OPTION... with data as its second input, and waits until it reads the first one.
reads_later() { # OPTION...
	cp kept data
	mkfifo first
	background send batch-send -B "$B" "$@" first data
	exec 5>first
	rm first
}

@test "a file that changes while it is read is a failed read" {
	for change in ': >data' 'head -c 4 kept >data' 'echo more >>data' 'echo yyyyyyyyyyy >data' 'cp kept new && mv new data'; do
		reads_later
		eval "$change"
		echo one >&5
		exec 5>&-
		ends 3 send
		[[ ! -s send.out && $(<send.err) == *'data: '*' while it was read'* ]]
	done
	reads_later --atomic
	: >data
	exec 5>&-
	ends 1 send
	[[ $(<send.err) == *'data: '*'cut from 12 to 0 bytes'* ]]
	status_is started
	reads_later
	exec 5>&-
	ends 0 send
}

@test "standard input has one use, by whatever name" {
	for name in - /dev/stdin /proc/self/fd/0 /dev/fd/0; do
		run -2 --separate-stderr batch-send "$name" <created.json
		says FILE
		run -2 --separate-stderr batch-send "$name" < <(cat created.json)
		says FILE
		run -2 --separate-stderr batch-send -B "$B" "$name" - <data
		says 'standard input is read as records'
	done
	run -2 --separate-stderr batch-send created.json <created.json
	says FILE
	run -2 --separate-stderr batch-send -B "$B" -X client.id.file=/dev/stdin <data
	says 'client.id' 'records'
	run -2 --separate-stderr batch-complete -F /dev/stdin <created.json
	run ! holds_records "$S.in"
	run -0 --separate-stderr batch-send -B "$B" /dev/stdin <data
	doc_is '.manifest.records == 2'
	run -0 --separate-stderr batch-send -F /dev/null -B "$B" </dev/null
}
