/* ktxn: one Kafka transaction around all that a producer sends (KIP-98).
 *
 * A producer makes one after the other, until one does not end as it should: then it is spent, and who wants
 * another try opens another one. The producer was opened with a transactional id; while it is at work, whoever
 * begins with the same id fences it: its records are aborted and it cannot commit any more. A transaction that
 * was begun must be ended: one left open keeps readers of committed records waiting until the broker ends it, by
 * transaction.timeout.ms. */
#ifndef KAFKA_KTXN_H
#define KAFKA_KTXN_H

#include "base/buf.h"
#include "kafka/kmember.h"
#include "kafka/kproduce.h"

/* How long an open transaction lives when its owner does not answer. */
#define KTXN_TIMEOUT_MS "15000"

/* The id under which a batch is sent in one transaction, appended. */
void ktxn_id(struct buf *out, struct str topic, struct str batch);

/* Fences others of this id, and has the broker abort what they left open: until then it tells nobody the offsets
 * that they had in it. */
int ktxn_init(struct kproduce *p, const struct deadline *d, struct err *err);

/* Begins one; a producer's first one with ktxn_init, if that was not called before. Right behind the end of the last
 * one, within 2 ms or so, the broker puts off what is sent for 20 ms. */
int ktxn_begin(struct kproduce *p, const struct deadline *d, struct err *err);

/* Waits until all records are acknowledged. Then the member's offsets are committed with the transaction, or
 * not at all: 0. 1: refused, the partitions were taken away; -1: failed. In both cases abort it. */
int ktxn_offsets(struct kproduce *p, struct kmember *m, const struct kmember_part *parts, size_t count,
    const struct deadline *d, struct err *err);

enum ktxn_end {
	KTXN_COMMITTED,
	KTXN_ABORTED, /* surely not committed; err says why */
	KTXN_UNKNOWN, /* no answer in time: the log tells it later; err is ST_UNKNOWN */
};

/* Everything was acknowledged. A signal does not end the wait: half asked is asked. */
enum ktxn_end ktxn_commit(struct kproduce *p, const struct deadline *d, struct err *err);

/* No transaction may follow: the last one was not committed, or a connection was cut at any time, and what was
 * under way in it could end the next one. */
bool ktxn_is_spent(struct kproduce *p);

/* As far as the broker answers within a second or two; it does the same by itself when time is up. */
void ktxn_abort(struct kproduce *p);

/* When somebody's open transaction holds back readers of topic, ends the one of this id. committed reads
 * with isolation.level=read_committed, all is a producer's client. */
int ktxn_fence(struct kclient *committed, struct kclient *all, const struct kv *settings,
    const char *topic, const char *id, const struct deadline *d,
    void (*log)(int syslog_level, const char *text), struct err *err);

#endif
