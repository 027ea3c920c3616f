# Logins and TLS: what is right works, and all else is refused at once, with its reason.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_secure_up
}

setup() {
	declare -gA wanted=()
	cd "$BATS_TEST_TMPDIR" || return
	new_stream alice
	export BATCH_BROKERS=$SECURE_BROKERS BATCH_STREAM=$S BATCH_CONFIG=$PWD/batch.conf
	umask 077
	echo not-alices >wrong
	cat >batch.conf <<-END
		ssl.ca.location=$SECURE_CA
		[profile alice]
		security.protocol=SASL_SSL
		sasl.mechanism=PLAIN
		sasl.username=alice
		sasl.password=alice-secret
		[profile certificate]
		security.protocol=SSL
		bootstrap.servers=$MUTUAL_BROKERS
		ssl.certificate.location=$SECURE_DIR/alice.pem
		ssl.key.location=$SECURE_DIR/alice.pem
		[profile tls]
		security.protocol=SSL
	END
}

# Long before the time budget
as() { # PROFILE TOOL...
	BATCH_TIMEOUT=10m BATCH_PROFILE=$1 timeout 60 "${@:2}"
}

# Starts a tool that all_refused expects to be refused, saying each TEXT in one line
refused() { # TEXT... -- PROFILE TOOL...
	local texts=() name=refused${#wanted[@]}
	while [[ $1 != -- ]]; do
		texts+=("$1")
		shift
	done
	background "$name" as "${@:2}"
	wanted[$name]=$(printf '%s\n' "${texts[@]}")
}

all_refused() {
	local name texts
	for name in "${!wanted[@]}"; do
		ends 5 "$name"
		mapfile -t stderr_lines <"$name.err"
		mapfile -t texts <<<"${wanted[$name]}"
		stderr=$(<"$name.err")
		says "${texts[@]}"
		[[ ! -s $name.out ]]
	done
	wanted=()
}

# The tools use a newer librdkafka from here on.
newer_library() {
	local dir
	dir=$("$tests_root/kafka/newer.sh" 2>newer.log) || skip "$(<newer.log)"
	export LD_LIBRARY_PATH=$dir
}

works() { # PROFILE OPTION...
	local profile=$1
	shift
	seq 100 >input
	as "$profile" batch-init "$@" --partitions 2 --replication 1
	as "$profile" batch-create "$@" -n x | as "$profile" batch-send "$@" input |
		as "$profile" batch-complete "$@" >completed.json
	json_equals "\"${owner:-alice}\"" .integratorId completed.json
	gives input as "$profile" batch-consume "$@" <completed.json
	gives input as "$profile" batch-consume "$@" -G "alice.$S" -e
}

@test "with password and certificate all goes as usual, the owner is the broker's user" {
	works alice
}

@test "with a certificate of our own there is no password" {
	unset BATCH_BROKERS
	owner=me works certificate -X owner=me
}

# --- the same with an old and a new library

wrong_logins() {
	local tool status=(-- alice batch-status)
	for tool in 'init' 'create -n x' 'send -B x wrong' 'send -B x --atomic wrong' \
		'complete -B x --records 0' 'terminate -B x' 'status' 'watch -e' 'watch -G alice.g -e' \
		'consume -B x' 'consume -G alice.g -e' 'consume -t alice.t -e'; do
		# shellcheck disable=SC2086
		refused 'Authentication failed' -- alice batch-$tool -X sasl.password.file=wrong
	done
	refused 'Unsupported SASL mechanism' "supported mechanisms: PLAIN,SCRAM-SHA-512" "${status[@]}" \
		-X sasl.mechanism=SCRAM-SHA-256
	refused 'SASL PLAIN mechanism handshake failed' "${status[@]}" -b "$MUTUAL_BROKERS" \
		-X ssl.certificate.location="$SECURE_DIR/alice.pem" -X ssl.key.location="$SECURE_DIR/alice.pem"
	all_refused
}

wrong_certificates_of_the_broker() {
	local status=(-- tls batch-status)
	refused "the broker's certificate has expired" "${status[@]}" -b "$EXPIRED_BROKERS"
	refused "authority that is not in ssl.ca.location" "${status[@]}" \
		-X ssl.ca.location=/etc/ssl/certs/ca-certificates.crt
	refused "the broker's certificate is of another" "${status[@]}" -b "127.1:${SECURE_BROKERS#*:}"
	all_refused
}

wrong_certificates_of_ours() {
	local kind file status=(-- tls batch-status -b "$MUTUAL_BROKERS")
	refused 'wants a certificate of ours' ssl.certificate.location alert "${status[@]}"
	for kind in expired stranger; do
		file=$SECURE_DIR/alice-$kind.pem
		refused "refuses our certificate, $file" 'has expired' 'not known' alert "${status[@]}" \
			-X ssl.certificate.location="$file" -X ssl.key.location="$file"
	done
	all_refused
}

wrong_protocols() {
	local asks='the broker cuts the connection: does it expect another security.protocol than'
	refused "$asks plaintext?" -- alice batch-status -X security.protocol=PLAINTEXT
	refused "$asks ssl?" -- tls batch-status -b "$(<"$SECURE_DIR/address")"
	refused "$asks sasl_ssl?" -- alice batch-status -b "$(<"$SECURE_DIR/address")"
	refused "$asks ssl?" -- tls batch-status -b "$SECURE_BROKERS"
	all_refused
}

@test "a wrong password, a wrong mechanism" {
	wrong_logins
}

@test "a certificate of the broker that has expired, is of a stranger, is of another host" {
	wrong_certificates_of_the_broker
}

@test "a certificate of ours that is missing, has expired, is of a stranger" {
	wrong_certificates_of_ours
}

@test "plaintext where TLS is wanted, TLS where it is not, TLS without a login" {
	wrong_protocols
}

@test "a newer librdkafka says the same" {
	newer_library
	wrong_logins
	wrong_certificates_of_the_broker
	wrong_certificates_of_ours
	wrong_protocols
}

@test "a certificate need not be checked when the user says so" {
	as alice batch-init -b "127.1:${SECURE_BROKERS#*:}" -X enable.ssl.certificate.verification=false
}

# --- SCRAM

@test "SCRAM with a library that cannot: the message says that" {
	! library_since 2.6.1 || skip 'this library can'
	refused 'SCRAM needs librdkafka 2.6.1' 'Kafka 4' -- alice batch-status -X sasl.mechanism=SCRAM-SHA-512
	all_refused
}

@test "SCRAM with a newer library" {
	newer_library
	works alice -X sasl.mechanism=SCRAM-SHA-512
	refused 'Authentication failed' -- alice batch-status -X sasl.mechanism=SCRAM-SHA-512 \
		-X sasl.password.file=wrong
	all_refused
}

# --- secrets

# All that is said, at its loudest, has neither the password nor what is sent for it
hushed() { # PASSWORD STATUS OPTION...
	local login
	login=$(printf '\0alice\0%s' "$1" | base64)
	echo "$1" >password
	run "-$2" as alice batch-status -vvv -X debug=all -X sasl.password.file=password "${@:3}"
	[[ $output == *'sasl.password = [redacted]'* ]]
	[[ $output != *"$1"* && $output != *"$login"* ]]
}

passwords_are_not_logged() {
	hushed alice-secret 6
	hushed not-alices 5
	hushed not-alices 5 -X sasl.mechanism=SCRAM-SHA-512
}

@test "passwords are in no log" {
	passwords_are_not_logged
}

@test "passwords are in no log of a newer librdkafka" {
	newer_library
	passwords_are_not_logged
	hushed alice-secret 6 -X sasl.mechanism=SCRAM-SHA-512
}
