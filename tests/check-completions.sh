#!/usr/bin/env bash
# What bash, zsh and fish complete, each asked for the same command lines. Prints TAP. No broker is
# needed: a stand-in for batch-status says which streams and batches there are.
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
root=$PWD
bin=$root/${1:-build}/bin
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

# --- the stand-in

mkdir -p "$work/bin" "$work/here/some-dir"
touch "$work/here/some-file"
for tool in "$bin"/batch-*; do
	ln -s "$tool" "$work/bin/"
done
rm "$work/bin/batch-status"
cat >"$work/bin/batch-status" <<END
#!/bin/sh
case "\$*" in
*--list-options* | *--help*) exec "$bin/batch-status" "\$@" ;;
esac
echo "\$*" >>"$work/asked"
case "\$*" in
*gone*) echo "batch-status: no broker" >&2; exit 5 ;;
*--streams*) printf 'claims\nclaims.new\nother\n' ;;
*hostile*) cat "$work/hostile" ;;
*--ids*) printf '01-youngest\n01-older\n' ;;
esac
END
rm "$work/bin/batch-terminate"
cat >"$work/bin/batch-terminate" <<END
#!/bin/sh
case "\$*" in
*--list-options* | *--help*) exec "$bin/batch-terminate" "\$@" ;;
esac
shift 2
printf '%s\n' "\$*" >>"$work/taken"
END
chmod +x "$work/bin/batch-status" "$work/bin/batch-terminate"

# --- the shells: LINE on stdin, what can stand for its last word on stdout, one a line

