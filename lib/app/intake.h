/* intake: what comes into a sending: records of files, of standard input or of a command, and what becomes
 * of those that are refused. */
#ifndef APP_INTAKE_H
#define APP_INTAKE_H

#include "app/sending.h"
#include "tool/proc.h"
#include "tool/source.h"

struct intake {
	struct source source;
	int64_t rejected;
	bool unterminated; /* the last record taken had no delimiter; the taker sets it */
	bool cut_short;    /* the input itself was the reason to stop */

	/* private */
	struct tool_ctx *t;
	const struct sending_options *options;
	struct proc command;
	int64_t ended_ms; /* monotonic, when the command was seen to have ended; 0: not yet */
	bool hinted; /* the records were looked at for a likely mistake */
	struct out rejects;
	bool rejects_open; /* the last record there has no delimiter */
};

#define INTAKE_INIT {.command = PROC_INIT}

/* Announces to use.h which files are read and written. ST_USAGE: one of them is both. */
int intake_announce(struct tool_ctx *t, const struct sending_options *o);

/* Opens the operands' files or starts their command. All errors of an intake are in t->err. */
int intake_open(struct intake *in, struct tool_ctx *t, const struct sending_options *o,
    struct pool *pool, size_t longest);

/* Returns 1 when the options want this record, 0 when they leave it out, -1 when it ends the sending. Notes once what was
 * probably meant otherwise: a compressed input, a key that is the name of a member. */
int intake_inspect(struct intake *in, const struct source_record *r);

/* t->err says why this record cannot be sent: 0: it was noted, go on; -1: it ends the sending. */
int intake_refuse(struct intake *in, const struct source_record *r);

/* While nothing comes: -1 when the command ended HOLDER_PATIENCE_MS ago and another process holds its output. */
int intake_check_held(struct intake *in);

/* After the last record: 1: that was all; 0: the command has not ended within wait_ms; -1: it failed. */
int intake_end(struct intake *in, int64_t wait_ms);

/* The refused records are safe. Before anybody is told that the others were sent. */
int intake_close(struct intake *in, struct err *err);

void intake_release(struct intake *in);

#endif
