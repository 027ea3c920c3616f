#include "kafka/kbatch.h"

#include <stdlib.h>

#include "base/date.h"
#include "base/id.h"
#include "base/mem.h"

#define SLICE_MS     200
#define POLL_AT_ONCE 1000

/* The clocks of other writers may be behind ours by this much: NTP keeps them within it. What is read grows with it. */
#define OTHERS_SLACK_MS 1000

struct kbatch {
	struct klog *log;
	char *id;
	struct str id_str;
	struct kbatch_options options;
	struct fold fold;
};

/* So long before the time in its id, if that has one, a batch's events are looked for. */
static int64_t seek_time(struct str id, int64_t slack_ms)
{
	int64_t ms;
	if (!id_time(id, &ms))
		return KLOG_BEGINNING;
	return ms - slack_ms;
}

static int home_start(struct kbatch *b, int32_t home, int64_t slack_ms, int64_t *offset,
    const struct deadline *d, struct err *err)
{
	int64_t from_ms = seek_time(b->id_str, slack_ms);
	return kclient_offsets(klog_client(b->log), klog_topic(b->log), &home, 1, from_ms, offset, d,
	    err);
}

static bool take(struct kbatch *b, const struct event *e)
{
	if (!str_eq(buf_str(&e->id), b->id_str) || e->ts_ms > b->options.until_ms)
		return false;
	enum fold_verdict v = fold_event(&b->fold, e);
	if (b->options.seen)
		b->options.seen(b->options.ctx, e, v);
	return v == FOLD_COUNTED || v == FOLD_PROGRESS;
}

static bool is_far_enough(const struct kbatch *b)
{
	const struct event *last = b->options.last;
	return klog_caught_up(b->log) || (b->options.as_is && klog_caught_up_as_is(b->log)) ||
	    (last && klog_position(b->log, last->partition) > last->offset);
}

static int catch_up(struct kbatch *b, const struct deadline *d, struct err *err)
{
	const struct event *e;
	while (!is_far_enough(b)) {
		int got = klog_next(b->log, deadline_slice_ms(d, SLICE_MS), &e, err);
		if (got < 0)
			return -1;
		if (got)
			take(b, e);
		else if (deadline_left_ms(d) == 0)
			return klog_late(b->log, d, err);
	}
	return 0;
}

int kbatch_catch_up(struct kbatch *b, const struct deadline *d, struct err *err)
{
	b->options.as_is = false;
	return catch_up(b, d, err);
}

static int read_home(struct kbatch *b, int64_t slack_ms, const struct deadline *d, struct err *err)
{
	int32_t home = klog_home(b->log, b->id_str);
	int64_t offset;
	if (home_start(b, home, slack_ms, &offset, d, err) ||
	    klog_scan_partition(b->log, home, offset, d, err))
		return -1;
	return catch_up(b, d, err);
}

static void forget(struct kbatch *b)
{
	fold_release(&b->fold);
	b->fold.adopts = true;
	if (b->options.seen)
		b->options.seen(b->options.ctx, NULL, FOLD_COUNTED);
}

/* What was read does not know the batch, or did not see it begin as ours do. */
static bool may_be_elsewhere(const struct kbatch *b)
{
	return b->fold.status == BATCH_NONE || b->fold.foreign;
}

static int read_from(struct kbatch *b, int64_t from_ms, const struct deadline *d, struct err *err)
{
	forget(b);
	return klog_scan(b->log, from_ms, d, err) || catch_up(b, d, err) ? -1 : 0;
}

/* The time in the id may have been to come when the events were written. Who knows one of them knows whether. */
static bool may_be_dated_ahead(const struct kbatch *b)
{
	int64_t made_ms;
	const struct event *last = b->options.last;
	return id_time(b->id_str, &made_ms) && (!last || made_ms > last->ts_ms + DATE_SLACK_MS);
}

/* A batch of ours never begins before the time in its id, whatever the clocks say. Its first event can be older
 * where the broker dates the events, and where another writer made the batch. */