cat >"$work/ask.bash" <<'END'
source completions/batch.bash
cd "$HERE" || exit
words_of() {
	local part
	COMP_WORDS=()
	for part in $1; do
		while [[ $part =~ ^([^=:]*)([=:]+)(.*)$ ]]; do
			[[ -z ${BASH_REMATCH[1]} ]] || COMP_WORDS+=("${BASH_REMATCH[1]}")
			COMP_WORDS+=("${BASH_REMATCH[2]}")
			part=${BASH_REMATCH[3]}
		done
		[[ -z $part ]] || COMP_WORDS+=("$part")
	done
	[[ $1 != *' ' ]] || COMP_WORDS+=('')
}
while IFS= read -r COMP_LINE; do
	COMP_POINT=${#COMP_LINE}
	words_of "$COMP_LINE"
	COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
	last=${COMP_LINE##* } function=$(complete -p "${COMP_WORDS[0]}" | sed 's/.*-F \([^ ]*\).*/\1/')
	[[ $last == *[=:]* ]] && cut=${last%"${last##*[=:]}"} || cut=
	"$function" "${COMP_WORDS[0]}" "${COMP_WORDS[COMP_CWORD]}" "${COMP_WORDS[COMP_CWORD - 1]}"
	((${#COMPREPLY[@]} == 0)) || printf -- "$cut%s\n" "${COMPREPLY[@]}"
	echo .
done
END

# zsh completes for a terminal only: it gets one, and writes each match it adds to a file too.
cat >"$work/child.zsh" <<'END'
PS1= PS2= RPS1=
unsetopt zle_bracketed_paste prompt_sp 2>/dev/null
fpath=($ROOT/completions $fpath)
autoload -Uz compinit
compinit -u -D
cd $HERE
LISTMAX=1000000
compadd() {
	local -a hits
	if [[ " ${(j: :)@[1,(i)(-|--)]} " == *' -'[a-zA-Z0-9]#[OAD]' '* ]]; then
		builtin compadd "$@"
		return
	fi
	builtin compadd -A hits "$@"
	((${#hits} == 0)) || print -rl -- $IPREFIX$^hits >>$HITS
	builtin compadd "$@"
}
end_hits() { print -r -- . >>$HITS }
ask() {
	comppostfuncs=(end_hits)
	zle complete-word
	BUFFER=
}
zle -C complete-word list-choices _main_complete
zle -N ask
bindkey '^I' ask
print ready >>$HITS
END
cat >"$work/ask.zsh" <<'END'
zmodload zsh/zpty zsh/zselect
export HITS=$WORK/hits
wait_for() { # LINES
	local -i n
	local seen
	for ((n = 0; n < 1000; n++)); do
		while zpty -r -t shell seen; do :; done
		[[ ${$(grep -cx $1 $HITS 2>/dev/null):-0} -ge $2 ]] && return
		zselect -t 1
	done
	return 1
}
: >$HITS
zpty shell zsh -f -i
zpty -w shell "source $WORK/child.zsh"
wait_for ready 1 || exit 1
integer n=0
while IFS= read -r line; do
	zpty -w -n shell $line$'\t'
	wait_for . $((++n)) || break
done
zpty -d shell
sed 1d $HITS
END

cat >"$work/ask.fish" <<'END'
source completions/batch.fish
cd $HERE
while read -l line
    complete -C $line | string replace -r '\t.*' ''
    echo .
end
END

ask_all() { # SHELL, lines on stdin
	local options=()
	[[ $1 != zsh ]] || options=(-f)
	[[ $1 != fish ]] || options=(--no-config)
	env -i PATH="$work/bin:$PATH" HOME="$work" HERE="$work/here" WORK="$work" ROOT="$root" \
		TERM=dumb LC_ALL=C.UTF-8 "$1" "${options[@]}" "$work/ask.$1"
}

# --- what is to come out

lines=() wanted=() unwanted=() names=()

# LINE: each of WANTED can stand there, none of UNWANTED.
expect() { # NAME LINE WANTED [UNWANTED]
	names+=("$1") lines+=("$2") wanted+=("$3") unwanted+=("${4:-}")
}

tools=()
for source in cmd/batch-*.c; do
	tool=${source##*/}
	tools+=("${tool%.c}")
done
for tool in "${tools[@]}"; do
	expect "the long options of $tool" "$tool --" \
		"$("$bin/$tool" --list-options | cut -f 2 | sed 's/^/--/')"
	expect "the letters of $tool" "$tool -" \
		"$("$bin/$tool" --list-options | cut -f 1 | grep -v '^-' | sed 's/^/-/')"
done
expect 'one of some words' 'batch-send --on-invalid ' $'stop\nskip' $'some-file\n--json'
expect 'one of some words, after =' 'batch-send --log=j' '--log=json' '--log=text'
expect 'one of some words, for a letter' 'batch-send -z l' lz4 gzip
expect 'streams' 'batch-create -s cl' $'claims\nclaims.new' other
expect 'streams, after =' 'batch-create --stream=o' --stream=other claims
expect 'batch ids' 'batch-complete -s claims -B ' $'01-youngest\n01-older' some-file
expect 'statuses' 'batch-status --wait ' $'started\nsendCompleted\ncompleted\nterminated\nfailed'
expect 'statuses in a list' 'batch-watch --until completed,f' completed,failed completed,started
expect 'topics' 'batch-consume -t claims.' $'claims.in\nclaims.notification\nclaims.invalid' other.in
expect 'files for an option' 'batch-send --rejects so' some-file --json
expect 'files as operands' 'batch-send -B x so' some-file --json
expect 'directories' 'batch-consume -G g --to-dir so' some-dir some-file
expect 'no files where none belong' 'batch-create so' '' some-file
expect 'no files for a name' 'batch-create -n so' '' some-file
expect 'a command behind --' 'batch-send -B x -- batch-st' batch-status --json
expect 'nothing when no broker answers' 'batch-complete -b gone:9092 -s claims -B ' '' 01-older
expect 'what says which brokers' \
	'batch-complete -b one:9092 -F file -C profile -X acks=all -s claims -B 01-y' 01-youngest

# --- the comparison

number=0 failed=0

result() { # STATUS NAME
	number=$((number + 1))
	(($1 == 0)) || failed=$((failed + 1))
	printf '%s %d - %s\n' "$( (($1 == 0)) && echo ok || echo not ok)" "$number" "$2"
}

# A directory may be offered with its slash, a file of the folder as ./file.
offers() { # FILE WORD
	grep -qxF -e "$2" -e "$2/" -e "./$2" "$1"
}

agrees() { # FILE INDEX
	local word bad=0
	while IFS= read -r word; do
		[[ -z $word ]] || offers "$1" "$word" || { echo "# lacks $word" && bad=1; }
	done <<<"${wanted[$2]}"
	while IFS= read -r word; do
		[[ -z $word ]] || ! offers "$1" "$word" || { echo "# has $word" && bad=1; }
	done <<<"${unwanted[$2]}"
	((bad == 0)) || sed 's/^/# offered: /' "$1"
	return "$bad"
}

check_shell() { # SHELL
	local i said
	mkdir "$work/$1"
	rm -f "$work/asked"
	printf '%s\n' "${lines[@]}" | ask_all "$1" >"$work/$1/all" 2>"$work/$1/errors"
	awk -v dir="$work/$1" '$0 == "." { close(dir "/" n++); next } { print >(dir "/" n + 0) }' \
		"$work/$1/all"
	for i in "${!lines[@]}"; do
		touch "$work/$1/$i"
		said=$(agrees "$work/$1/$i" "$i")
		result $? "$1: ${names[i]}"
		[[ -z $said ]] || printf '%s\n' "$said"
	done
	[[ $(grep -cx '\.' "$work/$1/all") == "${#lines[@]}" ]]
	result $? "$1: every line was answered"
	grep -qx -e '-q -m 2s --brokers=one:9092 --config=file --profile=profile --property=acks=all --stream=claims --ids --size 200' \
		"$work/asked"
	result $? "$1: the same brokers are asked that the tool would ask"
	[[ ! -s $work/$1/errors ]] && ! grep -q 'no broker' "$work/$1/all"
	result $? "$1: no messages come between"
	sed 's/^/# /' "$work/$1/errors"
}

# --- what others call their batches

# Each begins with another letter, so that it is the only match.
# shellcheck disable=SC2016,SC1003 # that is what is in them
hostile=(
	'a$(touch PWNED)'
	'b`touch PWNED`'
	'c;touch PWNED'
	'd two  words'
	"e'single'"
	'f"double"'
	'g\back\slash\'
	'h!history !! #!'
	'i&|<>(){}[]*?~^=:,#'
	'j$HOME ${IFS}'
)
printf '%s\n' "${hostile[@]}" >"$work/hostile"

cat >"$work/type.bash" <<'END'
PS1='rea''dy>'
bind 'set bell-style none' 'set enable-bracketed-paste off'
source "$ROOT/completions/batch.bash"
cd "$HERE"
END
mkdir "$work/zsh.d"
cat >"$work/zsh.d/.zshrc" <<'END'
PS1='rea''dy>' RPS1=
unsetopt zle_bracketed_paste prompt_sp beep
fpath=($ROOT/completions $fpath)
autoload -Uz compinit
compinit -u -D
cd $HERE
END
cat >"$work/type.fish" <<'END'
function fish_prompt
    echo -n 'rea''dy>'
end
set fish_greeting
set fish_autosuggestion_enabled 0
source $ROOT/completions/batch.fish
cd $HERE
END

start_shell() { # SHELL
	local command
	case $1 in
	bash) command=(bash --rcfile "$work/type.bash" -i) ;;
	zsh) command=(zsh -d -i) ;;
	fish) command=(fish --no-config -i -C "source $work/type.fish") ;;
	esac
	env -i PATH="$work/bin:$PATH" HOME="$work" HERE="$work/here" ROOT="$root" \
		ZDOTDIR="$work/zsh.d" TERM=xterm LC_ALL=C.UTF-8 tests/type_line.py 'ready>' "${command[@]}"
}

# What a user gets who types the first letter, TAB and Enter, in each way to begin a word.
check_hostile() { # SHELL
	local word begin
	rm -f "$work/taken" "$work/wanted" "$work/lines" "$work/here/PWNED"
	for word in "${hostile[@]}"; do
		for begin in '-B ' '--batch=' "-B '" '-B "'; do
			printf 'batch-terminate -s hostile %s%s\t\n' "$begin" "${word:0:1}" >>"$work/lines"
			printf '%s%s\n' "${begin%[\'\"]}" "$word" >>"$work/wanted"
		done
	done
	start_shell "$1" <"$work/lines" >"$work/$1/typed"
	diff "$work/wanted" "$work/taken" | sed 's/^/# /'
	cmp -s "$work/wanted" "$work/taken"
	result $? "$1: each id is one word, whatever is in it"
	[[ ! -e $work/here/PWNED ]]
	result $? "$1: nothing in an id is run"
}

registered_in() { # FILE
	grep -v '^# ' "$1" | tr '\n' ' ' |
		grep -oE '(#compdef|complete -F _batch_tools|for tool in)( \\?\s*batch-[a-z]+)+' |
		grep -o 'batch-[a-z]*' | sort
}

for file in completions/batch.bash completions/_batch completions/batch.fish; do
	[[ $(registered_in "$file") == "$(printf '%s\n' "${tools[@]}" | sort)" ]]
	result $? "$file is for every tool"
done
for shell in bash zsh fish; do
	if command -v "$shell" >/dev/null; then
		check_shell "$shell"
		check_hostile "$shell"
	else
		number=$((number + 1))
		printf 'ok %d - completions of %s # SKIP it is not installed\n' "$number" "$shell"
	fi
done
printf '1..%d\n' "$number"
exit $((failed > 0))
