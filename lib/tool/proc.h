/* proc: a command, its pipes and its end. Knows nothing of records.
 *
 * A command runs in a process group of its own, so that all of it can be stopped, and is killed
 * by the kernel when the tool is (kill -9 leaves no second writer behind); a second signal to the tool
 * ends all of it (tool/sig.h), so there is one at a time. It gets default signal
 * handlers, an empty signal mask, no descriptor but 0 to 2, and the environment less what its
 * starter hides. Start it from the main thread: its life hangs on that thread's. Usage:
 * proc_start, use the pipes and close them, proc_wait until it has ended; proc_kill or proc_end
 * when it shall. */
#ifndef TOOL_PROC_H
#define TOOL_PROC_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/deadline.h"
#include "base/err.h"

enum proc_stream {
	PROC_INHERIT, /* the tool's own */
	PROC_PIPE,    /* a pipe, whose other end is in struct proc */
	PROC_NULL,    /* /dev/null */
};

struct proc_spec {
	char *const *argv;  /* ended by NULL; PATH is searched */
	const char *shell;  /* instead of argv: text for /bin/sh -c */
	enum proc_stream in, out, errs;
	const char *const *env;  /* more NAME=VALUE, ended by NULL; or NULL */
	const char *const *hide; /* names of variables it shall not see, ended by NULL; or NULL */
};

/* How a command ended: by exit, or by a signal. */
struct proc_status {
	int exit;   /* 0..255; 126, 127: it could not be run, as shells say it; -1: by signal */
	int signal; /* 0: by exit */
};

struct proc {
	pid_t pid;         /* 0: not running */
	int in, out, errs; /* our ends of the pipes, close-on-exec; -1: none or given away */
	struct proc_status status; /* when it has ended */

	int pidfd; /* private: readable when it has ended; -1: this kernel has none */
	char *name;
};

#define PROC_INIT {0, -1, -1, -1, {0, 0}, -1, 0}

/* 0: it runs. -1, ST_FAIL: it does not, the text says why; when the command itself could not be
 * executed p->status.exit is 127 (not there) or 126. */
int proc_start(struct proc *p, const struct proc_spec *spec, struct err *err);

/* Waits for its end until d is over. 1: ended, p->status is filled. 0: still running. */
int proc_wait(struct proc *p, const struct deadline *d);

/* Sends a signal to its whole group, if it still runs. */
void proc_kill(const struct proc *p, int signal);

/* Ends it: SIGTERM to the group, SIGKILL to what is left of it after grace_ms, and waits. Not
 * interrupted by signals. */
void proc_end(struct proc *p, int grace_ms);

/* 0 when it ended with status 0. Otherwise -1 and ST_FAIL, "command NAME: exit status 3" or
 * "command NAME: killed by signal 9 (Killed)". */
int proc_verdict(const struct proc *p, struct err *err);

void proc_close_in(struct proc *p); /* it sees the end of its input */

/* Closes the pipes and forgets the rest; a command that still runs is ended without grace. */
void proc_release(struct proc *p);

#endif
