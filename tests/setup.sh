#!/usr/bin/env bash
# Installs what building, the demo or the tests need and do not find. At once when all is there.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)

usage() {
	cat <<'EOF'
usage: setup.sh build|demo|test|bench

build  what the compiler needs
demo   that, and a Kafka broker with jq and kcat
test   that, and the test tools
bench  what demo has, and what measures and draws

On Debian and Ubuntu it installs them with apt, by itself as root, else with sudo. Elsewhere, and
where neither is possible, it lists what is missing and exits 2.
EOF
}

missing=()  # in the words of any system
packages=() # in Debian's

lack() { # WHAT PACKAGE
	missing+=("$1")
	packages+=("$2")
}

need_command() { # COMMAND PACKAGE
	command -v "$1" >/dev/null || lack "command $1" "$2"
}

need_library() { # CONDITION-OF-PKG-CONFIG PACKAGE
	pkg-config --exists "$1" 2>/dev/null || lack "library $1 (by pkg-config)" "$2"
}

need_mimalloc() { # it has no pkg-config file everywhere
	echo 'int main(void) { return 0; }' |
		"${CC:-cc}" -x c - -lmimalloc -o /dev/null 2>/dev/null || lack "library mimalloc" libmimalloc-dev
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

need_clang() {
	local resources
	if ! command -v clang >/dev/null; then
		lack "command clang, with its sanitizers and fuzzer" "clang"
		return
	fi
	resources=$(clang -print-resource-dir)
	{
		compgen -G "$resources/lib/*/libclang_rt.asan*.a" &&
			compgen -G "$resources/lib/*/libclang_rt.fuzzer*.a"
	} >/dev/null || lack "the sanitizers and the fuzzer of clang (compiler-rt)" "clang-runtime"
}

check_build() {
	need_command "${CC:-cc}" gcc
	need_command make make
	need_command pkg-config pkg-config
	need_library 'rdkafka >= 2.0.2' librdkafka-dev
	need_library jansson libjansson-dev
	need_library libxxhash libxxhash-dev
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
	need_command bats bats
	need_library cmocka libcmocka-dev
	need_mimalloc
	need_command valgrind valgrind
	need_command mandoc mandoc
	need_clang
	need_python_jsonschema
	need_command shellcheck shellcheck
	need_command openssl openssl
	need_command strace strace
	need_command pgrep procps
	need_command python3 python3
	need_command zsh zsh
	need_command fish fish
}

check_bench() {
	check_demo
	need_mimalloc
	need_command python3 python3
	need_command gnuplot gnuplot-nox
	need_command strace strace
	need_command parallel parallel
}

look() { # WHAT
	missing=() packages=()
	"check_$1"
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

first_package() { # NAME...
	local name
	for name in "$@"; do
		if has_package "$name"; then
			echo "$name"
			return
		fi
	done
	echo "$1"
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
	first_package "libclang-rt-$version-dev" "libclang-common-$version-dev"
}

# Some names differ between releases, or bring what another package only recommends.
resolve() { # PACKAGE
	case $1 in
	java) first_package openjdk-17-jre-headless openjdk-21-jre-headless default-jre-headless ;;
	kcat) first_package kcat kafkacat ;;
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
			printf 'As root: apt-get install %s\n' "$(resolve_all | tr '\n' ' ')"
		fi
	} >&2
	exit 2
}

main() {
	local what=${1:-}
	case $what in
	build | demo | test | bench) ;;
	-h | --help) usage && exit ;;
	*) usage >&2 && exit 2 ;;
	esac
	if ! look "$what"; then
		have_apt || report "$what"
		find_root || report "$what"
		install_missing || report "$what"
		hash -r
		look "$what" || report "$what"
	fi
	[[ $what == build ]] || "$root/tests/kafka/broker.sh" jars || exit
}

main "$@"
