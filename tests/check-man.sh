#!/usr/bin/env bash
# The manual against the tools: options, usage, exit statuses and cross references. Prints TAP.
# shellcheck disable=SC2317 # the checks are called by run
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
bin=${1:-build}/bin
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

number=0 failed=0

# Prints the result of what was run last; what it said is shown when it failed.
check() { # STATUS NAME
	number=$((number + 1))
	if (($1 == 0)); then
		printf 'ok %d - %s\n' "$number" "$2"
		return
	fi
	failed=$((failed + 1))
	printf 'not ok %d - %s\n' "$number" "$2"
	sed 's/^/# /' "$work/said"
}

run() { # NAME COMMAND...
	local name=$1
	shift
	"$@" >"$work/said" 2>&1
	check $? "$name"
}

same() { # FILE FILE
	[[ -s $1 ]] && diff -u "$1" "$2"
}

# --- what the tools say

letters_and_names() { # TOOL
	"$bin/$1" --list-options | cut -f 1-3
}

# A text that goes on is indented to its column, which is the ninth or one behind it.
unfolded_help() { # TOOL
	"$bin/$1" --help | awk '
		/^         / { sub(/^ +/, " "); line = line $0; next }
		NR > 1 { print line }
		{ line = $0 }
		END { print line }'
}

# One form a line, without the blanks that align them.
usage_of() { # TOOL
	unfolded_help "$1" | sed -n '/^Usage:/,/^[^U ]/{s/^Usage: *//;s/^  *//;/^'"$1"' /p}'
}

statuses_of() { # TOOL
	unfolded_help "$1" | sed -n '/^Exit status:/,/^$/s/^  \([0-9+n]*\) .*/\1/p'
}

# --- what the pages say

plain() { # PAGE
	mandoc -T ascii -O width=500 "$1" | sed 's/.\x08//g'
}

section() { # PAGE NAME
	plain "$1" | awk -v name="$2" '/^[A-Z]/ { on = $0 == name; next } on'
}

# The source is read here, because a tag is a tag there and could be any line of the output:
# ".It Fl s , Fl -stream Ar STREAM" becomes "s stream STREAM", separated by tabs.
options_in() { # PAGE
	awk '
		/^\.Sh / { on = $2 == "OPTIONS" }
		on && /^\.It Fl / {
			letter = "-"; arg = "-"; i = 3
			if ($i !~ /^-/) { letter = $i; i += 3 }
			name = substr($i, 2)
			if ($(i + 1) == "Ar") arg = $(i + 2)
			printf "%s\t%s\t%s\n", letter, name, arg
		}' "$1"
}

synopsis_in() { # PAGE
	section "$1" SYNOPSIS | sed -e 's/^ *//' -e '/^$/d'
}

statuses_in() { # PAGE
	awk '/^\.Sh / { on = $2 " " $3 == "EXIT STATUS" } on && /^\.It / { print $2 }' "$1"
}

# --- checks

# How the text is laid out is judged too, but neither what is installed here nor what time it is.
lint() { # PAGE
	! mandoc -T lint -W style "$1" | grep -v -e 'referenced manual not found' \
		-e 'mandoc.db' -e 'date in the future' | grep .
}

options_agree() { # TOOL
	letters_and_names "$1" >"$work/tool"
	options_in "man/$1.1" >"$work/page"
	same "$work/tool" "$work/page"
}

usage_agrees() { # TOOL
	usage_of "$1" >"$work/tool"
	synopsis_in "man/$1.1" >"$work/page"
	same "$work/tool" "$work/page"
}

statuses_agree() { # TOOL
	statuses_of "$1" >"$work/tool"
	statuses_in "man/$1.1" >"$work/page"
	same "$work/tool" "$work/page"
}

sections_are_there() { # PAGE
	local name missing=0
	for name in NAME SYNOPSIS DESCRIPTION OPTIONS ENVIRONMENT FILES 'EXIT STATUS' EXAMPLES 'SEE ALSO'; do
		if ! grep -qx ".Sh $name" "$1"; then
			echo "no section $name"
			missing=1
		fi
	done
	return "$missing"
}

# Pages of others that these refer to.
foreign='kcat(1) fnmatch(3) regex(7)'

references_exist() { # PAGE
	local name section missing=0
	while read -r name section; do
		[[ -e man/$name.$section || " $foreign " == *" $name($section) "* ]] && continue
		echo "refers to $name($section), which is not there"
		missing=1
	done < <(grep -o 'Xr [^ ]* [0-9]' "$1" | cut -d ' ' -f 2- | sort -u)
	return "$missing"
}

