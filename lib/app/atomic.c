#include "app/atomic.h"

#include "kafka/ktxn.h"
#include "tool/msg.h"

#define SLICE_MS 100

static void on_seen(void *ctx, const struct event *e, enum fold_verdict v)
{
	struct atomic *a = ctx;
	if (!e || !str_eq(e->writer, buf_str(&a->writer)))
		return;
	a->seen = true;
	a->verdict = v;
}

void atomic_watch(struct atomic *a, struct kbatch_options *options)
{
	char token[SESSION_TOKEN];
	session_token(token);
	buf_printf(&a->writer, "%s-1", token);
	options->seen = on_seen;
	options->ctx = a;
}

int atomic_begin(struct atomic *a, const struct deadline *d)
{
	if (ktxn_begin(deliver_producer(a->deliver), d, &a->t->err))
		return -1;
	a->begun = true;
	return 0;
}

static int put_event(struct atomic *a, const struct batch *b, int64_t now_ms, int64_t *offset,
    const struct deadline *d)
{
	struct event_out out;
	if (event_encode(b, EVENT_STATUS, str_of(a->target->stream), buf_str(&a->writer), now_ms, &out,
		&a->t->err))
		return -1;
	int failed = deliver_event(a->deliver, klog_topic(a->log), &out.record, offset, d,
	    &a->t->err);
	event_out_release(&out);
	return failed;
}

/* An event of another about this batch that came before ours and was not seen yet. */
static int find_other(struct atomic *a, struct klog *all, int64_t before,
    const struct deadline *d)
{
	struct tool_ctx *t = a->t;
	const struct event *e;
	for (;;) {
		int got = klog_next(all, deadline_slice_ms(d, SLICE_MS), &e, &t->err);
		if (got < 0)
			return -1;
		if (got && e->offset >= before)
			return 0;
		if (got && e->type == EVENT_STATUS && str_is(buf_str(&e->id), a->target->id))
			return err_set(&t->err, ST_FAIL, "batch '%s' was changed by another while "
			    "it was being sent (%s)", a->target->id, batch_status_name(e->status));
		if (!got && deadline_left_ms(d) == 0)
			return klog_late(all, d, &t->err);
	}
}

/* Readers of committed events see those that stand before ours only once ours is committed. */
static int check_first(struct atomic *a, int64_t offset, const struct deadline *d)
{
	struct tool_ctx *t = a->t;
	struct klog *all = NULL;
	const struct klog_options options = {.uncommitted = true, .log = msg_library};
	int32_t home = klog_home(a->log, str_of(a->target->id));
	int64_t from = klog_position(a->log, home);
	int failed = klog_open(&all, &t->settings.kv, a->target->stream, &options, d, &t->err) ||
	    klog_scan_partition(all, home, from, d, &t->err) || find_other(a, all, offset, d);
	klog_close(all);
	return failed ? -1 : 0;
}

/* Until our event comes by, or all that is before and at its place was seen without it. */
static int read_back(struct atomic *a, int64_t offset, const struct deadline *d, struct err *err)
{
	int32_t home = klog_home(a->log, str_of(a->target->id));
	while (!a->seen && klog_position(a->log, home) <= offset && deadline_left_ms(d))
		if (kbatch_poll(a->batch, deadline_slice_ms(d, SLICE_MS), err) < 0)
			return -1;
	if (!a->seen && klog_position(a->log, home) > offset)
		return err_set(err, ST_FAIL, "the transaction was aborted");
	if (!a->seen)
		return err_set(err, ST_UNKNOWN, "batch '%s': whether the transaction was committed "
		    "is not known; batch-status -s %s -B %s tells it", a->target->id,
		    a->target->stream, a->target->id);
	if (a->verdict == FOLD_COUNTED)
		return 0;
	return err_set(err, ST_STATE, "batch '%s' was %s by another at the same moment: the records "
	    "are in the topic and count for nothing", a->target->id,
	    batch_status_name(kbatch_fold(a->batch)->status));
}

static int commit(struct atomic *a, int64_t offset, const struct deadline *d)
{
	struct tool_ctx *t = a->t;
	struct deadline rest = *d;
	rest.interrupted = NULL;
	/* A third of the time is for finding out what became of it. */
	struct deadline most = deadline_within(&rest, deadline_left_ms(&rest) / 3 * 2);
	if (deadline_interrupted(d))
		return err_set(&t->err, ST_FAIL, "interrupted");
	enum ktxn_end end = ktxn_commit(deliver_producer(a->deliver), &most, &t->err);
	a->begun = false;
	if (end == KTXN_ABORTED)
		return -1;
	if (end == KTXN_UNKNOWN)
		msg_debug(1, "%s", t->err.text);
	err_clear(&t->err);
	int failed = read_back(a, offset, &rest, &t->err);
	if (failed && a->seen) /* another was first, and ours is the last event now */
		session_settle(t, a->target);
	return failed;
}

int atomic_end(struct atomic *a, const struct batch_change *c, struct batch *out,
    const struct deadline *d)
{
	struct tool_ctx *t = a->t;
	struct batch now = BATCH_INIT;
	int64_t offset = -1;
	int failed = kbatch_document(a->batch, &now, &t->err) || batch_apply(&now, c, out, &t->err);
	batch_release(&now);
	failed = failed || put_event(a, out, c->now_ms, &offset, d) ||
	    check_first(a, offset, d) || commit(a, offset, d);
	return failed ? -1 : 0;
}

void atomic_close(struct atomic *a)
{
	if (a->begun)
		ktxn_abort(deliver_producer(a->deliver));
	buf_release(&a->writer);
}
