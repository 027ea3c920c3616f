#include "app/consuming.h"

#include "app/handler.h"
#include "kafka/kgroup.h"
#include "kafka/kjudge.h"
#include "tool/clock.h"
#include "tool/file.h"
#include "tool/msg.h"
#include "tool/progress.h"
#include "tool/sig.h"

#define SLICE_MS 200

/* How long leaving the group may take at the end. */
#define LEAVE_MS 1500

/* Beside 0 and -1: the batch is another member's now, nothing was done. */
#define GONE 1

struct member {
	struct tool_ctx *t;
	const char *stream;
	const struct consuming_options *options;
	const struct consuming_group *how;
	struct kgroup *group;
	struct klog *log; /* to look batches up in */
	struct kjudge *judge;
	unsigned generation; /* of the group, that the judge knows of */
	struct event event;
	struct progress progress;
	int64_t next_keep_ms;
	int64_t batches;
	int64_t passed; /* being no events */
	bool lost;      /* something that the group had not read is gone; it was told */
};

/* While a batch is worked on the group must see that we live. */
static int keep(void *ctx, struct err *err)
{
	struct member *m = ctx;
	int64_t now_ms = clock_mono_ms();
	if (now_ms < m->next_keep_ms)
		return 0;
	m->next_keep_ms = now_ms + SLICE_MS;
	return kgroup_keep(m->group, err);
}

static int tick(void *ctx, const struct kfetch_counts *so_far, struct err *err)
{
	struct member *m = ctx;
	const struct progress_at at = {.records = so_far->records, .bytes = so_far->bytes,
	    .bytes_total = -1};
	progress_tick(&m->progress, &at);
	return keep(m, err);
}

static int unload(struct member *m, struct kfetch *f, struct out *o)
{
	const struct unload_hooks hooks = {.tick = tick, .ctx = m};
	m->next_keep_ms = clock_mono_ms() + 5 * SLICE_MS;
	return unload_batch(f, &m->options->style, o, m->t->budget_ms, &hooks, &m->t->err);
}

/* A failed command tells best itself why it stopped reading, so its exit status comes first. */
static int command_end(struct member *m, struct proc *p, bool unread)
{
	struct err *err = &m->t->err;
	err_clear(err);
	if (handler_wait(m->t, p, keep, m))
		return -1;
	if (m->how->may_leave_input || (!unread && proc_unread(p) == 0))
		return 0;
	return err_set(err, ST_FAIL, "the command did not read the whole batch; "
	    "--allow-partial-read permits that");
}

static int to_command(struct member *m, const struct batch *b, struct kfetch *f)
{
	struct tool_ctx *t = m->t;
	struct proc p = PROC_INIT;
	struct out o;
	if (handler_start(t, m->how->exec, m->stream, b, &p))
		return -1;
	struct handler_feed feed = {.command = &p, .tick = keep, .ctx = m};
	out_init(&o, p.in, "the command's standard input");
	p.in = -1;
	o.waiting = handler_feeding;
	o.ctx = &feed;
	int failed = unload(m, f, &o);
	bool unread = failed && p.pid == 0;
	/* A command that saw a batch which is not whole must not take the pipe's end for its end. */
	if (failed && !unread)
		proc_end(&p, 0);
	struct err late = ERR_INIT;
	if (out_close(&o, failed ? &late : &t->err))
		failed = -1;
	err_clear(&late);
	if (!failed || unread)
		failed = command_end(m, &p, unread);
	proc_release(&p);
	return failed;
}

