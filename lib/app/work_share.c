/* Partitions that are ours: which part of which batch is read, and how far it is. */
#include "app/work_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "batch/keylane.h"
#include "batch/seq.h"
#include "tool/msg.h"

/* Of the parts that are begun in a partition so many may be of batches that are still being sent. */
#define EARLY_PARTS (CHECKPOINT_PARTS - 1)

/* So often one of those is looked at again: an eighth of the time since its last record, within these. */
#define LOOK_MS      100
#define LOOK_LATE_MS 5000

/* So many records of others are passed over before the loop goes on. */
#define PASS_AT_ONCE 8192

static void open_piece(struct piece *p)
{
	struct share *s = p->share;
	if (p->open)
		return;
	p->open = true;
	s->open[s->open_count++] = p;
}

/* It is open, so that the next commit has it, too. before is empty afterwards. */
void work_take_up(struct piece *p, struct checkpoint_part *before)
{
	p->done = before->done;
	p->intents = before->intents;
	p->intent_count = before->count;
	before->done = (struct doneset)DONESET_INIT;
	before->intents = NULL;
	before->count = before->cap = 0;
	open_piece(p);
}

/* What a worker before us left with the offset, or else what one said last in the log. */
static void resume(struct piece *p)
{
	struct checkpoint *c = &p->share->before;
	for (size_t i = 0; i < c->count; i++) {
		struct checkpoint_part *before = &c->parts[i];
		if (!before->id || strcmp(before->id, p->job->id) != 0)
			continue;
		work_take_up(p, before);
		return;
	}
	const struct part *said = parts_find(&p->job->parts, p->share->partition);
	if (!said)
		return;
	p->done.next = said->w;
	p->done.below = said->tally;
}

static int64_t end_of(const struct job *j, const struct extent *here)
{
	return j->early ? INT64_MAX : j->listed ? here->last + 1 : -1;
}

void work_share_add(struct work *w, struct share *s, struct job *j, const struct extents *x)
{
	const struct extent *here = extents_find(x, s->partition);
	const struct part *said = parts_find(&j->parts, s->partition);
	if (!here || (said && said->done))
		return;
	struct piece *p = mem_zalloc(1, sizeof(*p));
	p->job = j;
	p->share = s;
	p->first = j->by_id ? -1 : here->first;
	p->at = j->by_id ? 0 : here->first;
	p->end = end_of(j, here);
	p->came_ms = w->now_ms;
	resume(p);
	work_piece_add(w, p);
	msg_debug(1, "batch '%s': partition %d, of which %lld records are done", j->id, s->partition,
	    (long long)tally_sum(&p->done.below));
}

int work_shares_add(struct work *w, struct job *j)
{
	struct extents x = EXTENTS_INIT;
	int failed = w->share_count ? work_job_extents(w, j, &x) : 0;
	for (size_t i = 0; i < w->share_count && !failed; i++)
		work_share_add(w, &w->shares[i], j, &x);
	extents_release(&x);
	return failed;
}

void work_piece_add(struct work *w, struct piece *p)
{
	struct job *j = p->job;
	p->item = (struct agenda_item){.name = str_of(j->id), .ready_ms = j->ready_ms,
	    .priority = j->priority};
	p->next_of_job = j->mine;
	j->mine = p;
	w->pieces++;
	agenda_add(&p->share->agenda, &p->item, 0);
}

static void set_idle(struct work *w, struct piece *p, bool idle)
{
	w->idle += idle;
	w->idle -= p->idle;
	p->idle = idle;
}

/* Others come first until then. */
static void put_off(struct piece *p, int64_t until_ms)
{
	agenda_remove(&p->item);
	agenda_add(&p->share->agenda, &p->item, until_ms);
}

void work_piece_sent(struct work *w, struct piece *p, const struct extents *x)
{
	const struct extent *here = extents_find(x, p->share->partition);
	p->end = here ? end_of(p->job, here) : 0;
	if (p->share->reading == p)
		p->share->reading = NULL;
	set_idle(w, p, false);
	agenda_remove(&p->item);
	p->item.ready_ms = p->job->ready_ms;
	p->item.priority = p->job->priority;
	agenda_add(&p->share->agenda, &p->item, 0);
}

