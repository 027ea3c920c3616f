/* Records of a stream that no batch of ours names. In each partition a sweep goes through what is beside
 * the ranges that manifests cover, looks at each record's batch, and hands those that are invalid to
 * delivery, as a chunk whose trial is over. The sweep is a part without a batch, whose numbers are
 * offsets; it is in no agenda, and reads by a connection of its own, which is made when there is a gap.
 *
 * It never goes beyond a limit: while a batch is being sent the highest end of those that are sent, so
 * that what is just coming is left to its batch's part, else the log's end. Events that were written before
 * a record are known when it is judged, since the limit is older than the look at the log. */
#include "app/work_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tool/clock.h"
#include "tool/msg.h"

#define PASS_AT_ONCE 8192 /* records, before the loop goes on */
#define CHUNK        1000 /* records */
#define CHUNKS       2    /* that wait for acknowledgement in a partition */
#define KNOWN_MOST   256  /* batches that are remembered */
#define KEPT_MOST    ((size_t)4 << 20) /* bytes of documents */
#define SOON_MS      100  /* a limit that is too low, or that could not be had, is looked for again */
#define ASK_MS       1000 /* how long brokers may take to answer for it */

static struct chunk **filling(const struct work *w, const struct share *s)
{
	return &s->sweep.piece->filling[w->lanes]; /* no lane of the command's */
}

/* --- its beginning and its end */

void work_stray_add(struct work *w, struct share *s)
{
	struct sweep *v = &s->sweep;
	struct piece *p = mem_zalloc(1, sizeof(*p));
	struct checkpoint_part *before = checkpoint_find(&s->before, "");
	v->piece = p;
	p->job = &w->plain;
	p->share = s;
	p->open = true; /* it is in no share's list of those */
	p->lane_count = w->lanes + 1;
	p->filling = mem_zalloc(p->lane_count, sizeof(*p->filling));
	p->next_of_job = w->plain.mine;
	w->plain.mine = p;
	w->pieces++;
	w->stray.looked = false;
	w->stray.looked_ms = w->stray.ends_ms = INT64_MIN / 2;
	v->begun = before || s->committed >= 0;
	if (before)
		work_take_up(p, before);
	else if (v->begun)
		p->done.next = s->committed;
	v->told = -1;
	v->end = -1;
}

int64_t work_swept(const struct sweep *v)
{
	if (!v->begun)
		return INT64_MAX;
	return v->piece->done.next < v->limit ? v->piece->done.next : v->limit;
}

static void forget(struct work *w, struct str id)
{
	struct stray_batch *b = map_remove(&w->stray.known, id);
	if (b)
		stray_batch_release(b);
	free(b);
}

/* All, or just those that were not there: they may be by now. */
static void forget_all(struct work *w, bool absent_only)
{
	size_t at = 0;
	struct str id;
	void *value;
	while (map_next(&w->stray.known, &at, &id, &value))
		if (!absent_only || ((struct stray_batch *)value)->status == BATCH_NONE)
			forget(w, id);
}

static void tell(const struct work *w)
{
	const int64_t *n = w->stray.count;
	msg_debug(1, "beside the batches' ranges: %lld records were read, of which %lld have no batchId, "
	    "%lld are of unknown batches, %lld came late, %lld are skipped", (long long)w->stray.read,
	    (long long)n[STRAY_NO_ID], (long long)n[STRAY_UNKNOWN], (long long)n[STRAY_LATE],
	    (long long)n[STRAY_GIVEN_UP]);
}

void work_stray_close(struct work *w)
{
	if (w->stray.looked)
		tell(w);
	forget_all(w, false);
	map_release(&w->stray.known);
	buf_release(&w->stray.kept);
	kparts_close(w->stray.reader);
	kfind_close(w->stray.find);
}

/* --- what batches have is passed over unread */

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

static void cover(struct work *w, const struct manifest *m)
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
	stray_batch_init(&b, BATCH_SENT, 0, doc);
	cover(w, &b.manifest);
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

void work_stray_hear(struct work *w, struct str id, const struct fold *f)
{
	bool new = f->status == BATCH_SENT || (f->status == BATCH_COMPLETED && !map_get(&w->jobs, id));
	forget(w, id);
	if (new && w->share_count)
		cover_document(w, buf_str(&f->doc));
	else if (f->status == BATCH_COMPLETED && !w->share_count)
		keep(w, buf_str(&f->doc));
}

/* --- how far it may go */

static int offsets(struct work *w, int64_t when, int64_t *out, struct err *err)
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

static bool is_short(const struct sweep *v)
{
	return !v->begun || v->limit < v->known;
}

