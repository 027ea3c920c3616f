# Access rights: with those of the manual's table each tool works, and without any one of them it
# ends at once and names it.
bats_require_minimum_version 1.5.0
load lib/batch

# As in batch-config(5)
tools=(
	# tool                   STREAM.notification   STREAM.in       other
	'batch-init            |                     |               | Create, Describe, DescribeConfigs on all four topics'
	'batch-init --grow     |                     |               | Create, DescribeConfigs, Alter on all four topics'
	'batch-create          | Write               |               |'
	'batch-create --id     | Read, Write         |               |'
	'batch-send            | Read                | Write         |'
	'batch-send --resume   | Read                | Read, Write   |'
	'batch-send --atomic   | Read, Write         | Write         | Write on the transactional id'
	'batch-complete        | Read, Write         |               |'
	'batch-complete --count| Read, Write         | Read          |'
	'batch-terminate       | Read, Write         |               |'
	'batch-status          | Read                |               |'
	'batch-watch           | Read                |               |'
	'batch-watch -G        | Read                |               | Read on the group'
	'batch-consume -B      | Read                | Read          |'
	'batch-consume -G      | Read                | Read          | Read on the group'
	'batch-consume -t      |                     | Read          |'
	'batch-consume -t -G   |                     | Read          | Read on the group'
	'batch-work            | Read, Write         | Read          | Read on the group; Write on STREAM.out, STREAM.invalid'
	'batch-work --exactly-once | Read, Write     | Read          | Read on the group; Write on STREAM.out, STREAM.invalid, the transactional id'
	'batch-work -t         |                     | Read          | Read on the group'
)
roles=(
	'administrator         |                     |               | Create, DescribeConfigs, Alter on all four topics'
	'integrator            | Read, Write         | Read, Write   | Write on the transactional id'
	'consumer              | Read                | Read          | Read on the group'
	'watcher               | Read                |               | Read on the group'
	'worker                | Read, Write         | Read          | Read on the group; Write on STREAM.out, STREAM.invalid, the transactional id'
)

setup_file() {
	kafka_secure_up
	cd "$BATS_FILE_TMPDIR" || return
	new_stream rights
	begin_as_admin
	each_case allow_case
	each_role allow_role
	allow u99 Describe topic "$S.notification"
	allow u97 Read topic "$S.held."
	allow u97 Write topic "$S.held."
	grant
}

setup() {
	cd "$BATS_FILE_TMPDIR" || return
	use_secure
}

# --- users and their rights

use_secure() {
	export BATCH_BROKERS=$SECURE_BROKERS BATCH_CONFIG=$BATS_TEST_TMPDIR/batch.conf
	(umask 077 && cat >"$BATCH_CONFIG") <<-END
		security.protocol=SASL_SSL
		sasl.mechanism=PLAIN
		ssl.ca.location=$SECURE_CA
		sasl.password=u-secret
	END
}

# Who may do all
as_admin() { # TOOL...
	BATCH_CONFIG=/dev/null BATCH_BROKERS=$(<"$SECURE_DIR/address") "$@"
}

# A stream with a finished batch
begin_as_admin() {
	export BATCH_STREAM=$S BATCH_OWNER=rights
	seq 3 >input
	as_admin batch-init --partitions 1 --replication 1 >init.json
	finished=$(as_admin batch-create -n x | as_admin batch-send input | as_admin batch-complete | jq -r .id)
	export finished
}

# Long before the time budget
as() { # USER TOOL...
	BATCH_TIMEOUT=10m BATCH_SASL_USERNAME=$1 timeout 60 "${@:2}"
}

declare -gA may # "RIGHT KIND NAME" -> users; one call of kafka-acls for each, as they are slow

allow() { # USER RIGHT KIND NAME
	may[${*:2}]+=" --allow-principal User:$1"
}

# KIND is an option of kafka-acls; a NAME that ends in a dot is a prefix.
grant() {
	local key right kind name pattern users pids=() pid
	for key in "${!may[@]}"; do
		read -r right kind name <<<"$key"
		read -ra users <<<"${may[$key]}"
		pattern=literal
		[[ $name != *. ]] || pattern=prefixed
		"$tests_root/kafka/broker.sh" acl "$SECURE_DIR" --add "${users[@]}" --operation "$right" \
			"--$kind" "$name" --resource-pattern-type "$pattern" >"acl.${#pids[@]}" 3>&- &
		pids+=($!)
	done
	for pid in "${pids[@]}"; do
		wait "$pid"
	done
}

