#include "app/handler.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tool/clock.h"
#include "tool/sig.h"

#define SLICE_MS 200

enum { VARIABLES = 5 };

static void add_variable(struct buf *all, const char *name, struct str value)
{
	buf_printf(all, "%s=%.*s", name, (int)value.len, value.ptr);
	buf_putc(all, '\0');
}

int handler_start(struct tool_ctx *t, const char *command, const char *stream,
    const struct batch *b, struct proc *p)
{
	const char *env[VARIABLES + 1] = {0};
	struct buf all = BUF_INIT;
	add_variable(&all, "BATCH_ID", batch_id(b));
	add_variable(&all, "BATCH_NAME", batch_member(b, "name"));
	add_variable(&all, "BATCH_STATUS", str_of(batch_status_name(b->status)));
	add_variable(&all, "BATCH_STREAM", str_of(stream));
	add_variable(&all, "BATCH_DATA_TYPE", batch_member(b, "dataType"));
	const char *at = all.data;
	for (int i = 0; i < VARIABLES; i++) {
		env[i] = at;
		at += strlen(at) + 1;
	}
	const struct proc_spec spec = {.shell = command, .in = PROC_PIPE, .env = env,
	    .hide = (const char *const *)t->settings.secret_env};
	int failed = proc_start(p, &spec, &t->err);
	buf_release(&all);
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
