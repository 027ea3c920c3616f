/* kclient: one connection to Kafka, and what it knows of its troubles.
 *
 * librdkafka tells a wrong password or certificate only through callbacks, long before the call that
 * waits gives up; kclient remembers the reason and ends such waits at once. Settings are the tool's
 * (base/kv.h) on top of our defaults. Nothing here joins a consumer group but KCLIENT_MEMBER. */
#ifndef KAFKA_KCLIENT_H
#define KAFKA_KCLIENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/kv.h"
#include "base/str.h"

struct kclient;

enum kclient_role {
	KCLIENT_ADMIN,    /* metadata, topics */
	KCLIENT_PRODUCER, /* idempotent, acks=all */
	KCLIENT_READER,   /* absolute offsets, no group */
	KCLIENT_MEMBER,   /* of a consumer group */
};

/* More settings than the user's, as name, value pairs ended by NULL. They win over our defaults and
 * lose to the user's. */
struct kclient_options {
	const char *const *settings;
	void (*log)(int syslog_level, const char *text); /* what librdkafka has to say; may be NULL */
	const char *right; /* KRIGHT_*: the one that messages name; NULL: the role's */
};

/* What a user must be allowed to do with a topic, in the words of messages. */
#define KRIGHT_SEE    "see it (Describe)"
#define KRIGHT_READ   "read it (Read)"
#define KRIGHT_WRITE  "write it (Write)"
#define KRIGHT_CREATE "create it (Create)"
#define KRIGHT_ALTER  "add partitions to it (Alter)"

int kclient_open(struct kclient **out, enum kclient_role role, const struct kv *settings,
    const struct kclient_options *options, struct err *err);

/* Ends the connection. Never blocks for long: all that mattered must be flushed before. */
void kclient_close(struct kclient *c);

/* Wake-ups for who sleeps in poll(2): whenever there is something to serve again, the 8 bytes of the number 1
 * are written to fd, an eventfd or the end of a pipe, which must not block. Once, until all that is there was
 * taken: ask until there is nothing, then sleep. What is there when this is called does not wake. */
void kclient_wake(struct kclient *c, int fd);

/* All settings librdkafka knows, with their meanings (-X list). */
void kclient_list(struct buf *out);

/* The settings in force for a role, one name=value a line, secrets hidden (-X dump). */
int kclient_dump(enum kclient_role role, const struct kv *settings,
    const struct kclient_options *options, struct buf *out, struct err *err);

/* Makes sure the topic is there and may be seen, and says how many partitions it has. A missing
 * topic, a missing right, a wrong password or certificate answer at once. Call it first: all other
 * calls expect a topic known in this way. */
int kclient_topic(struct kclient *c, const char *topic, int32_t *partitions,
    const struct deadline *d, struct err *err);

/* Are the topics that were seen still there? To be called by whoever waits, as often as he likes: every few seconds
 * the broker is asked, who gets a moment to answer. -1 (ST_STATE): one was deleted. */
int kclient_alive(struct kclient *c, struct err *err);

/* As kclient_topic for what may be missing: 1 there, 0 not. */
int kclient_has_topic(struct kclient *c, const char *topic, int32_t *partitions,
    const struct deadline *d, struct err *err);

/* Every topic there is, in one request. */
int kclient_topics(struct kclient *c, void (*visit)(void *ctx, const char *topic), void *ctx,
    const struct deadline *d, struct err *err);


/* Neither is a time that a record can have. */
#define KOFFSET_END       INT64_MAX
#define KOFFSET_BEGINNING INT64_MIN

/* For each of the count partitions the offset of the first record at or after when_ms (or one of
 * KOFFSET_*), all in one request. No such record: the end. A time before 1970 is the beginning. */
int kclient_offsets(struct kclient *c, const char *topic, const int32_t *partitions, size_t count,
    int64_t when_ms, int64_t *offsets, const struct deadline *d, struct err *err);

#endif
