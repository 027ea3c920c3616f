/* kends: where the partitions of a topic end, with all that open transactions hold back.
 *
 * For a reader of committed records a partition ends at the first open transaction, which may be another program's,
 * and nothing behind it can be read until that transaction ends. Whoever needs all records that are there asks here
 * for the ends, and reads on to them; when the time is up before that, kends_held says who stands in the way. */
#ifndef KAFKA_KENDS_H
#define KAFKA_KENDS_H

#include "base/deadline.h"
#include "base/err.h"
#include "base/kv.h"
#include "kafka/kclient.h"

struct kends {
	const struct kv *settings;
	const char *topic;
	void (*log)(int syslog_level, const char *text);
	struct kclient *client; /* NULL: nothing was asked yet */
};

/* Asks nothing yet. settings and topic must live as long. */
void kends_init(struct kends *e, const struct kv *settings, const char *topic,
    void (*log)(int syslog_level, const char *text));
void kends_release(struct kends *e);

/* The ends of these partitions, one request. The first question connects. */
int kends_ask(struct kends *e, const int32_t *partitions, size_t count, int64_t *ends, const struct deadline *d,
    struct err *err);

/* What is held back in a partition: the offsets from where readers of committed records stop to the end. */
struct kends_held {
	int32_t partition;
	int64_t from, end;
};

/* The first of these partitions in which something is held back behind at[i], where a reader stands (at NULL: wherever
 * it stands): 1. 0: there is none. -1. readers is a client that reads what is committed, and has seen the topic. */
int kends_find_held(struct kends *e, struct kclient *readers, const int32_t *partitions, const int64_t *at,
    size_t count, struct kends_held *out, const struct deadline *d, struct err *err);

/* Appends how much is held back, since when and by whom, as far as the transaction's first record tells, and how to end
 * that transaction. */
void kends_describe(struct kends *e, const struct kends_held *h, const struct deadline *d, struct buf *out);

/* The time of a reader, over, is up, and it stands at at[i]. True: an open transaction is the reason, and err says so
 * (ST_TIME). Finding out takes a few seconds at most. */
bool kends_blames(struct kends *e, struct kclient *readers, const int32_t *partitions, const int64_t *at,
    size_t count, const struct deadline *over, struct err *err);

#endif
