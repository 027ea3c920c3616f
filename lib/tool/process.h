/* process: how every command begins and how it ended. proc (one that is waited for) and child (many
 * in a loop) stand on it. Knows nothing of records.
 *
 * A command runs in a process group of its own, so that all of it can be stopped, and is killed
 * by the kernel when the tool is (kill -9 leaves no second writer behind); a second signal to the tool
 * ends all of it (tool/sig.h). It gets default signal handlers, an empty signal mask, no descriptor
 * but those it is given, and the environment less what its starter hides. Start it from the main
 * thread: its life hangs on that thread's. Who has waited for it says so to sig_remove_group. */
#ifndef TOOL_PROCESS_H
#define TOOL_PROCESS_H

#include <sys/types.h>

#include "base/err.h"

#define PROCESS_FDS 4
#define PROCESS_NO_FDS {-1, -1, -1, -1}

struct process_spec {
	char *const *argv;       /* ended by NULL; PATH is searched */
	const char *shell;       /* instead of argv: text for /bin/sh -c */
	const char *const *env;  /* NAME=VALUE, or NAME for no such variable; ended by NULL; or NULL */
	const char *const *hide; /* names of variables it shall not see, ended by NULL; or NULL */
	/* Become its descriptors 0 to 3 and stay the caller's, who opened them above 2. -1: of 0 to 2
	 * the tool's own, of 3 none. */
	int fds[PROCESS_FDS];
};

/* How a command ended: by exit, or by a signal. */
struct process_status {
	int exit;   /* 0..255; 126, 127: it could not be run, as shells say it; -1: by signal */
	int signal; /* 0: by exit */
};

/* Its process id, which is that of its group, too. -1, ST_FAIL: it does not run, the text says why;
 * when the command itself could not be executed status->exit is 127 (not there) or 126, else 0. */
pid_t process_start(const struct process_spec *spec, struct process_status *status,
    struct err *err);

/* What messages call it. */
const char *process_name(const struct process_spec *spec);

struct process_status process_status(int raw); /* as wait(2) has it */

/* 0 when it ended with status 0. Otherwise -1 and ST_FAIL, "command NAME: exit status 3" or
 * "command NAME: killed by signal 9 (Killed)". */
int process_verdict(const char *name, const struct process_status *s, struct err *err);

#endif
