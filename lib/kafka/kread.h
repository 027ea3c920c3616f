/* kread: reads ranges of a topic's partitions by absolute offsets, without a group.
 *
 * Each partition is a lane with its own queue, so that a caller may take from whichever lane it
 * wants (a merge) or from all as they come. Memory is bounded by the limits of the queues, whatever
 * the ranges hold. A lane ends by position: transaction markers and compacted records fill offsets
 * too, so its last record may never come. */
#ifndef KAFKA_KREAD_H
#define KAFKA_KREAD_H

#include <stddef.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/kv.h"
#include "batch/record.h"
#include "kafka/kclient.h"

struct kread_range {
	int32_t partition;
	int64_t start, end; /* end is the offset after the last; INT64_MAX: follow for ever */
};

enum kread_state {
	KREAD_ERROR = -1,
	KREAD_EMPTY,  /* nothing here now, more will come */
	KREAD_RECORD,
	KREAD_DONE,   /* the range is read */
};

struct kread;

/* c must have seen the topic (kclient_topic) and reads nothing else of it meanwhile. */
int kread_open(struct kread **out, struct kclient *c, const char *topic,
    const struct kread_range *ranges, size_t count, struct err *err);
void kread_close(struct kread *r);

/* How long a fetch waits at the broker when nothing is new: to follow, and to read to an end. */
#define KREAD_CALM_MS  100
#define KREAD_BRISK_MS 5

/* The settings that fit reading so many lanes at once, to open the client with: bounded memory and no
 * stalls. */
#define KREAD_TUNING 10
struct kread_tuning {
	char queue_kb[24], queue_records[24], fetch_bytes[24], wait_ms[24];
	const char *pairs[KREAD_TUNING];
};
void kread_tune(struct kread_tuning *t, size_t lanes, int wait_ms);

/* The lane's next record, without waiting; it stays valid until kread_pop of this lane. */
enum kread_state kread_head(struct kread *r, size_t lane, const struct record **out,
    struct err *err);
void kread_pop(struct kread *r, size_t lane);

/* A look at the farthest record behind the lane's head, up to most, that is here already: its distance,
 * 0: there is none. *out keeps its memory from call to call; release its headers. */
size_t kread_ahead(const struct kread *r, size_t lane, size_t most, struct record *out);

/* The lane's heads below this offset are given without headers. */
void kread_plain(struct kread *r, size_t lane, int64_t until);

/* See kclient_wake; of all lanes. */
void kread_wake(struct kread *r, int fd);

/* Waits up to wait_ms for something in this lane. */
void kread_wait(struct kread *r, size_t lane, int wait_ms);

/* The next record of any lane, as they come, waiting up to wait_ms; pop it by its lane. */
enum kread_state kread_any(struct kread *r, int wait_ms, size_t *lane,
    const struct record **out, struct err *err);

size_t kread_lanes(const struct kread *r);
int32_t kread_partition(const struct kread *r, size_t lane);

/* A lane that followed for ever ends here now. */
void kread_set_end(struct kread *r, size_t lane, int64_t end);

/* Everything of the lane below this offset was seen. */
int64_t kread_position(const struct kread *r, size_t lane);

/* Where the lane's log ends by its broker's latest answer, with what open transactions hold back; -1: none came. */
int64_t kread_log_end(const struct kread *r, size_t lane);

bool kread_is_done(const struct kread *r, size_t lane);

/* Bytes of keys and values given out so far. */
int64_t kread_bytes(const struct kread *r);

#endif
