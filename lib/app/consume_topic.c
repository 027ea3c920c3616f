#include "app/consuming.h"

#include <stdlib.h>

#include "base/mem.h"
#include "kafka/kgroup.h"
#include "kafka/kread.h"
#include "tool/clock.h"
#include "tool/msg.h"
#include "tool/progress.h"
#include "tool/sig.h"

#define SLICE_MS   200
#define LOOK_EVERY 4096


struct browsing {
	struct tool_ctx *t;
	const struct consuming_options *options;
	const struct consuming_topic *how;
	struct kclient *client;
	struct kread *read;
	int32_t *partitions; /* with starts and ends: count of each */
	int64_t *starts, *ends;
	size_t count;
	struct buf scratch;
	struct progress progress;
	int64_t scanned, matched;
	int64_t lost; /* offsets that the group had not read, and that were deleted */
};

static int choose_partitions(struct browsing *b, int32_t have)
{
	const struct consuming_topic *how = b->how;
	b->count = how->partitions ? how->partition_count : (size_t)have;
	b->partitions = mem_zalloc(b->count, sizeof(*b->partitions));
	b->starts = mem_zalloc(b->count, sizeof(*b->starts));
	b->ends = mem_zalloc(b->count, sizeof(*b->ends));
	for (size_t i = 0; i < b->count; i++) {
		int64_t p = how->partitions ? how->partitions[i] : (int64_t)i;
		if (p >= have)
			return err_set(&b->t->err, ST_STATE, "topic %s has partitions 0 to %d, not "
			    "%lld", how->topic, have - 1, (long long)p);
		b->partitions[i] = (int32_t)p;
	}
	return 0;
}

static int offsets(struct browsing *b, int64_t when, int64_t *out)
{
	return kclient_offsets(b->client, b->how->topic, b->partitions, b->count, when, out,
	    &b->t->deadline, &b->t->err);
}

/* Retention was faster than the group. */
static void tell_lost(struct browsing *b, size_t i, int64_t stored)
{
	msg_warn("group %s: topic %s, partition %d: offsets %lld to %lld are gone that the group had not read "
	    "(retention has deleted them)", b->how->group, b->how->topic, b->partitions[i], (long long)stored,
	    (long long)b->starts[i] - 1);
	b->lost += b->starts[i] - stored;
}

/* The rest was read, and what is lost is told once: the group goes on behind it. */
static int check_lost(const struct browsing *b)
{
	if (!b->lost)
		return 0;
	return err_set(&b->t->err, ST_FAIL, "topic %s: %lld offsets that group %s had not read are gone",
	    b->how->topic, (long long)b->lost, b->how->group);
}

static int stored_starts(struct browsing *b)
{
	struct tool_ctx *t = b->t;
	int64_t *stored = mem_zalloc(b->count, sizeof(*stored));
	int failed = offsets(b, KOFFSET_BEGINNING, b->starts) ||
	    kgroup_committed(&t->settings.kv, b->how->group, b->how->topic, b->partitions,
		b->count, stored, &t->deadline, &t->err);
	for (size_t i = 0; i < b->count && !failed; i++) {
		if (stored[i] >= 0 && stored[i] < b->starts[i])
			tell_lost(b, i, stored[i]);
		if (stored[i] > b->starts[i])
			b->starts[i] = stored[i];
	}
	free(stored);
	return failed;
}

/* Never before the beginning: what was deleted cannot be read. */
static int counted_starts(struct browsing *b)
{
	const struct range *r = &b->how->range;
	if (offsets(b, KOFFSET_BEGINNING, b->starts))
		return -1;
	for (size_t i = 0; i < b->count; i++) {
		int64_t from = r->start == RANGE_TAIL ? b->ends[i] - r->from : r->from;
		if (from > b->starts[i])
			b->starts[i] = from;
	}
	return 0;
}

static int find_starts(struct browsing *b)
{
	switch (b->how->range.start) {
	case RANGE_BEGINNING:
		return offsets(b, KOFFSET_BEGINNING, b->starts);
	case RANGE_END:
		return offsets(b, KOFFSET_END, b->starts);
	case RANGE_TIME:
		return offsets(b, b->how->range.from, b->starts);
	case RANGE_STORED:
		return stored_starts(b);
	case RANGE_OFFSET:
	case RANGE_TAIL:
		return counted_starts(b);
	}
	return -1;
}

/* The ends are taken once, now: what comes later is not waited for, unless no end was asked for. */
static int find_ends(struct browsing *b)
{
	const struct range *r = &b->how->range;
	if (offsets(b, KOFFSET_END, b->ends))
		return -1;
	if (r->stop == RANGE_STOP_TIME)
		return offsets(b, r->to, b->ends);
	for (size_t i = 0; r->stop == RANGE_STOP_OFFSET && i < b->count; i++)
		if (r->to < b->ends[i])
			b->ends[i] = r->to;
	return 0;
}

