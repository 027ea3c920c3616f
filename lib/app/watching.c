#include "app/watching.h"

#include <stdlib.h>

#include "app/expected.h"
#include "app/handler.h"
#include "base/date.h"
#include "base/mem.h"
#include "kafka/kgroup.h"
#include "kafka/kjudge.h"
#include "tool/clock.h"
#include "tool/msg.h"
#include "tool/sig.h"

#define SLICE_MS 200
#define LEAVE_MS 1500

/* Where the group stands is written down at once after an event that was shown, else so often. */
#define COMMIT_MS 1000

struct watcher {
	struct tool_ctx *t;
	const char *stream;
	const struct watching_options *options;
	struct klog *log;    /* followed, unless a group is */
	struct klog *lookup; /* for the judge */
	struct kjudge *judge;
	struct kgroup *group;
	unsigned generation; /* of the group, that the judge knows of */
	struct event event; /* of the group's record */
	struct expected expected;
	int64_t expected_by_ms;
	struct deadline patience; /* with the brokers, since the last event */
	int64_t count;
	int64_t passed; /* by the group's member, being no events */
	int32_t partition;   /* of the group's last record that was not shown */
	int64_t uncommitted; /* the offset behind it; 0: committed, or there is none */
	int64_t committed_ms;
	bool lost; /* something that the group had not seen is gone; it was told */
	bool done;
};

static int keep(void *ctx, struct err *err)
{
	struct watcher *w = ctx;
	return w->group ? kgroup_keep(w->group, err) : 0;
}

static int run_command(struct watcher *w, const struct batch *b)
{
	struct tool_ctx *t = w->t;
	struct proc p = PROC_INIT;
	struct out o;
	struct buf line = BUF_INIT;
	struct err unread = ERR_INIT;
	if (handler_start(t, w->options->exec, w->stream, b, &p))
		return -1;
	js_dump(b->doc, &line);
	buf_putc(&line, '\n');
	struct handler_feed feed = {.command = &p, .tick = keep, .ctx = w};
	out_init(&o, p.in, "the command's standard input");
	p.in = -1;
	o.waiting = handler_feeding;
	o.ctx = &feed;
	/* A command that does not read the document is free not to. */
	out_buf(&o, &line, &unread);
	out_close(&o, &unread);
	err_clear(&unread);
	buf_release(&line);
	int failed = handler_wait(t, &p, keep, w);
	proc_release(&p);
	return failed ? err_wrap(&t->err, "--exec") : 0;
}

/* After an event of a batch that is watched: is that what was waited for? */
static int consider(struct watcher *w, const struct batch *b)
{
	struct tool_ctx *t = w->t;
	const struct watching_options *o = w->options;
	if (o->until & (1u << b->status))
		w->done = true;
	if (o->most >= 0 && w->count >= o->most)
		w->done = true;
	if (w->done || !o->until || !t->batch || batch_may_become(b->status, o->until))
		return 0;
	return err_set(&t->err, ST_FAIL, "batch '%s' is %s, and cannot become what --until waits for", t->batch,
	    batch_status_name(b->status));
}

static int show(struct watcher *w, const struct batch *b)
{
	struct tool_ctx *t = w->t;
	w->count++;
	if (w->options->exec)
		return run_command(w, b);
	return session_print(t, b) || out_flush(&t->out, &t->err) ? -1 : 0;
}

