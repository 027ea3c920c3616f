/* Which part of a partition is read, and how chunks come of it. */
#include "app/work_int.h"

#include <stdlib.h>

#include "base/mem.h"
#include "batch/keylane.h"
#include "batch/seq.h"

/* Of the parts that are begun in a partition so many may be of batches that are still being sent. */
#define EARLY_PARTS (CHECKPOINT_PARTS - 1)

/* So often one of those is looked at again: an eighth of the time since its last record, within these. */
#define LOOK_MS      100
#define LOOK_LATE_MS 5000

/* So many records of others are passed over before the loop goes on. */
#define PASS_AT_ONCE 8192
#define PASS_LITTLE  64 /* when it is to be seen what room is left */

/* Others come first until then. */
static void put_off(struct piece *p, int64_t until_ms)
{
	agenda_remove(&p->item);
	agenda_add(&p->share->agenda, &p->item, until_ms);
}

/* Not more are begun than a checkpoint holds, and of those that are still being sent fewer, lest they keep out what
 * is ready. */
static bool may_open(const struct share *s, const struct piece *p)
{
	size_t early = 0;
	for (size_t i = 0; i < s->open_count; i++)
		early += s->open[i]->job->early;
	return p->open || (s->open_count < CHECKPOINT_PARTS && (!p->job->early || early < EARLY_PARTS));
}

static struct piece *next_piece(struct share *s, int64_t now_ms)
{
	struct agenda_item *item = agenda_first(&s->agenda, now_ms);
	return item ? (struct piece *)((char *)item - offsetof(struct piece, item)) : NULL;
}

/* The first one that may go on. */
static struct piece *first_piece(struct work *w, struct share *s)
{
	struct piece *p;
	while ((p = next_piece(s, w->now_ms)) && p->job->early && !may_open(s, p)) {
		work_piece_set_idle(w, p, true);
		put_off(p, w->now_ms + LOOK_LATE_MS);
	}
	loop_until(&w->loop, agenda_wake_ms(&s->agenda));
	if (!p || may_open(s, p))
		return p;
	p = NULL;
	for (size_t i = 0; i < s->open_count; i++)
		if (!s->open[i]->read && !agenda_is_waiting(&s->open[i]->item, w->now_ms) &&
		    (!p || s->open[i]->item.ready_ms < p->item.ready_ms))
			p = s->open[i];
	return p;
}

/* Whose records are wanted. */
static int name_senders(struct work *w, struct piece *p)
{
	struct manifest m = MANIFEST_INIT;
	if (p->share->lane_of || p->job->by_id)
		return 0;
	int failed = work_job_manifest(w, p->job, &m);
	for (size_t i = 0; i < m.count && !failed; i++)
		seqlast_add(&p->seen, str_of(m.senders[i].id));
	manifest_release(&m);
	return failed;
}

/* What it takes to read it. */
static int prepare(struct work *w, struct piece *p)
{
	if (p->prepared)
		return 0;
	p->prepared = true;
	p->lane_count = w->lanes;
	p->filling = mem_zalloc(w->lanes, sizeof(struct chunk *));
	seqlast_init(&p->seen, w->seed);
	return name_senders(w, p);
}

static int read_here(struct work *w, struct piece *p)
{
	struct share *s = p->share;
	struct err *err = &w->t->err;
	if (s->reading == p)
		return 0;
	if (prepare(w, p) || work_piece_bounds(w, p))
		return -1;
	s->reading = p;
	if (s->lane)
		return kpart_move(s->lane, p->at, p->end, err);
	return kpart_open(&s->lane, w->reader, s->topic, s->partition, p->at, p->end, err);
}

