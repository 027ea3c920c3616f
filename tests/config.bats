# Settings: where they come from, which of them wins, and secrets.
bats_require_minimum_version 1.5.0
load lib/batch

setup_file() {
	kafka_up
}

setup() {
	cd "$BATS_TEST_TMPDIR" || return
	mkdir -p config/batch
	export XDG_CONFIG_HOME=$PWD/config
	file=config/batch/batch.conf
}

# A configuration file that only we can read, from standard input
configure() { # [FILE]
	(umask 077 && cat >"${1:-$file}")
}

# The value of a setting in force
value() { # NAME OPTION...
	batch-status "${@:2}" -X dump >dump && sed -n "s/^$1=//p" dump
}

refused() { # TEXT...
	run -2 --separate-stderr batch-status -X dump
	says "$@"
	[[ -z $output ]]
}

# --- which one wins

@test "option, -X, environment, profile, file, default: the first wins" {
	[[ $(value client.id) == batchutils ]]
	configure <<-'END'
		client.id=of-the-file
		[profile p]
		client.id=of-the-profile
	END
	[[ $(value client.id) == of-the-file ]]
	[[ $(value client.id -C p) == of-the-profile ]]
	export BATCH_CLIENT_ID=of-the-environment
	[[ $(value client.id -C p) == of-the-environment ]]
	[[ $(value client.id -C p -X client.id=of-X) == of-X ]]
	[[ $(value metadata.broker.list -X bootstrap.servers=x:1 -b option:1) == option:1 ]]
}

@test "brokers come from the option, two variables or the file" {
	configure <<<'bootstrap.servers=of-the-file:1'
	unset BATCH_BROKERS
	[[ $(value metadata.broker.list) == of-the-file:1 ]]
	export KAFKA_BROKERS=of-kafka:1
	[[ $(value metadata.broker.list) == of-kafka:1 ]]
	export BATCH_BROKERS=of-batch:1
	[[ $(value metadata.broker.list) == of-batch:1 ]]
	[[ $(value metadata.broker.list -b option:1,option:2) == option:1,option:2 ]]
}

@test "one setting under two names is one setting" {
	configure <<<'metadata.broker.list=of-the-file:1'
	[[ $(value metadata.broker.list) == "$BATCH_BROKERS" ]]
	[[ $(value metadata.broker.list -X bootstrap.servers=of-X:1) == of-X:1 ]]
	[[ $(value metadata.broker.list -X metadata.broker.list=of-X:1) == of-X:1 ]]
}

@test "dots are underscores in the environment, variables of others are left alone" {
	export BATCH_QUEUE_BUFFERING_MAX_MESSAGES=4321 BATCH_NIGHTLY=1 BATCH_COUNT=
	[[ $(value queue.buffering.max.messages) == 4321 ]]
}

@test "the file is that of -F, BATCH_CONFIG, XDG_CONFIG_HOME, HOME" {
	mkdir -p home/.config/batch
	configure option.conf <<<client.id=of-option
	configure variable.conf <<<client.id=of-variable
	configure <<<client.id=of-xdg
	configure home/.config/batch/batch.conf <<<client.id=of-home
	export HOME=$PWD/home BATCH_CONFIG=variable.conf
	[[ $(value client.id -F option.conf) == of-option ]]
	[[ $(value client.id) == of-variable ]]
	unset BATCH_CONFIG
	[[ $(value client.id) == of-xdg ]]
	unset XDG_CONFIG_HOME
	[[ $(value client.id) == of-home ]]
}

@test "a profile is chosen by -C or BATCH_PROFILE" {
	configure <<-'END'
		client.id=none
		[profile one]
		client.id=one
		[profile two]
		client.id=two
	END
	[[ $(value client.id) == none ]]
	[[ $(value client.id -C two) == two ]]
	[[ $(BATCH_PROFILE=one value client.id) == one ]]
	[[ $(BATCH_PROFILE=one value client.id -C two) == two ]]
	run -2 --separate-stderr batch-status -C three -X dump
	says "no profile 'three'" "$file"
}

@test "stream, owner and time budget may be settings" {
	begin
	export XDG_CONFIG_HOME=$PWD
	mkdir batch
	configure batch/batch.conf <<-END
		stream=$S
		owner=acme
		timeout=300ms
		[profile x]
		timeout=10ms
	END
	unset BATCH_STREAM BATCH_TIMEOUT
	run -0 --separate-stderr batch-create -n x -m 30s
	doc_is '.integratorId == "acme"'
	B=$(jq -r .id <<<"$output")
	run_in_vain 4 timeout 20 batch-consume -B "$B"
	run_in_vain 4 timeout 20 batch-consume -B "$B" -m 200ms
	run -0 --separate-stderr batch-terminate -B "$B" -m 30s
	run -2 --separate-stderr batch-status -X timeout=soon
	says timeout
}

# --- the file

@test "comments, blanks, CRLF and equals signs in values" {
	configure < <(printf '# comment\n\n \t\n  client.id = a=b c # d \r\n[profile p]\r\n\tclient.rack=r\r\n')
	[[ $(value client.id) == 'a=b c # d' ]]
	[[ $(value client.rack -C p) == r ]]
}