# --- the table

trim() { # TEXT
	local text=${1#"${1%%[! ]*}"}
	echo "${text%"${text##*[! ]}"}"
}

# Prints the name, then RIGHT KIND NAME a line, of a row
rights_of() { # ROW
	local name notification in other right where
	IFS='|' read -r name notification in other <<<"$1"
	trim "$name"
	for right in ${notification//,/}; do echo "$right topic $S.notification"; done
	for right in ${in//,/}; do echo "$right topic $S.in"; done
	while IFS= read -rd ';' other; do
		for right in ${other%% on *}; do
			while IFS= read -rd , where; do
				echo "${right%,} $(thing_of "$(trim "$where")")"
			done <<<"${other#* on },"
		done
	done <<<"$other;"
}

thing_of() { # WORDS
	case $1 in
	'the group') echo "group $S." ;;
	'all four topics') echo "topic $S." ;;
	'the transactional id') echo "transactional-id btx.$S.in." ;;
	STREAM.*) echo "topic $S.${1#STREAM.}" ;;
	*) echo "what is '$1'?" ;;
	esac
}

# A job that the tool has to do, prepared by who may do all
prepare() { # TOOL
	case $1 in
	batch-send* | batch-complete* | batch-terminate) B=$(as_admin batch-create -n x | jq -r .id) ;;
	batch-work*)
		as_admin batch-create -n x --processing | as_admin batch-send input |
			as_admin batch-complete >/dev/null
		;;
	*) B=$finished ;;
	esac
}

perform() { # TOOL USER
	local as=(as "$2")
	case $1 in
	batch-init) init_twice "$2" --retention 1d ;;
	'batch-init --grow') init_twice "$2" --grow --partitions 3 ;;
	batch-create) "${as[@]}" batch-create -n x ;;
	'batch-create --id') "${as[@]}" batch-create -n x --id "of-$2" ;;
	batch-send) "${as[@]}" batch-send -B "$B" input ;;
	'batch-send --atomic') "${as[@]}" batch-send -B "$B" --atomic input ;;
	'batch-send --resume') "${as[@]}" batch-send -B "$B" --resume input ;;
	batch-complete) "${as[@]}" batch-complete -B "$B" --records 0 ;;
	'batch-complete --count') "${as[@]}" batch-complete -B "$B" --count ;;
	batch-terminate | batch-status) "${as[@]}" "$1" -B "$B" ;;
	batch-watch) "${as[@]}" batch-watch -e ;;
	'batch-watch -G') "${as[@]}" batch-watch -G "$S.$2" -e ;;
	'batch-consume -B') "${as[@]}" batch-consume -B "$B" ;;
	'batch-consume -G') "${as[@]}" batch-consume -G "$S.$2" -e ;;
	'batch-consume -t') "${as[@]}" batch-consume -t "$S.in" -e ;;
	'batch-consume -t -G') "${as[@]}" batch-consume -t "$S.in" -G "$S.$2" -e ;;
	batch-work | 'batch-work --exactly-once')
		# shellcheck disable=SC2086 # an option or none
		"${as[@]}" batch-work -q -G "$S.$2" --once ${1#batch-work} -- sh -c 'cat; echo 0 invalid >&3'
		;;
	'batch-work -t')
		"${as[@]}" batch-work -q -t "$S.in" -G "$S.$2" -o beginning --on-invalid skip --once -- cat
		;;
	*) return 99 ;;
	esac
}

# The first makes the topics of a new stream, the second looks at them.
init_twice() { # USER OPTION...
	local stream=$S.of-$1
	if [[ $2 == --grow ]]; then as_admin batch-init -s "$stream" --partitions 1 >/dev/null; fi
	as "$1" batch-init -s "$stream" "${@:2}" && as "$1" batch-init -s "$stream" "${@:2}"
}

# Calls VISIT with TOOL, a USER of its own, the right that he lacks ('' for none) for each row
each_case() { # VISIT
	local row list without right user=0
	for row in "${tools[@]}"; do
		mapfile -t list < <(rights_of "$row")
		for without in '' "${list[@]:1}"; do
			"$1" "${list[0]}" "u$((++user))" "$without"
		done
	done
}

allow_case() { # TOOL USER WITHOUT
	local right
	for right in "${list[@]:1}"; do
		# shellcheck disable=SC2086
		[[ $right == "$3" ]] || allow "$2" $right
	done
}

