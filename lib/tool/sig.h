/* sig: signals become flags, which the main loop asks for.
 *
 * The first SIGINT, SIGTERM or SIGHUP asks the tool to finish or undo what it began and to
 * report; the second ends the process at once, from the handler, as if nothing had been caught. The
 * same signal within half a second of the first repeats the first wish and counts as one. A
 * signal that was ignored when the tool started (nohup, a shell's background job) stays ignored.
 * SIGUSR1 asks for a progress report. SIGPIPE is ignored: a closed pipe is an error of out.h. No
 * call is restarted after a signal, so read, poll and waits come back with EINTR. A signal may
 * still fall between the question and the wait: wait in slices of a few hundred milliseconds at
 * most. */
#ifndef TOOL_SIG_H
#define TOOL_SIG_H

#include <stdbool.h>

void sig_setup(void);

/* Where the address space is limited (ulimit -v), our own code and libraries abort for want of memory: then `tell` is
 * called in the signal handler, and the process ends with 1. Without a limit an abort is a fault, and dumps core. */
void sig_on_no_memory(void (*tell)(void));

bool sig_ended(void);     /* the first signal came */
int sig_number(void);     /* which, 0: none */
bool sig_take_usr1(void); /* SIGUSR1 came since the last question */

/* The process groups of the commands that run: what ends the process at once ends them, too, by
 * SIGKILL. Ask for room before one is added. */
#define SIG_GROUPS 1024
bool sig_has_room(void);
void sig_add_group(int group);
void sig_remove_group(int group); /* nothing if it is not among them */

/* Ends the process by signal n, so that its parent sees which. Returns only if that is impossible
 * (process 1 of a container is not killed by its own signal). */
void sig_reraise(int n);

/* In a child, between fork and exec: every signal at its default, none blocked. */
void sig_default_all(void);

#endif