/* What another member makes a file of needs none from us. */
static int to_file(struct member *m, const struct batch *b, struct kfetch *f)
{
	struct tool_ctx *t = m->t;
	struct file_tmp file = FILE_TMP_INIT;
	struct buf name = BUF_INIT;
	struct out o;
	file_name(&name, batch_id(b));
	int failed = file_tmp_open(&file, m->how->dir, buf_text(&name), &t->err);
	buf_release(&name);
	if (failed)
		return -1;
	out_init(&o, file.fd, file.path);
	failed = unload(m, f, &o) || out_flush(&o, &t->err);
	out_release(&o);
	struct deadline d = deadline_start(t->budget_ms);
	int ours = failed ? -1 : kgroup_owns(m->group, m->event.partition, &d, &t->err);
	if (ours > 0)
		return file_tmp_commit(&file, &t->err);
	file_tmp_abandon(&file);
	return ours < 0 ? -1 : GONE;
}

static int deliver(struct member *m, const struct batch *b, const struct fold *fold)
{
	struct tool_ctx *t = m->t;
	struct kfetch *fetch = NULL;
	struct kfetch_options options = {.ordered = !m->options->unordered,
	    .plain = unload_is_plain(&m->options->style),
	    .created_ms = fold->created_ms, .log = msg_library};
	struct deadline d = deadline_start(t->budget_ms);
	if (kfetch_open(&fetch, &t->settings.kv, b, &options, &d, &t->err))
		return -1;
	progress_init(&m->progress, "read");
	int r = m->how->exec ? to_command(m, b, fetch)
	    : m->how->dir	     ? to_file(m, b, fetch)
			     : unload(m, fetch, &t->out);
	progress_end();
	kfetch_close(fetch);
	return r;
}

/* 1: the batch is to this day what the event made of it. */
static int is_so_still(struct member *m, const struct deadline *d)
{
	struct kbatch *now;
	const struct kbatch_options all = KBATCH_OPTIONS_INIT;
	int changed = kjudge_may_have_changed(m->judge, &m->event, d, &m->t->err);
	if (changed <= 0)
		return changed ? -1 : 1;
	if (kbatch_open(&now, m->log, buf_str(&m->event.id), &all, d, &m->t->err))
		return -1;
	const struct fold *f = kbatch_fold(now);
	bool is_so = f->partition == m->event.partition && f->offset == m->event.offset;
	kbatch_close(now);
	return is_so;
}

/* 1: the event completes its batch, and that is so still. */
static int counts(struct member *m)
{
	enum fold_verdict v;
	struct deadline d = deadline_start(m->t->budget_ms);
	if (m->event.status != BATCH_COMPLETED)
		return kjudge_pass(m->judge, &m->event, &d, &m->t->err);
	if (kjudge_event(m->judge, &m->event, &v, &d, &m->t->err))
		return -1;
	if (v == FOLD_ELSEWHERE)
		klog_elsewhere(m->log, &m->event);
	int so = v == FOLD_COUNTED ? is_so_still(m, &d) : 0;
	if (!so)
		msg_debug(1, "batch '%s': passed over, %s", buf_text(&m->event.id),
		    v == FOLD_COUNTED ? "it has failed since" : fold_verdict_name(v));
	return so;
}

static int work(struct member *m)
{
	struct tool_ctx *t = m->t;
	struct batch b = BATCH_INIT;
	const struct fold *f = kjudge_fold(m->judge);
	if (fold_batch(f, &b, &t->err))
		return -1;
	if (!fold_tells_records(f, &b, &t->err)) {
		msg_warn("%s", t->err.text);
		err_clear(&t->err);
		batch_release(&b);
		m->lost = true;
		return 0;
	}
	batch_need_topic(&b, m->stream);
	int r = deliver(m, &b, f);
	m->batches += r == 0;
	if (r < 0)
		err_wrap(&t->err, "batch '%s'", buf_text(&m->event.id));
	batch_release(&b);
	return r;
}

/* Is this record the end of a batch to be worked on? */
static int is_wanted(struct member *m, const struct record *r)
{
	const char *why;
	if (m->generation != kgroup_generation(m->group))
		kjudge_restart(m->judge);
	m->generation = kgroup_generation(m->group);
	if (!event_decode(r, &m->event, &why)) {
		session_passed(r, why);
		m->passed++;
		return 0;
	}
	if (m->event.type != EVENT_STATUS)
		return 0;
	m->event.stray = klog_home(m->log, buf_str(&m->event.id)) != r->partition;
	return counts(m);
}

