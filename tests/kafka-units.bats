# lib/kafka itself, by programs in tests/kafka-units that call it.
bats_require_minimum_version 1.5.0
load lib/kafka

setup_file() {
	kafka_up
	make -s -C "$tests_root/.." ${BATCH_TEST_SAN:+SAN=1} kafka-units
}

unit() { # NAME
	CMOCKA_MESSAGE_OUTPUT=TAP timeout -s KILL 300 "${tests_bin%/bin}/kafkatest/$1"
}

@test "kmember: who owns what, who gives up, who is refused" {
	unit kmember
}

@test "kparts: lanes that are opened, moved and closed" {
	unit kparts
}

@test "kproduce: several topics" {
	unit kproduce
}

@test "ktxn: transactions in a row, with offsets" {
	unit ktxn
}

@test "kready: which batches are ready" {
	unit kready
}
