#include "app/handler.h"

#include <stdlib.h>

#include "tool/clock.h"
#include "tool/sig.h"
#include "tool/variables.h"

#define SLICE_MS 200

int handler_start(struct tool_ctx *t, const char *command, const char *stream,
    const struct batch *b, struct proc *p)
{
	struct variables all = VARIABLES_INIT;
	struct str id = batch_id(b);
	variables_add(&all, SESSION_COMMAND_OF, str_of(t->tool->name));
	variables_add_of_batch(&all, "BATCH_ID", id, id);
	variables_add_of_batch(&all, "BATCH_NAME", batch_member(b, "name"), id);
	variables_add(&all, "BATCH_STATUS", str_of(batch_status_name(b->status)));
	variables_add(&all, "BATCH_STREAM", str_of(stream));
	variables_add_of_batch(&all, "BATCH_DATA_TYPE", batch_member(b, "dataType"), id);
	const char **env = variables_list(&all, NULL);
	const struct proc_spec spec = {.shell = command, .in = PROC_PIPE, .env = env,
	    .hide = (const char *const *)t->settings.secret_env};
	int failed = proc_start(p, &spec, &t->err);
	free(env);
	variables_release(&all);
	return failed;
}

int handler_feeding(void *feed, struct err *err)
{
	const struct handler_feed *f = feed;
	const struct deadline now = deadline_start(0);
	if (proc_wait(f->command, &now))
		return err_set(err, ST_FAIL, "the command ended before its input");
	return f->tick(f->ctx, err);
}

int handler_wait(struct tool_ctx *t, struct proc *p, int (*tick)(void *ctx, struct err *err), void *ctx)
{
	for (;;) {
		struct deadline d = deadline_start(SLICE_MS);
		if (proc_wait(p, &d))
			return proc_verdict(p, &t->err);
		if (sig_ended()) {
			proc_end(p, 1000);
			return err_set(&t->err, ST_FAIL, "interrupted");
		}
		if (tick(ctx, &t->err)) {
			proc_end(p, 1000);
			return -1;
		}
	}
}
