/* kmember: a member of a consumer group over one or several topics, that owns partitions and reads nothing.
 *
 * Who works longer than a moment on what he reads needs both apart: the group must be served all the time,
 * and what was read ahead must outlive its moods. So the member only says whose partitions are ours, and
 * keeps what is committed for them; kparts reads. kmember_poll serves the group and must be called more
 * often than max.poll.interval.ms, whatever else is under way. */
#ifndef KAFKA_KMEMBER_H
#define KAFKA_KMEMBER_H

#include <stddef.h>
#include <stdint.h>

#include "base/deadline.h"
#include "base/err.h"
#include "base/kv.h"
#include "kafka/kclient.h"

struct kmember;

/* A partition with an offset: what is committed, or is to be. */
struct kmember_part {
	const char *topic;
	int32_t partition;
	int64_t offset;       /* -1: nothing is committed */
	const char *metadata; /* "": none */
};

enum kmember_commit {
	KMEMBER_COMMITTED,
	KMEMBER_REFUSED, /* the partitions are not ours any more: another member has them, or will */
	KMEMBER_FAILED,  /* err says why; ST_UNKNOWN: not answered. It may be tried again. */
};

struct kmember_options {
	const char *group;
	const char *instance;      /* static membership: who comes back under it within session.timeout.ms keeps
				    * his partitions; NULL: none */
	const char *const *topics; /* ended by NULL; they must be there */
	void (*committed)(void *ctx, enum kmember_commit result, const struct err *err);
	void *ctx;
	void (*log)(int syslog_level, const char *text);
};

/* Makes sure of the topics, and asks to be let in. */
int kmember_open(struct kmember **out, const struct kv *settings, const struct kmember_options *options,
    const struct deadline *d, struct err *err);

/* See kclient_wake. That all is lost while it is to be given up wakes nobody: poll now and then. */
void kmember_wake(struct kmember *m, int fd);

enum kmember_event {
	KMEMBER_ERROR = -1, /* the membership is over for good */
	KMEMBER_NOTHING,
	KMEMBER_ASSIGNED, /* kmember_parts are ours, which may be none */
	KMEMBER_REVOKING, /* they are to be given up: end what was begun, commit, then kmember_release */
	KMEMBER_LOST,     /* they were taken away: nothing of them may be committed any more */
};

/* What happened next; waits for it up to wait_ms, and for committed offsets after an assignment as long as
 * a broker needs. Calls committed() for the commits that were answered. */
enum kmember_event kmember_poll(struct kmember *m, int wait_ms, struct err *err);

/* What is ours, with what was committed when it was assigned. Valid until it is given back or taken away. */
const struct kmember_part *kmember_parts(const struct kmember *m, size_t *count);

/* After KMEMBER_REVOKING: the group may go on. All of it waits for this, up to max.poll.interval.ms. */
void kmember_release(struct kmember *m);

/* Begins to commit; committed() will tell what became of it: 0. Nothing was begun: 1, refused; -1 and err, for
 * what would go back behind what is committed. Topics that the group does not divide are let through. */
int kmember_commit(struct kmember *m, const struct kmember_part *parts, size_t count, struct err *err);

/* The same, and waits for the answer; for the end, so a signal does not end the wait. committed() is not called
 * for it. */
enum kmember_commit kmember_commit_now(struct kmember *m, const struct kmember_part *parts,
    size_t count, const struct deadline *d, struct err *err);

/* Leaves the group, as far as the broker answers in time. A static member keeps its place. */
void kmember_close(struct kmember *m, const struct deadline *d);

#endif