@test "what is no setting is refused with its place" {
	configure < <(printf 'client.id=x\nno.such.setting=1\n')
	refused "$PWD/$file:2: unknown setting 'no.such.setting'"
	configure < <(printf 'client.id=x\n\nno equals sign\n')
	refused "batch.conf:3: no '='"
	configure <<<'=value'
	refused 'batch.conf:1: no name'
	configure <<<'[section]'
	refused 'batch.conf:1: unknown section'
	configure <<<'[profile p'
	refused "batch.conf:1: ']'"
	configure <<<'linger.ms=soon'
	refused 'batch.conf:1: ' linger.ms
}

@test "a profile that is not chosen is checked all the same" {
	configure < <(printf '[profile other]\nno.such.setting=1\n')
	refused "batch.conf:2: unknown setting 'no.such.setting'"
}

@test "unknown settings are refused on the command line too" {
	run -2 --separate-stderr batch-status -X no.such.setting=1 -X dump
	says "-X: unknown setting 'no.such.setting'"
	for text in novalue =1 ''; do
		run -2 --separate-stderr batch-status -X "$text" -X dump
		says "-X: '$text'"
	done
}

@test "a file that was asked for must be there" {
	run -2 --separate-stderr batch-status -F missing.conf -X dump
	says missing.conf
	run -2 --separate-stderr batch-status -F . -X dump
	says
	run -2 --separate-stderr env BATCH_CONFIG=missing.conf batch-status -X dump
	says missing.conf
	rm -rf config
	run -0 --separate-stderr batch-status -X dump
}

@test "-X dump shows the settings of our own that were given, of each tool" {
	configure <<-'END'
		work.chunk=5
		[profile p]
		work.jobs=11
	END
	for tool in status send work; do
		run -0 --separate-stderr env BATCH_WORK_RETRIES=2 "batch-$tool" -C p -s claims -X work.drain=3s -X timeout=7s -X dump
		for wanted in stream=claims timeout=7s work.chunk=5 work.jobs=11 work.retries=2 work.drain=3s; do
			grep -qx "$wanted" <<<"$output"
		done
		run ! grep -E '^(batch|work.linger)=' <<<"$output"
	done
}

@test "-X list shows every setting there is, ours and librdkafka's" {
	run -0 --separate-stderr batch-status -X list
	silent
	for name in stream owner timeout bootstrap.servers linger.ms sasl.password; do
		grep -q "^$name " <<<"$output"
	done
}

# --- secrets

secret=hunter2-very-secret

# The setting is in force, and nowhere to be seen
hidden() { # OPTION...
	run -0 --separate-stderr batch-status "$@" -vvv -X dump
	[[ $output == *'sasl.password=(hidden)'* || $output == *'sasl.password=[redacted]'* ]]
	[[ $output$stderr != *"$secret"* ]]
}

@test "a secret may come from a file, a variable or a private configuration file" {
	configure password <<<"$secret"
	hidden -X sasl.password.file=password
	THE_PASSWORD=$secret hidden -X sasl.password.env=THE_PASSWORD
	BATCH_SASL_PASSWORD=$secret hidden
	BATCH_SASL_PASSWORD_FILE=password hidden
	configure <<<"sasl.password=$secret"
	hidden
	configure <<<'sasl.password.file=password'
	chmod 644 "$file"
	hidden
}

@test "a secret on the command line is refused, without repeating it" {
	for name in sasl.password ssl.key.password ssl.keystore.password; do
		run -2 --separate-stderr batch-status -X "$name=$secret" -X dump
		says "$name.file=PATH"
		[[ $stderr != *"$secret"* ]]
	done
}

@test "a secret in a file that others can read is refused" {
	configure < <(printf 'client.id=x\nsasl.password=%s\n' "$secret")
	for mode in 644 640 604; do
		chmod "$mode" "$file"
		refused "$file:2: " 'chmod 600'
		[[ $stderr != *"$secret"* ]]
	done
	chmod 600 "$file"
	hidden
}

@test "a file for one secret that others can read is refused, too" {
	configure password <<<"$secret"
	configure <<<'sasl.password.file=password'
	for mode in 644 640 604; do
		chmod "$mode" password
		refused "$file:1: sasl.password.file: others can read password" 'chmod 600 password'
		[[ $stderr != *"$secret"* ]]
	done
	chmod 400 password
	hidden
	BATCH_SASL_PASSWORD_FILE=/dev/fd/9 hidden 9<<<"$secret"
	echo mine >not-secret
	chmod 644 not-secret
	[[ $(value client.id -X client.id.file=not-secret) == mine ]]
}

# COMMAND is refused with TEXT as long as FILE is one that others can write.
guarded() { # FILE TEXT COMMAND...
	local mode
	for mode in 620 602; do
		chmod "$mode" "$1"
		run -2 --separate-stderr "${@:3}"
		says "others can write" "chmod go-w" "$2"
	done
	chmod 600 "$1"
	run -0 --separate-stderr "${@:3}"
	((EUID == 0)) || return 0
	chown 65534 "$1"
	run -2 --separate-stderr "${@:3}"
	says "belongs to user 65534" "$2"
	chown 0 "$1"
}

