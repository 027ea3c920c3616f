/* consuming: the three ways of batch-consume: one batch, every finished batch of a stream, and a plain
 * topic. Each writes records to standard output, to a command or to files, and is done only when
 * what it wrote is flushed. */
#ifndef APP_CONSUMING_H
#define APP_CONSUMING_H

#include "app/session.h"
#include "app/unload.h"
#include "batch/filter.h"
#include "batch/range.h"

struct consuming_options {
	struct unload_style style;
	bool unordered;
};

/* -B: waits for the batch to finish (unless no_wait), then writes it, verified. early: follows while
 * it is still being sent. ST_FAIL: it ended otherwise than completed, or is not what was sent. */
struct consuming_batch {
	bool no_wait, early;
};
int consume_batch(struct tool_ctx *t, const struct target *x, const struct consuming_options *o,
    const struct consuming_batch *how);

/* -G: every finished batch, each to one member of the group. One of: exec, a shell command that gets
 * the batch on its standard input; dir, where each batch becomes a file; or neither, to stdout. */
struct consuming_group {
	const char *group, *exec, *dir;
	bool may_leave_input; /* exec may end with 0 before it has read the whole batch */
	bool until_end;  /* end when everything there is now has been worked off */
	int64_t most;    /* end after so many batches; -1: never */
};
int consume_group(struct tool_ctx *t, const char *stream, const struct consuming_options *o,
    const struct consuming_group *how);

/* -t: records of any topic, by hand. */
struct consuming_topic {
	const char *topic, *group; /* group: for -o stored; offsets are committed to it */
	struct range range;
	const int64_t *partitions; /* NULL: all */
	size_t partition_count;
	const struct filter *filter;
	int64_t most;   /* end after so many; -1: never */
	bool until_end; /* end at the end that the topic has now */
};
int consume_topic(struct tool_ctx *t, const struct consuming_options *o,
    const struct consuming_topic *how);

#endif
