/* broker: for tests of lib/kafka against the broker that BATCH_BROKERS names: topics of one's own, and time
 * that does not run out unnoticed. */
#ifndef TESTS_KAFKA_UNITS_BROKER_H
#define TESTS_KAFKA_UNITS_BROKER_H

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <cmocka.h>

#include "kafka/kadmin.h"
#include "kafka/kproduce.h"
#include "tool/clock.h"

static struct err err = ERR_INIT;

static inline void is_done(int failed, const char *call)
{
	if (failed)
		fail_msg("%s: %s", call, err.text ? err.text : "no reason given");
}

/* What answers 0 when it is done. */
#define ok(call) is_done(call, #call)

static inline struct deadline soon(void)
{
	return deadline_start(60000);
}

/* NAME=VALUE pairs beside the broker, ended by NULL. */
static inline void settings_of(struct kv *kv, const char *const *pairs)
{
	const char *brokers = getenv("BATCH_BROKERS");
	*kv = (struct kv)KV_INIT;
	kv_set(kv, "bootstrap.servers", brokers ? brokers : "", KV_ENV, "BATCH_BROKERS", false);
	for (; pairs && *pairs; pairs += 2)
		kv_set(kv, pairs[0], pairs[1], KV_X, "test", false);
}

static inline const struct kv *settings(void)
{
	static struct kv kv;
	if (!kv.count)
		settings_of(&kv, NULL);
	return &kv;
}

/* A name that no other test has, in one of a few buffers in turn. */
static inline const char *fresh(const char *what)
{
	static char names[16][64];
	static int at;
	uint64_t random;
	clock_random(&random, sizeof(random));
	at = (at + 1) % 16;
	snprintf(names[at], sizeof(names[at]), "u.%s.%016llx", what, (unsigned long long)random);
	return names[at];
}

static inline void make_topic(const char *name, int64_t partitions)
{
	struct kclient *c;
	bool made;
	int64_t n = 0, replication;
	struct deadline d = soon();
	const char *const none[] = {NULL};
	const struct kadmin_topic t = {.name = name, .partitions = partitions, .replication = 1,
	    .configs = none};
	ok(kclient_open(&c, KCLIENT_ADMIN, settings(), NULL, &err));
	ok(kadmin_create(c, &t, 1, &made, &d, &err));
	ok(kadmin_layout(c, name, &n, &replication, &d, &err));
	kclient_close(c);
}

static inline const char *new_topic(const char *what, int64_t partitions)
{
	const char *name = fresh(what);
	make_topic(name, partitions);
	return name;
}

static inline void ignore_ack(void *ctx, const struct kack *ack)
{
	(void)ctx;
	(void)ack;
}

/* So many records of this size, numbered from first on, into one partition. */
static inline void fill(const char *topic, int32_t partition, int64_t first, int64_t count, size_t size)
{
	struct kproduce *p;
	struct deadline d = soon();
	int32_t ignored;
	const struct kproduce_options o = {.give_up_ms = 20000, .bulk = true, .acked = ignore_ack};
	char *values = malloc((size_t)count * size);
	ok(kproduce_open(&p, settings(), topic, &o, &err));
	ok(kproduce_check(p, &ignored, &d, &err));
	for (int64_t i = 0; i < count; i++) {
		char *value = values + (size_t)i * size;
		struct record r = RECORD_INIT;
		memset(value, '.', size);
		snprintf(value, size, "%lld", (long long)(first + i));
		r.partition = partition;
		r.value = (struct str){value, size};
		enum kproduce_answer a;
		while ((a = kproduce_send(p, &r, NULL, &err)) == KPRODUCE_FULL)
			kproduce_poll(p, 10);
		assert_int_equal(a, KPRODUCE_SENT);
	}
	ok(kproduce_flush(p, &d, &err));
	kproduce_close(p);
	free(values);
}

static inline int new_wake(void)
{
	int fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	assert_true(fd >= 0);
	return fd;
}

/* Was fd written to within ms? Takes the wake-up. */
static inline bool woken(int fd, int ms)
{
	uint64_t n;
	struct pollfd p = {.fd = fd, .events = POLLIN};
	return poll(&p, 1, ms) == 1 && read(fd, &n, sizeof(n)) == sizeof(n);
}

#endif
