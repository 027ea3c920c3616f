# bash completion for the batch tools. Options come from each tool's --list-options, so they are
# always true; streams and batch ids are asked of the brokers. Needs nothing but bash 4.

# --- the command line

# Sets _batch_plain to what the shell makes of WORD, but expands nothing, and _batch_quote to the
# quote that is open at its end.
_batch_unquote() { # WORD
	local rest=$1 char
	_batch_plain='' _batch_quote=''
	while [[ $rest ]]; do
		char=${rest:0:1} rest=${rest:1}
		if [[ $char == "$_batch_quote" ]]; then
			_batch_quote=''
		elif [[ -z $_batch_quote && $char == [\'\"] ]]; then
			_batch_quote=$char
		elif [[ $char == \\ && $_batch_quote != \' &&
			(-z $_batch_quote || $rest == [\\\$\`\"]*) ]]; then
			_batch_plain+=${rest:0:1} rest=${rest:1}
		else
			_batch_plain+=$char
		fi
	done
}

# Sets _batch_quoted to TEXT as it can stand in the line. A quote that is open there begins and ends it:
# readline puts that in the place of the open one, and takes no last character for the end.
_batch_requote() { # TEXT
	local i char
	_batch_quoted=''
	case $_batch_quote in
	\') _batch_quoted="'${1//\'/"'\''"}'" ;;
	\")
		_batch_quoted=\"
		for ((i = 0; i < ${#1}; i++)); do
			char=${1:i:1}
			case $char in
			[\\\$\`\"]) char=\\$char ;;
			!) char="\"'!'\"" ;; # between double quotes it calls the history
			esac
			_batch_quoted+=$char
		done
		_batch_quoted+=\"
		;;
	*)
		_batch_quoted=$1
		[[ $1 != *[!A-Za-z0-9_./:=@%+,-]* ]] || printf -v _batch_quoted %q "$1"
		;;
	esac
}

# Sets _batch_words to the words before the cursor and _batch_cur to the one at it, unquoted, with
# what bash cut at '=' and ':' joined again; _batch_cut is what readline takes as given of that word,
# unquoted too.
_batch_split() {
	local i word glue=0 before='' cur=''
	_batch_words=()
	for ((i = 0; i <= COMP_CWORD; i++)); do
		word=${COMP_WORDS[i]}
		if ((i > 1)) && { ((glue)) || [[ $word == [=:]* ]]; } && _batch_touches "$i"; then
			before=$cur
			cur+=$word
		else
			_batch_unquote "$cur"
			((i == 0)) || _batch_words+=("$_batch_plain")
			before=''
			cur=$word
		fi
		glue=0
		[[ -z $word || ${word//[=:]/} ]] || glue=1
	done
	# The separator itself is given, too.
	((glue == 0)) || before=$cur
	_batch_unquote "$before"
	_batch_cut=$_batch_plain
	_batch_unquote "$cur"
	_batch_cur=$_batch_plain
	_batch_words=("${_batch_words[@]:1}")
}

# Does this word follow the one before it without a blank?
_batch_touches() { # INDEX
	local rest=$COMP_LINE i
	for ((i = 0; i < $1; i++)); do
		rest=${rest#*"${COMP_WORDS[i]}"}
	done
	[[ $rest == "${COMP_WORDS[$1]}"* ]]
}

# --- the tool's options

# Sets _batch_letter, _batch_name, _batch_arg and _batch_kind, one element for each option.
_batch_table() { # TOOL
	local letter name arg kind help
	_batch_letter=() _batch_name=() _batch_arg=() _batch_kind=()
	while IFS=$'\t' read -r letter name arg kind help; do
		_batch_letter+=("$letter") _batch_name+=("$name") _batch_arg+=("$arg") _batch_kind+=("$kind")
	done < <("$1" --list-options 2>/dev/null)
}

# Sets _batch_row to the option that WORD is, _batch_joined if its value is in the same word, and
# _batch_value to that. Fails when it is none.
_batch_find() { # WORD
	local i
	_batch_joined=0 _batch_value=''
	for i in "${!_batch_name[@]}"; do
		_batch_row=$i
		case $1 in
		--"${_batch_name[i]}") return ;;
		--"${_batch_name[i]}"=*)
			_batch_joined=1 _batch_value=${1#*=}
			return
			;;
		--*) ;;
		-"${_batch_letter[i]}"*)
			[[ ${_batch_arg[i]} == - || $1 == -? ]] || _batch_joined=1 _batch_value=${1:2}
			return
			;;
		esac
	done
	return 1
}

# Looks at the words given: sets _batch_pending to the option that waits for its value, else to -1;
# _batch_rest when a `--` ended the options; _batch_given to what says which brokers are meant, and
# _batch_stream.
_batch_read() {
	local word
	_batch_pending=-1 _batch_rest='' _batch_given=() _batch_stream=()
	for word in "${_batch_words[@]}"; do
		if ((_batch_pending >= 0)); then
			_batch_take "$_batch_pending" "$word"
			_batch_pending=-1
		elif [[ $_batch_rest || $word == -- ]]; then
			_batch_rest+="$word "
		elif _batch_find "$word" && [[ ${_batch_arg[_batch_row]} != - ]]; then
			if ((_batch_joined)); then
				_batch_take "$_batch_row" "$_batch_value"
			else
				_batch_pending=$_batch_row
			fi
		fi
	done
}

_batch_take() { # ROW VALUE
	case ${_batch_name[$1]} in
	brokers | config | profile | property) _batch_given+=("--${_batch_name[$1]}=$2") ;;
	stream) _batch_stream=("--stream=$2") ;;
	esac
}

# --- what can stand there

# Asks the brokers, but not for long.
_batch_ask() { # OPTION...
	local status=batch-status
	[[ $_batch_tool != */* ]] || status=${_batch_tool%/*}/batch-status
	"$status" -q -m 2s "${_batch_given[@]}" "$@" 2>/dev/null </dev/null
}

_batch_topics() {
	local stream
	while IFS= read -r stream; do
		printf '%s\n' "$stream".{in,notification,out,invalid}
	done < <(_batch_ask --streams)
}

# The last word of a list separated by commas, with those before it.
_batch_listed() { # LIST WORDS
	local before='' word
	[[ $1 != *,* ]] || before=${1%,*},
	for word in $2; do
		printf '%s\n' "$before$word"
	done
}

# Prints what can follow as the value of an option, one a line.
_batch_values() { # KIND VALUE-SO-FAR
	case $1 in
	none | file | dir | group) ;;
	stream) _batch_ask --streams ;;
	batch) _batch_ask "${_batch_stream[@]}" --ids --size 200 ;;
	topic) _batch_topics ;;
	status) _batch_listed "$2" 'started sendCompleted completed terminated failed' ;;
	*) printf '%s\n' "${1//|/$'\n'}" ;;
	esac
}

# Adds the lines on standard input that begin with TEXT, less what readline takes as given. They may
# come from anybody who can write to the topics: the shell must take each as one word and run nothing.
_batch_add() { # TEXT CUT
	local line
	while IFS= read -r line; do
		[[ $line && $line == "$1"* ]] || continue
		_batch_requote "${line#"$2"}"
		COMPREPLY+=("$_batch_quoted")
	done
}

_batch_complete_value() { # KIND VALUE-SO-FAR CUT
	case $1 in
	file) _batch_complete_files "$2" ;;
	dir) _batch_complete_files "$2" -d ;;
	*) _batch_add "$2" "$3" < <(_batch_values "$1" "$2") ;;
	esac
}

# What compgen does not see, as ~/, readline does.
_batch_complete_files() { # TEXT [-d]
	compopt -o filenames -o default 2>/dev/null
	mapfile -t COMPREPLY < <(compgen "${2:--f}" -- "$1")
}

_batch_option_words() {
	local i
	for i in "${!_batch_name[@]}"; do
		[[ ${_batch_letter[i]} == - ]] || printf '%s\n' "-${_batch_letter[i]}"
		printf '%s\n' "--${_batch_name[i]}"
	done
}

# What is no option: files where the tool takes some, a command behind `--`.
_batch_complete_operand() {
	local usage
	usage=$("$_batch_tool" --help 2>/dev/null | sed '/^$/,$d')
	if [[ $_batch_rest == '-- ' && $usage == *'-- COMMAND'* ]]; then
		mapfile -t COMPREPLY < <(compgen -c -- "$_batch_cur")
	elif [[ $usage == *FILE* ]]; then
		_batch_complete_files "$_batch_cur"
	fi
}

_batch_tools() {
	local _batch_words _batch_cur _batch_cut _batch_tool=$1 _batch_letter _batch_name _batch_arg
	local _batch_kind _batch_row _batch_joined _batch_value _batch_pending _batch_rest _batch_given
	local _batch_stream _batch_plain _batch_quote _batch_quoted
	COMPREPLY=()
	_batch_split
	_batch_table "$1"
	_batch_read
	if ((_batch_pending >= 0)); then
		_batch_complete_value "${_batch_kind[_batch_pending]}" "$_batch_cur" "$_batch_cut"
	elif [[ $_batch_rest ]]; then
		_batch_complete_operand
	elif [[ $_batch_cur == --*=* ]] && _batch_find "$_batch_cur"; then
		_batch_complete_value "${_batch_kind[_batch_row]}" "$_batch_value" "${_batch_cut#*=}"
	elif [[ $_batch_cur == -* ]]; then
		_batch_add "$_batch_cur" '' < <(_batch_option_words)
	else
		_batch_complete_operand
	fi
}

complete -F _batch_tools batch-complete batch-consume batch-create batch-init batch-send \
	batch-status batch-terminate batch-watch batch-work
