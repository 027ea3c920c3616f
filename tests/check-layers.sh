#!/usr/bin/env bash
# The rules of the tree that no compiler checks: who includes whom, who may call what, how long a
# function is. Prints TAP. Needs the objects of all sources in BUILD (build, else build/san).
# shellcheck disable=SC2317 # check runs functions by their names
set -uo pipefail
cd "$(dirname "$0")/.." || exit 2

total=0 failed=0

# The command prints what is wrong, a line each. Silence is good, but not that of one that failed.
check() { # WHAT COMMAND...
	local what=$1 found status=0
	shift
	found=$("$@" 2>&1) || status=$?
	total=$((total + 1))
	if [[ -z $found && $status == 0 ]]; then
		printf 'ok %d - %s\n' "$total" "$what"
		return
	fi
	failed=1
	printf 'not ok %d - %s\n' "$total" "$what"
	printf '# %s\n' "${found:-no answer, status $status}" | sed '2,$s/^/# /'
}

# --- what there is

sources=(lib/*/*.c cmd/*.c)
headers=(lib/*/*.h)
rooms='base batch kafka tool app'

object_of() { # SOURCE
	printf '%s/obj/%s.o\n' "$build" "${1%.c}"
}

stale_objects() {
	local source object
	for source in "${sources[@]}"; do
		object=$(object_of "$source")
		if [[ ! -e $object || $source -nt $object ]]; then
			printf '%s is missing, or older than its source: run make\n' "$object"
		fi
	done
}

find_build() { # [BUILD]
	for build in "${1:-build}" build/san; do
		[[ -n $(stale_objects) ]] || return 0
	done
	build=${1:-build}
}

# A room that is not in the lists below would be looked at by none of the checks.
unknown_rooms() {
	local dir room
	for dir in lib/*/; do
		room=${dir#lib/}
		[[ " $rooms " == *" ${room%/} "* ]] || printf '%s is in no rule\n' "$dir"
	done
	find lib -mindepth 3 -name '*.[ch]'
	find lib -maxdepth 1 -name '*.[ch]'
	find cmd -mindepth 1 ! -name '*.c'
}

# --- includes

# FILE:LINE, then "NAME" or <NAME> as it stands
includes() { # FILE...
	awk 'match($0, /^[ \t]*#[ \t]*include/) {
		name = substr($0, RLENGTH + 1)
		gsub(/^[ \t]+|[ \t]+$/, "", name)
		sub(/[ \t]*\/[*\/].*$/, "", name)
		print FILENAME ":" FNR, name
	}' "$@"
}

libc='assert ctype endian errno float inttypes iso646 limits math regex stdalign stdarg stdbool
stdatomic stddef stdint stdio stdlib stdnoreturn string'
system="$libc dirent fcntl fnmatch getopt glob locale poll pthread pwd signal spawn sys/file sys/ioctl
sys/mman sys/pidfd sys/prctl sys/random sys/resource sys/socket sys/stat sys/types sys/uio sys/un
sys/wait syslog termios time unistd"

# Sets internal to the headers of kafka that bring librdkafka, by themselves or by another, as a
# pattern, and public to the others.
find_internal() {
	local file before=
	internal=librdkafka/rdkafka.h
	while [[ $internal != "$before" ]]; do
		before=$internal
		public=()
		for file in lib/kafka/*.h; do
			[[ $file =~ ^lib/($internal)$ ]] && continue
			if [[ $(includes "$file") =~ [\"\<]($internal)[\"\>] ]]; then
				internal+="|${file#lib/}"
			else
				public+=("$file")
			fi
		done
	done
}

strange_includes() { # ROOMS SYSTEM-HEADERS FILE...
	includes "${@:3}" | awk -v rooms="$1" -v known="$2" -v internal="$internal" '
		BEGIN {
			split(rooms, list); for (i in list) room[list[i]]
			split(known, list); for (i in list) system_header["<" list[i] ".h>"]
			system_header["<jansson.h>"]; system_header["<xxhash.h>"]
			system_header["<librdkafka/rdkafka.h>"]
		}
		function may(file, name) {
			if (name == "<jansson.h>")
				return file ~ /^lib\/base\/json[.]c:/
			if (name == "<xxhash.h>")
				return file ~ /^lib\/base\/(digest|map|sieve)[.]c:/
			if (name == "<librdkafka/rdkafka.h>")
				return file ~ /^lib\/kafka\//
			if (name !~ /^"[a-z]+\/[a-z0-9_]+[.]h"$/)
				return name in system_header
			gsub(/"/, "", name)
			if (name ~ "^(" internal ")$" && file !~ /^lib\/kafka\//)
				return 0
			return substr(name, 1, index(name, "/") - 1) in room
		}
		!may($1, $2) { print $1 " includes " $2 }'
}

# --- text

# FILE:LINE:text without comments and without what stands in strings
code() { # FILE...
	awk 'FNR == 1 { inside = 0 }
	{
		line = $0
		out = ""
		for (;;) {
			if (inside && !(end = index(line, "*/"))) {
				line = ""
				break
			}
			if (inside)
				line = substr(line, end + 2)
			inside = 0
			if (!match(line, /"([^"\\]|\\.)*"|\047([^\047\\]|\\.)*\047|\/[*\/]/))
				break
			token = substr(line, RSTART, 2)
			out = out substr(line, 1, RSTART - 1) (token ~ /^\// ? " " : "\"\"")
			line = token == "//" ? "" : substr(line, RSTART + RLENGTH)
			inside = token == "/*"
		}
		print FILENAME ":" FNR ":" out line
	}' "$@"
}