/* Is it a record of the batch that was not here before? *last is where to note its number. */
static bool is_wanted(struct piece *p, const struct record *r, int64_t **last, int64_t *n)
{
	struct str sender;
	*n = r->offset;
	if (p->share->lane_of)
		return true;
	const struct header *of = headers_find(&r->headers, HDR_BATCH_ID);
	const struct header *seq = headers_find(&r->headers, HDR_BATCH_SEQ);
	if (!of || !str_is(of->value, p->job->id))
		return false;
	if (!seq || !seq->value.ptr || !seq_parse(seq->value, &sender, n))
		return p->job->by_id;
	*last = p->job->by_id ? seqlast_add(&p->seen, sender) : seqlast_of(&p->seen, sender);
	return *last && *n > **last;
}

static void pass(struct piece *p, const struct record *r)
{
	p->at = r->offset + 1;
	kpart_pop(p->share->lane);
}

/* A worker before us began a run with this record: the same ones again, as one run. */
static const struct checkpoint_intent *begun_before(const struct piece *p, int64_t offset)
{
	for (size_t i = 0; i < p->intent_count; i++)
		if (offset == p->intents[i].first)
			return &p->intents[i];
	return NULL;
}

static struct chunk *filling_of(struct work *w, struct piece *p, size_t lane)
{
	if (!p->filling[lane]) {
		struct chunk *c = mem_zalloc(1, sizeof(*c));
		c->piece = p;
		c->lane = lane;
		work_records_init(&c->records, w->o->format, str_of(p->share->topic), p->share->partition);
		c->began_ms = w->now_ms;
		p->filling[lane] = c;
	}
	return p->filling[lane];
}

/* Does the chunk end before this record? */
static bool ends_before(const struct work *w, const struct piece *p, const struct chunk *c,
    const struct record *r)
{
	const struct work_records *of = &c->records;
	if (of->count == 0)
		return false;
	const struct checkpoint_intent *intent = begun_before(p, of->items[0].offset);
	if (intent)
		return r->offset > intent->last;
	return (int64_t)of->count >= w->pace.size || begun_before(p, r->offset);
}

/* How long a record is on standard input is known when it is there. */
static bool is_too_long(const struct work *w, const struct piece *p, const struct chunk *c)
{
	const struct work_records *of = &c->records;
	return of->count > 1 && (int64_t)of->input.len > w->o->max_bytes &&
	    !begun_before(p, of->items[0].offset);
}

/* Does it end with this record, which is its last one so far? */
static bool ends_with(struct work *w, const struct piece *p, const struct chunk *c, int64_t offset)
{
	const struct work_records *of = &c->records;
	const struct checkpoint_intent *intent = begun_before(p, of->items[0].offset);
	return intent ? offset >= intent->last
		      : (int64_t)of->count >= w->pace.size || (int64_t)of->input.len >= w->o->max_bytes;
}

/* The first record says what the chunk is: a run that a worker before us began, or records that the command
 * cannot be given as they are. */
static void begin(const struct piece *p, struct chunk *c, const struct record *r, bool unfit)
{
	const struct checkpoint_intent *intent = begun_before(p, r->offset);
	c->unfit = unfit;
	if (unfit) {
		c->records.format = WORK_ENVELOPES;
	} else if (intent) {
		c->begun = c->resumed = true;
		c->deaths = intent->deaths + 1;
		c->last = intent->last;
	}
}

/* 1: the chunk ends before the record; 0: it is in. */
static int add(struct work *w, const struct piece *p, struct chunk *c, const struct record *r)
{
	bool unfit = !work_format_holds(w->o->format, r);
	c->full = c->full || ends_before(w, p, c, r) || (c->records.count && c->unfit != unfit);
	if (c->full)
		return 1;
	if (c->records.count == 0)
		begin(p, c, r, unfit);
	work_records_add(&c->records, r, p->number);
	if (is_too_long(w, p, c)) {
		work_records_take_back(&c->records);
		c->full = true;
		return 1;
	}
	c->full = ends_with(w, p, c, r->offset);
	return 0;
}

static void note(struct piece *p, int64_t *last, int64_t n)
{
	if (last)
		*last = n;
	p->number++;
}

/* Behind one that runs others are written down. */
static bool is_free(const struct work *w, const struct share *s, size_t lane)
{
	return w->o->order == WORK_NONE || s->busy[lane] == 0 ||
	    ((int64_t)s->busy[lane] < w->ahead && !work_lane_is_held(w, s, lane, NULL));
}

