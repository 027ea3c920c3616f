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

# "openssl ca" alone takes both dates in all versions, that of the end in the past, too.
certify() { # FILE AUTHORITY END SUBJECT-NAME EXTENSION
	openssl req "${new_key[@]}" -subj "/CN=$4" -keyout "$1.key" -out "$1.csr"
	: >issued.db
	openssl ca -batch -notext -config <(authority_rules "$2") -extfile <(echo "$5") \
		-startdate "$(date_in '2 days ago')" -enddate "$(date_in "$3")" -in "$1.csr" -out "$1.crt"
	cat "$1.key" "$1.crt" "$2.pem" >"$1.pem"
}

date_in() { # WHEN
	date -u -d "$1" +%Y%m%d%H%M%SZ
}

authority_rules() { # NAME
	cat <<-END
		[ca]
		default_ca = rules
		[rules]
		database = issued.db
		new_certs_dir = .
		certificate = $1.pem
		private_key = $1.key
		rand_serial = yes
		default_md = sha256
		policy = any
		[any]
		commonName = supplied
	END
}

make_all() {
	local server='subjectAltName=DNS:localhost,IP:127.0.0.1' client='extendedKeyUsage=clientAuth'
	authority ca
	authority stranger
	certify broker ca '10 years' localhost "$server"
	certify broker-expired ca '1 day ago' localhost "$server"
	certify alice ca '10 years' alice "$client"
	certify alice-expired ca '1 day ago' alice "$client"
	certify alice-stranger stranger '10 years' alice "$client"
	rm -f -- *.key *.csr *.crt issued.db* [0-9A-F]*.pem stranger.pem
}

if [[ $# -ne 1 || $1 == -* ]]; then
	usage
	exit 2
fi
umask 077
cd "$1"
make_all 2>keys.log