# Prints the lines of code that match, without the words of comments and strings.
code_with() { # PATTERN FILE...
	code "${@:2}" | awk -v pattern="$1" '{
		text = $0
		sub(/^[^:]*:[^:]*:/, "", text)
		if (text ~ pattern)
			print
	}'
}

calls() { # NAMES FILE...
	code_with "(^|[^A-Za-z0-9_.>])($1)[ \t]*[(]" "${@:2}"
}

text_with() { # PATTERN FILE...
	awk -v pattern="$1" '$0 ~ pattern { print FILENAME ":" FNR ": " $0 }' "${@:2}"
}

banned='strcpy|strcat|stpcpy|sprintf|vsprintf|gets|strtok|atoi|atol|atoll|atof|localtime|gmtime'
banned+='|ctime|asctime|mktemp|tmpnam|rand|srand|signal'

# --- objects

# OBJECT SYMBOL for all that objects want from others; those that stand for the same have one name
# (__printf_chk, open64).
wanted() { # OBJECT...
	nm -A -u "$@" | awk '{
		name = $NF
		sub(/@.*/, "", name)
		sub(/^__isoc(99|23)_/, "", name)
		sub(/^__/, "", name)
		sub(/_chk$/, "", name)
		sub(/64(_2)?$/, "", name)
		sub(/:$/, "", $1)
		print $1, name
	}'
}

wants() { # SYMBOLS EXCEPT SOURCE...
	local objects=() source
	for source in "${@:3}"; do
		objects+=("$(object_of "$source")")
	done
	wanted "${objects[@]}" | awk -v symbols="^($1)\$" -v except="obj/($2)[.]o\$" '
		$2 ~ symbols && $1 !~ except { print $1 " wants " $2 }'
}

stdio_out='v?f?printf|v?dprintf|puts|fputs|putchar|putc|fputc|fwrite|putw|stdout'
stdio_err='stderr|perror|psignal|v?warnx?|v?errx?|error|error_at_line|assert_fail'
to_stderr='(write|writev|pwrite|send|v?dprintf|fdopen)[ \t]*[(][ \t]*(2|STDERR_FILENO)[ \t]*,'
files='open|openat|creat|close|p?read|readv|p?write|writev|fopen|fdopen|freopen|fclose|fread'
files+='|fgets|fgetc|getc|getchar|getline|getdelim|f?scanf|stdin|tmpfile|f?truncate|unlink|rename'
files+='|mkdir|rmdir|[fl]?stat|access|opendir|readdir|fsync|mmap|dup[23]?|pipe2?|fcntl|ioctl|isatty'
clocks='time|clock|clock_gettime|clock_nanosleep|gettimeofday|localtime(_r)?|mktime|strftime|tzset'
clocks+='|sleep|usleep|nanosleep|timerfd_.*'
chance='getrandom|getentropy|random|srandom|s?rand|rand_r|[dljmn]rand48|arc4random.*'
surroundings='(secure_)?getenv|setenv|unsetenv|putenv|environ|setlocale|getpp?id|getuid|gethostname'
surroundings+='|getcwd|sysconf|uname'
processes='_?exit|_Exit|quick_exit|atexit|v?fork|exec[lv]p?e?|posix_spawnp?|system|popen|wait.*'
processes+='|kill|raise|signal|sigaction|sigprocmask|longjmp|pthread_.*|thrd_.*|mtx_.*|cnd_.*'
processes+='|dlopen|syscall'
network='socket|connect|bind|listen|accept4?|sendto|send|recvfrom|recv|getaddrinfo|p?poll'
network+='|p?select|epoll_.*'
impure="$stdio_out|$stdio_err|$files|$clocks|$chance|$surroundings|$processes|$network"

# --- form

bad_headers() {
	# shellcheck disable=SC2016 # sh -c expands them
	printf '%s\0' "${headers[@]}" | CFLAGS="$(pkg-config --cflags rdkafka jansson)" \
		xargs -0 -n 8 -P "$(nproc)" sh -c '${CC:-cc} -std=c11 -D_GNU_SOURCE -Ilib -Wall \
			-Wextra -Wno-unused-function -Werror -fsyntax-only $CFLAGS -x c "$@"' sh
}

