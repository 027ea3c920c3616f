# For the .bats files of batch-work, after lib/batch or lib/fault: what it works on, and how that ended.
# shellcheck shell=bash

# A new stream, and a group G for it.
begin_work() { # [PARTITIONS]
	begin "$@" || return
	G=$S.group
}

# Sets B to the id of a new batch with what FILE holds, ready to be worked on.
ready() { # FILE [OPTION...]
	create --processing "${@:2}" || return
	batch-send -B "$B" "$1" >sent.json && batch-complete <sent.json >completed.json
}

# The same with each line its own key, so in all partitions.
ready_keyed() { # FILE [OPTION...]
	create --processing "${@:2}" || return
	sed 's/.*/&:&/' "$1" | batch-send -B "$B" -K : >sent.json && batch-complete <sent.json >completed.json
}

work() { # OPTION... -- COMMAND...
	work_aloud -q "$@"
}

# The same with all that it says by default.
work_aloud() { # OPTION... -- COMMAND...
	timeout -s KILL 120 batch-work -G "$G" --once "$@"
}

# The batch ended so, with these numbers.
ended_as() { # STATUS ACTUAL INVALID [ID]
	batch-status -B "${4:-$B}" >now.json
	json_equals "[\"$1\",$2,$3]" '[.status,.actualRecordCount,.invalidRecordCount]' now.json
}

# The status comes, and the batch with it, which has so many records.
comes_to() { # STATUS ACTUAL
	timeout 60 batch-status -m 2m -B "$B" --wait "$1" >now.json
	json_equals "[\"$1\",$2]" '[.status,.actualRecordCount]' now.json
}

# What all see of TOPIC once it is N records: the end of a transaction is told before it can be seen everywhere.
committed() { # TOPIC N [OPTION...]
	wait_for holds_records "$1" "$2" && kget "$1" -X isolation.level=read_committed "${@:3}"
}