static void close_piece(struct piece *p)
{
	struct share *s = p->share;
	for (size_t i = 0; i < s->open_count; i++)
		if (s->open[i] == p)
			s->open[i] = s->open[--s->open_count];
}

/* Its chunks that run are on their own from now on. */
void work_piece_drop(struct work *w, struct piece *p)
{
	struct piece **at = &p->job->mine;
	while (*at != p)
		at = &(*at)->next_of_job;
	*at = p->next_of_job;
	set_idle(w, p, false);
	w->pieces--;
	for (struct chunk *c = w->chunks, *next; c; c = next) {
		next = c->next;
		if (c->piece == p)
			work_chunk_drop(w, c);
	}
	for (size_t k = 0; k < p->lane_count; k++)
		if (p->filling[k])
			work_chunk_free(w, p->filling[k]);
	if (p->parcel)
		p->parcel->piece = NULL;
	close_piece(p);
	agenda_remove(&p->item);
	if (p->share->reading == p)
		p->share->reading = NULL;
	p->share->dirty = true;
	seqlast_release(&p->seen);
	doneset_release(&p->done);
	free(p->filling);
	free(p->intents);
	free(p);
}

static void drop_pieces(struct work *w, struct job *j, const struct share *s)
{
	for (struct piece *p = j->mine, *next; p; p = next) {
		next = p->next_of_job;
		if (p->share == s)
			work_piece_drop(w, p);
	}
}

static void share_release(struct work *w, struct share *s)
{
	size_t at = 0;
	void *value;
	drop_pieces(w, &w->plain, s);
	while (map_next(&w->jobs, &at, NULL, &value))
		drop_pieces(w, value, s);
	kpart_close(s->lane);
	kpart_close(s->sweep.lane);
	buf_release(&s->sweep.reasons);
	free(s->busy);
	checkpoint_release(&s->before);
	agenda_release(&s->agenda);
}

void work_shares_release(struct work *w)
{
	for (size_t i = 0; i < w->share_count; i++)
		share_release(w, &w->shares[i]);
	free(w->shares);
	w->shares = NULL;
	w->share_count = 0;
	w->assigned = false;
}

static void share_init(struct work *w, struct share *s, const struct kmember_part *part)
{
	struct err err = ERR_INIT;
	*s = (struct share){.topic = w->topic, .partition = part->partition, .committed = part->offset,
	    .reached = part->offset};
	for (size_t i = 0; w->o->topics && i < w->o->topics->count; i++)
		if (str_is(str_of(part->topic), w->o->topics->list[i].topic)) {
			s->lane_of = &w->o->topics->list[i];
			s->topic = s->lane_of->topic;
		}
	agenda_init(&s->agenda, w->o->aging_ms);
	s->sweep.first = -1;
	s->busy = mem_zalloc(w->lanes + 1, sizeof(*s->busy));
	if (*part->metadata &&
	    checkpoint_decode(&s->before, str_of(part->metadata), part->offset, &err)) {
		w->discarded++;
		msg_debug(1, "partition %d: its checkpoint counts for nothing: %s", part->partition,
		    err.text);
	}
	err_clear(&err);
	if (s->before.rate && s->before.command == w->command && w->pace.rate <= 0)
		pace_resume(&w->pace, (double)s->before.rate / 1000);
}

void work_shares_all(struct work *w, int32_t partitions)
{
	w->share_count = (size_t)partitions;
	w->shares = mem_zalloc(w->share_count, sizeof(*w->shares));
	for (int32_t i = 0; i < partitions; i++) {
		const struct kmember_part part = {.topic = w->topic, .partition = i, .offset = -1,
		    .metadata = ""};
		share_init(w, &w->shares[i], &part);
	}
}