/* 1: it was shown. 0: it is not for us. -1: failed. */
static int take(struct watcher *w, const struct event *e)
{
	struct tool_ctx *t = w->t;
	enum fold_verdict v;
	struct batch b = BATCH_INIT;
	struct deadline d = deadline_start(t->budget_ms);
	if ((t->batch && !str_is(buf_str(&e->id), t->batch)) ||
	    (e->type != EVENT_STATUS && !w->options->progress && !w->options->expect))
		return 0;
	if (kjudge_event(w->judge, e, &v, &d, &t->err))
		return -1;
	if (v == FOLD_ELSEWHERE)
		klog_elsewhere(w->lookup, e);
	if (v == FOLD_STANDING || v == FOLD_ELSEWHERE)
		return 0;
	if (v != FOLD_COUNTED && v != FOLD_PROGRESS) {
		msg_debug(1, "batch '%s': event at partition %d, offset %lld does not count: %s",
		    buf_text(&e->id), e->partition, (long long)e->offset, fold_verdict_name(v));
		return 0;
	}
	if (fold_batch(kjudge_fold(w->judge), &b, &t->err))
		return -1;
	batch_need_topic(&b, w->stream);
	int failed = 0;
	bool shown = false;
	if (w->options->expect) {
		if (query_name_matches(w->options->expect, &b))
			expected_hear(&w->expected, &b, e->ts_ms);
	} else if (query_matches(&w->options->query, &b)) {
		shown = true;
		failed = show(w, &b) || consider(w, &b);
	}
	batch_release(&b);
	return failed ? -1 : shown;
}

/* A batch that was completed may have failed since: what counts is how it stands where the log ends. */
static int look_for_expected(struct watcher *w)
{
	struct tool_ctx *t = w->t;
	struct buf text = BUF_INIT;
	const struct watching_options *o = w->options;
	struct str found = expected_completed(&w->expected);
	if (found.ptr) {
		w->done = true;
		return out_str(&t->out, found, &t->err) || out_puts(&t->out, "\n", &t->err) ? -1 : 0;
	}
	if (clock_mono_ms() < w->expected_by_ms)
		return 0;
	if (o->since_ms != KLOG_BEGINNING) {
		buf_puts(&text, " since ");
		date_format_s(o->since_ms, &text);
	}
	buf_puts(&text, ": ");
	expected_why(&w->expected, &text);
	err_set(&t->err, ST_FAIL, "no batch '%s' was completed%s", o->expect, buf_text(&text));
	buf_release(&text);
	return -1;
}

static int late(struct watcher *w)
{
	return w->group ? kgroup_late(w->group, &w->patience, &w->t->err)
			: klog_late(w->log, &w->patience, &w->t->err);
}

/* Between events: is there a reason to end? */
static int rest(struct watcher *w, bool at_end)
{
	struct tool_ctx *t = w->t;
	const struct watching_options *o = w->options;
	if (o->until_end && at_end)
		w->done = true;
	if (w->done || sig_ended())
		return 0;
	bool overdue = o->expect && clock_mono_ms() >= w->expected_by_ms;
	if ((o->until_end || (overdue && !at_end)) && deadline_left_ms(&w->patience) == 0)
		return late(w);
	if (o->expect && at_end && look_for_expected(w))
		return -1;
	if (o->until && t->common.timeout_ms >= 0 && deadline_left_ms(&t->deadline) == 0)
		return err_set(&t->err, ST_TIME, "time is up");
	return 0;
}

/* With -B the events of one batch come only. */
static void open_judge(struct watcher *w, bool all)
{
	uint64_t seed;
	size_t n = (size_t)klog_partitions(w->log);
	int64_t *starts = mem_zalloc(n, sizeof(*starts));
	clock_random(&seed, sizeof(seed));
	for (size_t i = 0; i < n && all; i++)
		starts[i] = klog_start(w->log, (int32_t)i);
	kjudge_open(&w->judge, w->lookup, all ? starts : NULL, seed);
	free(starts);
}

static int follow_log(struct watcher *w)
{
	struct tool_ctx *t = w->t;
	const struct event *e;
	if (klog_scan(w->log, w->options->since_ms, &t->deadline, &t->err))
		return -1;
	open_judge(w, t->batch == NULL);
	while (!w->done && !sig_ended()) {
		int got = klog_next(w->log, klog_caught_up(w->log) && w->options->until_end ? 0
											 : SLICE_MS,
		    &e, &t->err);
		if (got < 0 || (got && take(w, e) < 0))
			return -1;
		if (got)
			w->patience = deadline_start(t->budget_ms);
		if (rest(w, klog_caught_up(w->log)))
			return -1;
	}
	return 0;
}

static int commit(struct watcher *w, int32_t partition, int64_t offset)
{
	struct deadline d = deadline_start(w->t->budget_ms);
	d.interrupted = NULL;
	w->uncommitted = 0;
	w->committed_ms = clock_mono_ms();
	return kgroup_commit(w->group, partition, offset, &d, &w->t->err);
}

