#include "kafka/kready.h"

#include <stdlib.h>

#include "base/map.h"
#include "base/mem.h"
#include "kafka/kbatch.h"
#include "kafka/kjudge.h"

/* A batch that was begun and not sent for so long holds back no mark: most likely it was given up. */
#define ABANDONED_MS (INT64_C(7) * 24 * 3600 * 1000)

/* A batch that is not finished, and the first event of it that came. In a list of those of its partition, by
 * offset. */
struct hold {
	struct hold *before, *after;
	enum batch_status status;
	int32_t partition;
	int64_t offset, ts_ms;
};

/* A batch that is unsettled since this event. */
struct doubt {
	int32_t partition;
	int64_t offset, due_ms;
};

struct holds {
	struct hold *first, *last;
};

struct kready {
	struct klog *log, *beside;
	struct kjudge *judge;
	struct map holds; /* id -> struct hold */
	struct holds *lists; /* owned: of each partition */
	struct map doubts; /* id -> struct doubt */
	int64_t newest_ms;
	uint64_t seed;
};

int kready_open(struct kready **out, const struct kv *settings, const char *stream,
    const struct klog_options *options, uint64_t seed, const struct deadline *d, struct err *err)
{
	struct kready *r = mem_zalloc(1, sizeof(*r));
	struct klog_options follow = *options;
	const struct klog_options beside = {.log = options->log};
	follow.follow = true;
	r->seed = seed;
	map_init(&r->holds, seed);
	map_init(&r->doubts, seed);
	if (klog_open(&r->log, settings, stream, &follow, d, err) ||
	    klog_open(&r->beside, settings, stream, &beside, d, err)) {
		kready_close(r);
		return -1;
	}
	*out = r;
	return 0;
}

void kready_close(struct kready *r)
{
	if (!r)
		return;
	size_t at = 0;
	void *hold;
	while (map_next(&r->holds, &at, NULL, &hold))
		free(hold);
	map_release(&r->holds);
	at = 0;
	while (map_next(&r->doubts, &at, NULL, &hold))
		free(hold);
	map_release(&r->doubts);
	free(r->lists);
	kjudge_close(r->judge);
	klog_close(r->log);
	klog_close(r->beside);
	free(r);
}

const char *kready_topic(const struct kready *r)
{
	return klog_topic(r->log);
}

int32_t kready_partitions(const struct kready *r)
{
	return klog_partitions(r->log);
}

void kready_wake(struct kready *r, int fd)
{
	klog_wake(r->log, fd);
}

int kready_start(struct kready *r, const int64_t *offsets, const struct deadline *d, struct err *err)
{
	size_t n = (size_t)kready_partitions(r);
	if (klog_scan_from(r->log, offsets, d, err))
		return -1;
	r->lists = mem_zalloc(n, sizeof(*r->lists));
	int64_t *starts = mem_zalloc(n, sizeof(*starts));
	for (size_t i = 0; i < n; i++)
		starts[i] = klog_start(r->log, (int32_t)i);
	kjudge_open(&r->judge, r->beside, starts, r->seed);
	free(starts);
	return 0;
}

static struct hold *add(struct kready *r, const struct event *e)
{
	struct holds *list = &r->lists[e->partition];
	struct hold *h = mem_zalloc(1, sizeof(*h));
	*h = (struct hold){.before = list->last, .partition = e->partition, .offset = e->offset,
	    .ts_ms = e->ts_ms};
	*(list->last ? &list->last->after : &list->first) = h;
	list->last = h;
	map_put(&r->holds, buf_str(&e->id), h);
	return h;
}

static void let_go(struct kready *r, struct str id)
{
	struct hold *h = map_remove(&r->holds, id);
	if (!h)
		return;
	struct holds *list = &r->lists[h->partition];
	*(h->before ? &h->before->after : &list->first) = h->after;
	*(h->after ? &h->after->before : &list->last) = h->before;
	free(h);
}