/* 1: a chunk may begin; 0: more is to come; -1. */
static int take(struct work *w, struct piece *p, const struct record *r)
{
	int64_t *last = NULL, n = 0;
	if (!is_wanted(p, r, &last, &n)) {
		pass(p, r);
		return 0;
	}
	if (p->share->lane_of && r->offset > p->number) {
		doneset_add(&p->done, p->number, r->offset - 1, VERDICT_DONE); /* no records */
		p->number = r->offset;
	}
	if (doneset_undone(&p->done, p->number) != p->number) {
		note(p, last, n);
		pass(p, r);
		return 0;
	}
	p->came_ms = w->now_ms;
	work_piece_set_idle(w, p, false);
	struct chunk *c = filling_of(w, p, keylane_of(r->key, p->number, p->lane_count));
	if (add(w, p, c, r))
		return 1;
	note(p, last, n);
	pass(p, r);
	return c->full && is_free(w, p->share, c->lane);
}

static bool is_filling(const struct piece *p)
{
	for (size_t k = 0; k < p->lane_count; k++)
		if (p->filling[k])
			return true;
	return false;
}

/* All of the part was read: 1: what is left is a chunk; 0: there is none. */
static int read_all(struct work *w, struct piece *p)
{
	p->read = true;
	p->share->reading = NULL;
	if (is_filling(p))
		return 1;
	agenda_remove(&p->item);
	if (p->chunks == 0 && p->done.next >= p->number)
		return work_piece_done(w, p);
	return 0;
}

static const struct chunk *first_in(const struct work *w, const struct share *s, size_t lane)
{
	const struct chunk *c = w->chunks;
	while (c && (!c->piece || c->piece->share != s || c->lane != lane))
		c = c->next;
	return c;
}

bool work_chunk_is_next(const struct work *w, const struct chunk *c)
{
	return w->o->order == WORK_NONE || first_in(w, c->piece->share, c->lane) == c;
}

bool work_lane_is_held(const struct work *w, const struct share *s, size_t lane, const struct chunk *before)
{
	if (w->o->order == WORK_NONE)
		return false;
	for (const struct chunk *c = w->chunks; c && c != before; c = c->next)
		if (c->piece && c->piece->share == s && c->lane == lane &&
		    (c->state == CHUNK_WAITING || c->state == CHUNK_READY))
			return true;
	return false;
}

/* Is this one to be taken as it is? */
static bool is_due(struct work *w, const struct piece *p, const struct chunk *c)
{
	if (!c || c->full || p->read)
		return c != NULL;
	int64_t until_ms = c->began_ms + w->o->linger_ms;
	if (!p->share->lane_of && !p->job->early)
		return false;
	if (w->now_ms < until_ms)
		loop_until(&w->loop, until_ms);
	return w->now_ms >= until_ms;
}

/* A chunk that may begin as far as its lane goes; NULL: none. */
static struct chunk *due(struct work *w, const struct piece *p)
{
	for (size_t i = 0; i < p->lane_count; i++) {
		size_t k = (p->lane_turn + i) % p->lane_count;
		if (is_due(w, p, p->filling[k]) && is_free(w, p->share, k))
			return p->filling[k];
	}
	return NULL;
}

/* So far ahead of the lowest undone record others are begun. */
static bool is_far_ahead(const struct work *w, const struct piece *p)
{
	int64_t most = w->pace.size * 64 > DONESET_WINDOW ? w->pace.size * 64 : DONESET_WINDOW;
	int64_t room = work_room_ahead(w, p);
	return p->number - p->done.next >= (room < most ? room : most);
}

static bool may_read(const struct work *w, const struct piece *p)
{
	return !is_far_ahead(w, p) && work_room_to_read(w, p);
}

/* Also one that is not full, when nothing more can be read before some are done; but a run that a worker before us began
 * only when all wait for it. */
