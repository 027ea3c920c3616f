#!/usr/bin/env bash
# A Kafka on 127.0.0.1, of one broker or of several, for the tests, the demo and for trying things by hand.
set -euo pipefail

here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
root=$(cd "$here/../.." && pwd)
jars=$root/build/kafka
start_seconds=180
stop_seconds=10

usage() {
	cat <<'EOF'
usage: broker.sh start DIR [OPTION...]   start, wait until it serves, print HOST:PORT
       broker.sh stop DIR [--rm]         stop; with --rm remove DIR too
       broker.sh run DIR [OPTION...]     the same in the foreground, until a signal
       broker.sh acl DIR ARG...          kafka-acls against the broker in DIR
       broker.sh topics DIR ARG...       kafka-topics against the broker in DIR
       broker.sh delete-records DIR ARG...  kafka-delete-records against the broker in DIR
       broker.sh quorum DIR ARG...       kafka-metadata-quorum against the broker in DIR
       broker.sh jars                    fetch the jars, if they are not there

options of start and run:
  --property NAME=VALUE   a server property that replaces ours; @DIR@, @PORT@, @CONTROLLER_PORT@
                          and @SECURE_PORT@ in VALUE stand for those of this broker
  --secure                more listeners, with access rules; on the first all is allowed.
                          secure: SASL_SSL; by PLAIN and SCRAM-SHA-512 user alice with password
                          alice-secret, who may do all on topics, groups and transactions called
                          alice.*; by PLAIN u1 to u99 with password u-secret and no rights.
                          mutual: TLS, the user is the name in the client's certificate.
                          expired: TLS with a certificate of the past
  --owner PID             stop when process PID is gone, however it went
  --brokers N             start: a cluster; DIR/1 to DIR/N are brokers like a single one, to be stopped
                          and started --again each. Topics have min.insync.replicas=2
  --again                 start: the stopped broker of DIR with its data, ports and settings

in DIR: address, pid, log, server.properties, data/; with --secure also address-secure,
        address-mutual, address-expired and what keys.sh makes
environment: BATCH_TEST_JVM replaces the JVM's options
EOF
}

die() {
	printf 'broker.sh: %s\n' "$*" >&2
	exit 1
}

bad_usage() {
	printf 'broker.sh: %s (see broker.sh --help)\n' "$*" >&2
	exit 2
}

# --- the jars

pom_sum() {
	cksum <"$here/pom.xml"
}

have_jars() {
	[[ -d $jars/libs && -e $jars/stamp && $(<"$jars/stamp") == "$(pom_sum)" ]]
}

fetch_jars() {
	local new=$jars/libs.new plugin=org.apache.maven.plugins:maven-dependency-plugin
	command -v mvn >/dev/null || die "needs Maven to fetch Kafka; tests/setup.sh demo installs it"
	echo "Fetching Kafka with Maven" >&2
	rm -rf "$new" "$jars/stamp"
	MAVEN_OPTS="${MAVEN_OPTS:-} -XX:-UsePerfData" mvn -q -B -ntp -Dstyle.color=never -f "$here/pom.xml" "$plugin:copy-dependencies" \
		-DincludeScope=runtime -DoutputDirectory="$new" </dev/null >&2 || die "Maven could not fetch Kafka"
	rm -rf "$jars/libs"
	mv "$new" "$jars/libs"
	pom_sum >"$jars/stamp"
}

ensure_jars() {
	have_jars && return
	mkdir -p "$jars"
	(
		flock 9
		have_jars || fetch_jars
	) 9>"$jars/lock"
}

# --- processes

# A zombie has no command line, and neither has a stranger who was given the number since ours.
runs() { # PID LAST-WORD-OF-ITS-COMMAND-LINE
	local words
	{ mapfile -d '' -t words <"/proc/$1/cmdline"; } 2>/dev/null && [[ ${words[*]: -1} == "$2" ]]
}

