/* Records of a stream that no batch of ours names. In each partition a sweep goes through what is beside
 * the ranges that manifests cover, looks at each record's batch, and hands those that are invalid to
 * delivery, as a chunk whose trial is over. The sweep is a part without a batch, whose numbers are
 * offsets; it is in no agenda, and reads by a connection of its own, which is made when there is a gap.
 * Where it has nothing to look for, work_cover.c says. */
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

void work_stray_forget(struct work *w, struct str id)
{
	struct stray_batch *b = map_remove(&w->stray.known, id);
	if (b)
		stray_batch_release(b);
	free(b);
}

/* All, or just those that were not there: they may be by now. */
void work_stray_forget_all(struct work *w, bool absent_only)
{
	size_t at = 0;
	struct str id;
	void *value;
	while (map_next(&w->stray.known, &at, &id, &value))
		if (!absent_only || ((struct stray_batch *)value)->status == BATCH_NONE)
			work_stray_forget(w, id);
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
	work_stray_forget_all(w, false);
	map_release(&w->stray.known);
	buf_release(&w->stray.kept);
	kparts_close(w->stray.reader);
	kfind_close(w->stray.find);
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
		stray_batch_init(b, f.status, f.ts_ms, buf_str(&f.doc), str_of(w->topic));
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
		work_stray_forget_all(w, false);
	b = mem_zalloc(1, sizeof(*b));
	if (open) {
		stray_batch_init(b, open->status, open->ts_ms, buf_str(&open->doc), str_of(w->topic));
	} else if (find(w, id, b)) {
		free(b);
		return NULL;
	}
	map_put(&w->stray.known, id, b);
	if (b->status == BATCH_SENT || b->status == BATCH_COMPLETED)
		work_cover(w, &b->manifest);
	return b;
}

/* Kept for delivery, with the reason. */
static void add(struct work *w, struct share *s, const struct record *r, enum stray kind)
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
	work_records_add(&(*c)->records, r, r->offset);
}

/* Below this offset nothing else is undone from where the sweep is. */
static void pass_to(struct piece *p, int64_t offset, enum verdict v)
{
	if (offset <= p->at)
		return;
	doneset_add(&p->done, p->at, offset - 1, v);
	p->at = offset;
}

/* A batch without a manifest is ready, and its part here ends before the record: the part is done, or begun. One that
 * has not begun will reach as far as the log does then. */
static bool is_behind_part(struct work *w, const struct share *s, const struct record *r)
{
	const struct job *j = map_get(&w->jobs, stray_id(r));
	if (!j || j->early || j->listed || j->broken)
		return false;
	const struct part *said = parts_find(&j->parts, s->partition);
	if (said && said->done)
		return r->offset > said->last;
	for (const struct piece *p = j->mine; p; p = p->next_of_job)
		if (p->share == s)
			return p->end >= 0 && r->offset >= p->end;
	return false;
}

static int take(struct work *w, struct share *s, const struct record *r)
{
	struct piece *p = s->sweep.piece;
	struct str id = stray_id(r);
	const struct stray_batch *b = id.len ? batch_of(w, id) : NULL;
	if (id.len && !b)
		return -1;
	enum stray kind = stray_judge(b, r);
	if (kind == STRAY_NONE && is_behind_part(w, s, r))
		kind = STRAY_LATE;
	enum verdict v = stray_verdict(kind);
	w->stray.read++;
	w->stray.count[kind]++;
	pass_to(p, r->offset, VERDICT_DONE);
	if (v == VERDICT_INVALID)
		add(w, s, r, kind);
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
	bool deleted = work_cover_offsets(w, KOFFSET_BEGINNING, starts, &ignored) == 0 &&
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
	work_cover_look(w);
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
		if (v->piece->done.next < v->limit || work_cover_is_short(v))
			return false;
	}
	return true;
}
