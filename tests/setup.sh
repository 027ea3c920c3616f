#!/usr/bin/env bash
# Installs what building, the demo or the tests need and do not find, or lists it. At once when all is there.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
	cat <<'EOF'
usage: setup.sh [look] build|check|demo|test|newest|bench|fresh

build  what the compiler needs
check  that, and what the tests need that need no broker
demo   what build has, and a Kafka broker with jq and kcat
test   what check and demo have, and what the other tests need
newest what fetches the newest librdkafka
bench  what demo has, and what measures and draws
fresh  what makes a tree of a bare Debian

On Debian and Ubuntu it installs them with apt, by itself as root, else with sudo. Elsewhere, and
where neither is possible, it lists what is missing and exits 2. So it does with look, everywhere.
EOF
}

missing=()  # in the words of any system
packages=() # in Debian's
read -ra cc <<<"${CC:-cc}"

lack() { # WHAT PACKAGE
	missing+=("$1")
	packages+=("$2")
}

need_command() { # COMMAND PACKAGE
	command -v "$1" >/dev/null || lack "command $1" "$2"
}

# A command that is there may still lack what it works with, so it has to do something.
compiles() { # INCLUDE-LINES FLAG...
	printf '%s\nint main(void) { return 0; }\n' "$1" | "${cc[@]}" -x c - -o /dev/null "${@:2}" 2>/dev/null
}

need_compiler() {
	if ! command -v "${cc[0]}" >/dev/null; then
		lack "command ${cc[0]}, a C compiler" gcc
	elif ! compiles '#include <stdio.h>'; then
		lack "the C library's headers (${cc[*]} cannot compile a program)" libc6-dev
	fi
}

need_library() { # CONDITION-OF-PKG-CONFIG HEADER PACKAGE
	local flags
	if ! pkg-config --exists "$1" 2>/dev/null; then
		lack "library $1 (by pkg-config)" "$3"
		return
	fi
	read -ra flags < <(pkg-config --cflags --libs "${1%% *}")
	! compiles '#include <stdio.h>' || compiles "$2" "${flags[@]}" ||
		lack "the header of library ${1%% *}, or the library (a program with it cannot be compiled)" "$3"
}

need_mimalloc() { # it has no pkg-config file everywhere
	compiles '' -lmimalloc || lack "library mimalloc" libmimalloc-dev
}

need_java() {
	local version=0
	command -v java >/dev/null && version=$(java_version)
	((version >= 17)) || lack "command java, 17 or newer" "java"
}