static int take(struct member *m, const struct record *r)
{
	int64_t offset = r->offset;
	int32_t partition = r->partition;
	int wanted = is_wanted(m, r);
	if (wanted <= 0)
		return wanted;
	int done = work(m);
	if (done < 0 || out_flush(&m->t->out, &m->t->err))
		return -1;
	if (done == GONE) {
		msg_debug(1, "batch '%s': left to another member", buf_text(&m->event.id));
		return 0;
	}
	struct deadline d = deadline_start(m->t->budget_ms);
	d.interrupted = NULL;
	int gone = kgroup_commit(m->group, partition, offset + 1, &d, &m->t->err);
	if (gone > 0)
		msg_warn("group %s: partition %d went to another member meanwhile: its last batch may "
		    "be read twice", m->how->group, partition);
	return gone < 0 ? -1 : 0;
}

static int tell_lost(struct member *m)
{
	struct buf text = BUF_INIT;
	struct deadline d = deadline_start(m->t->budget_ms);
	d.interrupted = NULL;
	int lost = kgroup_lost(m->group, &text, &d, &m->t->err);
	if (text.len)
		msg_warn("%s", buf_text(&text));
	m->lost |= lost > 0;
	buf_release(&text);
	return lost < 0 ? -1 : 0;
}

static bool enough(const struct member *m)
{
	return sig_ended() || (m->how->most >= 0 && m->batches >= m->how->most);
}

static int run(struct member *m)
{
	const struct record *r;
	struct deadline patience = deadline_start(m->t->budget_ms);
	while (!enough(m)) {
		int got = kgroup_next(m->group, SLICE_MS, &r, &m->t->err);
		if (got < 0 || tell_lost(m) || (got && take(m, r)))
			return -1;
		if (got)
			patience = deadline_start(m->t->budget_ms);
		if (got || !m->how->until_end)
			continue;
		int end = kgroup_caught_up(m->group, &m->t->deadline, &patience, &m->t->err);
		if (tell_lost(m))
			return -1;
		if (end)
			return end < 0 ? -1 : 0;
		if (deadline_left_ms(&patience) == 0 && !sig_ended())
			return kgroup_late(m->group, &patience, &m->t->err);
	}
	return 0;
}

/* What is lost is told once: the group goes on behind it. */
static int check_lost(const struct member *m)
{
	if (!m->lost)
		return 0;
	return err_set(&m->t->err, ST_FAIL, "group %s: batches may be missing, see above", m->how->group);
}

int consume_group(struct tool_ctx *t, const char *stream, const struct consuming_options *o,
    const struct consuming_group *how)
{
	struct member m = {.t = t, .stream = stream, .options = o, .how = how};
	t->out.waiting = keep;
	t->out.ctx = &m;
	int failed = session_log_beside(t, stream, &m.log) ||
	    kgroup_open(&m.group, &t->settings.kv, how->group, klog_topic(m.log), msg_library,
		&t->deadline, &t->err);
	if (!failed) {
		uint64_t seed;
		clock_random(&seed, sizeof(seed));
		kjudge_open(&m.judge, m.log, NULL, seed);
		failed = run(&m) || check_lost(&m);
		session_passed_all(klog_topic(m.log), m.passed);
		msg_debug(2, "%lld events read to look batches up",
		    (long long)klog_records(m.log));
	}
	t->out.waiting = NULL;
	struct deadline leave = deadline_start(LEAVE_MS);
	leave.interrupted = NULL;
	kgroup_close(m.group, &leave);
	kjudge_close(m.judge);
	klog_close(m.log);
	event_release(&m.event);
	msg_debug(1, "%lld batches", (long long)m.batches);
	return failed ? -1 : 0;
}
