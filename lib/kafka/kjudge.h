/* kjudge: does an event count? For readers that follow the events of all batches from somewhere in the
 * middle of the log. It keeps the state of the batches that are open and were seen, and looks up in
 * the log what began before: memory is that of the open batches, not of the history. */
#ifndef KAFKA_KJUDGE_H
#define KAFKA_KJUDGE_H

#include "batch/fold.h"
#include "kafka/klog.h"

struct kjudge;

/* log is used for look-ups, and for nothing else meanwhile. seed: random. */
void kjudge_open(struct kjudge **out, struct klog *log, uint64_t seed);

/* Events must come in the order of their partition. 0 and *verdict, or -1. */
int kjudge_event(struct kjudge *j, const struct event *e, enum fold_verdict *verdict,
    const struct deadline *d, struct err *err);

/* The batch as it is after the event judged last, if that counted. */
const struct fold *kjudge_fold(const struct kjudge *j);

void kjudge_close(struct kjudge *j);

#endif