/* The first event of a batch holds the mark until the batch is finished. */
static void hold(struct kready *r, const struct event *e, const struct fold *f)
{
	struct str id = buf_str(&e->id);
	struct hold *h = map_get(&r->holds, id);
	if (e->ts_ms > r->newest_ms)
		r->newest_ms = e->ts_ms;
	if (batch_is_finished(f->status)) {
		let_go(r, id);
		return;
	}
	if (!h)
		h = add(r, e);
	h->status = f->status;
}

static void settle(struct kready *r, struct str id)
{
	free(map_remove(&r->doubts, id));
}

static void note_doubt(struct kready *r, const struct event *e)
{
	struct str id = buf_str(&e->id);
	if (!kjudge_is_unsettled(r->judge)) {
		settle(r, id);
		return;
	}
	if (map_get(&r->doubts, id))
		return;
	struct doubt *d = mem_zalloc(1, sizeof(*d));
	*d = (struct doubt){.partition = e->partition, .offset = e->offset};
	map_put(&r->doubts, id, d);
}

bool kready_unsettled(const struct kready *r, size_t *at, struct str *id, int64_t **due_ms)
{
	void *value;
	if (!map_next(&r->doubts, at, id, &value))
		return false;
	*due_ms = &((struct doubt *)value)->due_ms;
	return true;
}

int kready_look(struct kready *r, struct str id, struct batch *out, const struct deadline *d, struct err *err)
{
	struct kbatch *b;
	const struct kbatch_options options = KBATCH_OPTIONS_INIT;
	if (kbatch_open(&b, r->beside, id, &options, d, err))
		return -1;
	int answer = kbatch_fold(b)->unsettled;
	if (answer && kbatch_document(b, out, err))
		answer = -1;
	kbatch_close(b);
	if (answer == 0)
		settle(r, id);
	return answer;
}

int kready_next(struct kready *r, int wait_ms, const struct event **event, const struct fold **fold,
    const struct deadline *d, struct err *err)
{
	int got;
	while ((got = klog_next(r->log, wait_ms, event, err)) > 0) {
		enum fold_verdict v;
		if (kjudge_event(r->judge, *event, &v, d, err))
			return -1;
		note_doubt(r, *event);
		if (v == FOLD_ELSEWHERE)
			klog_elsewhere(r->log, *event);
		if (v != FOLD_COUNTED && v != FOLD_PROGRESS)
			continue;
		*fold = kjudge_fold(r->judge);
		hold(r, *event, *fold);
		return 1;
	}
	return got;
}

bool kready_caught_up(const struct kready *r)
{
	return klog_caught_up(r->log);
}

int64_t kready_began(const struct kready *r, int32_t partition)
{
	return klog_start(r->log, partition);
}

bool kready_caught_up_as_is(const struct kready *r)
{
	return klog_caught_up_as_is(r->log);
}

int kready_late(struct kready *r, const struct deadline *over, struct err *err)
{
	return klog_late(r->log, over, err);
}

const struct fold *kready_fold(const struct kready *r, struct str id)
{
	return kjudge_open_fold(r->judge, id);
}

static bool is_abandoned(const struct kready *r, const struct hold *h)
{
	return h->status == BATCH_STARTED && r->newest_ms - h->ts_ms > ABANDONED_MS;
}

bool kready_is_sending(const struct kready *r)
{
	size_t at = 0;
	void *value;
	while (map_next(&r->holds, &at, NULL, &value)) {
		const struct hold *h = value;
		if (h->status == BATCH_STARTED && !is_abandoned(r, h))
			return true;
	}
	return false;
}

void kready_marks(const struct kready *r, int64_t *offsets)
{
	for (int32_t p = 0; p < kready_partitions(r); p++) {
		const struct hold *h = r->lists[p].first;
		while (h && is_abandoned(r, h))
			h = h->after;
		offsets[p] = h ? h->offset : klog_position(r->log, p);
	}
	size_t at = 0;
	void *value;
	while (map_next(&r->doubts, &at, NULL, &value)) {
		const struct doubt *d = value;
		if (offsets[d->partition] > d->offset)
			offsets[d->partition] = d->offset;
	}
}
