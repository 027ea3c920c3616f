/* Where a sweep (work_stray.c) has nothing to look for: what manifests cover is passed over unread, and it never
 * goes beyond a limit: while a batch is being sent the highest end of those that are sent, so that what is just
 * coming is left to its batch's part, else the log's end. Events that were written before a record are known when
 * it is judged, since the limit is older than the look at the log. */
#include "app/work_int.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tool/clock.h"
#include "tool/msg.h"

#define KEPT_MOST ((size_t)4 << 20) /* bytes of documents */
#define SOON_MS   100  /* a limit that is too low, or that could not be had, is looked for again */
#define ASK_MS    1000 /* how long brokers may take to answer for it */

static struct share *share_of(struct work *w, int32_t partition)
{
	for (size_t i = 0; i < w->share_count; i++)
		if (w->shares[i].partition == partition)
			return &w->shares[i];
	return NULL;
}

/* A sweep that has not begun yet does so with the first batch that is ready. */
static void cover_extent(struct share *s, const struct extent *x)
{
	struct sweep *v = &s->sweep;
	if (x->last + 1 > v->known)
		v->known = x->last + 1;
	if (!v->begun && (v->first < 0 || x->first < v->first))
		v->first = x->first;
	if (v->begun && x->count == x->last - x->first + 1)
		doneset_add(&v->piece->done, x->first, x->last, VERDICT_DONE);
}

void work_cover(struct work *w, const struct manifest *m)
{
	for (size_t i = 0; i < m->count; i++)
		for (size_t k = 0; k < m->senders[i].extents.count; k++) {
			const struct extent *x = &m->senders[i].extents.list[k];
			struct share *s = share_of(w, x->partition);
			if (s)
				cover_extent(s, x);
		}
}

/* Without a manifest, or with one that cannot be read, its records are looked at one by one. */
static void cover_document(struct work *w, struct str doc)
{
	struct stray_batch b;
	stray_batch_init(&b, BATCH_SENT, 0, doc, str_of(w->topic));
	work_cover(w, &b.manifest);
	stray_batch_release(&b);
}

static void cover_jobs(struct work *w)
{
	size_t at = 0;
	void *value;
	while (map_next(&w->jobs, &at, NULL, &value)) {
		const struct fold *f = kready_fold(w->ready, str_of(((struct job *)value)->id));
		cover_document(w, buf_str(&f->doc));
	}
}

/* The latest documents, for when partitions are ours. */
static void keep(struct work *w, struct str doc)
{
	struct buf *kept = &w->stray.kept;
	if (kept->len + doc.len > KEPT_MOST)
		buf_clear(kept);
	buf_add_str(kept, doc);
	buf_putc(kept, '\0');
}

static void cover_kept(struct work *w)
{
	struct str rest = buf_str(&w->stray.kept), doc;
	while (rest.len) {
		rest = str_cut(rest, '\0', &doc);
		cover_document(w, doc);
	}
	buf_release(&w->stray.kept);
}

void work_cover_hear(struct work *w, struct str id, const struct fold *f)
{
	bool new = f->status == BATCH_SENT || (f->status == BATCH_COMPLETED && !map_get(&w->jobs, id));
	work_stray_forget(w, id);
	if (new && w->share_count)
		cover_document(w, buf_str(&f->doc));
	else if (f->status == BATCH_COMPLETED && !w->share_count)
		keep(w, buf_str(&f->doc));
}

/* --- how far it may go */

int work_cover_offsets(struct work *w, int64_t when, int64_t *out, struct err *err)
{
	struct deadline d = {.end_ms = w->now_ms + ASK_MS, .now_ms = clock_mono_ms};
	int32_t *partitions = mem_zalloc(w->share_count, sizeof(*partitions));
	for (size_t i = 0; i < w->share_count; i++)
		partitions[i] = w->shares[i].partition;
	int failed = kclient_offsets(kparts_client(w->reader), w->topic, partitions, w->share_count, when,
	    out, &d, err);
	free(partitions);
	return failed;
}

static void begin(struct share *s, int64_t end)
{
	struct sweep *v = &s->sweep;
	v->begun = true;
	v->piece->done.next = v->first >= 0 ? v->first : end;
	s->reached = v->piece->done.next;
}

/* A log that has not grown for so long is not being written to, whatever batches are open. A manifest that
 * tells of more than the log holds is not of this log. */
static void set_limit(struct sweep *v, int64_t end, bool sending, bool for_long)
{
	if (v->known > end)
		v->known = end;
	int64_t limit = !sending || (for_long && end == v->end) ? end : v->known;
	if (limit > v->limit)
		v->limit = limit;
	if (for_long || v->end < 0)
		v->end = end;
}

/* The first look since our partitions changed. */
static void begin_all(struct work *w, const int64_t *ends)
{
	bool begun = true;
	for (size_t i = 0; i < w->share_count; i++)
		begun &= w->shares[i].sweep.begun;
	if (!begun)
		cover_jobs(w); /* says where they begin */
	for (size_t i = 0; i < w->share_count; i++)
		if (!w->shares[i].sweep.begun)
			begin(&w->shares[i], ends[i]);
	cover_jobs(w);
	cover_kept(w);
}

static void set_limits(struct work *w, const int64_t *ends)
{
	bool sending = kready_is_sending(w->ready);
	bool for_long = w->now_ms - w->stray.ends_ms >= w->o->report_ms;
	for (size_t i = 0; i < w->share_count; i++) {
		struct share *s = &w->shares[i];
		set_limit(&s->sweep, ends[i], sending, for_long);
		s->dirty |= work_swept(&s->sweep) != s->sweep.told;
	}
	if (for_long)
		w->stray.ends_ms = w->now_ms;
}

bool work_cover_is_short(const struct sweep *v)
{
	return !v->begun || v->limit < v->known;
}

static bool is_time(struct work *w)
{
	int64_t wait_ms = w->o->report_ms;
	for (size_t i = 0; i < w->share_count; i++)
		if (work_cover_is_short(&w->shares[i].sweep))
			wait_ms = SOON_MS;
	int64_t until_ms = w->stray.looked_ms + wait_ms;
	if (w->now_ms < until_ms)
		loop_until(&w->loop, until_ms);
	return w->now_ms >= until_ms;
}

/* Brokers that do not answer are asked again. */
void work_cover_look(struct work *w)
{
	if (!is_time(w))
		return;
	struct err why = ERR_INIT;
	int64_t *ends = mem_zalloc(w->share_count, sizeof(*ends));
	if (work_cover_offsets(w, KOFFSET_END, ends, &why) == 0) {
		if (!w->stray.looked)
			begin_all(w, ends);
		set_limits(w, ends);
		work_stray_forget_all(w, true);
		if (w->stray.find)
			kfind_renew(w->stray.find);
		w->stray.looked = true;
	} else {
		msg_debug(1, "the end of %s: %s", w->topic, why.text);
	}
	w->stray.looked_ms = clock_mono_ms();
	err_clear(&why);
	free(ends);
}
