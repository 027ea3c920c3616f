/* kchange: writes a change of a batch into the log, and makes sure that it counted.
 *
 * The protocol: read and fold, check the rule, write version + 1 with acks=all, read the partition up
 * to the own record, fold again. Overtaken by another writer: try again while the action is legal.
 * No acknowledgement in time: read back to find out; if that gives no answer, ST_UNKNOWN. */
#ifndef KAFKA_KCHANGE_H
#define KAFKA_KCHANGE_H

#include "batch/batch.h"
#include "kafka/kbatch.h"
#include "kafka/klog.h"

struct kchange;

/* Whoever finds here that the last event of the batch is not how the batch stands, be it the own one that was
 * overtaken or another writer's, appends the document as it stands (batch/fold.h). That this failed is logged as a
 * warning: the change itself is decided by then. */

/* settings outlive it. Opens the way to write; it connects while the caller reads. writer is a token of this run,
 * random, by which it knows its own events. budget_ms is all the time there is. */
int kchange_open(struct kchange **out, const struct kv *settings, struct klog *log,
    const char *writer, int64_t budget_ms, void (*log_cb)(int level, const char *text),
    struct err *err);
void kchange_close(struct kchange *k);

/* Writes the first event of a batch. fresh: the id is random and made by this run, so nobody can have
 * used it, and no reading is needed. Otherwise ST_STATE when the batch exists. */
int kchange_create(struct kchange *k, const struct batch *b, bool fresh, int64_t now_ms,
    const struct deadline *d, struct err *err);

/* Applies c to the batch; one that gives it up fences a sender that has it in a transaction. The document that counted
 * is in out, which the caller releases. */
int kchange_apply(struct kchange *k, struct str id, const struct batch_change *c,
    struct batch *out, const struct deadline *d, struct err *err);

/* Changes nothing, and only makes sure that the last event of the batch is how it stands. -1: not read. */
int kchange_settle(struct kchange *k, struct str id, int64_t now_ms, const struct deadline *d, struct err *err);

#endif