# The JVM's own release file, because to ask the JVM takes longer than all else here.
java_version() {
	local release line
	release=$(dirname "$(dirname "$(readlink -f "$(command -v java)")")")/release
	line=$(grep -s '^JAVA_VERSION=' "$release" || java -version 2>&1 | head -n 1)
	[[ $line =~ \"([0-9]+) ]] && echo "${BASH_REMATCH[1]}" || echo 0
}

need_python_jsonschema() {
	local python
	for python in python3 /usr/bin/python3; do
		"$python" -c 'import importlib.util as u, sys; sys.exit(not u.find_spec("jsonschema"))' \
			2>/dev/null && return
	done
	lack "Python module jsonschema" "python3-jsonschema"
}

need_parallel() { # another program has the same name
	[[ $(parallel --version 2>/dev/null </dev/null) == GNU\ parallel* ]] || lack "command parallel, that of GNU" parallel
}

need_clang() {
	if ! command -v clang >/dev/null; then
		lack "command clang, with its sanitizers and fuzzer" "clang"
	elif ! echo 'int LLVMFuzzerTestOneInput(const char *p, long n) { return p && n; }' |
		clang -fsanitize=fuzzer,address,undefined -x c - -o /dev/null 2>/dev/null; then
		lack "the sanitizers and the fuzzer of clang (compiler-rt)" "clang-runtime"
	fi
}

check_build() {
	need_compiler
	need_command make make
	need_command pkg-config pkg-config
	need_library 'rdkafka >= 2.0.2' '#include <librdkafka/rdkafka.h>' librdkafka-dev
	need_library jansson '#include <jansson.h>' libjansson-dev
	need_library libxxhash '#include <xxhash.h>' libxxhash-dev
}

check_check() {
	check_build
	need_library cmocka "$(printf '#include <%s>\n' stdarg.h stddef.h stdint.h setjmp.h cmocka.h)" libcmocka-dev
	need_mimalloc
	need_command valgrind valgrind
	need_command mandoc mandoc
	need_clang
	need_command shellcheck shellcheck
	need_command zsh zsh
	need_command fish fish
}

check_demo() {
	check_build
	need_java
	need_command mvn maven
	need_command jq jq
	need_command kcat kcat
}

check_test() {
	check_demo
	check_check
	need_command bats bats
	need_python_jsonschema
	need_command openssl openssl
	need_command strace strace
	need_command pgrep procps
	need_command python3 python3
	need_command curl curl
	need_parallel
}

check_bench() {
	check_demo
	need_mimalloc
	need_command python3 python3
	need_command gnuplot gnuplot-nox
	need_command strace strace
	need_parallel
}

check_newest() {
	python3 -m pip --version >/dev/null 2>&1 || lack "pip for python3" python3-pip
}

check_fresh() {
	need_command debootstrap debootstrap
	need_command git git
	need_command setpriv util-linux
}

# What several checks lack is lacked once.
look() { # WHAT
	missing=() packages=()
	"check_$1"
	mapfile -t missing < <(printf '%s\n' "${missing[@]}" | awk '!seen[$0]++ && NF')
	mapfile -t packages < <(printf '%s\n' "${packages[@]}" | awk '!seen[$0]++ && NF')
	((${#missing[@]} == 0))
}

# --- apt

have_apt() {
	command -v apt-get >/dev/null && command -v dpkg >/dev/null
}

find_root() { # sets as_root; fails when there is no way
	as_root=(env)
	((EUID == 0)) && return
	command -v sudo >/dev/null || return
	as_root=(sudo -n)
	sudo -n true 2>/dev/null && return
	as_root=(sudo)
	[[ -t 0 ]]
}

apt_get() {
	"${as_root[@]}" env DEBIAN_FRONTEND=noninteractive apt-get -y -qq \
		-o DPkg::Lock::Timeout=300 -o Acquire::Retries=3 "$@" </dev/null
}

has_package() { # NAME
	[[ $(LC_ALL=C apt-cache policy "$1" 2>/dev/null) =~ Candidate:\ [^\(] ]]
}

# The last one is also named when apt has no lists yet and knows none.
first_package() { # NAME...
	local name
	for name in "$@"; do
		! has_package "$name" || break
	done
	echo "$name"
}

# The runtime is a package of its own, named after the version of clang, present or to come.
clang_runtime() {
	local version
	if command -v clang >/dev/null; then
		version=$(clang -dumpversion)
	else
		version=$(apt-cache depends clang | sed -n 's/.*Depends: clang-\([0-9]*\)$/\1/p')
	fi
	version=${version%%.*}
	[[ -z $version ]] || first_package "libclang-rt-$version-dev" "libclang-common-$version-dev"
}

# Some names differ between releases, or bring what another package only recommends.
resolve() { # PACKAGE
	case $1 in
	java) first_package openjdk-17-jre-headless openjdk-21-jre-headless default-jre-headless ;;
	kcat) first_package kcat kafkacat kcat ;;
	clang) echo clang && clang_runtime ;;
	clang-runtime) clang_runtime ;;
	gcc) echo gcc libc6-dev ;;
	valgrind) echo valgrind libc6-dbg ;;
	*) echo "$1" ;;
	esac
}

resolve_all() {
	local package
	for package in "${packages[@]}"; do
		resolve "$package"
	done
}

install_missing() {
	local log names
	log=$(mktemp)
	echo "Some packages are missing; asking apt for them" >&2
	apt_get update >"$log" 2>&1 || true # perhaps only one source of many; install will tell
	mapfile -t names < <(resolve_all | tr ' ' '\n')
	printf 'Installing: %s\n' "${names[*]}" >&2
	if ! apt_get --no-install-recommends install "${names[@]}" >>"$log" 2>&1; then
		cat "$log" >&2
		rm "$log"
		return 1
	fi
	rm "$log"
}

# --- what is said when there is no way

report() { # WHAT
	local item
	{
		printf 'setup.sh: for "%s" this system lacks:\n' "$1"
		for item in "${missing[@]}"; do
			printf '  %s\n' "$item"
		done
		if have_apt; then
			printf 'As root: apt-get install %s\n' "$(resolve_all | paste -sd ' ')"
		fi
	} >&2
	exit 2
}

main() {
	local only_look=0 what
	[[ ${1:-} != look ]] || { only_look=1 && shift; }
	what=${1:-}
	case $what in
	build | check | demo | test | newest | bench | fresh) ;;
	-h | --help) usage && exit ;;
	*) usage >&2 && exit 2 ;;
	esac
	if ! look "$what"; then
		((!only_look)) || report "$what"
		have_apt || report "$what"
		find_root || report "$what"
		install_missing || report "$what"
		hash -r
		look "$what" || report "$what"
	fi
	case $what in
	demo | test | bench) ((only_look)) || "$root/tests/kafka/broker.sh" jars ;;
	esac
}

main "$@"
