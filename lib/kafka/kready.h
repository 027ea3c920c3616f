/* kready: the events of all batches of a stream, judged: which are ready, and what became of them.
 *
 * It reads each partition of STREAM.notification from a given offset on and follows it. What lies before
 * is looked up where it matters (kafka/kjudge.h). Until kready_caught_up an event tells what was: another may
 * overtake it. */
#ifndef KAFKA_KREADY_H
#define KAFKA_KREADY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"
#include "batch/batch.h"
#include "batch/fold.h"
#include "kafka/klog.h"

struct kready;

/* options.follow is meant. seed: random. */
int kready_open(struct kready **out, const struct kv *settings, const char *stream,
    const struct klog_options *options, uint64_t seed, const struct deadline *d, struct err *err);
void kready_close(struct kready *r);

const char *kready_topic(const struct kready *r);
int32_t kready_partitions(const struct kready *r);

/* See kclient_wake. Before kready_start. */
void kready_wake(struct kready *r, int fd);

/* Begins at these offsets, one for each partition; -1, or what this log does not hold: at its
 * beginning. */
int kready_start(struct kready *r, const int64_t *offsets, const struct deadline *d, struct err *err);

/* The next event that counts: 1, and *event and *fold, its batch after it, are valid until the next call; 0:
 * none within wait_ms; -1. A batch from before the start is looked up, for which there is time until d. Wait
 * with wait_ms, and not in poll(2), until all is caught up: this merges partitions by time. */
int kready_next(struct kready *r, int wait_ms, const struct event **event, const struct fold **fold,
    const struct deadline *d, struct err *err);

/* Was everything seen that the topic held at the start? */
bool kready_caught_up(const struct kready *r);

/* Where reading began in this partition. */
int64_t kready_began(const struct kready *r, int32_t partition);

/* See klog_caught_up_as_is and klog_late. */
bool kready_caught_up_as_is(const struct kready *r);
int kready_late(struct kready *r, const struct deadline *over, struct err *err);

/* A batch that is open, as it is now; NULL: it is not. Until the next call of kready_next. */
const struct fold *kready_fold(const struct kready *r, struct str id);

/* The batches that are unsettled (batch/fold.h), one after the other: true, and the next one's id. at is 0 at the
 * beginning. *due_ms is the caller's, and 0 at first. */
bool kready_unsettled(const struct kready *r, size_t *at, struct str *id, int64_t **due_ms);

/* Looks at an unsettled batch as its log is now: 1, and *out is how it stands; 0: it is settled, and is none of
 * those any more. -1. */
int kready_look(struct kready *r, struct str id, struct batch *out, const struct deadline *d, struct err *err);

/* Is a batch being sent? One that was begun a week before the newest event does not count. */
bool kready_is_sending(const struct kready *r);

/* A low mark: who starts at these offsets again sees each batch that is not finished now. One that was begun a
 * week before the newest event and is not sent yet holds back nothing: when it is, that is seen. offsets has
 * room for all partitions. */
void kready_marks(const struct kready *r, int64_t *offsets);

#endif
