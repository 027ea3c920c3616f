# The EXAMPLES of the manual and of the README: every command is run, and prints what stands there.
#
# A line that begins with "$ " is a command and those with "> " are the rest of it; all others are its
# output, standard error included. "..." stands for anything, "(exit status N)" ends the output of a
# command that does not end with 0. The stream claims of the manual is one of the test's own.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	new_stream
	cat >monday.ndjson <<-'END'
		{"claim":1,"patient":"p7","amount":120}
		{"claim":2,"patient":"p3","amount":75}
		{"claim":3,"patient":"p7","amount":310}
	END
	cat >tuesday.ndjson <<-'END'
		{"claim":4,"patient":"p5","amount":42}
		{"claim":5,"patient":"p3","amount":18}
	END
	cat >mixed.ndjson <<-'END'
		{"claim":6,"patient":"p1","amount":9}
		not a claim
		{"claim":7,"patient":"p1","amount":11}
	END
}

# --- what is written

# The literal lines of a page's examples without their indent, and an empty line for other text.
examples_of() { # PAGE
	mandoc -T ascii -O width=200 "$tests_root/../man/$1" | sed 's/.\x08//g' | awk '
		/^[A-Z]/ { on = $0 == "EXAMPLES"; next }
		on { print /^           / ? substr($0, 12) : "" }'
}

examples_of_readme() {
	awk '/^```/ { on = /console/; print ""; next } on' "$tests_root/../README.md"
}

# --- what is done

# A text with "..." in it as a pattern for [[.
pattern() { # TEXT
	sed -e 's/[^[:alnum:]]/\\&/g' -e 's/\\\.\\\.\\\./*/g' <<<"$1"
}

# The variables of this function are hidden from the commands only by their names.
perform() { # COMMAND EXPECTED-OUTPUT
	local _status=0 _said _wanted
	echo "\$ $1"
	eval "$1" >"$BATS_TEST_TMPDIR/.said" 2>&1 3>&- || _status=$?
	((_status == 0)) || echo "(exit status $_status)" >>"$BATS_TEST_TMPDIR/.said"
	_said=$(<"$BATS_TEST_TMPDIR/.said")
	_wanted=$(pattern "$2")
	# shellcheck disable=SC2053 # it is a pattern
	[[ $_said == $_wanted ]] && return
	printf 'printed:\n%s\nwanted:\n%s\n' "$_said" "$2"
	return 1
}

# Performs what comes on descriptor 8.
perform_all() {
	local _line _command='' _output='' _count=0
	while IFS= read -r _line <&8; do
		case $_line in
		'$ '*)
			[[ -z $_command ]] || perform "$_command" "$_output" || return
			_command=${_line#'$ '} _output='' _count=$((_count + 1))
			;;
		'>'*)
			_line=${_line#>}
			_command+=$'\n'${_line# }
			;;
		'') ;;
		*)
			[[ -n $_command ]] || { echo "no command before: $_line" && return 1; }
			_output+=${_output:+$'\n'}$_line
			;;
		esac
	done
	[[ -z $_command ]] || perform "$_command" "$_output" || return
	((_count > 0)) || { echo "no example" && return 1; }
}

try() { # FUNCTION [ARG...]
	"$@" | sed "s/\\bclaims\\b/$S/g" >"$BATS_TEST_TMPDIR/.examples"
	perform_all 8<"$BATS_TEST_TMPDIR/.examples"
}

# --- the pages

with_stream() { # PAGE
	batch-init -s "$S" --partitions 4 --replication 1 >/dev/null
	try examples_of "$1"
}

@test "batch-init(1)" {
	try examples_of batch-init.1
}

@test "batch-create(1)" {
	with_stream batch-create.1
}

@test "batch-send(1)" {
	with_stream batch-send.1
}

@test "batch-complete(1)" {
	with_stream batch-complete.1
}

@test "batch-terminate(1)" {
	with_stream batch-terminate.1
}

@test "batch-status(1)" {
	with_stream batch-status.1
}

@test "batch-watch(1)" {
	with_stream batch-watch.1
}

@test "batch-consume(1)" {
	with_stream batch-consume.1
}

@test "batch-work(1)" {
	with_stream batch-work.1
}

@test "batch-config(5)" {
	with_stream batch-config.5
}

@test "batch-events(7)" {
	with_stream batch-events.7
}

@test "batchutils(7)" {
	try examples_of batchutils.7
}

@test "batchutils-recipes(7)" {
	try examples_of batchutils-recipes.7
}

@test "README.md" {
	try examples_of_readme
}

@test "no page is forgotten" {
	local page
	for page in "$tests_root"/../man/*; do
		grep -q '^\.Sh EXAMPLES' "$page" || continue
		grep -q " ${page##*/}\$" "$BATS_TEST_FILENAME"
	done
}
