/* kjudge: does an event count? For readers that follow the events of all batches from somewhere in the
 * middle of the log. It keeps the state of the batches that are open, and learns from the log what
 * began before: an id with a time in it is looked up from there on; for the first one without, the log
 * is read once from its beginning to where the reader began. Memory is that of the open batches, not
 * of the history; what was finished is remembered by a sieve, and looked up when it comes again, the
 * latest of them once. */
#ifndef KAFKA_KJUDGE_H
#define KAFKA_KJUDGE_H

#include "batch/fold.h"
#include "kafka/klog.h"

struct kjudge;

/* log is used to read what was before, and for nothing else meanwhile. seed: random. starts: the offset
 * from which all events of each partition will be given; NULL: not known, or only some partitions'
 * events come (a member of a group). Then the first event of a partition is its start, and batches whose
 * events may lie in several partitions are looked up each time. */
void kjudge_open(struct kjudge **out, struct klog *log, const int64_t *starts, uint64_t seed);

/* Events must come in the order of their partition. 0 and *verdict, or -1. */
int kjudge_event(struct kjudge *j, const struct event *e, enum fold_verdict *verdict,
    const struct deadline *d, struct err *err);

/* The same for an event whose verdict nobody needs: nothing is looked up for it alone. */
int kjudge_pass(struct kjudge *j, const struct event *e, const struct deadline *d,
    struct err *err);

/* The batch as it is after the event judged last, if that counted. */
const struct fold *kjudge_fold(const struct kjudge *j);

/* After the event judged last, whether it counted or not: is its batch unsettled (batch/fold.h)? */
bool kjudge_is_unsettled(const struct kjudge *j);

/* A batch that is open, as it is now; NULL: it is not, as far as events came. Until the next call. */
const struct fold *kjudge_open_fold(const struct kjudge *j, struct str id);

/* After an event that completed its batch: 0: it is so to this day. 1: it may have changed, look it up.
 * -1. Each part of the log is read once for that, however often it is asked. */
int kjudge_may_have_changed(struct kjudge *j, const struct event *e, const struct deadline *d,
    struct err *err);

/* Other partitions' events will come from now on, or the same from elsewhere on (starts NULL). */
void kjudge_restart(struct kjudge *j);

void kjudge_close(struct kjudge *j);

#endif