static int find(struct kbatch *b, const struct deadline *d, struct err *err)
{
	int64_t ignored;
	if (read_home(b, 0, d, err))
		return -1;
	if ((may_be_elsewhere(b) || b->fold.headless) && id_time(b->id_str, &ignored)) {
		forget(b);
		if (read_home(b, DATE_SLACK_MS, d, err))
			return -1;
	}
	if (!may_be_elsewhere(b))
		return 0;
	if (klog_partitions(b->log) > 1 && read_from(b, seek_time(b->id_str, DATE_SLACK_MS), d, err))
		return -1;
	return b->fold.status == BATCH_NONE && may_be_dated_ahead(b) ? read_from(b, KLOG_BEGINNING, d, err) : 0;
}

int kbatch_open(struct kbatch **out, struct klog *log, struct str id,
    const struct kbatch_options *options, const struct deadline *d, struct err *err)
{
	struct kbatch *b = mem_zalloc(1, sizeof(*b));
	b->log = log;
	b->id = mem_strndup(id.ptr, id.len);
	b->id_str = (struct str){b->id, id.len};
	b->options = *options;
	b->fold = (struct fold)FOLD_INIT;
	b->fold.adopts = true;
	if (find(b, d, err)) {
		kbatch_close(b);
		return -1;
	}
	*out = b;
	return 0;
}

void kbatch_close(struct kbatch *b)
{
	if (!b)
		return;
	fold_release(&b->fold);
	free(b->id);
	free(b);
}

const struct fold *kbatch_fold(const struct kbatch *b)
{
	return &b->fold;
}

int kbatch_document(const struct kbatch *b, struct batch *out, struct err *err)
{
	if (b->fold.status == BATCH_NONE)
		return batch_missing(b->id, klog_stream(b->log), err);
	if (fold_batch(&b->fold, out, err))
		return -1;
	batch_need_topic(out, klog_stream(b->log));
	return 0;
}

int kbatch_poll(struct kbatch *b, int wait_ms, struct err *err)
{
	const struct event *e;
	bool changed = false;
	int got = 1;
	/* Bounded, so that a log busy with other batches gives the caller its turn. */
	for (int i = 0; i < POLL_AT_ONCE && got > 0; i++) {
		got = klog_next(b->log, wait_ms, &e, err);
		if (got > 0)
			changed |= take(b, e);
		wait_ms = 0;
	}
	return got < 0 ? -1 : changed;
}

int kbatch_wait(struct kbatch *b, unsigned wanted, const struct deadline *d, struct err *err)
{
	while (!(wanted & (1u << b->fold.status))) {
		if (deadline_interrupted(d))
			return err_set(err, ST_FAIL, "batch '%s' is still %s: interrupted", b->id,
			    batch_status_name(b->fold.status));
		if (deadline_left_ms(d) == 0)
			return err_set(err, ST_TIME, "batch '%s' is still %s, and time is up", b->id,
			    batch_status_name(b->fold.status));
		if (kbatch_poll(b, deadline_slice_ms(d, SLICE_MS), err) < 0)
			return -1;
	}
	return 0;
}

static void look_elsewhere(struct kbatch *b, const struct event *e)
{
	if (!e->stray || e->type != EVENT_STATUS || !str_eq(buf_str(&e->id), b->id_str) ||
	    e->ts_ms > b->options.until_ms)
		return;
	klog_elsewhere(b->log, e);
	if (b->options.seen)
		b->options.seen(b->options.ctx, e, FOLD_ELSEWHERE);
}

int kbatch_elsewhere(struct kbatch *b, const struct deadline *d, struct err *err)
{
	const struct event *e;
	if (klog_partitions(b->log) == 1 || b->fold.status == BATCH_NONE || b->fold.foreign)
		return 0;
	if (klog_scan(b->log, b->fold.created_ms - OTHERS_SLACK_MS, d, err))
		return -1;
	while (!klog_caught_up(b->log)) {
		int got = klog_next(b->log, deadline_slice_ms(d, SLICE_MS), &e, err);
		if (got < 0)
			return -1;
		if (got)
			look_elsewhere(b, e);
		else if (deadline_left_ms(d) == 0)
			return klog_late(b->log, d, err);
	}
	return 0;
}