static struct chunk *next_chunk(struct work *w, const struct piece *p)
{
	struct chunk *c = due(w, p);
	if (c && work_room_to_begin(w, c))
		return c;
	bool stuck = c || (!p->read && !may_read(w, p));
	for (size_t k = 0; k < p->lane_count && stuck; k++) {
		c = p->filling[k];
		if (c && is_free(w, p->share, k) && (!c->resumed || work_chunk_is_first(c)) && work_room_to_begin(w, c))
			return c;
	}
	return NULL;
}

/* Of a batch that is still being sent all is read that is there: others come first until there may be more. */
static int rest(struct work *w, struct piece *p)
{
	struct share *s = p->share;
	int64_t wait_ms = (w->now_ms - p->came_ms) / 8;
	wait_ms = wait_ms < LOOK_MS ? LOOK_MS : wait_ms > LOOK_LATE_MS ? LOOK_LATE_MS : wait_ms;
	for (size_t k = 0; k < p->lane_count; k++) {
		if (is_due(w, p, p->filling[k]))
			return 0; /* it waits for its lane */
		if (p->filling[k] && p->filling[k]->began_ms + w->o->linger_ms < w->now_ms + wait_ms)
			wait_ms = p->filling[k]->began_ms + w->o->linger_ms - w->now_ms;
	}
	work_piece_set_idle(w, p, !is_filling(p));
	put_off(p, w->now_ms + wait_ms);
	loop_until(&w->loop, w->now_ms + wait_ms);
	s->reading = NULL;
	return kpart_move(s->lane, p->at, p->at, &w->t->err);
}

/* What retention has deleted cannot be done any more: the batch fails, and the others go on. */
static int cannot_read(struct work *w, struct piece *p)
{
	const struct share *s = p->share;
	struct buf why = BUF_INIT;
	int64_t begin = 0;
	if (s->lane_of || !w->events || !work_bounds_lost(w, p, &begin))
		return -1;
	err_clear(&w->t->err);
	buf_printf(&why, "retention has deleted records of it, offsets %lld to %lld of partition %d",
	    (long long)p->at, (long long)begin - 1, s->partition);
	work_job_break(w, p->job, buf_str(&why));
	buf_release(&why);
	agenda_remove(&p->item);
	p->share->reading = NULL;
	w->again = true;
	return 0;
}

int work_share_fill(struct work *w, struct share *s, struct chunk **out)
{
	struct piece *p = first_piece(w, s);
	if (!p)
		return 0;
	*out = next_chunk(w, p);
	if (*out || p->read || !may_read(w, p))
		return *out != NULL;
	if (read_here(w, p))
		return -1;
	int answer = 0;
	int most = w->o->exactly_once && s->lane_of ? PASS_LITTLE : PASS_AT_ONCE;
	for (int i = 0; answer == 0 && i < most && !is_far_ahead(w, p); i++) {
		const struct record *r;
		enum kread_state state = kpart_head(s->lane, &r, &w->t->err);
		if (state == KREAD_EMPTY)
			return p->job->early && kpart_at_end(s->lane) ? rest(w, p) : 0;
		if (state == KREAD_ERROR)
			return cannot_read(w, p);
		answer = state == KREAD_DONE ? read_all(w, p) : take(w, p, r);
		if (state == KREAD_DONE && answer == 0)
			return 0;
	}
	w->again |= answer == 0;
	if (answer <= 0)
		return answer;
	*out = next_chunk(w, p);
	return *out != NULL;
}

/* The chunk goes from its part's reading to those that are under way. */
void work_share_begin(struct work *w, struct chunk *c)
{
	struct piece *p = c->piece;
	struct share *s = p->share;
	struct chunk **end = &w->chunks;
	while (*end)
		end = &(*end)->next;
	*end = c;
	p->filling[c->lane] = NULL;
	p->lane_turn = c->lane + 1;
	if (p->read && !is_filling(p))
		agenda_remove(&p->item);
	p->chunks++;
	s->busy[c->lane]++;
	work_piece_open(p);
}
