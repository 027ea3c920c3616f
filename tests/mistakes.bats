# What is easily done wrong at a terminal or in a job: signals that come twice, a batch that was not named, an
# address that is no broker, a job in the background, a name where an id belongs.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin
}

# --- signals

@test "the same signal twice within half a second is one wish" {
	create
	mkfifo input
	seq 10 >ten
	background sender batch-send -B "$B" input
	exec {writer}>input
	cat ten >&"$writer"
	wait_for holds_records "$S.in" 10
	kill -TERM "${pids[sender]}"
	kill -TERM "${pids[sender]}"
	ends 143 sender
	exec {writer}>&-
	grep -q '10 records' sender.err
}

# --- no -B

# What a terminal shows.
at_terminal() { # COMMAND...
	run timeout 20 script -qefc "$*" /dev/null
}

@test "at a terminal a missing -B is said at once" {
	for command in batch-terminate batch-complete batch-consume 'batch-send ten'; do
		seq 10 >ten
		at_terminal "$command"
		((status == 2))
		[[ $output == *'-B is missing'*'terminal'* ]]
	done
	at_terminal batch-complete -B x
	((status == 2))
	[[ $output == *'--records N or --count'* ]]
}

# It has begun to catch SIGTERM, number 15.
catches_signals() { # PID
	local caught
	caught=$(sed -n 's/^SigCgt:[[:space:]]*//p' "/proc/$1/status")
	((0x$caught >> 14 & 1))
}

@test "the first signal ends the wait for a document, and -m bounds it" {
	mkfifo document
	exec {open}<>document
	for signal in INT TERM HUP; do
		background waits env --default-signal=INT sh -c 'exec batch-terminate <document'
		wait_for catches_signals "${pids[waits]}"
		kill -"$signal" "${pids[waits]}"
		ends $((128 + $(kill -l "$signal"))) waits
		grep -q interrupted waits.err
	done
	run -4 --separate-stderr batch-complete -m 100ms <document
	says 'time is up' 'standard input'
	exec {open}>&-
}

# --- no broker

@test "an address that is no broker's is refused" {
	for address in http://h:9092 "$BATCH_BROKERS,https://h" ssh://h; do
		run -2 --separate-stderr batch-status -b "$address"
		says '-b' 'HOST[:PORT]'
	done
	run -0 batch-status -b "plaintext://${BATCH_BROKERS%%,*}"
}

@test "a server that speaks another language is told from a broker at once" {
	python3 - >port <<-'END' 3>&- &
		import socket
		server = socket.create_server(("127.0.0.1", 0))
		print(server.getsockname()[1], flush=True)
		while True:
		    connection = server.accept()[0]
		    connection.recv(100)
		    connection.sendall(b"HTTP/1.1 400 Bad Request\r\n\r\n")
		    connection.close()
	END
	server=$!
	wait_for test -s port
	run -5 --separate-stderr timeout 60 batch-status -m 100s -b "127.0.0.1:$(<port)"
	kill "$server"
	says 'no Kafka broker' "'HTTP'"
}

# --- jobs in the background

@test "a command whose background job holds its output is an error that names it" {
	create
	run -3 --separate-stderr timeout 60 batch-send -B "$B" -- sh -c 'seq 3; exec 3>&-; sleep 50 &'
	says 'held open by sleep (process'
	[[ -z $output ]]
	run -0 --separate-stderr batch-send -B "$B" -- sh -c 'seq 3; { sleep 0.5; echo 4; } &'
	doc_is '.manifest.records == 4'
	run -0 --separate-stderr batch-send -B "$B" -- sh -c 'seq 3; exec 3>&-; sleep 5 >/dev/null 2>&1 &'
}

# --- what was meant

@test "messages say what to do next" {
	run -6 --separate-stderr batch-status -B monday
	says "if that is a name: batch-status -s $S -n 'monday'"
	run -6 --separate-stderr batch-status -B 01a22f2b-8031-7ecd-bf80-1edefd9645c4
	[[ $stderr != *'a name'* ]]
	run -2 --separate-stderr batch-status monday
	says "unexpected operand 'monday': a batch's id needs -B, a name needs -n"
	run -2 --separate-stderr batch-terminate monday
	says "unexpected operand 'monday': a batch's id needs -B (try"
	run -2 --separate-stderr batch-create monday
	says "unexpected operand 'monday': a name needs -n"
	run -2 --separate-stderr batch-create -n x --datatype y
	says 'unknown option --datatype: did you mean --data-type?'
	batch-create -n x --id same
	run -6 --separate-stderr batch-create -n x --id same
	says 'is started: batch-send --resume goes on with it, batch-terminate gives it up'
	batch-terminate -B same
	run -6 --separate-stderr batch-create -n x --id same
	says 'is terminated; another id'
}

@test "times without a zone: refused everywhere, or local" {
	batch-create -n x --id past
	sleep 1.1 # -o looks at milliseconds, and the second has to be over
	day=$(TZ=Asia/Tokyo date +%F) time=$(TZ=Asia/Tokyo date +%T)
	for option in --since --until --at; do
		run -2 --separate-stderr batch-status "$option" "$day $time"
		says "$option" 'has no zone: add Z or +HH:MM, or say --local'
	done
	run -2 --separate-stderr batch-consume -t x -o "@$day $time"
	says -o 'has no zone: add Z or +HH:MM, or say --local'
	export TZ=Asia/Tokyo
	run -0 --separate-stderr batch-status --local --since "$day $time"
	[[ -z $output ]]
	run -0 --separate-stderr batch-status --local --until "$day $time"
	doc_is '.id == "past"'
	run -0 --separate-stderr batch-consume --local -t "$S.notification" -e -o "@:$day $time"
	doc_is '.id == "past"'
	run -0 --separate-stderr batch-watch --local --since yesterday -e
	doc_is '.id == "past"'
}