bad_guards() {
	local header
	for header in "${headers[@]}"; do
		awk -v guard="${header#lib/}" '
			BEGIN { guard = toupper(guard); gsub(/[^A-Z0-9]/, "_", guard) }
			/^#/ && ++n == 1 && $0 != "#ifndef " guard { bad = 1 }
			/^#/ && n == 2 && !second++ && $0 != "#define " guard { bad = 1 }
			NF { last = $0 }
			END {
				if (bad || n < 3 || last !~ /^#endif/)
					print FILENAME ": no guard " guard " around all of it"
			}' "$header"
	done
}

# A source without a header of its own begins with one of its room.
first_includes() {
	local source own first
	for source in lib/*/*.c; do
		own=${source#lib/}
		own=${own%.c}.h
		[[ -e lib/$own ]] || own="${own%%/*}/*"
		first=$(includes "$source" | awk 'NR == 1 { gsub(/"/, "", $2); print $2 }')
		# shellcheck disable=SC2053 # a pattern
		[[ $first == $own ]] || printf '%s begins with %s\n' "$source" "${first:-no include}"
	done
}

# A function is from the line of its name to the brace in the first column.
long_functions() { # LIMIT NAME-PATTERN FILE...
	awk -v limit="$1" -v wanted="^($2)\$" '
		FNR == 1 { inside = 0 }
		/^[A-Za-z_].*[(].*[{][ \t]*$/ && !/=/ {
			print FILENAME ":" FNR ": the brace belongs on a line of its own"
		}
		!inside && /^[A-Za-z_].*[(]/ {
			start = FNR
			name = $0
			sub(/^__attribute__[ ]*[(][(][^)]*[)]+/, "", name)
			sub(/[ \t]*[(].*/, "", name)
			sub(/.*[^A-Za-z0-9_]/, "", name)
		}
		/^[{]/ { inside = 1 }
		/^[}]/ && inside {
			inside = 0
			functions++
			if (name ~ wanted && FNR - start + 1 > limit)
				print FILENAME ":" start ": " name " has " FNR - start + 1 " lines"
		}
		END { if (!functions) print "no function found" }' "${@:3}"
}

# --- all of it

find_build "$@"
find_internal
pure=(lib/base/*.c lib/batch/*.c)
not_kafka=(lib/{base,batch,tool,app}/*.c cmd/*.c)
quiet=()
for file in "${sources[@]}"; do
	[[ $file == lib/tool/msg.c ]] || quiet+=("$file")
done

check "each directory has its rule" unknown_rooms
check "all objects are there" stale_objects

check "base includes base and libc" strange_includes "base" "$libc" lib/base/*.[ch]
check "batch includes base, batch and libc" strange_includes "base batch" "$libc" lib/batch/*.[ch]
check "kafka includes base, batch, kafka, librdkafka" \
	strange_includes "base batch kafka" "$system" lib/kafka/*.[ch]
check "tool includes base, batch, tool" strange_includes "base batch tool" "$system" lib/tool/*.[ch]
check "app includes lib, but no header that brings librdkafka" \
	strange_includes "$rooms" "$system" lib/app/*.[ch]
check "cmd includes lib, but no header that brings librdkafka, and no other cmd" \
	strange_includes "$rooms" "$system" cmd/*.c

check "only kafka says rd_kafka_" \
	text_with '[Rr][Dd]_[Kk][Aa][Ff][Kk][Aa]' "${not_kafka[@]}" lib/{base,batch,tool,app}/*.h
check "only kafka's objects call librdkafka" wants 'rd_kafka_.*' none "${not_kafka[@]}"
check "only kversion.c asks which librdkafka runs" \
	wants 'rd_kafka_version(_str)?' 'lib/kafka/kversion' "${sources[@]}"
check "kafka's other headers have none of its types" \
	code_with 'rd_kafka_|RD_KAFKA_' "${public[@]}"

check "each header compiles alone" bad_headers
check "each header has a guard named after it" bad_guards
check "each source includes its own header first" first_includes

check "no banned function is called" calls "$banned" "${sources[@]}" "${headers[@]}"
check "no function is longer than 60 lines" long_functions 60 '.*' "${sources[@]}" "${headers[@]}"
check "no main is longer than 40 lines" long_functions 40 main cmd/*.c

check "base and batch are pure" wants "$impure" none "${pure[@]}"
check "exit is called in tool.c, sig.c and process.c alone" \
	wants '_?exit|_Exit|quick_exit' 'lib/tool/(tool|sig|process)' "${sources[@]}"
check "nothing is printed through stdio" wants "$stdio_out|$stdio_err" none "${sources[@]}"
check "only msg.c writes to stderr" code_with "$to_stderr" "${quiet[@]}"

printf '1..%d\n' "$total"
exit "$failed"
