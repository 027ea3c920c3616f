/* out: buffered output that can fail. Standard output first of all, and files and pipes to
 * children.
 *
 * out_write often, out_flush when a reader is to see it or something is to be committed past it,
 * out_close at the end; each can fail. The first failure stays: nothing is written after it and
 * every later call answers -1 with the same message, so that no half of a record is followed by
 * another. Nothing is cut deliberately; a full disk may still cut what was under way. Once the
 * first signal came, what is unwritten is still written, but a reader who takes nothing for
 * OUT_GRACE_MS is not waited for any longer. */
#ifndef TOOL_OUT_H
#define TOOL_OUT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define OUT_GRACE_MS 1000

struct out {
	int fd;           /* -1: closed */
	bool escape;      /* control characters that are written are made visible; may be set */
	bool pipe_closed; /* the reader went away: the tool ends with 141 */
	int failed;       /* errno of the first failure, 0: none */
	char *name;
	struct buf data;

	/* Called several times a second while the reader of a pipe takes nothing: -1 and err give up.
	 * NULL: wait in silence. May be set. */
	int (*waiting)(void *ctx, struct err *err);
	void *ctx;
};

/* name is for messages ("standard output", a file's name). fd stays the caller's unless out_close
 * is called. Allocates its buffer: out_release or out_close ends it. */
void out_init(struct out *o, int fd, const char *name);

/* As out_init for standard output; escape is set when that is a terminal. */
void out_init_stdout(struct out *o);

/* Makes the file, or empties it, and begins to write it. ST_USAGE "PATH: why". */
int out_create(struct out *o, const char *path, struct err *err);

/* With o->escape each call's bytes are escaped as one text (base/utf8.h), newlines and tabs stay;
 * so a character must not be split between two calls. */
int out_write(struct out *o, const void *p, size_t len, struct err *err);
int out_str(struct out *o, struct str s, struct err *err);
int out_puts(struct out *o, const char *s, struct err *err);
int out_buf(struct out *o, const struct buf *b, struct err *err);

int out_flush(struct out *o, struct err *err);

/* Flushes, closes, releases. After a failure that was already answered it answers -1 again. */
int out_close(struct out *o, struct err *err);

void out_release(struct out *o); /* memory only: what is unwritten is lost, fd stays open */

#endif
