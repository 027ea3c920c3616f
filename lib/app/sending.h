/* sending: one run of batch-send: input, delivery, and an eye on the batch meanwhile. */
#ifndef APP_SENDING_H
#define APP_SENDING_H

#include "app/session.h"
#include "batch/frame.h"
#include "batch/shape.h"

struct sending_options {
	const char *delimiter_text; /* as -D takes it, for the manifest; NULL unless framing is so */
	struct frame_style style;
	struct shape shape;
	const char *rejects; /* a file for the records refused; NULL: none */
	bool skip_blank;     /* records of nothing but blanks are none */
	bool strict;         /* a last record without its delimiter is refused */
	bool resume;         /* an interrupted sender of the same input delivered some: the rest */
	bool atomic;         /* records and completion in one transaction, of at most max_bytes */
	int64_t max_bytes;
	int64_t min_records; /* fewer in the input are a failure */
	bool skip_invalid;   /* go on after a record that cannot be sent */
};

/* Sends the operands' files, the command's output or standard input into the target. Prints the batch's
 * document with the manifest, which is added to the target's. -1: t->err, and how much was delivered. */
int sending_run(struct tool_ctx *t, struct target *x, const struct sending_options *o);

#endif
