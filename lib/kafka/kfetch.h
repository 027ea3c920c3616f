/* kfetch: reads the records of one batch; batch/proof.h keeps the books and proves them.
 *
 * With a manifest just its ranges are read, and each sender's input order is restored by a merge of the
 * partitions (senders come one after the other, in the manifest's order), or records come as they
 * arrive. Without one (another HRI writer, or a count given by hand) every partition is read from the
 * batch's start to its present end, with what open transactions hold back, which is waited for. Records of
 * other batches are passed over, those that a retry wrote twice are dropped. Memory does not depend on the
 * batch's size. */
#ifndef KAFKA_KFETCH_H
#define KAFKA_KFETCH_H

#include <stdbool.h>

#include "batch/batch.h"
#include "batch/manifest.h"
#include "batch/record.h"
#include "kafka/kread.h"

struct kfetch;

struct kfetch_options {
	bool ordered;        /* input order; needs a manifest, arrival order without one */
	bool plain;          /* records may come without their headers */
	bool early;          /* the batch is still being sent: follow until kfetch_finish */
	int64_t created_ms;  /* time of the event that began the batch */
	void (*log)(int syslog_level, const char *text);
};

/* settings must live as long. ST_FAIL: the manifest is not one of this log. */
int kfetch_open(struct kfetch **out, const struct kv *settings, const struct batch *b,
    const struct kfetch_options *options, const struct deadline *d, struct err *err);
void kfetch_close(struct kfetch *f);

/* KREAD_RECORD: *out is valid until the next call. KREAD_EMPTY: nothing came within wait_ms.
 * KREAD_DONE: all was read; ask kfetch_verify. */
enum kread_state kfetch_next(struct kfetch *f, int wait_ms, const struct record **out,
    struct err *err);

/* The batch that is followed has been finished by this document: read what is left of it. */
int kfetch_finish(struct kfetch *f, const struct batch *b, const struct deadline *d,
    struct err *err);

/* The time of whoever waits for a record, over, is up: err (ST_TIME) says why none comes. Answers -1. */
int kfetch_late(struct kfetch *f, const struct deadline *over, struct err *err);

/* Is what was given out what was sent? ST_FAIL says what is missing, too much or different. */
int kfetch_verify(const struct kfetch *f, struct err *err);

/* NULL: the batch has no manifest. */
const struct manifest *kfetch_manifest(const struct kfetch *f);

/* The manifest's sender by whose framing the record given out last is to be written: in order its own,
 * otherwise any if all framed alike. NULL: there is none, or they differ. */
const struct sender *kfetch_sender(const struct kfetch *f);

/* Was the record given out last the last one of the batch, in input order? */
bool kfetch_at_last(const struct kfetch *f);

struct kfetch_counts {
	int64_t records, bytes;
	int64_t duplicates; /* dropped */
	int64_t passed;     /* records of other batches that lay between */
};
struct kfetch_counts kfetch_counts(const struct kfetch *f);

#endif