try_case() { # TOOL USER WITHOUT
	local right kind name
	echo "$1 as $2 without '$3'"
	prepare "$1"
	if [[ -z $3 ]]; then
		run -0 --separate-stderr perform "$1" "$2"
		return
	fi
	read -r right kind name <<<"$3"
	run -5 --separate-stderr perform "$1" "$2"
	says "${kind/-/ } $name" "($right)"
}

@test "each tool works with the rights of the table, and with none of them less" {
	each_case try_case
}

# --- those who have several jobs

each_role() { # VISIT
	local row list user=90
	for row in "${roles[@]}"; do
		mapfile -t list < <(rights_of "$row")
		"$1" "${list[0]}" "u$((++user))"
	done
}

allow_role() { # ROLE USER
	allow_case "$1" "$2" ''
	export "$1=$2"
}

does() { # ROLE TOOL...
	local tool
	for tool in "${@:2}"; do
		echo "$1: $tool"
		prepare "$tool"
		run -0 --separate-stderr perform "$tool" "${!1}"
	done
}

does_not() { # ROLE TOOL...
	local tool
	for tool in "${@:2}"; do
		echo "$1: no $tool"
		prepare "$tool"
		run -5 --separate-stderr perform "$tool" "${!1}"
		says "$S." 'no right'
	done
}

@test "administrator, integrator, consumer, worker and watcher do their jobs, and not others'" {
	does administrator batch-init 'batch-init --grow'
	does_not administrator batch-create batch-send batch-status 'batch-consume -t'
	does integrator batch-create 'batch-create --id' batch-send 'batch-send --resume' \
		'batch-send --atomic' batch-complete \
		'batch-complete --count' batch-terminate batch-status batch-watch
	does_not integrator batch-init 'batch-consume -G' 'batch-watch -G'
	does consumer 'batch-consume -B' 'batch-consume -G' 'batch-consume -t' 'batch-consume -t -G' batch-status
	does_not consumer batch-init batch-create batch-send batch-complete batch-terminate
	does worker batch-work 'batch-work --exactly-once' 'batch-work -t'
	does_not worker batch-init batch-send
	does watcher batch-watch 'batch-watch -G' batch-status
	does_not watcher batch-init batch-create batch-send batch-terminate 'batch-consume -B'
}

# --- beside the table

@test "the manual has the same tables" {
	awk -F ' *Ta *' '/^\.It .* Ta/ { sub(/^\.It /, ""); print $1 "|" $2 "|" $3 "|" $4 }' \
		"$tests_root/../man/batch-config.5" | grep -v '^Sy ' >manual
	printf '%s\n' "${roles[@]}" "${tools[@]}" | sed 's/ *| */|/g; s/ *$//' >here
	diff here manual
}

@test "batch-status --streams is silent about what may not be seen" {
	run -0 --separate-stderr as u99 batch-status --streams
	grep -qxF "$S" <<<"$output"
	run -0 --separate-stderr as u98 batch-status --streams
	[[ -z $output && -z $stderr ]]
}

@test "without rights nobody learns whether a topic exists" {
	for stream in "$S" "$S.not-there"; do
		run -5 --separate-stderr as u98 batch-status -s "$stream"
		says "topic $stream.notification: no right to read it (Read)"
		run -5 --separate-stderr as u98 batch-consume -t "$stream.in" -e
		says "topic $stream.in: no right to read it (Read)"
	done
}

# Its sender holds a transaction open.
@test "batch-terminate goes on without the right to fence the sender" {
	export BATCH_STREAM=$S.held
	cd "$BATS_TEST_TMPDIR"
	as_admin batch-init --partitions 1 --replication 1
	mkfifo open
	BATCH_BROKERS=$(<"$SECURE_DIR/address") background sender kput "$S.held.in" -X transactional.id=held -l open
	exec {sender}>open
	seq 50000 >&"$sender" # kcat sends when it has read a block
	undecided() { as_admin kget "$S.held.in" -X isolation.level=read_uncommitted -c 1 -f '.\n' | grep -q .; }
	wait_for undecided
	for say in '' -v; do
		B=$(as_admin batch-create -n x | jq -r .id)
		run -0 --separate-stderr as u97 batch-terminate -B "$B" $say
		doc_is '.status == "terminated"'
		[[ -n $say ]] || silent
	done
	mentions "left to end by itself: transactional id btx.$S.held.in.$B.send: no right to use it (Write)"
	exec {sender}>&-
	ends 0 sender
}
