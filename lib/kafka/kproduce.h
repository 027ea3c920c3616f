/* kproduce: delivers records to a topic, or to several: idempotent, acks=all, never copied.
 *
 * Value memory belongs to the caller until the record's acknowledgement names its cookie; key and
 * headers are copied. Acknowledgements come only while kproduce_poll or kproduce_flush run, in the
 * caller's thread. No acknowledgement is ever lost: each record accepted by kproduce_send gets one. */
#ifndef KAFKA_KPRODUCE_H
#define KAFKA_KPRODUCE_H

#include <stdint.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/kv.h"
#include "batch/record.h"
#include "kafka/kclient.h"

enum kack_result {
	KACK_DONE,    /* in the log, at partition and offset */
	KACK_FAILED,  /* surely not in the log */
	KACK_UNKNOWN, /* may be in the log */
};

struct kack {
	void *cookie;
	enum kack_result result;
	int32_t partition;
	int64_t offset;
	const struct record *record; /* as sent; only of what did not arrive for sure, else NULL */
};

struct kproduce;

struct kproduce_options {
	int64_t give_up_ms; /* a record not acknowledged so long after its sending has failed */
	bool bulk;          /* many records: wait a little for fuller requests */
	const char *transaction; /* transactional.id, see kafka/ktxn.h; NULL: records count one by one.
				  * With one, the transaction's end is what gives up, not give_up_ms. */
	void (*acked)(void *ctx, const struct kack *ack);
	void *ctx;
	void (*log)(int syslog_level, const char *text);
};

/* Connects at the first use; kproduce_check waits for it. */
int kproduce_open(struct kproduce **out, const struct kv *settings, const char *topic,
    const struct kproduce_options *options, struct err *err);

/* The topic is there and may be seen: how many partitions it has. */
int kproduce_check(struct kproduce *p, int32_t *partitions, const struct deadline *d,
    struct err *err);

/* Is it short enough for message.max.bytes? Else err says so. */
bool kproduce_fits(const struct kproduce *p, const struct record *r, struct err *err);

/* Another topic to send to: *topic_at names it in kproduce_send_to. 0 is the one it was opened with. */
int kproduce_add(struct kproduce *p, const char *topic, size_t *topic_at, int32_t *partitions,
    const struct deadline *d, struct err *err);

enum kproduce_answer {
	KPRODUCE_REFUSED = -1, /* err says why; no record will be accepted any more */
	KPRODUCE_FULL,         /* poll and try again */
	KPRODUCE_SENT,
	KPRODUCE_TOO_LONG,     /* for message.max.bytes; err says so */
};

enum kproduce_answer kproduce_send(struct kproduce *p, const struct record *r, void *cookie, struct err *err);
enum kproduce_answer kproduce_send_to(struct kproduce *p, size_t topic_at, const struct record *r,
    void *cookie, struct err *err);

/* Serves acknowledgements, for at most wait_ms while there are none. */
void kproduce_poll(struct kproduce *p, int wait_ms);

/* Waits until every record is acknowledged one way or the other: 0. Time up or interrupted: -1, and the
 * records still out have an unknown outcome. */
int kproduce_flush(struct kproduce *p, const struct deadline *d, struct err *err);

int64_t kproduce_in_flight(const struct kproduce *p);

struct kclient *kproduce_client(struct kproduce *p);

/* Why the last record failed, with the status that means; ST_OK and NULL: none did. */
const struct err *kproduce_trouble(const struct kproduce *p);

/* The longest record, key and value and headers, that this producer accepts. */
int64_t kproduce_longest(const struct kproduce *p);

void kproduce_close(struct kproduce *p);

#endif
