/* Partitions that are ours: which part of which batch is read, and how far it is. */
#include "app/work_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tool/msg.h"

void work_piece_open(struct piece *p)
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
	work_piece_open(p);
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

static int64_t count_of(const struct extent *here)
{
	return here->count == PARTS_UNCOUNTED ? 0 : here->count;
}

static void share_add(struct work *w, struct share *s, struct job *j, const struct extents *x)
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
	p->expected = count_of(here);
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
		share_add(w, &w->shares[i], j, &x);
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

void work_piece_set_idle(struct work *w, struct piece *p, bool idle)
{
	w->idle += idle;
	w->idle -= p->idle;
	p->idle = idle;
}

void work_piece_sent(struct work *w, struct piece *p, const struct extents *x)
{
	const struct extent *here = extents_find(x, p->share->partition);
	p->end = here ? end_of(p->job, here) : 0;
	p->expected = here ? count_of(here) : 0;
	if (p->share->reading == p)
		p->share->reading = NULL;
	work_piece_set_idle(w, p, false);
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
	work_piece_set_idle(w, p, false);
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
	p->share->delivered++;
	agenda_remove(&p->item);
	if (p->share->reading == p)
		p->share->reading = NULL;
	p->share->dirty = true;
	seqlast_release(&p->seen);
	doneset_release(&p->done);
	free(p->filling);
	free(p->intents);
	free(p->error);
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
	int64_t size = w->pace.size;
	if (s->before.rate && s->before.command == w->command && w->pace.rate <= 0)
		pace_resume(&w->pace, (double)s->before.rate / 1000);
	if (w->pace.size != size)
		work_tell_size(w);
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
	w->partitions = 0; /* there may be more by now */
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
	w->commit_after_ms = 0;
	msg_debug(1, "%zu partitions are ours", n);
	return 0;
}
