/* What is committed for a partition: its offset, and in a text what is done above it and what runs. */
#include "app/work_int.h"

static bool is_undone(const struct piece *p, const struct work_item *item)
{
	return doneset_undone(&p->done, item->number) == item->number;
}

static void lower(const struct piece *p, const struct chunk *c, int64_t *offset)
{
	const struct work_item *first = c && c->records.count ? c->records.items : NULL;
	if (first && first->offset < *offset && is_undone(p, first))
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

/* A worker that is asked to end, or to give its partitions back, may be killed because it takes too long. */
static bool is_to_blame(const struct work *w, const struct chunk *c)
{
	bool runs = c->state == CHUNK_INTENDED || c->state == CHUNK_RUNNING;
	return runs && !w->leaving && !w->stopping && !w->revoking;
}

/* Runs that begin or run, so that a worker's death counts against them; and chunks that have run, here or before, until
 * they are done, as they are: what others are told by their names stays true. */
static void intend(const struct work *w, const struct chunk *c, struct checkpoint_part *to)
{
	const struct work_item *items = c->records.items;
	size_t end = c->records.count;
	if (end == 0 || !is_undone(c->piece, items))
		return;
	if (is_to_blame(w, c) && c->run.end > c->run.first)
		checkpoint_intend(to, items[c->run.first].offset, items[c->run.end - 1].offset,
		    c->run.deaths);
	else if (c->begun)
		checkpoint_intend(to, items[0].offset,
		    items[end - 1].offset < c->last ? c->last : items[end - 1].offset, c->deaths - 1);
}

static void intend_all(const struct work *w, const struct piece *p, struct checkpoint_part *to)
{
	for (const struct chunk *c = w->chunks; c; c = c->next)
		if (c->piece == p)
			intend(w, c, to);
	for (size_t k = 0; k < p->lane_count; k++)
		if (p->filling[k])
			intend(w, p->filling[k], to);
	for (size_t i = 0; i < p->intent_count; i++)
		if (p->intents[i].first >= p->at)
			checkpoint_intend(to, p->intents[i].first, p->intents[i].last,
			    p->intents[i].deaths);
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

static struct checkpoint checkpoint_of(const struct work *w, const struct share *s)
{
	struct checkpoint c = CHECKPOINT_INIT;
	c.offset = swept_offset(s);
	if (s->sweep.begun)
		doneset_copy(&checkpoint_add(&c, STR(""))->done, &s->sweep.piece->done);
	for (size_t i = 0; i < s->open_count; i++) {
		const struct piece *p = s->open[i];
		struct checkpoint_part *to = checkpoint_add(&c, str_of(p->job->id));
		int64_t offset = undone_offset(w, p);
		doneset_copy(&to->done, &p->done);
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
	return c;
}

size_t work_share_size(const struct work *w, const struct share *s)
{
	struct checkpoint c = checkpoint_of(w, s);
	size_t size = checkpoint_size(&c);
	checkpoint_release(&c);
	return size;
}

int64_t work_share_text(struct work *w, struct share *s, struct buf *out)
{
	struct checkpoint c = checkpoint_of(w, s);
	if (s->sweep.begun)
		s->sweep.told = work_swept(&s->sweep);
	if (c.count)
		checkpoint_encode(&c, out);
	int64_t offset = c.offset;
	checkpoint_release(&c);
	return offset;
}
