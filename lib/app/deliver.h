/* deliver: one sender's records on their way into a batch, and the manifest of what arrived.
 *
 * Joins the blocks of lib/tool (where the bytes lie) with the producer of lib/kafka (which sends them
 * from there). Each record gets its batchId and batchSeq and a partition that depends on nothing but
 * its key, or without one on its number: so an interrupted sender of the same input chooses the
 * same again, and numbers grow within each partition. */
#ifndef APP_DELIVER_H
#define APP_DELIVER_H

#include "app/past.h"
#include "base/deadline.h"
#include "base/kv.h"
#include "batch/batch.h"
#include "batch/manifest.h"
#include "batch/shape.h"
#include "kafka/kproduce.h"
#include "tool/block.h"

/* Without a key so many records in a row go to one partition: few changes for a reader's merge, and
 * even enough over any batch worth dividing. */
#define DELIVER_STRIPE 256

struct deliver;

enum deliver_answer {
	DELIVER_FATAL = -1,
	DELIVER_INVALID, /* this record cannot be sent, err says why; others may */
	DELIVER_SENT,
};

struct deliver_counts {
	int64_t sent, acked, failed, unknown;
	int64_t resumed; /* of those, delivered by the predecessor */
};

struct deliver_options {
	const char *sender; /* this run's random id */
	const struct shape *shape;
	struct pool *pool;
	int64_t give_up_ms;
	const char *transaction; /* transactional id: the caller begins and ends it; NULL: none */
	void (*log)(int syslog_level, const char *text);
};

/* All borrowed pointers outlive the delivery. */
int deliver_open(struct deliver **out, const struct kv *settings, const struct batch *b,
    const struct deliver_options *options, struct err *err);

/* Waits for the topic and learns its partitions; before the first record. */
int deliver_begin(struct deliver *d, const struct deadline *until, struct err *err);

/* What a predecessor of this sender delivered is not sent again. Before the first record; past outlives
 * the delivery, and the sender takes its predecessor's id and so its partitions. */
void deliver_resume(struct deliver *d, struct past *past);

/* Could raw be delivered? DELIVER_INVALID and err: no. */
enum deliver_answer deliver_check(struct deliver *d, struct str raw, struct err *err);

/* raw lies in block. Waits while the queue is full, until `until` is interrupted. */
enum deliver_answer deliver_record(struct deliver *d, struct str raw, struct block *block,
    const struct deadline *until, struct err *err);

void deliver_poll(struct deliver *d, int wait_ms);

/* Waits for the last acknowledgements. 0: every record sent was acknowledged. -1: ST_PARTIAL some
 * were not, ST_UNKNOWN of some it is not known, or the reason why none was; err says which. */
int deliver_end(struct deliver *d, const struct deadline *until, struct err *err);

/* Sends the event that ends the batch, when all records are acknowledged, and waits for its own:
 * *offset is where it lies. Nothing can be delivered after it. */
int deliver_event(struct deliver *d, const char *topic, const struct record *event,
    int64_t *offset, const struct deadline *until, struct err *err);

struct kproduce *deliver_producer(struct deliver *d);

struct deliver_counts deliver_counts(const struct deliver *d);
int64_t deliver_longest(const struct deliver *d); /* message.max.bytes */

/* What was acknowledged, as a manifest's sender; the caller owns it and adds framing and rejects. */
void deliver_sender(const struct deliver *d, struct sender *out);

void deliver_close(struct deliver *d);

#endif
