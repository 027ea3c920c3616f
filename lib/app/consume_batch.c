#include "app/consuming.h"

#include "tool/clock.h"
#include "tool/msg.h"
#include "tool/progress.h"

#define FINISHED                                                                                   \
	(1u << BATCH_COMPLETED | 1u << BATCH_SENT | 1u << BATCH_TERMINATED | 1u << BATCH_FAILED)

struct reading {
	struct tool_ctx *t;
	const struct target *target;
	const struct consuming_options *options;
	struct klog *log;
	struct kbatch *batch;
	struct kfetch *fetch;
	struct progress progress;
	bool early; /* the batch is not finished yet */
};

static int refuse_ended(struct reading *r, struct err *err)
{
	struct batch b = BATCH_INIT;
	enum batch_status status = kbatch_fold(r->batch)->status;
	if (status != BATCH_TERMINATED && status != BATCH_FAILED)
		return 0;
	if (kbatch_document(r->batch, &b, err))
		return -1;
	struct str why = batch_member(&b, "failureMessage");
	err_set(err, ST_FAIL, "batch '%s' is %s%s%.*s", r->target->id,
	    batch_status_name(status), why.len ? ": " : "", (int)why.len, why.ptr);
	batch_release(&b);
	return -1;
}

static int wait_for_end(struct reading *r, const struct consuming_batch *how)
{
	struct tool_ctx *t = r->t;
	enum batch_status status = kbatch_fold(r->batch)->status;
	if (status == BATCH_NONE)
		return batch_missing(r->target->id, r->target->stream, &t->err);
	r->early = how->early && status == BATCH_STARTED;
	if (r->early)
		return 0;
	if (how->no_wait && status == BATCH_STARTED)
		return err_set(&t->err, ST_STATE, "batch '%s' is still being sent", r->target->id);
	if (kbatch_wait(r->batch, FINISHED, &t->deadline, &t->err))
		return -1;
	return refuse_ended(r, &t->err);
}

/* A batch that is followed: did it end, and how? */
static int follow_batch(struct reading *r, struct err *err)
{
	struct batch b = BATCH_INIT;
	if (kbatch_poll(r->batch, 0, err) < 0 || refuse_ended(r, err))
		return -1;
	if (kbatch_fold(r->batch)->status == BATCH_STARTED)
		return 0;
	r->early = false;
	struct deadline d = deadline_start(r->t->budget_ms);
	int failed = kbatch_document(r->batch, &b, err) || kfetch_finish(r->fetch, &b, &d, err);
	batch_release(&b);
	return failed ? -1 : 0;
}

static int tick(void *ctx, const struct kfetch_counts *so_far, struct err *err)
{
	struct reading *r = ctx;
	const struct progress_at at = {.records = so_far->records, .bytes = so_far->bytes,
	    .bytes_total = -1};
	progress_tick(&r->progress, &at);
	return r->early ? follow_batch(r, err) : 0;
}

static int open_fetch(struct reading *r)
{
	struct tool_ctx *t = r->t;
	const struct fold *fold = kbatch_fold(r->batch);
	struct batch b = BATCH_INIT;
	struct kfetch_options options = {
	    .ordered = !r->options->unordered,
	    .plain = unload_is_plain(&r->options->style),
	    .early = r->early,
	    .created_ms = fold->created_ms,
	    .log = msg_library,
	};
	struct deadline d = deadline_start(t->budget_ms);
	int failed = kbatch_document(r->batch, &b, &t->err) || !fold_tells_records(fold, &b, &t->err) ||
	    kfetch_open(&r->fetch, &t->settings.kv, &b, &options, &d, &t->err);
	batch_release(&b);
	return failed ? -1 : 0;
}

static void tell_counts(const struct reading *r)
{
	struct kfetch_counts c = kfetch_counts(r->fetch);
	msg_debug(1, "batch '%s': %lld records, %lld duplicates dropped, %lld of other batches "
	    "passed over", r->target->id, (long long)c.records, (long long)c.duplicates,
	    (long long)c.passed);
}

int consume_batch(struct tool_ctx *t, const struct target *x, const struct consuming_options *o,
    const struct consuming_batch *how)
{
	struct reading r = {.t = t, .target = x, .options = o};
	const struct kbatch_options all = KBATCH_OPTIONS_INIT;
	const struct unload_hooks hooks = {.tick = tick, .ctx = &r, .patient = &r.early};
	int failed = session_log(t, x->stream, true, &r.log) ||
	    kbatch_open(&r.batch, r.log, str_of(x->id), &all, &t->deadline, &t->err) ||
	    wait_for_end(&r, how) || open_fetch(&r);
	if (!failed) {
		progress_init(&r.progress, "read");
		failed = unload_batch(r.fetch, &o->style, &t->out, t->budget_ms, &hooks, &t->err);
		progress_end();
		tell_counts(&r);
	}
	kfetch_close(r.fetch);
	kbatch_close(r.batch);
	klog_close(r.log);
	return failed ? -1 : 0;
}
