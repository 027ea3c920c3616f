/* kadmin: makes topics and looks at what they are like. The client may be of any role. */
#ifndef KAFKA_KADMIN_H
#define KAFKA_KADMIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/err.h"
#include "kafka/kclient.h"

struct kadmin_topic {
	const char *name;
	int64_t partitions, replication; /* -1: the broker's default */
	const char *const *configs;      /* name, value, ..., NULL */
};

/* Makes so many topics in one request. made[i] false: a topic of that name is there already, and was left
 * as it is. -1: one of them could not be made; err names the first. */
int kadmin_create(struct kclient *c, const struct kadmin_topic *topics, size_t count, bool *made,
    const struct deadline *d, struct err *err);

/* Adds partitions until there are so many. */
int kadmin_grow(struct kclient *c, const char *topic, int64_t partitions,
    const struct deadline *d, struct err *err);

/* Waits until the topic, made just now, is known where we ask; and how it is laid out. */
int kadmin_layout(struct kclient *c, const char *topic, int64_t *partitions,
    int64_t *replication, const struct deadline *d, struct err *err);

/* Waits until every broker knows the topics, made just now: the next tool may ask any of them. One that the
 * cluster gives up meanwhile is left out. Returns how many do not know them when half of the
 * time is over. */
int kadmin_spread(struct kclient *c, const struct kv *settings, const struct kadmin_topic *topics,
    size_t count, const struct deadline *d);

/* The value in force of a topic's setting; empty when the broker does not say. */
int kadmin_config(struct kclient *c, const char *topic, const char *name, struct buf *value,
    const struct deadline *d, struct err *err);

#endif
