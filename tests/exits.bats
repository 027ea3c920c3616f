# What every tool does when it cannot do its work: one clear line, and the status that says why.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	begin
	create
	batch-init -s "$S.more" --partitions 1 --replication 1
	unset BATCH_STREAM
	tools=(init create send complete terminate status watch consume)
}

# Each tool with what it needs to do something, as words of COMMAND
work() { # TOOL STREAM
	COMMAND=("batch-$1" -s "$2")
	case $1 in
	create) COMMAND+=(-n name) ;;
	send) COMMAND+=(-B "$B") ;;
	complete) COMMAND+=(-B "$B" --records 0) ;;
	terminate | consume) COMMAND+=(-B "$B") ;;
	watch) COMMAND+=(-e --since -1h) ;;
	esac
}

# As each tool's work, and beside it the other ways of batch-consume; each as COMMAND in turn
each_way() { # FUNCTION
	local tool
	for tool in "${tools[@]}"; do
		work "$tool" "$S"
		"$1"
	done
	COMMAND=(batch-consume -s "$S" -G "$S.g" -e)
	"$1"
	COMMAND=(batch-consume -t "$S.notification" -e -q)
	"$1"
}

@test "a wrong option: 2" {
	wrong() {
		run -2 --separate-stderr "${COMMAND[@]}" --wrong
		says "unknown option --wrong" "--help"
		[[ -z $output ]]
		run -2 --separate-stderr "${COMMAND[@]}" -m soon
		says 'option -m' soon
		run -2 --separate-stderr "${COMMAND[@]}" -m
		says 'option -m needs an argument'
		run -2 --separate-stderr "${COMMAND[@]}" --log loud
		says '--log'
		run -2 --separate-stderr "${COMMAND[@]}" --timeo 1s
		says 'has to be written out'
	}
	each_way wrong
	run -6 --separate-stderr batch-status -s "$S" -B none
}

@test "an unknown stream: 6, and nothing is made" {
	for tool in create send complete terminate status watch consume; do
		work "$tool" "$S.typo"
		run -6 --separate-stderr "${COMMAND[@]}" </dev/null
		says "$S.typo" 'no such topic'
		[[ -z $output ]]
	done
	run -6 --separate-stderr batch-consume -s "$S.typo" -G g -e
	says "$S.typo" 'no such topic'
	run -6 --separate-stderr batch-consume -t "$S.typo" -e
	says "$S.typo" 'no such topic'
}

@test "an unknown batch: 6" {
	B=none
	for tool in send complete terminate consume; do
		work "$tool" "$S"
		run -6 --separate-stderr "${COMMAND[@]}" </dev/null
		says "no batch 'none' in stream $S"
		[[ -z $output ]]
	done
}

@test "no stream: 2" {
	for tool in "${tools[@]}"; do
		work "$tool" "$S"
		COMMAND=("${COMMAND[0]}" "${COMMAND[@]:3}")
		run -2 --separate-stderr "${COMMAND[@]}" </dev/null
		says 'no stream'
	done
}

@test "nobody listens at the broker's port: 5, when the time is up" {
	unreachable() {
		local before
		before=$(milliseconds)
		run -5 --separate-stderr "${COMMAND[@]}" -b 127.0.0.1:1 -m 500ms </dev/null
		says 127.0.0.1:1
		[[ -z $output ]]
		took_at_most 3 "$before"
	}
	each_way unreachable
}

@test "no host of that name: 5" {
	run -5 --separate-stderr batch-status -s "$S" -b no-such-host.invalid -m 500ms
	says no-such-host.invalid
}

@test "no broker given: 2" {
	unset BATCH_BROKERS
	brokerless() {
		run -2 --separate-stderr "${COMMAND[@]}" </dev/null
		says 'no brokers'
		[[ -z $output ]]
	}
	each_way brokerless
}

@test "a full disk: 1" {
	into_full_disk() { "${COMMAND[@]}" </dev/null >/dev/full; }
	full() {
		run -1 --separate-stderr into_full_disk
		says 'standard output' 'No space left on device'
	}
	for tool in init create send status watch; do
		work "$tool" "$S"
		full
	done
	work complete "$S"
	full
	echo one >one
	finished_as() { batch-create -s "$S" -n x --id x | batch-send one | batch-complete; }
	finished_as >/dev/null
	B=x
	work consume "$S"
	full
	COMMAND=(batch-consume -s "$S" -G "$S.g" -e)
	full
	COMMAND=(batch-consume -t "$S.notification" -e)
	full
	B=$(batch-create -s "$S" -n x | jq -r .id)
	work terminate "$S"
	full
	for option in --help --version --list-options; do
		COMMAND=(batch-status "$option")
		full
	done
}

@test "a closed pipe: 141" {
	closed() {
		run -141 --separate-stderr into_closed_pipe "${COMMAND[@]}" </dev/null
		rm closed.pipe
		says 'standard output'
	}
	for tool in init create send status watch complete; do
		work "$tool" "$S"
		closed
	done
	seq 100000 | batch-send -s "$S" -B "$(batch-create -s "$S" -n x --id x | jq -r .id)" | batch-complete
	B=x
	work consume "$S"
	closed
	COMMAND=(batch-consume -s "$S" -G "$S.g" -e)
	closed
	COMMAND=(batch-consume -t "$S.in" -e)
	closed
	B=$(batch-create -s "$S" -n x | jq -r .id)
	work terminate "$S"
	closed
}

@test "a standard output that is not open: 1" {
	for tool in init create send status watch complete; do
		work "$tool" "$S"
		run -1 --separate-stderr sh -c '"$@" </dev/null >&-' - "${COMMAND[@]}"
		says 'standard output'
	done
}

@test "--help and --version: 0, on standard output" {
	for tool in "${tools[@]}"; do
		run -0 --separate-stderr "batch-$tool" --help
		silent
		[[ ${lines[0]} == "Usage: batch-$tool "* && $output == *'Exit status:'* ]]
		run -0 --separate-stderr "batch-$tool" --version
		silent
		[[ $output == "batch-$tool (batchutils) "[0-9]* ]]
	done
}

@test "--help needs neither brokers nor a good configuration" {
	unset BATCH_BROKERS
	for tool in "${tools[@]}"; do
		run -0 --separate-stderr env BATCH_CONFIG=/nonexistent "batch-$tool" --help
		silent
	done
}

@test "errors are one object a line with --log json" {
	objects() {
		run -2 --separate-stderr "${COMMAND[@]}" --log json --wrong </dev/null
		jq -e --arg tool "${COMMAND[0]}" '.tool == $tool and .level == "error" and .status == 2 and
			(.time | test("^[0-9-]{10}T[0-9:]{8}\\.[0-9]{3}Z$"))' <<<"$stderr" >/dev/null
		[[ ${#stderr_lines[@]} == 1 ]]
	}
	each_way objects
}
