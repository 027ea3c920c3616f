/* proc: a command that is waited for, its pipes and its end. What all commands get is in process.h;
 * many of them beside a loop: child.h.
 *
 * Usage: proc_start, use the pipes and close them, proc_wait until it has ended, proc_end when it
 * shall. */
#ifndef TOOL_PROC_H
#define TOOL_PROC_H

#include <stdbool.h>
#include <sys/types.h>

#include "base/deadline.h"
#include "base/err.h"
#include "tool/process.h"

enum proc_stream {
	PROC_INHERIT, /* the tool's own */
	PROC_PIPE,    /* a pipe, whose other end is in struct proc */
	PROC_NULL,    /* /dev/null */
};

struct proc_spec {
	char *const *argv; /* or shell, as in struct process_spec */
	const char *shell;
	enum proc_stream in, out;
	const char *const *env, *const *hide; /* as in struct process_spec */
};

struct proc {
	pid_t pid;   /* 0: not running */
	int in, out; /* our ends of the pipes, close-on-exec; -1: none or given away */
	struct process_status status; /* when it has ended */

	int pidfd;   /* private: readable when it has ended; -1: this kernel has none */
	int in_read; /* private: the command's end of its input, for proc_unread */
	char *name;
};

#define PROC_INIT {0, -1, -1, {0, 0}, -1, -1, 0}

/* 0: it runs. -1, ST_FAIL: it does not, the text says why; when the command itself could not be
 * executed p->status.exit is 127 (not there) or 126. */
int proc_start(struct proc *p, const struct proc_spec *spec, struct err *err);

/* Waits for its end until d is over. 1: ended, p->status is filled. 0: still running. */
int proc_wait(struct proc *p, const struct deadline *d);

/* Ends it: SIGTERM to the group, SIGKILL to what is left of it after grace_ms, and waits. Not
 * interrupted by signals. */
void proc_end(struct proc *p, int grace_ms);

/* Number of bytes in the command's input pipe that the command has not read. The tool keeps the
 * command's end of that pipe open, so a write never fails with EPIPE: the writer asks proc_wait
 * whether the command has ended while the pipe takes nothing. */
size_t proc_unread(const struct proc *p);

/* As process_verdict. */
int proc_verdict(const struct proc *p, struct err *err);

/* Closes the pipes and forgets the rest; a command that still runs is ended without grace. */
void proc_release(struct proc *p);

#endif
