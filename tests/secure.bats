# A broker that wants TLS, a password and rights: each refusal at once, with its reason.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_secure_up
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	new_stream alice
	export BATCH_BROKERS=$SECURE_BROKERS BATCH_STREAM=$S BATCH_CONFIG=$PWD/batch.conf
	umask 077
	echo not-alices >wrong
	cat >batch.conf <<-END
		security.protocol=SASL_SSL
		sasl.mechanism=PLAIN
		ssl.ca.location=$SECURE_CA
		[profile alice]
		sasl.username=alice
		sasl.password=alice-secret
		[profile bob]
		sasl.username=bob
		sasl.password=bob-secret
	END
}

# Long before the time budget of 30 s
as() { # USER TOOL...
	BATCH_PROFILE=$1 timeout 8 "${@:2}"
}

@test "with password and certificate all goes as usual, the owner is the broker's user" {
	export BATCH_PROFILE=alice
	seq 100 >input
	batch-init --partitions 2 --replication 1
	batch-create -n x | batch-send input | batch-complete >completed.json
	json_equals '"alice"' .integratorId completed.json
	gives input batch-consume <completed.json
	gives input batch-consume -G "alice.$S" -e
}

@test "a wrong password" {
	for tool in 'init' 'create -n x' 'status' 'watch -e' 'consume -G alice.g -e' 'terminate -B x'; do
		# shellcheck disable=SC2086
		run -5 --separate-stderr as alice batch-$tool -X sasl.password.file=wrong
		says 'Authentication failed'
	done
}

@test "a certificate that is not trusted" {
	run -5 --separate-stderr as alice batch-status -X ssl.ca.location=/etc/ssl/certs/ca-certificates.crt
	says certificate
}

@test "no TLS where TLS is wanted" {
	run -5 --separate-stderr as alice batch-status -X security.protocol=PLAINTEXT -m 1s
	says
}

@test "no right to write" {
	as alice batch-init --partitions 1 --replication 1
	as alice batch-create -n x --id x
	for tool in 'create -n y' 'complete -B x --records 0 --force' 'terminate -B x --force'; do
		# shellcheck disable=SC2086
		run -5 --separate-stderr as bob batch-$tool
		says "$S.notification" 'no right'
	done
	run -5 --separate-stderr as bob batch-send -B x <<<one
	says "$S.in" 'no right'
	run -5 --separate-stderr as bob batch-init --partitions 1 --replication 1 -s "$S.new"
	says "$S.new"
	run -0 --separate-stderr as bob batch-status -B x
	doc_is '.status == "started"' '.version == 1'
}

@test "no right to read, or to see that it exists" {
	run -5 --separate-stderr as alice batch-status -s secret.stream
	says secret.stream.notification 'no right'
	run -5 --separate-stderr as alice batch-consume -t secret.topic -e
	says secret.topic 'no right'
}

@test "no right to a group" {
	as alice batch-init --partitions 1 --replication 1
	as alice batch-create -n x | as alice batch-send /dev/null | as alice batch-complete
	run -5 --separate-stderr as bob batch-consume -G alice.g -e
	says alice.g
	run -5 --separate-stderr as bob batch-watch -G alice.g -e
	says alice.g
	run -0 --separate-stderr as bob batch-consume -G "bob.$S" -e
	run -5 --separate-stderr as bob batch-consume -t "$S.in" -G alice.g -e
	mentions alice.g
}
