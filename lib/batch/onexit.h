/* onexit: what follows from how a run of the command ended. Each end has one action, by this table;
 * --on-exit puts rules for exit statuses before it, of which the first that fits wins.
 *
 *	0                           done
 *	65                          isolate
 *	69, 75                      outage
 *	77, 78, 126, 127, 255       stop
 *	137                         halve
 *	any other exit status       retry
 *	our time limit, SIGKILL, out of memory     halve
 *	SIGSEGV, SIGABRT, SIGBUS, SIGFPE           crash
 *	any other signal            retry
 *
 * 65 (the data), 69 (a service), 75 (for now), 77 (rights) and 78 (configuration) are sysexits.h's,
 * 126 and 127 the shell's, 255 is xargs'. What the actions do is in batch/trial.h. */
#ifndef BATCH_ONEXIT_H
#define BATCH_ONEXIT_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"

enum onexit_action {
	ONEXIT_DONE,
	ONEXIT_ISOLATE, /* the data is to blame: look for the record at once */
	ONEXIT_RETRY,   /* after a back-off; then as isolate */
	ONEXIT_OUTAGE,  /* after a back-off; never blame a record */
	ONEXIT_STOP,    /* the command itself is wrong: stop the worker, blame nobody */
	ONEXIT_HALVE,   /* too much at once: with half as many */
	ONEXIT_CRASH,   /* once more; then as isolate */
};

enum ending_how {
	ENDING_EXIT,    /* number: its status, 0..255 */
	ENDING_SIGNAL,  /* number: the signal, which was not ours */
	ENDING_TIMEOUT, /* we ended it, its time was up */
	ENDING_MEMORY,  /* the kernel ended it for want of memory */
	ENDING_WORKER,  /* the worker ended with it: no action, others find it */
	ENDING_NONE,    /* it was in no run */
};

struct ending {
	enum ending_how how;
	int number;
};

struct onexit_rule {
	int first, last;
	enum onexit_action action;
};

struct onexit {
	struct onexit_rule *rules; /* owned; the user's, in their order */
	size_t count, cap;
};

#define ONEXIT_INIT {0}

/* "CODE=ACTION" or "CODE-CODE=ACTION" with statuses from 1 to 255 and an action's name.
 * ST_USAGE. */
int onexit_add(struct onexit *t, const char *text, struct err *err);

enum onexit_action onexit_find(const struct onexit *t, struct ending how);

/* Was a rule given for this exit status? */
bool onexit_has(const struct onexit *t, int code);

const char *onexit_name(enum onexit_action action); /* "done", "isolate", "retry" ... */

/* Appends the table as it is in effect, a line each: "exit 1-64: retry". */
void onexit_text(const struct onexit *t, struct buf *out);

/* Appends "exit status 3", "killed by SIGSEGV", "out of time" .... */
void ending_text(struct ending how, struct buf *out);

void onexit_release(struct onexit *t);

#endif
