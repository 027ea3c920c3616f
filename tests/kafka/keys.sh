#!/usr/bin/env bash
# Keys and certificates for a broker with TLS and its clients, good ones and bad ones.
set -euo pipefail

usage() {
	cat <<'EOF2'
usage: keys.sh DIR

makes in DIR, each with its key in one PEM file:
  ca.pem               the authority that broker and clients trust, without its key
  broker.pem           the broker, as 127.0.0.1 and localhost
  broker-expired.pem   the same until yesterday
  alice.pem            a client called alice
  alice-expired.pem    the same until yesterday
  alice-stranger.pem   one that says so, signed by an authority that nobody knows
EOF2
}

new_key=(-newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -sha256)

authority() { # NAME
	openssl req -x509 "${new_key[@]}" -days 3650 -subj "/CN=batchutils test, $1" -keyout "$1.key" -out "$1.pem"
}

# days less than 0 are in the past
certify() { # FILE AUTHORITY DAYS SUBJECT-NAME EXTENSION
	openssl req "${new_key[@]}" -subj "/CN=$4" -keyout "$1.key" -out "$1.csr"
	openssl x509 -req -in "$1.csr" -CA "$2.pem" -CAkey "$2.key" -CAcreateserial -days "$3" -sha256 \
		-extfile <(echo "$5") -out "$1.crt"
	cat "$1.key" "$1.crt" "$2.pem" >"$1.pem"
}

make_all() {
	local server='subjectAltName=DNS:localhost,IP:127.0.0.1' client='extendedKeyUsage=clientAuth'
	authority ca
	authority stranger
	certify broker ca 3650 localhost "$server"
	certify broker-expired ca -1 localhost "$server"
	certify alice ca 3650 alice "$client"
	certify alice-expired ca -1 alice "$client"
	certify alice-stranger stranger 3650 alice "$client"
	rm -f -- *.key *.csr *.crt *.srl stranger.pem
}

if [[ $# -ne 1 || $1 == -* ]]; then
	usage
	exit 2
fi
umask 077
cd "$1"
make_all 2>keys.log