/* A range that ends by itself before an open transaction lacks nothing. */
static void note_held(struct browsing *b)
{
	const struct range *r = &b->how->range;
	int64_t *ends = mem_zalloc(b->count, sizeof(*ends));
	for (size_t i = 0; i < b->count; i++)
		ends[i] = r->stop == RANGE_STOP_OFFSET && r->to <= b->ends[i] ? -1 : b->ends[i];
	session_note_held(b->t, b->client, b->how->topic, b->partitions, ends, b->count);
	free(ends);
}

static int open_read(struct browsing *b)
{
	bool endless = !b->how->until_end && b->how->range.stop == RANGE_STOP_NONE;
	if (!endless)
		note_held(b);
	struct kread_range *ranges = mem_zalloc(b->count, sizeof(*ranges));
	for (size_t i = 0; i < b->count; i++)
		ranges[i] = (struct kread_range){b->partitions[i], b->starts[i],
		    endless ? INT64_MAX : b->ends[i]};
	int failed =
	    kread_open(&b->read, b->client, b->how->topic, ranges, b->count, &b->t->err);
	free(ranges);
	return failed;
}

static int begin(struct browsing *b)
{
	struct tool_ctx *t = b->t;
	struct kread_tuning tuning;
	int32_t have;
	kread_tune(&tuning, 16, b->how->until_end ? KREAD_BRISK_MS : KREAD_CALM_MS);
	const struct kclient_options co = {.settings = tuning.pairs, .log = msg_library};
	return settings_need_brokers(&t->settings, &t->err) ||
	    kclient_open(&b->client, KCLIENT_READER, &t->settings.kv, &co, &t->err) ||
	    kclient_topic(b->client, b->how->topic, &have, &t->deadline, &t->err) ||
	    choose_partitions(b, have) || find_ends(b) || find_starts(b) || open_read(b);
}

/* Only what was written and flushed is committed. */
static int commit(struct browsing *b)
{
	struct tool_ctx *t = b->t;
	if (!b->how->group)
		return 0;
	if (out_flush(&t->out, &t->err))
		return -1;
	struct deadline d = deadline_start(t->budget_ms);
	d.interrupted = NULL;
	for (size_t i = 0; i < b->count; i++)
		b->starts[i] = kread_position(b->read, i);
	return kgroup_store(&t->settings.kv, b->how->group, b->how->topic, b->partitions,
	    b->starts, b->count, &d, &t->err);
}

static int put(struct browsing *b, const struct record *r)
{
	static const struct frame_style lines = FRAME_STYLE_LINES;
	const struct frame_style *frame = b->options->style.frame;
	b->scanned++;
	if (!filter_match(b->how->filter, r))
		return 0;
	b->matched++;
	return unload_record(&b->options->style, frame ? frame : &lines, r, false, &b->t->out,
	    &b->scratch, &b->t->err);
}

static int look_around(struct browsing *b)
{
	const struct progress_at at = {.records = b->scanned, .bytes = kread_bytes(b->read),
	    .bytes_total = -1};
	progress_tick(&b->progress, &at);
	/* Whoever follows a topic wants to see what there is. */
	return out_flush(&b->t->out, &b->t->err);
}

static bool enough(const struct browsing *b)
{
	return sig_ended() || (b->how->most >= 0 && b->matched >= b->how->most);
}

static int browse(struct browsing *b)
{
	const struct record *r;
	size_t lane;
	bool bounded = b->how->until_end || b->how->range.stop != RANGE_STOP_NONE;
	int64_t scanned = -1, moved_ms = 0;
	for (unsigned n = 1; !enough(b); n++) {
		enum kread_state s = kread_any(b->read, SLICE_MS, &lane, &r, &b->t->err);
		if (s == KREAD_ERROR)
			return -1;
		if (s == KREAD_DONE)
			return 0;
		if (s == KREAD_RECORD) {
			if (put(b, r))
				return -1;
			kread_pop(b->read, lane);
		}
		if (s == KREAD_RECORD && n % LOOK_EVERY)
			continue;
		if (look_around(b))
			return -1;
		if (b->scanned != scanned)
			moved_ms = clock_mono_ms();
		scanned = b->scanned;
		if (bounded && clock_mono_ms() - moved_ms > b->t->budget_ms)
			return err_set(&b->t->err, ST_TIME, "time is up before the end was reached");
	}
	return 0;
}

int consume_topic(struct tool_ctx *t, const struct consuming_options *o,
    const struct consuming_topic *how)
{
	struct browsing b = {.t = t, .options = o, .how = how};
	int failed = begin(&b);
	if (!failed) {
		progress_init(&b.progress, "scanned");
		failed = browse(&b) || out_flush(&t->out, &t->err) || commit(&b) || check_lost(&b);
		progress_end();
		if (!t->out.failed && (!failed || b.scanned))
			msg_note("%lld records scanned, %lld matched", (long long)b.scanned,
			    (long long)b.matched);
	}
	kread_close(b.read);
	kclient_close(b.client);
	buf_release(&b.scratch);
	free(b.partitions);
	free(b.starts);
	free(b.ends);
	return failed ? -1 : 0;
}