int work_shares_assign(struct work *w)
{
	size_t n, at = 0;
	void *job;
	const struct kmember_part *parts = kmember_parts(w->member, &n);
	work_shares_release(w);
	w->shares = mem_zalloc(n, sizeof(*w->shares));
	w->share_count = n;
	for (size_t i = 0; i < n; i++)
		share_init(w, &w->shares[i], &parts[i]);
	while (map_next(&w->jobs, &at, NULL, &job))
		if (work_shares_add(w, job))
			return -1;
	for (size_t i = 0; i < n; i++) {
		if (w->stream)
			work_stray_add(w, &w->shares[i]);
		else if (work_stream_add(w, &w->shares[i]))
			return -1;
	}
	w->assigned = true;
	msg_debug(1, "%zu partitions are ours", n);
	return 0;
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
		set_idle(w, p, true);
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
	struct batch b = BATCH_INIT;
	struct manifest m = MANIFEST_INIT;
	if (p->share->lane_of || p->job->by_id)
		return 0;
	int failed = work_job_document(w, p->job, &b) ||
		manifest_parse(js_get(b.doc, "manifest"), &m, &w->t->err)
	    ? -1
	    : 0;
	for (size_t i = 0; i < m.count && !failed; i++)
		seqlast_add(&p->seen, str_of(m.senders[i].id));
	manifest_release(&m);
	batch_release(&b);
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

/* A worker before us began a run with this record: the same ones again, and alone. */
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
static bool ends_before(struct work *w, const struct piece *p, const struct chunk *c,
    const struct record *r)
{
	const struct work_records *of = &c->records;
	if (of->count == 0)
		return false;
	const struct checkpoint_intent *intent = begun_before(p, of->items[0].offset);
	if (intent)
		return r->offset > intent->last;
	return (int64_t)of->count >= w->pace.size || begun_before(p, r->offset) ||
	    (int64_t)(of->input.len + r->value.len) > w->o->max_bytes;
}

static void note(struct piece *p, int64_t *last, int64_t n)
{
	if (last)
		*last = n;
	p->number++;
}

/* 1: the chunk is complete; 0: more is to come; -1. */
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
	set_idle(w, p, false);
	struct chunk *c = filling_of(w, p, keylane_of(r->key, p->number, p->lane_count));
	if (c->full || ends_before(w, p, c, r)) {
		c->full = true;
		return 1;
	}
	const struct checkpoint_intent *intent =
	    c->records.count ? NULL : begun_before(p, r->offset);
	if (intent)
		c->deaths = intent->deaths + 1;
	if (work_records_add(&c->records, r, p->number, &w->t->err))
		return -1;
	note(p, last, n);
	pass(p, r);
	return 0;
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
		return work_job_piece_done(w, p);
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

/* Behind one that runs others are written down. */
static bool is_free(const struct work *w, const struct share *s, size_t lane)
{
	return w->o->order == WORK_NONE || s->busy[lane] == 0 ||
	    ((int64_t)s->busy[lane] < work_ahead(w) && !work_lane_is_held(w, s, lane, NULL));
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
static bool may_read(const struct work *w, const struct piece *p)
{
	int64_t most = w->pace.size * 64 > DONESET_WINDOW ? w->pace.size * 64 : DONESET_WINDOW;
	return p->number - p->done.next < most;
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
	set_idle(w, p, !is_filling(p));
	put_off(p, w->now_ms + wait_ms);
	loop_until(&w->loop, w->now_ms + wait_ms);
	s->reading = NULL;
	return kpart_move(s->lane, p->at, p->at, &w->t->err);
}

int work_share_fill(struct work *w, struct share *s, struct chunk **out)
{
	struct piece *p = first_piece(w, s);
	if (!p)
		return 0;
	*out = due(w, p);
	if (*out || p->read || !may_read(w, p))
		return *out != NULL;
	if (read_here(w, p))
		return -1;
	int answer = 0;
	for (int i = 0; answer == 0 && i < PASS_AT_ONCE; i++) {
		const struct record *r;
		enum kread_state state = kpart_head(s->lane, &r, &w->t->err);
		if (state == KREAD_EMPTY)
			return p->job->early && kpart_at_end(s->lane) ? rest(w, p) : 0;
		if (state == KREAD_ERROR)
			return -1;
		answer = state == KREAD_DONE ? read_all(w, p) : take(w, p, r);
		if (state == KREAD_DONE && answer == 0)
			return 0;
	}
	w->again |= answer == 0;
	if (answer <= 0)
		return answer;
	*out = due(w, p);
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
	open_piece(p);
}

static void lower(const struct piece *p, const struct chunk *c, int64_t *offset)
{
	const struct work_item *first = c && c->records.count ? c->records.items : NULL;
	if (first && first->offset < *offset &&
	    doneset_undone(&p->done, first->number) == first->number)
		*offset = first->offset;
}

/* The lowest offset of the part that is undone. */
static int64_t undone_offset(const struct work *w, const struct piece *p)
{
	int64_t offset = p->at;
	if (p->share->lane_of)
		return p->done.next;
	for (size_t k = 0; k < p->lane_count; k++)
		lower(p, p->filling[k], &offset);
	for (const struct chunk *c = w->chunks; c; c = c->next)
		if (c->piece == p)
			lower(p, c, &offset);
	return offset;
}

/* Runs that begin or run; of records whose run ended a worker before that they did, until they are run again. */
static void intend(const struct work *w, const struct chunk *c, struct checkpoint_part *to)
{
	const struct work_item *items = c->records.items;
	bool runs = c->state == CHUNK_INTENDED || c->state == CHUNK_RUNNING;
	if (runs && !w->leaving && c->run.end > c->run.first)
		checkpoint_intend(to, items[c->run.first].offset, items[c->run.end - 1].offset,
		    c->run.deaths);
	else if (c->deaths)
		checkpoint_intend(to, items[0].offset, items[c->records.count - 1].offset,
		    c->deaths - 1);
}

static void intend_all(const struct work *w, const struct piece *p, struct checkpoint_part *to)
{
	for (const struct chunk *c = w->chunks; c; c = c->next)
		if (c->piece == p && c->state != CHUNK_DELIVERING)
			intend(w, c, to);
	for (size_t k = 0; k < p->lane_count; k++)
		if (p->filling[k] && p->filling[k]->records.count)
			intend(w, p->filling[k], to);
	for (size_t i = 0; i < p->intent_count; i++)
		if (p->intents[i].first >= p->at)
			checkpoint_intend(to, p->intents[i].first, p->intents[i].last,
			    p->intents[i].deaths);
}

void work_copy_done(const struct doneset *from, struct doneset *to)
{
	to->next = from->next;
	to->below = from->below;
	for (size_t i = 0; i < from->count; i++)
		doneset_add(to, from->list[i].first, from->list[i].last, from->list[i].verdict);
}

/* Are there parts that nobody has begun? */
static bool has_waiting(const struct share *s)
{
	size_t waiting = s->agenda.ready.count + s->agenda.waiting.count;
	for (size_t i = 0; i < s->open_count; i++)
		waiting -= s->open[i]->item.in != NULL;
	return waiting > 0;
}

/* Nothing below is undone, as far as the sweep and the parts that are done tell. */
static int64_t swept_offset(const struct share *s)
{
	int64_t swept = work_swept(&s->sweep);
	return s->sweep.begun && has_waiting(s) && s->reached < swept ? s->reached : swept;
}

static void tell_sweep(struct share *s, struct checkpoint *c)
{
	work_copy_done(&s->sweep.piece->done, &checkpoint_add(c, STR(""))->done);
	s->sweep.told = work_swept(&s->sweep);
}

int64_t work_share_text(struct work *w, struct share *s, struct buf *out)
{
	struct checkpoint c = CHECKPOINT_INIT;
	c.offset = swept_offset(s);
	if (s->sweep.begun)
		tell_sweep(s, &c);
	for (size_t i = 0; i < s->open_count; i++) {
		const struct piece *p = s->open[i];
		struct checkpoint_part *to = checkpoint_add(&c, str_of(p->job->id));
		int64_t offset = undone_offset(w, p);
		work_copy_done(&p->done, &to->done);
		intend_all(w, p, to);
		if (offset < c.offset)
			c.offset = offset;
	}
	if (c.offset == INT64_MAX)
		c.offset = s->reached;
	if (c.offset < s->committed)
		c.offset = s->committed;
	c.rate = (int64_t)(w->pace.rate * 1000);
	c.command = w->command;
	if (c.count)
		checkpoint_encode(&c, out);
	int64_t offset = c.offset;
	checkpoint_release(&c);
	return offset;
}
