# The RECIPES of batch-work(1), as they stand there, beside a server of their own.
# shellcheck disable=SC2016 # commands of batch-work expand their own variables
bats_require_minimum_version 1.5.0
load lib/batch
load lib/work

setup_file() {
	kafka_up
}

setup() {
	begin_work 2
}

teardown() {
	end_background
	[[ -z ${PGHOST:-} ]] || { wait && rm -rf "$PGHOST"; }
}

# The N-th literal text under a heading of the manual.
recipe() { # HEADING N
	mandoc -T ascii -O width=200 "$tests_root/../man/batch-work.1" | sed 's/.\x08//g' |
		awk -v heading="   $1" -v n="$2" '
			/^[^ ]/ || /^   [^ ]/ { on = $0 == heading }
			on { literal = /^           /; count += literal && !before; before = literal }
			on && literal && count == n { print substr($0, 12) }'
}

# A file work.sh of its command, for our stream and group and with further options, until nothing is left.
worker_of() { # HEADING N [OPTION...]
	recipe "$1" "$2" >work.sh
	grep -q '^batch-work ' work.sh
	sed -i "s,-s claims -G [a-z-]*,-G $G --once ${*:3},; s,http://localhost:8080,${service:-},g" work.sh
	worker=(timeout -s KILL 120 bash work.sh)
}

# --- PostgreSQL

# A server that has the table. Sets what psql goes by.
make_database() {
	local found=(/usr/lib/postgresql/*/bin/initdb)
	postgres=$(dirname "$(command -v initdb || echo "${found[-1]}")")
	{ [[ -x $postgres/initdb ]] && command -v psql; } >psql.path || skip 'no PostgreSQL here'
	export PGHOST PGUSER=u PGDATABASE=postgres
	PGHOST=$(mktemp -d -p /tmp) # where another user may go
	other=()
	if ((EUID == 0)); then # as whom it will not run
		chown nobody "$PGHOST"
		other=(env -C / setpriv --reuid=nobody --regid=nogroup --clear-groups)
	fi
	"${other[@]}" "$postgres/initdb" -D "$PGHOST/data" -U u -A trust -N -E UTF8 --locale C >initdb.out
	database_up
	psql -qc "$(recipe 'Load into PostgreSQL' 1)"
	recipe 'Load into PostgreSQL' 2 >load.sql
}

database_up() {
	background postgres "${other[@]}" "$postgres/postgres" -D "$PGHOST/data" -k "$PGHOST" -h '' -F
	wait_for psql -qc ''
}

# What is in the table, in the order of the topic.
table() {
	psql -qAtc 'SELECT claim FROM claims ORDER BY part, pos'
}

@test "into PostgreSQL: each record once, a bad one apart, and a server that is away is no record's fault" {
	make_database
	printf '%s\n' '{"claim":1,"of":"O'\''Neil"}' '{"claim":2,"of":"a\\b \"c\""}' '{"claim":3,"of":"Zoë\ttab"}' >good
	{ cat good && echo 'not a claim'; } >in
	ready in
	kill -INT "${pids[postgres]}"
	ends 0 postgres
	worker_of 'Load into PostgreSQL' 3 --backoff 200ms --breaker 1000
	background first "${worker[@]}"
	wait_for grep -q 'psql: error: connection' first.err
	database_up
	ends 0 first
	ended_as completed 4 1
	cmp <(sort good) <(table | sort)
}

@test "into PostgreSQL a second time: nothing more is there" {
	make_database
	seq -f '{"claim":%.0f}' 100 >in
	ready in
	worker_of 'Load into PostgreSQL' 3 --sample 30
	"${worker[@]}"
	[[ $(table | wc -l) -eq 30 ]]
	worker_of 'Load into PostgreSQL' 3
	"${worker[@]}"
	ended_as completed 100 0
	cmp <(sort in) <(table | sort)
}

# --- HTTP

# Answers each POST with how many lines it had, or with 400 when one is bad. Prints its port.
serve() {
	exec python3 -c '
import http.server
class Handler(http.server.BaseHTTPRequestHandler):
    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.log(self.headers["Idempotency-Key"])
        self.send_response(400 if b"bad" in body else 200)
        self.end_headers()
        if b"bad" not in body:
            self.wfile.write(b"%d lines\n" % body.count(b"\n"))
    def log(self, key):
        print(self.path, key, flush=True)
    def log_message(self, *ignored):
        pass
server = http.server.HTTPServer(("127.0.0.1", 0), Handler)
print(server.server_port, flush=True)
server.serve_forever()'
}

@test "to an HTTP service: its answers are the results, a chunk has a key, a bad record is set apart" {
	{ seq 40 && echo bad && seq 60; } >in
	ready in
	recipe 'Call an HTTP service' 2 >post.sh
	background server serve
	wait_for test -s server.out
	service=http://127.0.0.1:$(head -n 1 server.out)
	worker_of 'Call an HTTP service' 1
	"${worker[@]}"
	ended_as completed 101 1
	kget "$S.out" | awk '{n += $1} END {exit n != 100}'
	kget "$S.invalid" | jq -e '.failure | contains("400")'
	tail -n +2 server.out | awk '$1 != "/claims" || $2 !~ "^'"$S"'.in-[01]-" {exit 1} END {if (!NR) exit 1}'
}

@test "to an HTTP service that is not there: nothing is invalid" {
	seq 5 >in
	ready in
	recipe 'Call an HTTP service' 2 >post.sh
	service=http://127.0.0.1:1
	worker_of 'Call an HTTP service' 1 --retries 0
	background away "${worker[@]}"
	wait_for grep -q 'no record is blamed' away.err
	stopped away
	status_is sendCompleted
	[[ -z $(kget "$S.invalid") ]]
}
