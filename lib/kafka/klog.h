/* klog: a stream's notification topic, the only truth about its batches.
 *
 * klog_scan* reads the events of all batches, in time order up to the present end and then as they
 * come. kbatch (kafka/kbatch.h) is one batch in it. A record that is no event is passed over and told
 * to `passed`, and at the end how many the last scan met, to `passed_all`. */
#ifndef KAFKA_KLOG_H
#define KAFKA_KLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/kv.h"
#include "batch/event.h"
#include "kafka/kclient.h"

struct klog;

struct klog_options {
	bool follow; /* stays for events to come: a calmer rhythm of fetches */
	bool uncommitted; /* events of open transactions, too: to see what stands before one's own */
	bool writes;      /* events are written, and read only in doubt */
	void (*passed)(void *ctx, const struct record *r, const char *why); /* may be NULL, both */
	void (*passed_all)(void *ctx, const char *topic, int64_t count);
	/* for who folds the log: an event is not in its batch's home partition, and counts for nobody; may be NULL */
	void (*elsewhere)(void *ctx, const struct event *e, int32_t home);
	void *ctx;
	void (*log)(int syslog_level, const char *text);
};

/* Connects and makes sure STREAM.notification is there. */
int klog_open(struct klog **out, const struct kv *settings, const char *stream,
    const struct klog_options *options, const struct deadline *d, struct err *err);
void klog_close(struct klog *l);

const char *klog_stream(const struct klog *l);
const char *klog_topic(const struct klog *l);
int32_t klog_partitions(const struct klog *l);

/* Tells options.elsewhere of an event to which the fold's verdict is FOLD_ELSEWHERE. */
void klog_elsewhere(const struct klog *l, const struct event *e);

/* The partition of a batch's events, as Java's clients choose it. */
int32_t klog_home(const struct klog *l, struct str id);

#define KLOG_BEGINNING KOFFSET_BEGINNING
#define KLOG_END       KOFFSET_END

/* From this time on (or KLOG_*), all partitions. A second call starts anew. */
int klog_scan(struct klog *l, int64_t from_ms, const struct deadline *d, struct err *err);

/* The same from these offsets on, one for each partition; -1, or what this log does not hold: from its
 * beginning. */
int klog_scan_from(struct klog *l, const int64_t *offsets, const struct deadline *d, struct err *err);

/* The same for one partition from an offset on. */
int klog_scan_partition(struct klog *l, int32_t partition, int64_t offset,
    const struct deadline *d, struct err *err);

/* See kclient_wake; for the scans to come. */
void klog_wake(struct klog *l, int fd);

/* The next event: 1, valid until the next call; 0 when none came within wait_ms, or very
 * many records that are none; -1. */
int klog_next(struct klog *l, int wait_ms, const struct event **out, struct err *err);

/* Was everything seen that the topic held when the scan began, with what open transactions held back? */
bool klog_caught_up(const struct klog *l);

/* The same but for what open transactions held back. */
bool klog_caught_up_as_is(const struct klog *l);

/* The time to catch up, over, is up: err says why it was not enough (ST_TIME), or that a signal ended it. -1. */
int klog_late(struct klog *l, const struct deadline *over, struct err *err);

/* Everything of this partition below this offset was seen; -1: the scan does not read it. */
int64_t klog_position(const struct klog *l, int32_t partition);

/* The offset at which the scan began in this partition; -1: the scan does not read it. */
int64_t klog_start(const struct klog *l, int32_t partition);

/* How many records all scans of this log have given so far. */
int64_t klog_records(const struct klog *l);

struct kclient *klog_client(struct klog *l);

#endif
