/* source: the records of a list of inputs, without copying them.
 *
 * Files, standard input and open descriptors (a child's pipe) are read one after the other, by
 * poll and read into blocks (block.h), and cut into records there (batch/frame.h); only a record
 * that the end of a block cuts in two is moved. Usage: source_init, source_add_* for each input
 * in order, source_next until SOURCE_END, source_release.
 *
 * A record is valid as long as a reference on its block is held. The source holds one of its own
 * until the next call of source_next: whoever keeps the record longer takes one (block_ref) and
 * gives it back (block_unref). A read error is never taken for an end of input, and a regular
 * file that changes after it was added is one: what was read of it is given out no more. Each input ends
 * its last record: a file without a final newline does not run into the next one. */
#ifndef TOOL_SOURCE_H
#define TOOL_SOURCE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "batch/frame.h"
#include "tool/block.h"

struct source_input; /* private */

enum source_state {
	SOURCE_END = 0,    /* every input was read to its end */
	SOURCE_RECORD = 1, /* *out is filled */
	SOURCE_WAIT = 2,   /* no record now; s->why says why: call again */
};

enum source_why {
	SOURCE_NO_INPUT, /* nothing came within wait_ms */
	SOURCE_NO_BLOCK, /* all memory is on its way: wait for acknowledgements first */
	SOURCE_SIGNAL,   /* a signal came: look at sig.h */
};

struct source_record {
	struct str value; /* ptr NULL: a null record (length-prefixed input only) */
	struct block *block;
	const char *name; /* of the input, as messages should call it; valid until source_release */
	int64_t number;   /* in this input, from 1: the line, if records are lines */
	int64_t position; /* of its first byte in this input; behind its length if it has one */
	bool unterminated; /* ended by the end of the input, not by a delimiter */
};

struct source {
	enum source_why why;
	int64_t bytes_read;  /* so far, from all inputs */
	int64_t bytes_total; /* of all inputs; -1: unknown, one of them is no regular file */
	int64_t records;     /* so far, from all inputs */

	/* private */
	struct pool *pool;
	struct frame_style style;
	size_t max_record;
	struct source_input *inputs;
	size_t count, cap, at;
	struct frame frame;
	struct block *block;
	struct str rest;  /* in the block: read, not yet given out */
	int64_t consumed; /* bytes of this input before rest */
	int64_t left;     /* what this input still holds by its size; -1: unknown */
	int fd;           /* of input `at`; -1: not open */
	bool eof;         /* of input `at` */
};

/* pool must outlive the source. Records longer than max_record are refused, so no block needs to be
 * much larger than that. */
void source_init(struct source *s, struct pool *pool, const struct frame_style *style,
    size_t max_record);

/* Adds a file by name, "-" for standard input. ST_USAGE, before anything is read, when it is not
 * there, may not be read or is a directory. The name is borrowed. */
int source_add_file(struct source *s, const char *name, struct err *err);

/* Adds an open descriptor, which the source closes (but 0 to 2 never). The name is borrowed. */
void source_add_fd(struct source *s, int fd, const char *name);

/* One of enum source_state, or -1, ST_FAIL: reading failed or a record is too long or cut off.
 * Waits at most wait_ms for input, and only when no record is complete; 0 never waits. */
int source_next(struct source *s, struct source_record *out, int wait_ms, struct err *err);

void source_release(struct source *s);

#endif
