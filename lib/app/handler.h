/* handler: a shell command that is run for one batch, with its facts in the environment. */
#ifndef APP_HANDLER_H
#define APP_HANDLER_H

#include "app/session.h"
#include "tool/proc.h"

/* Starts it with a pipe for its standard input (p->in). It sees BATCH_ID, BATCH_NAME, BATCH_STATUS,
 * BATCH_STREAM and BATCH_DATA_TYPE, and none of our secrets. */
int handler_start(struct tool_ctx *t, const char *command, const char *stream,
    const struct batch *b, struct proc *p);

/* The hook of the output that feeds the command (out.h, waiting): gives up with an error once the
 * command has ended, and calls tick otherwise. */
struct handler_feed {
	struct proc *command;
	int (*tick)(void *ctx, struct err *err);
	void *ctx;
};
int handler_feeding(void *feed, struct err *err);

/* Waits for its end; tick is called a few times a second and may stop it by -1. 0: it ended with 0. */
int handler_wait(struct tool_ctx *t, struct proc *p, int (*tick)(void *ctx, struct err *err), void *ctx);

#endif
