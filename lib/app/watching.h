/* watching: follows the events of a stream that count, as they come. */
#ifndef APP_WATCHING_H
#define APP_WATCHING_H

#include "app/query.h"

struct watching_options {
	struct query query;   /* which batches: name, statuses, metadata */
	const char *group;    /* go on where this group stood; NULL: from since_ms on */
	const char *exec;     /* a shell command for each, the document on its stdin; NULL: print it */
	unsigned until;       /* bits 1 << status: end when a batch becomes so; 0: never */
	const char *expect;   /* a pattern: end when a batch of that name was completed; NULL: not so */
	int64_t within_ms;    /* expect: how long to wait for that */
	int64_t since_ms;     /* KLOG_END: from now on */
	int64_t most;         /* end after so many events; -1: never */
	bool progress;        /* events of progress too */
	bool until_end;       /* end where the log ends now */
};

/* -1, ST_FAIL: the command failed; what was expected did not come; with -B, the batch ended otherwise.
 * ST_TIME: -m was given and is over before --until came true. */
int watch(struct tool_ctx *t, const char *stream, const struct watching_options *o);

#endif