has_command_line() { # PID
	[[ -n $({ tr -d '\0' <"/proc/$1/cmdline"; } 2>/dev/null) ]]
}

broker_pid() { # DIR
	local pid
	[[ -s $1/pid ]] && pid=$(<"$1/pid") && runs "$pid" "$1/server.properties" && echo "$pid"
}

is_up() { # DIR
	broker_pid "$1" >/dev/null
}

wait_gone() { # PID WORD SECONDS
	local end=$((SECONDS + $3))
	while runs "$1" "$2"; do
		((SECONDS < end)) || return 1
		sleep 0.05
	done
}

stop_process() { # PID WORD
	local signal
	for signal in TERM KILL; do
		kill -s "$signal" "$1" 2>/dev/null || return 0
		wait_gone "$1" "$2" "$stop_seconds" && return
	done
	die "process $1 does not go away"
}

# DIR itself, or those of a cluster's brokers in it.
folders() { # DIR
	local file
	for file in "$1"/server.properties "$1"/*/server.properties; do
		[[ ! -e $file ]] || dirname "$file"
	done
}

stop_broker() { # DIR
	local pid folder
	for folder in $(folders "$1"); do
		pid=$(broker_pid "$folder") || continue
		stop_process "$pid" "$folder/server.properties"
	done
}

# What waits for an end of file on our caller's descriptors must not wait for the broker.
close_inherited() {
	local fd
	for fd in "/proc/$BASHPID/fd/"*; do
		fd=${fd##*/}
		((fd <= 2)) || eval "exec $fd>&-"
	done
}

kafka() { # CLASS ARG...
	java -cp "$jars/libs/*" -Djava.io.tmpdir="${TMPDIR:-/tmp}" -Xmx256m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC -XX:-UsePerfData \
		-Dorg.slf4j.simpleLogger.defaultLogLevel=warn "$@"
}

# --- configuration

port_is_free() { # PORT
	! (exec 3<>"/dev/tcp/127.0.0.1/$1") 2>/dev/null
}

