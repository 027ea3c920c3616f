/* child: a command that runs beside others in a loop (loop.h), which it never holds up. It gets its
 * whole input on its standard input, then the end; all it says is taken and kept.
 *
 *  - Standard output is kept (capture.h) until somebody asks.
 *  - Standard error is passed on as messages, line by line, and its end kept (talk.h).
 *  - Descriptor 3, also in BATCH_REPORT_FD, is for a report: CHILD_REPORT bytes of it are kept.
 *
 * What all commands get (a group, signals, the environment) is in process.h. Usage: child_start; each
 * round of the loop child_watch, loop_wait, child_step, until that answers 1; look at end, out,
 * report and talk; child_release. It has ended when its own process has and its standard output
 * came to its end; for that, what it left behind has HOLDER_PATIENCE_MS, and then is killed with the rest
 * of the group. CHILD_DESCRIPTORS are open for each child. */
#ifndef TOOL_CHILD_H
#define TOOL_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "tool/capture.h"
#include "tool/loop.h"
#include "tool/process.h"
#include "tool/talk.h"

#define CHILD_REPORT  ((size_t)1 << 20)
#define CHILD_DESCRIPTORS 6

struct child_spec {
	char *const *argv; /* this, env and hide: as in struct process_spec */
	const char *const *env, *const *hide;
	struct str in;        /* its input; borrowed until it has ended */
	bool may_leave_input; /* not to have read all of it is no failure */
	bool drop_out;        /* standard output goes to /dev/null */
	const char *prefix;   /* of what it says on standard error; borrowed. NULL: not passed on */
	int64_t timeout_ms;   /* SIGTERM then; 0: never */
	int grace_ms;         /* from any SIGTERM to SIGKILL */
	const char *root;     /* for machine_oom_kills; NULL: it is not asked */
};

/* How it ended; all but CHILD_DONE are failures. */
enum child_how {
	CHILD_DONE,    /* exit status 0, its input read, its output whole */
	CHILD_EXIT,    /* another exit status */
	CHILD_SIGNAL,  /* a signal that is not ours */
	CHILD_MEMORY,  /* either, by all signs for memory: SIGKILL, exit status 137, or meanwhile the
			* kernel has killed for it in our control group */
	CHILD_TIMEOUT, /* by us, timeout_ms were over; whatever its status */
	CHILD_STOPPED, /* by child_stop or child_kill */
	CHILD_UNREAD,  /* exit status 0, but it did not read all of its input */
	CHILD_CUT,     /* exit status 0, but what it left behind held its output open */
	CHILD_LOST,    /* what it said could not be kept (a full disk) */
};

const char *child_how_name(enum child_how how); /* "done", "exit" and so on, in lower case */

struct child_end {
	enum child_how how;
	struct process_status status;
	size_t unread;                       /* bytes of its input */
	int64_t start_ms;                    /* wall clock */
	int64_t took_ms, user_ms, system_ms; /* of processors: with what it started and waited for */
	int64_t rss_bytes;                   /* the most that one of them had in memory */
};

struct child {
	pid_t pid;            /* 0: not running */
	struct child_end end; /* when it has ended */
	struct capture out;
	struct buf report;
	bool report_cut; /* it was longer than CHILD_REPORT */
	struct talk talk;

	/* private */
	char *name;
	struct buf holders; /* of its output after its end */
	struct err lost;
	int in, in_read, outs, errs, reports; /* our ends, and the other one of its input */
	int pidfd;                            /* -1: this kernel has none */
	struct str todo;                      /* of its input */
	size_t watched; /* number of our first descriptor in the loop */
	bool may_leave_input, exited, stopped;
	enum child_how why_stopped;
	int64_t began_ms, timeout_ms, kill_ms, left_ms; /* monotonic; INT64_MAX: never */
	int grace_ms;
	const char *root;
	int64_t oom_kills; /* when it began */
};

#define CHILD_INIT {0}

/* As process_start: -1 and end.status.exit is 127 or 126 when the command cannot be executed; there
 * is nothing to release then. */
int child_start(struct child *c, const struct child_spec *spec, struct err *err);

void child_watch(struct child *c, struct loop *l);

/* After loop_wait: does what can be done without waiting. 1: it has ended. 0: it runs. */
int child_step(struct child *c, const struct loop *l);

/* Asks it to end: SIGTERM to the group, SIGKILL when the grace is over. */
void child_stop(struct child *c);

void child_kill(struct child *c); /* at once; child_step still says when it has ended */

/* 0 for CHILD_DONE. Otherwise -1, ST_FAIL, "command NAME: exit status 3" and so on. */
int child_verdict(const struct child *c, struct err *err);

/* Forgets all; one that still runs is killed and waited for. Nothing to do on CHILD_INIT. */
void child_release(struct child *c);

#endif