@test "a configuration that others can write is refused" {
	configure <<<'client.id=x'
	guarded "$file" "$file" batch-status -X dump
	configure elsewhere < <(printf '[profile p]\nclient.id=p\n')
	ln -s elsewhere link
	guarded elsewhere link batch-status -F link -C p -X dump
	guarded elsewhere elsewhere env BATCH_CONFIG=elsewhere batch-status -X dump
	mkfifo -m 622 pipe
	run -2 --separate-stderr timeout 20 batch-status -F pipe -X dump 3<>pipe
	says 'others can write pipe'
	run -0 --separate-stderr batch-status -F /dev/null -X dump
	run -0 --separate-stderr batch-status -F <(echo client.id=x) -X dump
}

@test "files that settings name are refused when others can write them" {
	configure word <<<"$secret"
	guarded word sasl.password.file batch-status -X sasl.password.file=word -X dump
	guarded word client.id.file batch-status -X client.id.file=word -X dump
	for name in ssl.ca.location ssl.key.location ssl.certificate.location; do
		guarded word "$name" batch-status -X "$name=word" -X dump
	done
	cp word word.so
	for plugins in ./word.so ./word "monitoring-interceptor;$PWD/word"; do
		chmod 602 word.so
		run -2 --separate-stderr batch-status -X plugin.library.paths="$plugins" -X dump
		says plugin.library.paths "others can write"
		chmod 600 word.so
		run -2 --separate-stderr batch-status -X plugin.library.paths="$plugins" -X dump
		says dlopen
	done
}

@test "a secret that is not where it should be is an error" {
	run -2 --separate-stderr batch-status -X sasl.password.file=missing -X dump
	says 'sasl.password.file' missing
	run -2 --separate-stderr batch-status -X sasl.password.env=NO_SUCH_VARIABLE -X dump
	says 'sasl.password.env' NO_SUCH_VARIABLE
}

@test "commands that are started do not see secrets" {
	begin
	create
	configure <<-'END'
		ssl.key.password.env=THE_KEY
		[profile not-used]
		sasl.password.env=THE_OTHER_KEY
	END
	export BATCH_SASL_PASSWORD=$secret THE_KEY=$secret THE_OTHER_KEY=$secret OTHER=kept
	look='cat >/dev/null; env | grep -e OTHER= -e PASSWORD -e KEY'
	batch-send -B "$B" -- sh -c "$look" | batch-complete >/dev/null
	run -0 --separate-stderr batch-consume -B "$B"
	[[ $output == OTHER=kept ]]
	run -0 --separate-stderr batch-consume -G "$S.g" -e --exec "$look"
	[[ $output == OTHER=kept ]]
	run -0 --separate-stderr batch-watch -B "$B" -e --exec "$look"
	[[ $output == $'OTHER=kept\nOTHER=kept' ]]
}

# A tool that waits for a broker, as NAME
waits() { # NAME OPTION...
	background "$1" batch-status -s x -b 127.0.0.1:9 -v "${@:2}"
	wait_for grep -q 'Connection refused' "$1.err"
}

@test "a secret is not on the command line of a process" {
	configure password <<<"$secret"
	BATCH_SSL_KEY_PASSWORD=$secret waits tool -X sasl.password.file=password -X debug=all -vv
	tr '\0' ' ' <"/proc/${pids[tool]}/cmdline" >cmdline
	grep -q 'sasl.password.file=password' cmdline
	run ! grep -r "$secret" cmdline tool.err
}

# Prints the core that a tool leaves behind
core_of() { # OPTION...
	mkdir cores
	cd cores || return
	waits tool "$@"
	kill -s SEGV "${pids[tool]}"
	ends 139 tool
	cd ..
	find cores -type f -size +100k
}

@test "a tool with a secret leaves no core" {
	[[ -z ${BATCH_TEST_SAN:-} ]] || skip 'sanitizers leave none'
	ulimit -c unlimited || skip 'no cores here'
	core=$(core_of -X client.rack=visible-anywhere)
	[[ -n $core ]] || skip 'cores are not left in the working directory here'
	grep -q visible-anywhere "$core"
	rm -r cores
	export BATCH_SASL_PASSWORD=$secret
	[[ -z $(core_of) ]]
	rm -r cores
	unset BATCH_SASL_PASSWORD
	openssl genpkey -algorithm ed25519 -out key.pem
	openssl req -x509 -key key.pem -subj /CN=x -out certificate.pem
	[[ -z $(core_of -X ssl.key.location="$PWD/key.pem" -X ssl.certificate.location="$PWD/certificate.pem" \
		-X security.protocol=SSL) ]]
}

@test "a locale with a decimal comma and a strange time zone change nothing" {
	begin
	run -0 --separate-stderr env TZ=Asia/Kathmandu LC_ALL=de_DE.UTF-8 HOME= batch-create -n x
	doc_is '.startDate | fromdate | (now - .) | (. >= 0 and . < 60)'
}
