/* kgroup: a member of a consumer group on one topic: Kafka divides its partitions among the members.
 *
 * Offsets are committed only by kgroup_commit, after the record's work is done and flushed. Whoever
 * works longer than a second on a record calls kgroup_keep meanwhile, or the group takes its partitions
 * away after max.poll.interval.ms. */
#ifndef KAFKA_KGROUP_H
#define KAFKA_KGROUP_H

#include <stdint.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/kv.h"
#include "batch/record.h"
#include "kafka/kclient.h"

struct kgroup;

/* Joins the group; the topic must be there. */
int kgroup_open(struct kgroup **out, const struct kv *settings, const char *group,
    const char *topic, void (*log)(int syslog_level, const char *text),
    const struct deadline *d, struct err *err);

/* The next record of the partitions that are ours now: 1, valid until the next call; 0: none within
 * wait_ms; -1. */
int kgroup_next(struct kgroup *g, int wait_ms, const struct record **out, struct err *err);

/* Serves the group while the caller works; nothing is read. -1: the membership is lost for good. */
int kgroup_keep(struct kgroup *g, struct err *err);

/* How often partitions were given to us so far. */
unsigned kgroup_generation(const struct kgroup *g);

/* 1: the partition of the record at hand is ours; 0: another member's, or it was, and that one has done
 * the record. A rebalance under way is waited for until d (then 0); -1: the membership is lost for good. */
int kgroup_owns(struct kgroup *g, int32_t partition, const struct deadline *d, struct err *err);

/* Appends what retention has deleted that the group had not read, as far as it was found since the last call, and has
 * the group go on behind that: 1. 0: nothing was. -1: not committed. */
int kgroup_lost(struct kgroup *g, struct buf *out, const struct deadline *d, struct err *err);

/* 1: every partition that is ours was read to its present end, with what open transactions hold back, or others have them all. 0: not yet, or
 * not answered; to be asked again until d. -1, ST_TIME: the group has not let us in by `joined_by`. */
int kgroup_caught_up(struct kgroup *g, const struct deadline *joined_by, const struct deadline *d,
    struct err *err);

/* The time to catch up, over, is up: err (ST_TIME) says why it was not enough. Answers -1. */
int kgroup_late(struct kgroup *g, const struct deadline *over, struct err *err);

/* The record at offset - 1 and all before it are done: 0. 1: nothing is committed, the partition went to
 * another member. -1: not committed, or not known. */
int kgroup_commit(struct kgroup *g, int32_t partition, int64_t offset, const struct deadline *d,
    struct err *err);

/* Leaves the group. When the broker does not answer in time the member is just dropped. */
void kgroup_close(struct kgroup *g, const struct deadline *d);

/* What a group has committed for these partitions, without joining it; -1: nothing. */
int kgroup_committed(const struct kv *settings, const char *group, const char *topic,
    const int32_t *partitions, size_t count, int64_t *offsets, const struct deadline *d,
    struct err *err);

/* Sets what the group has committed, without joining it. Refused by the broker while it has members. */
int kgroup_store(const struct kv *settings, const char *group, const char *topic,
    const int32_t *partitions, const int64_t *offsets, size_t count, const struct deadline *d,
    struct err *err);

#endif
