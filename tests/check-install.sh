#!/usr/bin/env bash
# make install and make uninstall: what is installed, and that nothing of it stays. Prints TAP.
# shellcheck disable=SC2317 # the checks are called by run
set -uo pipefail
cd "$(dirname "${BASH_SOURCE[0]}")/.." || exit 2
work=$(mktemp -d) || exit 2
trap 'rm -rf "$work"' EXIT

number=0 failed=0

run() { # NAME COMMAND...
	number=$((number + 1))
	if "${@:2}" >"$work/said" 2>&1; then
		printf 'ok %d - %s\n' "$number" "$1"
		return
	fi
	failed=$((failed + 1))
	printf 'not ok %d - %s\n' "$number" "$1"
	sed 's/^/# /' "$work/said"
}

make_to() { # FOLDER TARGET
	env -u MAKEFLAGS make --no-print-directory "$2" DESTDIR="$1" PREFIX=/usr/local
}

each_tool_has_its_files() {
	local tool missing=0 file
	make_to "$work/to" install || return
	for tool in cmd/*.c; do
		tool=$(basename "$tool" .c)
		for file in "bin/$tool" "share/man/man1/$tool.1" "share/bash-completion/completions/$tool"; do
			[[ -s $work/to/usr/local/$file ]] || { echo "no $file" && missing=1; }
		done
	done
	return "$missing"
}

tells_of_the_unit() {
	make_to "$work/to" install >"$work/installed" &&
		grep -q 'batch-work@.service.*/etc/batch/work.env' "$work/installed" &&
		[[ -s $work/to/usr/local/lib/systemd/system/batch-work@.service ]]
}

nothing_stays() {
	make_to "$work/to" uninstall && ! find "$work/to" -print 2>/dev/null | grep .
}

# Folders that were there, and files of others.
others_stay() {
	mkdir -p "$work/full/usr/local/bin" "$work/full/usr/local/share/man"
	make_to "$work/full" install && touch "$work/full/usr/local/share/zsh/others" &&
		make_to "$work/full" install && make_to "$work/full" uninstall || return
	(cd "$work/full" && find . -mindepth 1 | LC_ALL=C sort) >"$work/left"
	diff - "$work/left" <<-'END'
		./usr
		./usr/local
		./usr/local/bin
		./usr/local/share
		./usr/local/share/man
		./usr/local/share/zsh
		./usr/local/share/zsh/others
	END
}

run "install: tools, their manual and their completions" each_tool_has_its_files
run "install: twice, and it tells where the unit is and what it wants" tells_of_the_unit
run "uninstall: nothing stays, no folder either" nothing_stays
run "uninstall: folders that were there before stay, and those with other files" others_stay
printf '1..%d\n' "$number"
exit $((failed > 0))