# Below the range from which the system takes the ports of outgoing connections.
pick_ports() { # sets port, controller_port, secure_port, mutual_port, expired_port
	local found=() try
	while ((${#found[@]} < 5)); do
		try=$((20000 + RANDOM % 12000))
		[[ " ${found[*]} " != *" $try "* ]] && port_is_free "$try" && found+=("$try")
	done
	port=${found[0]} controller_port=${found[1]} secure_port=${found[2]}
	mutual_port=${found[3]} expired_port=${found[4]}
}

# Retention is off because tests write records dated long ago. The cleaner's default buffer would
# take a third of the heap.
base_properties() { # DIR
	cat <<EOF
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@127.0.0.1:$controller_port
controller.listener.names=CONTROLLER
listeners=PLAINTEXT://127.0.0.1:$port,CONTROLLER://127.0.0.1:$controller_port
advertised.listeners=PLAINTEXT://127.0.0.1:$port
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs=$1/data
auto.create.topics.enable=false
offsets.topic.num.partitions=1
offsets.topic.replication.factor=1
transaction.state.log.num.partitions=1
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
share.coordinator.state.topic.num.partitions=1
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=500
log.retention.ms=-1
log.cleaner.dedupe.buffer.size=4194304
EOF
}

users_without_rights() {
	printf ' user_u%d="u-secret"' {1..99}
}

secure_properties() { # DIR
	local module=org.apache.kafka.common.security
	local listeners=SASL_SSL://127.0.0.1:$secure_port,MUTUAL://127.0.0.1:$mutual_port
	listeners=PLAINTEXT://127.0.0.1:$port,$listeners,EXPIRED://127.0.0.1:$expired_port
	cat <<EOF
listeners=$listeners,CONTROLLER://127.0.0.1:$controller_port
advertised.listeners=$listeners
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,SASL_SSL:SASL_SSL,MUTUAL:SSL,EXPIRED:SSL,CONTROLLER:PLAINTEXT
sasl.enabled.mechanisms=PLAIN,SCRAM-SHA-512
listener.name.sasl_ssl.plain.sasl.jaas.config=$module.plain.PlainLoginModule required \\
  user_alice="alice-secret"$(users_without_rights);
listener.name.sasl_ssl.scram-sha-512.sasl.jaas.config=$module.scram.ScramLoginModule required;
ssl.keystore.type=PEM
ssl.keystore.location=$1/broker.pem
ssl.truststore.type=PEM
ssl.truststore.location=$1/ca.pem
listener.name.mutual.ssl.client.auth=required
listener.name.mutual.ssl.principal.mapping.rules=RULE:^CN=([^,]+).*$/\$1/
listener.name.expired.ssl.keystore.location=$1/broker-expired.pem
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
allow.everyone.if.no.acl.found=false
super.users=User:ANONYMOUS
EOF
}

expand() { # DIR, text on stdin
	sed -e "s|@DIR@|$1|g" -e "s|@PORT@|$port|g" -e "s|@SECURE_PORT@|$secure_port|g" \
		-e "s|@CONTROLLER_PORT@|$controller_port|g"
}

# The last of several values counts.
write_properties() { # DIR
	{
		base_properties "$1"
		((secure)) && secure_properties "$1"
		((${#properties[@]})) && printf '%s\n' "${properties[@]}" | expand "$1"
		true
	} >"$1/server.properties"
}

cluster_id() {
	local id
	id=$(head -c 16 /dev/urandom | base64 | tr '+/' '-_')
	printf 'K%s\n' "${id:1:21}" # a leading - would be taken for an option
}

format_storage() { # DIR CLUSTER-ID
	local scram=()
	((!secure)) || scram=(--add-scram 'SCRAM-SHA-512=[name=alice,password=alice-secret]')
	rm -rf "$1/data"
	kafka kafka.tools.StorageTool format -t "$2" -c "$1/server.properties" \
		"${scram[@]}" >"$1/format.log" 2>&1 && return
	cat "$1/format.log" >&2
	die "could not format $1/data"
}

grant() { # DIR
	kafka org.apache.kafka.tools.AclCommand --bootstrap-server "127.0.0.1:$port" --add \
		--resource-pattern-type prefixed --allow-principal User:alice --operation All \
		--topic alice. --group alice. --transactional-id alice. >"$1/acl.log" 2>&1 && return
	cat "$1/acl.log" >&2
	return 1
}

# --- starting

spawn() { # DIR HOLDER...
	local dir=$1 jvm
	shift
	mkdir -p "$dir/tmp"
	read -ra jvm <<<"${BATCH_TEST_JVM:--Xmx384m -XX:TieredStopAtLevel=1 -XX:+UseSerialGC}"
	(
		close_inherited
		exec "$@" java -cp "$jars/libs/*" -Djava.io.tmpdir="$dir/tmp" "${jvm[@]}" -XX:-UsePerfData \
			-Dorg.slf4j.simpleLogger.showDateTime=true \
			-Dorg.slf4j.simpleLogger.dateTimeFormat=HH:mm:ss.SSS \
			-Dorg.slf4j.simpleLogger.defaultLogLevel=warn \
			-Dorg.slf4j.simpleLogger.log.kafka.server.KafkaRaftServer=info \
			kafka.Kafka "$dir/server.properties"
	) </dev/null >"$dir/log" 2>&1 &
	child=$!
	echo "$child" >"$dir/pid"
}

answers_metadata() { # DIR
	local kcat listeners
	kcat=$(command -v kcat || command -v kafkacat) || return 0
	listeners=$(grep '^listeners=' "$1/server.properties" | tail -n 1)
	[[ $listeners == *PLAINTEXT://127.0.0.1:$port,* ]] || return 0 # only this one is open to kcat
	[[ $("$kcat" -L -b "127.0.0.1:$port" -m 2 2>/dev/null) =~ \ [1-9][0-9]*\ brokers ]]
}

serves() { # DIR
	grep -qs 'Kafka Server started' "$1/log" && ! port_is_free "$port" && answers_metadata "$1"
}

wait_serving() { # DIR
	local end=$((SECONDS + start_seconds))
	until serves "$1"; do
		kill -0 "$child" 2>/dev/null || return
		((SECONDS < end)) || die "the broker in $1 did not answer within $start_seconds s"
		sleep 0.05
	done
}

lost_its_port() { # DIR
	grep -q -e 'Address already in use' -e 'failed to bind' "$1/log"
}

relaunch() { # DIR HOLDER...
	port=$(<"$1/address")
	port=${port##*:}
	spawn "$@"
	wait_serving "$1" && return
	tail -n 40 "$1/log" >&2
	die "the broker in $1 ended at start"
}

launch() { # DIR HOLDER...
	local dir=$1 attempt
	for attempt in 1 2 3 4 5; do
		pick_ports
		write_properties "$dir"
		format_storage "$dir" "$(cluster_id)"
		spawn "$@"
		wait_serving "$dir" && return
		lost_its_port "$dir" || break
	done
	tail -n 40 "$dir/log" >&2
	die "the broker in $dir ended at start (attempt $attempt)"
}

# --- several brokers

member_properties() { # NODE VOTERS
	local replicas=$((brokers < 3 ? brokers : 3))
	cat <<EOF
node.id=$1
controller.quorum.voters=$2
default.replication.factor=$replicas
min.insync.replicas=2
offsets.topic.replication.factor=$replicas
transaction.state.log.replication.factor=$replicas
transaction.state.log.min.isr=2
broker.session.timeout.ms=4000
broker.heartbeat.interval.ms=300
EOF
}

plan_cluster() { # sets ports, controller_ports, voters
	local i
	ports=() controller_ports=() voters=''
	for ((i = 1; i <= brokers; i++)); do
		pick_ports
		ports[i]=$port controller_ports[i]=$controller_port
		voters+=${voters:+,}$i@127.0.0.1:$controller_port
	done
}

launch_cluster() { # DIR HOLDER...
	local dir=$1 id i given=("${properties[@]}") children=()
	id=$(cluster_id)
	plan_cluster
	for ((i = 1; i <= brokers; i++)); do
		mkdir -p "$dir/$i"
		port=${ports[i]} controller_port=${controller_ports[i]}
		mapfile -t properties < <(member_properties "$i" "$voters")
		properties+=("${given[@]}")
		write_properties "$dir/$i"
		format_storage "$dir/$i" "$id" &
	done
	wait
	for ((i = 1; i <= brokers; i++)); do
		spawn "$dir/$i" "${@:2}"
		children[i]=$child
	done
	for ((i = 1; i <= brokers; i++)); do
		port=${ports[i]} child=${children[i]}
		wait_serving "$dir/$i" || die "broker $i ended at start; see $dir/$i/log"
		echo "127.0.0.1:$port" >"$dir/$i/address"
	done
	cat "$dir"/*/address | paste -sd, >"$dir/address"
}

publish() { # DIR
	echo "127.0.0.1:$port" >"$1/address"
	((secure)) || return 0
	grant "$1" || die "could not set the access rules"
	echo "127.0.0.1:$secure_port" >"$1/address-secure"
	echo "127.0.0.1:$mutual_port" >"$1/address-mutual"
	echo "127.0.0.1:$expired_port" >"$1/address-expired"
}

prepare() { # DIR
	is_up "$1" && die "a broker runs in $1 already, at $(<"$1/address")"
	command -v java >/dev/null || die "needs Java; tests/setup.sh demo installs it"
	ensure_jars
	if ((again)); then
		[[ -s $1/address ]] || die "no broker was started in $1"
		return
	fi
	mkdir -p "$1"
	rm -f "$1/address" "$1"/address-* "$1/pid"
	if ((secure)); then "$here/keys.sh" "$1"; fi
}

# Once started, a broker must not stay behind a start that failed or was interrupted.
start() { # DIR
	local folder
	prepare "$1"
	trap 'stop_broker "$dir"' EXIT
	trap 'exit 130' INT
	trap 'exit 143' TERM HUP
	if ((again)); then
		relaunch "$1" setsid
	elif ((brokers > 1)); then
		launch_cluster "$1" setsid
	else
		launch "$1" setsid
		publish "$1"
	fi
	if [[ -n $owner ]]; then
		for folder in $(folders "$1"); do
			setsid "$here/broker.sh" watch "$folder" --owner "$owner" </dev/null >/dev/null 2>&1 &
		done
	fi
	trap - EXIT
	cat "$1/address"
}

# The folder may vanish together with the owner, so the broker is remembered by its number.
watch() { # DIR
	local pid
	close_inherited
	pid=$(broker_pid "$1") || return 0
	while runs "$pid" "$1/server.properties" && has_command_line "$owner"; do
		sleep 0.5
	done
	! runs "$pid" "$1/server.properties" || stop_process "$pid" "$1/server.properties"
}

greet() { # DIR
	cat <<EOF
Kafka serves at $(<"$1/address"), with fresh data in ${1#"$PWD"/}. In another terminal:

    export BATCH_BROKERS=$(<"$1/address")
    export PATH=$root/build/bin:\$PATH

EOF
	((secure)) && printf 'SASL_SSL at %s, CA in %s.\n' "$(<"$1/address-secure")" "$1/ca.pem"
	echo "Ctrl-C stops it."
}

run() { # DIR
	local holder=(setpriv --pdeathsig KILL)
	command -v setpriv >/dev/null || holder=(env)
	"$root/tests/setup.sh" demo
	prepare "$1"
	trap 'stop_broker "$dir"' EXIT
	trap 'exit 0' INT TERM HUP
	launch "$1" "${holder[@]}"
	publish "$1"
	greet "$1"
	wait "$child" || die "the broker ended by itself; see $1/log"
}

stop() { # DIR
	stop_broker "$1"
	if ((remove)) && [[ -n $(folders "$1") ]]; then rm -rf "$1"; fi
}

tool() { # DIR CLASS ARG...
	local dir=$1 class=$2
	shift 2
	is_up "$dir" || die "no broker runs in $dir"
	kafka "$class" --bootstrap-server "$(<"$dir/address")" "$@"
}

# --- command line

parse_options() {
	while (($#)); do
		case $1 in
		--secure) secure=1 ;;
		--rm) remove=1 ;;
		--again) again=1 ;;
		--property | --owner | --brokers)
			(($# > 1)) || bad_usage "$1 needs a value"
			case $1 in
			--property) properties+=("$2") ;;
			--owner) owner=$2 ;;
			--brokers) brokers=$2 ;;
			esac
			shift
			;;
		*) bad_usage "unknown option '$1'" ;;
		esac
		shift
	done
}

main() {
	secure=0 remove=0 again=0 brokers=1 owner='' properties=() child=''
	local action=${1:-}
	case $action in
	-h | --help) usage && exit ;;
	jars)
		ensure_jars
		exit
		;;
	start | stop | run | watch | acl | topics | delete-records | quorum) (($# > 1)) || bad_usage "$action needs a folder" ;;
	*) bad_usage "what to do?" ;;
	esac
	dir=$(realpath -m -- "$2")
	shift 2
	case $action in
	acl) tool "$dir" org.apache.kafka.tools.AclCommand "$@" ;;
	topics) tool "$dir" org.apache.kafka.tools.TopicCommand "$@" ;;
	delete-records) tool "$dir" org.apache.kafka.tools.DeleteRecordsCommand "$@" ;;
	quorum) tool "$dir" org.apache.kafka.tools.MetadataQuorumCommand "$@" ;;
	*) parse_options "$@" && "$action" "$dir" ;;
	esac
}

main "$@"
