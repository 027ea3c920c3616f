#!/usr/bin/env bash
# make demo and make test on a bare Debian: in trees that debootstrap makes, and that are thrown away.
set -euo pipefail

root=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)
cache=$root/build/fresh

usage() {
	cat <<'EOF'
usage: fresh.sh [--quick] [SUITE...]   bookworm and trixie; with --quick without make test

Needs root. For each suite debootstrap makes a tree with make and git, which is kept in build/fresh.
In a copy of it, and in one that has gcc without the C library's headers, it tries a clone of HEAD:
as a user without rights make, make install, make check, make demo and make test list what is
missing; as root make demo ends well, the second time within 10 s, and make test within 10 minutes.
How apt and Maven reach their servers is taken from this system: the mirror and the proxies of apt,
Maven's settings, certificates of this system's own, and proxies in the environment.

It prints TAP; what was run has its output in build/fresh/SUITE*.log.
EOF
}

number=0 failed=0 child=''
trap 'exit 130' INT
trap 'exit 143' TERM HUP

result() { # STATUS NAME
	number=$((number + 1))
	if (($1 == 0)); then
		printf 'ok %d - %s\n' "$number" "$2"
	else
		failed=$((failed + 1))
		printf 'not ok %d - %s\n' "$number" "$2"
		tail -n 30 "$log" | sed 's/^/# /'
	fi
}

# --- trees

# shellcheck disable=SC2016 # apt fills in the names
mirror() {
	apt-get indextargets --format '$(ORIGIN) $(COMPONENT) $(CODENAME) $(REPO_URI)' 'Created-By: Packages' |
		awk '$1 == "Debian" && $2 == "main" && $3 !~ /-/ { print $4; exit }'
}

make_tree() { # SUITE
	local tree=$cache/$1
	[[ ! -e $tree/made ]] || return 0
	rm -rf "$tree"
	echo "# debootstrap makes a tree of $1" >&2
	debootstrap --variant=minbase --include=make,git "$1" "$tree" "$(mirror)" >"$cache/$1.log" 2>&1 || {
		tail -n 20 "$cache/$1.log" >&2
		exit 1
	}
	touch "$tree/made"
}

# How this system reaches the servers of apt and Maven.
take_ways() { # TREE
	local file
	cp -L /etc/resolv.conf /etc/hosts "$1/etc/"
	apt-config dump | grep -E '^Acquire::(http|https|ftp|Check-|ForceIP)' >"$1/etc/apt/apt.conf.d/90host" || true
	for file in /etc/apt/auth.conf /etc/apt/auth.conf.d /usr/local/share/ca-certificates; do
		[[ ! -e $file ]] || { mkdir -p "$1${file%/*}" && cp -rL "$file" "$1${file%/*}/"; }
	done
	mkdir -p "$1/root/.m2"
	for file in /etc/maven/settings.xml "$HOME/.m2/settings.xml" "$HOME/.m2/settings-security.xml"; do
		[[ ! -e $file ]] || cp -L "$file" "$1/root/.m2/"
	done
}

# Inside of namespaces that end with the trial, and take processes and mounts with them.
mount_tree() { # SUITE WORK
	mkdir "$2/upper" "$2/work" "$2/tree"
	mount -t overlay overlay -o "lowerdir=$cache/$1,upperdir=$2/upper,workdir=$2/work" "$2/tree" 2>/dev/null ||
		cp -a "$cache/$1/." "$2/tree"
	mount -t proc proc "$2/tree/proc"
	mount -t sysfs -o ro sysfs "$2/tree/sys"
	mount --rbind /dev "$2/tree/dev"
	mount -t tmpfs -o mode=1777 tmpfs "$2/tree/dev/shm"
}

# --- in a tree

# Nothing of the caller's environment but the ways to the servers.
inside() { # USER COMMAND...
	local ways id=() home=/root
	mapfile -t ways < <(env | grep -iE '^((http|https|ftp|all|no)_proxy|MAVEN_OPTS|MAVEN_ARGS)=')
	if [[ $1 != root ]]; then
		id=(setpriv --reuid=1000 --regid=1000 --clear-groups) home=/home/user
	fi
	chroot "$tree" env -i "${ways[@]}" HOME="$home" TERM=dumb LANG=C.UTF-8 \
		PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin "${id[@]}" "${@:2}" </dev/null
}

# Runs make TARGET in USER's clone; its output is in $log, and took is the time.
run_make() { # USER TARGET
	local home=/root status=0 began=$SECONDS
	[[ $1 == root ]] || home=/home/user
	log=$cache/$label-$1-$2.log
	inside "$1" make -C "$home/batchutils" --no-print-directory "$2" >"$log" 2>&1 || status=$?
	took=$((SECONDS - began))
	return "$status"
}

