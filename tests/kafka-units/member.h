/* member: a member of a group for tests that need one beside something else. */
#ifndef TESTS_KAFKA_UNITS_MEMBER_H
#define TESTS_KAFKA_UNITS_MEMBER_H

#include "broker.h"
#include "kafka/kmember.h"

/* A machine or a broker may stall for seconds; quick is for who is to be given up. */
static const char *const patient[] = {"session.timeout.ms", "20000", "heartbeat.interval.ms", "100", NULL};
static const char *const quick[] = {"session.timeout.ms", "1000", "heartbeat.interval.ms", "100", NULL};

/* The last commit that was answered. */
static struct {
	enum kmember_commit result;
	int count;
} answered;

static inline void on_committed(void *ctx, enum kmember_commit result, const struct err *why)
{
	(void)ctx;
	(void)why;
	answered.result = result;
	answered.count++;
}

static inline struct kmember *join_as(const char *group, const char *const *topics, const char *instance,
    const char *const *pairs)
{
	struct kmember *m;
	struct kv kv;
	struct deadline d = soon();
	const struct kmember_options o = {.group = group, .topics = topics, .instance = instance,
	    .committed = on_committed};
	settings_of(&kv, pairs);
	ok(kmember_open(&m, &kv, &o, &d, &err));
	kv_release(&kv);
	return m;
}

static inline struct kmember *join(const char *group, const char *topic)
{
	const char *const topics[] = {topic, NULL};
	return join_as(group, topics, NULL, patient);
}

static inline void leave(struct kmember *m)
{
	struct deadline d = soon();
	kmember_close(m, &d);
}

/* What happens to m next, while another one is served, too. */
static inline enum kmember_event next_of(struct kmember *m, struct kmember *other)
{
	struct deadline d = soon();
	enum kmember_event e = KMEMBER_NOTHING;
	while (e == KMEMBER_NOTHING && deadline_left_ms(&d)) {
		e = kmember_poll(m, 20, &err);
		if (other)
			assert_int_equal(kmember_poll(other, 0, &err), KMEMBER_NOTHING);
	}
	return e;
}

static inline size_t owned(const struct kmember *m)
{
	size_t n;
	kmember_parts(m, &n);
	return n;
}

static inline const struct kmember_part *part_of(const struct kmember *m, const char *topic,
    int32_t partition)
{
	size_t n;
	const struct kmember_part *parts = kmember_parts(m, &n);
	for (size_t i = 0; i < n; i++)
		if (parts[i].partition == partition && strcmp(parts[i].topic, topic) == 0)
			return &parts[i];
	fail_msg("%s, partition %d is not ours", topic, partition);
	return NULL;
}

#endif
