/* atomic: records, manifest and the event that completes the batch, in one Kafka transaction.
 *
 * The log decides: our event counts if none before it ended the batch, which is looked at before the
 * commit, among events not committed, too. A second sender of the batch fences the first one by the
 * transactional id; batch-terminate does the same with a sender that holds readers back. */
#ifndef APP_ATOMIC_H
#define APP_ATOMIC_H

#include "app/deliver.h"
#include "app/session.h"

struct atomic {
	struct tool_ctx *t;
	struct target *target;
	struct klog *log;
	struct kbatch *batch;    /* opened with what atomic_watch said */
	struct deliver *deliver; /* opened with the batch's transactional id */
	bool begun;              /* and not ended: what fails now leaves nothing behind */

	/* private */
	struct buf writer;
	bool seen;
	enum fold_verdict verdict;
};

/* Lets the batch be opened such that our own event is known when it comes. */
void atomic_watch(struct atomic *a, struct kbatch_options *options);

/* Fences other senders, and begins. */
int atomic_begin(struct atomic *a, const struct deadline *d);

/* All records are acknowledged: applies c, commits, and makes sure that it counted. The document is in
 * out. -1: nothing of it can be seen, but after ST_UNKNOWN, when nobody knows, and ST_STATE, when
 * the batch was ended by another at the same moment and the records count for nothing. */
int atomic_end(struct atomic *a, const struct batch_change *c, struct batch *out,
    const struct deadline *d);

/* Takes back what was begun and not ended; releases. */
void atomic_close(struct atomic *a);

#endif