# After the list comes only how to install it, and make's own line.
lists_what_is_missing() { # TARGET
	local status=0
	run_make user "$1" || status=$?
	((status == 2)) && ! grep -qiE 'not found|no such file|^/bin/sh' "$log" &&
		grep -A 99 'this system lacks:$' "$log" | sed 1d | grep -vE '^  |^As root: apt-get install ' |
		awk '!/^make: \*\*\* .* Error 2$/ { bad = 1 } END { exit bad || NR != 1 }'
}

as_user() {
	local target status
	for target in all install check demo test; do
		status=0
		lists_what_is_missing "$target" || status=$?
		result "$status" "$label: a user's make $target says what is missing"
	done
}

demos() {
	local status=0
	{ run_make root demo && grep -q 'came back byte for byte' "$log"; } || status=$?
	result "$status" "$label: make demo ends well ($took s)"
	status=0
	{ run_make root demo && ((took < 10)); } || status=$?
	result "$status" "$label: make demo once more takes less than 10 s ($took s)"
}

# Prints the command lines of the tree's processes. This script's own have another root.
# shellcheck disable=SC2016 # the shell inside expands it
processes() {
	inside root sh -c 'for p in /proc/[0-9]*; do
		[ ! "$p/root/." -ef / ] || [ "$p" = "/proc/$$" ] || { tr "\0" " " <"$p/cmdline" && echo; }
	done 2>/dev/null'
}

left_nothing() {
	log=$cache/$label-left.log
	{ find "$tree/tmp" -mindepth 1 ! -name 'hsperfdata_*' && processes; } >"$log" # of the JVM that apt runs
	[[ ! -s $log ]]
}

tests() {
	local status=0
	{ run_make root test && tail -n 1 "$log" | grep -qE '^[1-9][0-9]* passed, 0 failed$'; } || status=$?
	result "$status" "$label: make test: $(tail -n 1 "$log")"
	status=0
	((took <= 600)) || status=1
	result "$status" "$label: make test takes at most 10 minutes ($took s)"
	status=0
	left_nothing || status=$?
	result "$status" "$label: make test leaves neither files in /tmp nor processes"
}

# The second word says whether there is a compiler that cannot compile.
try() { # SUITE gcc|bare WORK
	label=$1-$2 tree=$3/tree log=/dev/null took=0
	mount_tree "$1" "$3"
	take_ways "$tree"
	mkdir -p "$tree/home/user"
	echo 'user:x:1000:1000::/home/user:/bin/sh' >>"$tree/etc/passwd"
	git clone -q --no-hardlinks "$root" "$tree/root/batchutils"
	cp -a "$tree/root/batchutils" "$tree/home/user/"
	chown -R 1000:1000 "$tree/home/user"
	[[ $2 == bare ]] || inside root sh -c 'apt-get -qq update && apt-get -y -qq install --no-install-recommends gcc' \
		>"$cache/$label-gcc.log" 2>&1
	as_user
	demos
	((quick)) || tests
	printf '%d %d\n' "$number" "$failed" >"$3/count"
}

try_apart() { # SUITE gcc|bare
	local work count
	work=$(mktemp -d "$cache/run.XXXXXX")
	trap 'kill -KILL "$child" 2>/dev/null || true; rm -rf "$work"' EXIT
	unshare --mount --pid --fork --kill-child --propagation private \
		"${BASH_SOURCE[0]}" --inside "$1" "$2" "$work" "$number" "$failed" "$quick" &
	child=$!
	wait "$child" || true
	count=$((number + 1))' '$((failed + 1))
	[[ ! -e $work/count ]] || count=$(<"$work/count")
	read -r number failed <<<"$count"
	rm -rf "$work"
	trap - EXIT
}

main() {
	local suites suite
	quick=0
	case ${1:-} in
	--inside)
		number=$5 failed=$6 quick=$7
		try "$2" "$3" "$4"
		exit
		;;
	--quick) quick=1 && shift ;;
	-*) usage && exit 2 ;;
	esac
	((EUID == 0)) || { echo "fresh.sh: needs root, to make trees and to mount what is in them" >&2 && exit 2; }
	suites=("$@")
	(($# > 0)) || suites=(bookworm trixie)
	"$root/tests/setup.sh" fresh
	mkdir -p "$cache"
	for suite in "${suites[@]}"; do
		make_tree "$suite"
		try_apart "$suite" bare
		try_apart "$suite" gcc
	done
	printf '1..%d\n%d passed, %d failed\n' "$number" "$((number - failed))" "$failed"
	((failed == 0))
}

main "$@"