static bool is_time(struct work *w)
{
	int64_t wait_ms = w->o->report_ms;
	for (size_t i = 0; i < w->share_count; i++)
		if (is_short(&w->shares[i].sweep))
			wait_ms = SOON_MS;
	int64_t until_ms = w->stray.looked_ms + wait_ms;
	if (w->now_ms < until_ms)
		loop_until(&w->loop, until_ms);
	return w->now_ms >= until_ms;
}

/* Brokers that do not answer are asked again. */
static void look(struct work *w)
{
	struct err why = ERR_INIT;
	int64_t *ends = mem_zalloc(w->share_count, sizeof(*ends));
	if (offsets(w, KOFFSET_END, ends, &why) == 0) {
		if (!w->stray.looked)
			begin_all(w, ends);
		set_limits(w, ends);
		forget_all(w, true);
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

/* --- a record */

static int find(struct work *w, struct str id, struct stray_batch *b)
{
	struct tool_ctx *t = w->t;
	struct fold f;
	struct deadline d = deadline_start(t->budget_ms);
	const struct klog_options options = {.log = msg_library};
	if (!w->stray.find &&
	    kfind_open(&w->stray.find, &t->settings.kv, w->stream, &options, &d, &t->err))
		return -1;
	int failed = kfind_batch(w->stray.find, id, &f, &d, &t->err);
	if (!failed)
		stray_batch_init(b, f.status, f.ts_ms, buf_str(&f.doc));
	fold_release(&f);
	w->stray.asked = true;
	return failed;
}

/* What is known of the batch, or can be learned. */
static const struct stray_batch *batch_of(struct work *w, struct str id)
{
	static const struct stray_batch started = {.status = BATCH_STARTED};
	struct stray_batch *b = map_get(&w->stray.known, id);
	const struct fold *open = kready_fold(w->ready, id);
	if (b || (open && open->status == BATCH_STARTED))
		return b ? b : &started;
	if (w->stray.known.count >= KNOWN_MOST)
		forget_all(w, false);
	b = mem_zalloc(1, sizeof(*b));
	if (open) {
		stray_batch_init(b, open->status, open->ts_ms, buf_str(&open->doc));
	} else if (find(w, id, b)) {
		free(b);
		return NULL;
	}
	map_put(&w->stray.known, id, b);
	if (b->status == BATCH_SENT || b->status == BATCH_COMPLETED)
		cover(w, &b->manifest);
	return b;
}

/* Kept for delivery, with the reason. */
static int add(struct work *w, struct share *s, const struct record *r, enum stray kind)
{
	struct sweep *v = &s->sweep;
	struct chunk **c = filling(w, s);
	if (!*c) {
		*c = mem_zalloc(1, sizeof(**c));
		(*c)->piece = v->piece;
		(*c)->lane = w->lanes;
		work_records_init(&(*c)->records, WORK_ENVELOPES, str_of(s->topic), s->partition);
		buf_clear(&v->reasons);
	}
	stray_reason(kind, r, &v->reasons);
	buf_putc(&v->reasons, '\0');
	return work_records_add(&(*c)->records, r, r->offset, &w->t->err);
}

/* Below this offset nothing else is undone from where the sweep is. */
static void pass_to(struct piece *p, int64_t offset, enum verdict v)
{
	if (offset <= p->at)
		return;
	doneset_add(&p->done, p->at, offset - 1, v);
	p->at = offset;
}

static int take(struct work *w, struct share *s, const struct record *r)
{
	struct piece *p = s->sweep.piece;
	struct str id = stray_id(r);
	const struct stray_batch *b = id.len ? batch_of(w, id) : NULL;
	if (id.len && !b)
		return -1;
	enum stray kind = stray_judge(b, r);
	enum verdict v = stray_verdict(kind);
	w->stray.read++;
	w->stray.count[kind]++;
	pass_to(p, r->offset, VERDICT_DONE);
	if (v == VERDICT_INVALID && add(w, s, r, kind))
		return -1;
	if (v == VERDICT_SKIPPED)
		tally_add(&w->tally, v, 1);
	if (v == VERDICT_INVALID)
		p->at = r->offset + 1;
	else
		pass_to(p, r->offset + 1, v);
	return 0;
}

/* --- a chunk of them */

static bool is_full(const struct work *w, const struct work_records *r)
{
	return r->count >= CHUNK || (int64_t)r->input.len >= w->o->max_bytes;
}

/* None of it is to be run. */
static int hand_over(struct work *w, struct share *s)
{
	struct chunk *c = *filling(w, s);
	const char *why = s->sweep.reasons.data;
	msg_debug(1, "topic %s, partition %d: %zu records belong to no batch", s->topic, s->partition,
	    c->records.count);
	trial_start(&c->trial, &w->rules, c->records.count, 0);
	for (size_t i = 0; i < c->records.count; i++, why += strlen(why) + 1)
		trial_settle(&c->trial, i, VERDICT_INVALID, str_of(why));
	work_share_begin(w, c);
	return work_deliver(w, c);
}

/* --- its way */

static int open_reader(struct work *w)
{
	struct tool_ctx *t = w->t;
	int32_t ignored;
	struct deadline d = deadline_start(t->budget_ms);
	const struct kparts_options options = {.lanes = w->share_count, .wake = w->loop.wake, .log = msg_library};
	if (w->stray.reader)
		return 0;
	return kparts_open(&w->stray.reader, &t->settings.kv, &options, &t->err) ||
		kclient_topic(kparts_client(w->stray.reader), w->topic, &ignored, &d, &t->err)
	    ? -1
	    : 0;
}

/* The lane goes on where the sweep is, up to what is covered. */
static int read_here(struct work *w, struct share *s)
{
	struct sweep *v = &s->sweep;
	int64_t at = v->piece->at, end = doneset_ended(&v->piece->done, at);
	if (v->lane && kpart_position(v->lane) == at && at < v->gap_end)
		return 0;
	v->gap_end = end < v->limit ? end : v->limit;
	if (v->lane)
		return kpart_move(v->lane, at, v->gap_end, &w->t->err);
	return open_reader(w) ||
		kpart_open(&v->lane, w->stray.reader, s->topic, s->partition, at, v->gap_end, &w->t->err)
	    ? -1
	    : 0;
}

/* What retention has deleted meanwhile is gone. */
static int pass_deleted(struct work *w, struct share *s)
{
	struct err ignored = ERR_INIT;
	int64_t *starts = mem_zalloc(w->share_count, sizeof(*starts));
	bool deleted = offsets(w, KOFFSET_BEGINNING, starts, &ignored) == 0 &&
	    starts[s - w->shares] > s->sweep.piece->at;
	if (deleted) {
		err_clear(&w->t->err);
		pass_to(s->sweep.piece, starts[s - w->shares], VERDICT_DONE);
	}
	err_clear(&ignored);
	free(starts);
	return deleted ? 0 : -1;
}

/* 1: go on; 0: there is nothing now; -1. */
static int step(struct work *w, struct share *s)
{
	struct sweep *v = &s->sweep;
	const struct record *r;
	v->piece->at = doneset_undone(&v->piece->done, v->piece->at);
	if (v->piece->at >= v->limit) {
		kpart_close(v->lane);
		v->lane = NULL;
		return 0;
	}
	if (read_here(w, s))
		return -1;
	switch (kpart_head(v->lane, &r, &w->t->err)) {
	case KREAD_ERROR:
		return pass_deleted(w, s) ? -1 : 1;
	case KREAD_EMPTY:
		pass_to(v->piece, kpart_position(v->lane), VERDICT_DONE);
		return 0;
	case KREAD_DONE:
		pass_to(v->piece, v->gap_end, VERDICT_DONE);
		return 1;
	case KREAD_RECORD:
		break;
	}
	if (take(w, s, r))
		return -1;
	kpart_pop(v->lane);
	return 1;
}

static int sweep(struct work *w, struct share *s)
{
	struct sweep *v = &s->sweep;
	int answer = 1;
	if (v->piece->chunks >= CHUNKS)
		return 0;
	for (int i = 0; answer > 0 && i < PASS_AT_ONCE && !w->stray.asked; i++) {
		answer = step(w, s);
		struct chunk *c = *filling(w, s);
		if (answer > 0 && c && is_full(w, &c->records))
			break;
	}
	if (answer < 0)
		return -1;
	struct chunk *c = *filling(w, s);
	w->again |= answer > 0;
	if (c && (is_full(w, &c->records) || v->piece->at >= v->limit))
		return hand_over(w, s);
	return 0;
}

int work_stray_step(struct work *w)
{
	if (w->stopping || w->revoking || !w->share_count)
		return 0;
	if (is_time(w))
		look(w);
	w->stray.asked = false;
	w->stray.turn++;
	for (size_t i = 0; w->stray.looked && !w->stray.asked && i < w->share_count; i++)
		if (sweep(w, &w->shares[(w->stray.turn + i) % w->share_count]))
			return -1;
	return 0;
}

bool work_stray_is_done(const struct work *w)
{
	if (w->share_count && !w->stray.looked)
		return false;
	for (size_t i = 0; i < w->share_count; i++) {
		const struct sweep *v = &w->shares[i].sweep;
		if (v->piece->done.next < v->limit || is_short(v))
			return false;
	}
	return true;
}