/* It is no loss if the partition is another member's by now. */
static int commit_rest(struct watcher *w)
{
	return w->uncommitted && commit(w, w->partition, w->uncommitted) < 0 ? -1 : 0;
}

/* As take. */
static int take_record(struct watcher *w, const struct record *r)
{
	const char *why;
	if (w->generation != kgroup_generation(w->group))
		kjudge_restart(w->judge);
	w->generation = kgroup_generation(w->group);
	if (!event_decode(r, &w->event, &why)) {
		session_passed(r, why);
		w->passed++;
		return 0;
	}
	w->event.stray = klog_home(w->lookup, buf_str(&w->event.id)) != r->partition;
	return take(w, &w->event);
}

static int take_from_group(struct watcher *w, const struct record *r)
{
	int32_t partition = r->partition;
	int64_t next = r->offset + 1;
	int shown = take_record(w, r);
	if (shown < 0)
		return -1;
	if (!shown) {
		w->partition = partition;
		w->uncommitted = next;
		return clock_mono_ms() - w->committed_ms < COMMIT_MS ? 0 : commit_rest(w);
	}
	int gone = commit(w, partition, next);
	if (gone > 0)
		msg_warn("group %s: partition %d went to another member meanwhile: its last event may "
		    "be seen twice", w->options->group, partition);
	return gone < 0 ? -1 : 0;
}

static int tell_lost(struct watcher *w)
{
	struct buf text = BUF_INIT;
	struct deadline d = deadline_start(w->t->budget_ms);
	d.interrupted = NULL;
	int lost = kgroup_lost(w->group, &text, &d, &w->t->err);
	if (text.len)
		msg_warn("%s", buf_text(&text));
	w->lost |= lost > 0;
	buf_release(&text);
	return lost < 0 ? -1 : 0;
}

static int follow_group(struct watcher *w)
{
	struct tool_ctx *t = w->t;
	const struct record *r;
	if (kgroup_open(&w->group, &t->settings.kv, w->options->group, klog_topic(w->log),
		msg_library, &t->deadline, &t->err))
		return -1;
	open_judge(w, false);
	while (!w->done && !sig_ended()) {
		int got = kgroup_next(w->group, SLICE_MS, &r, &t->err);
		if (got < 0 || tell_lost(w) || (got ? take_from_group(w, r) : commit_rest(w)))
			return -1;
		if (got)
			w->patience = deadline_start(t->budget_ms);
		int end = got || !w->options->until_end
		    ? 0
		    : kgroup_caught_up(w->group, &t->deadline, &w->patience, &t->err);
		if (end < 0 || tell_lost(w) || rest(w, end))
			return -1;
	}
	if (w->lost)
		return err_set(&t->err, ST_FAIL, "group %s: events may be missing, see above", w->options->group);
	return 0;
}

int watch(struct tool_ctx *t, const char *stream, const struct watching_options *o)
{
	struct watcher w = {.t = t, .stream = stream, .options = o,
	    .expected_by_ms = clock_mono_ms() + o->within_ms,
	    .patience = deadline_start(t->budget_ms), .done = o->most == 0};
	uint64_t seed;
	clock_random(&seed, sizeof(seed));
	expected_init(&w.expected, seed);
	int failed = session_log(t, stream, true, &w.log) ||
	    session_log_beside(t, stream, &w.lookup) ||
	    (o->group ? follow_group(&w) : follow_log(&w));
	if (w.lookup)
		msg_debug(2, "%lld events read to look batches up",
		    (long long)klog_records(w.lookup));
	if (w.log)
		session_passed_all(klog_topic(w.log), w.passed);
	struct deadline leave = deadline_start(LEAVE_MS);
	leave.interrupted = NULL;
	kgroup_close(w.group, &leave);
	kjudge_close(w.judge);
	klog_close(w.lookup);
	klog_close(w.log);
	event_release(&w.event);
	expected_release(&w.expected);
	return failed ? -1 : 0;
}
