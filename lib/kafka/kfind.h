/* kfind: is there such a batch, and what became of it? For who meets ids in records, of which he knows
 * nothing. An id with a time in it is looked up from there on. Before any other is, and after the first one
 * that is not there, the log is read from its beginning, once, for the ids that there are: so however many
 * there are not, they cost no more. */
#ifndef KAFKA_KFIND_H
#define KAFKA_KFIND_H

#include "batch/fold.h"
#include "kafka/klog.h"

struct kfind;

/* Connects, and reads nothing yet. */
int kfind_open(struct kfind **out, const struct kv *settings, const char *stream,
    const struct klog_options *options, const struct deadline *d, struct err *err);
void kfind_close(struct kfind *f);

/* Answers are from now on as the log is now, or newer. */
void kfind_renew(struct kfind *f);

/* The batch, its status BATCH_NONE when there is none; release it: 0. -1. */
int kfind_batch(struct kfind *f, struct str id, struct fold *out, const struct deadline *d,
    struct err *err);

#endif