# Behind each promise stands, as a comment, which test tries to break it.
promises_are_tested() { # PAGE
	local file title missing=0
	while read -r file title; do
		grep -qxF "@test \"$title\" {" "tests/$file" && continue
		echo "no test '$title' in tests/$file"
		missing=1
	done < <(sed -n 's/^\.\\" \(.*\.bats .*\)/\1/p' "$1")
	return "$missing"
}

# A terminal has 80 columns.
too_wide() { # COMMAND...
	"$@" | sed 's/.\x08//g' | awk 'length($0) > 80 { print; wide = 1 } END { exit !wide }'
}

help_fits() { # TOOL
	! too_wide "$bin/$1" --help
}

page_fits() { # PAGE
	! too_wide mandoc -T ascii "$1"
}

# A heading that begins with the name of a macro is read as one: \& before it makes it a word.
headings_are_read_as_written() { # PAGE
	mandoc -T ascii "$1" | sed 's/.\x08//g' | sed -n '/^ \{0,3\}[^ ]/s/^ *//p' >"$work/read"
	sed -n 's/^\.S[hs] \(\\&\)\{0,1\}//p' "$1" | grep -vxF -f "$work/read" && return 1
	return 0
}

# --help sends the reader there.
help_agrees() { # TOOL
	local name missing=0
	for name in $("$bin/$1" --help | sed -n '/^More: /{s/^More: //;s/man //g;s/,//gp}'); do
		compgen -G "man/$name.[157]" >/dev/null && continue
		echo "--help names man $name, which is not there"
		missing=1
	done
	return "$missing"
}

is_covered() { # TOOL
	local file missing=0
	if [[ ! -e tests/$1.bats ]]; then
		echo "no tests/$1.bats"
		missing=1
	fi
	for file in completions/batch.bash completions/_batch completions/batch.fish; do
		grep -qw -e "$1" "$file" && continue
		echo "$file does not name it"
		missing=1
	done
	return "$missing"
}

is_in_readme() { # TOOL
	grep -q "man/$1\.1" README.md || { echo "README.md has no link to its page" && false; }
}

# The README has the texts too, word for word.
readme_statuses_agree() { # TOOL
	unfolded_help "$1" | sed -n '/^Exit status:/,/^$/s/^  \([0-9+n]*\)  *\(.*\)/| \1 | \2 |/p' >"$work/tool"
	sed -n '/^## Exit status/,/^## /p' README.md | grep -E '^\| [0-9]' >"$work/page"
	same "$work/tool" "$work/page"
}

tour_statuses_agree() { # TOOL
	statuses_of "$1" >"$work/tool"
	statuses_in man/batchutils.7 >"$work/page"
	same "$work/tool" "$work/page"
}

all_of() { # TOOL
	run "man: $1.1 is there" test -e "man/$1.1"
	run "man: $1.1 has its sections" sections_are_there "man/$1.1"
	run "man: $1.1 has the options of --list-options, in their order" options_agree "$1"
	run "man: $1.1 has the usage of --help" usage_agrees "$1"
	run "man: $1.1 lists the exit statuses" statuses_agree "$1"
	run "man: $1 --help names pages that exist" help_agrees "$1"
	run "man: $1 --help is at most 80 columns wide" help_fits "$1"
	run "man: $1 has tests and completions" is_covered "$1"
	run "man: $1 is in the README" is_in_readme "$1"
}

command -v mandoc >/dev/null || {
	echo "check-man.sh: needs mandoc; tests/setup.sh test installs it" >&2
	exit 2
}
for source in cmd/batch-*.c; do
	tool=${source##*/}
	all_of "${tool%.c}"
done
run "man: README.md lists the exit statuses" readme_statuses_agree "${tool%.c}"
run "man: batchutils.7 lists the exit statuses" tour_statuses_agree "${tool%.c}"
run "man: batchutils.7 names tests of its promises that exist" promises_are_tested man/batchutils.7
for page in man/*; do
	run "man: ${page#man/} is clean" lint "$page"
	run "man: ${page#man/} is at most 80 columns wide" page_fits "$page"
	run "man: ${page#man/} has its headings read as they are written" headings_are_read_as_written "$page"
	run "man: ${page#man/} refers to pages that exist" references_exist "$page"
done
printf '1..%d\n' "$number"
exit $((failed > 0))
