/* kbatch: one batch in its stream's log: found, followed and changed.
 *
 * A batch's events are all in its home partition. Only a batch begun by a writer that chooses
 * partitions in another way is looked for in all of them. An id made here tells its time, and the
 * batch's first event is never dated before it, so its events are sought from there and the history
 * before costs nothing. */
#ifndef KAFKA_KBATCH_H
#define KAFKA_KBATCH_H

#include "batch/fold.h"
#include "kafka/klog.h"

struct kbatch;

struct kbatch_options {
	const struct event *last; /* read no further than this event of the batch; NULL: to the end */
	bool as_is; /* what open transactions hold back now is not waited for */
	int64_t until_ms; /* events later than this do not count; INT64_MAX: all */
	/* sees each event of the batch, and what the fold made of it; e NULL: the search begins anew,
	 * forget what was seen. May be NULL. */
	void (*seen)(void *ctx, const struct event *e, enum fold_verdict v);
	void *ctx;
};

#define KBATCH_OPTIONS_INIT {.until_ms = INT64_MAX}

/* Reads the batch's events up to the log's present end. There may be none: see kbatch_fold. */
int kbatch_open(struct kbatch **out, struct klog *log, struct str id,
    const struct kbatch_options *options, const struct deadline *d, struct err *err);
void kbatch_close(struct kbatch *b);

/* Of a batch that was opened as_is: waits for what open transactions hold back. */
int kbatch_catch_up(struct kbatch *b, const struct deadline *d, struct err *err);

/* As it is now; status BATCH_NONE when there is no such batch. */
const struct fold *kbatch_fold(const struct kbatch *b);

/* The document, or ST_STATE "no batch ID in stream S". */
int kbatch_document(const struct kbatch *b, struct batch *out, struct err *err);

/* Takes in what came since: 1 when the batch changed, 0 when nothing did within wait_ms, -1. */
int kbatch_poll(struct kbatch *b, int wait_ms, struct err *err);

/* Waits until the status is one of those in wanted (bits 1 << status): 0. Time up: ST_TIME. */
int kbatch_wait(struct kbatch *b, unsigned wanted, const struct deadline *d, struct err *err);

/* Of a batch of ours whose events need not be followed any more: the events that others wrote of it into other
 * partitions, which count for nobody. Each is given to seen, with FOLD_ELSEWHERE, and to the log's elsewhere. */
int kbatch_elsewhere(struct kbatch *b, const struct deadline *d, struct err *err);

#endif
