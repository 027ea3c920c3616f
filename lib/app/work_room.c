/* --exactly-once: what is done above the offset has CHECKPOINT_TEXT bytes beside it, and none of it may be forgotten.
 * So what has no room is held back. With --order none a chunk has the records that are undone from its first one to its
 * last, and when the first of all chunks is done the text does not grow: others wait for that with their results, and
 * do not begin when they might have to. With --order key a chunk's records lie among those of others: so a part is
 * read only so far ahead of its first undone record that there is room for whatever becomes of all that was read. */
#include "app/work_int.h"

#include <string.h>

/* Characters: of a part without its id, intents and map; of an intent; and of a chunk more in a map. */
#define HEAD   (4 * 12 + 6)
#define INTENT 32
#define RUN    12

/* What is left for the first chunk of each part, and for numbers that grow. */
#define SPARE (CHECKPOINT_ALL * INTENT + 200)

/* For intents, beside what was read ahead. */
#define INTENTS 1000

/* So many records of a part are read ahead in any case. */
#define LEAST 64

static size_t chunks_of(const struct work *w, const struct share *s)
{
	size_t n = 0;
	for (const struct chunk *c = w->chunks; c; c = c->next)
		n += c->piece && c->piece->share == s;
	for (size_t i = 0; i < s->open_count; i++)
		n += s->open[i]->intent_count;
	return n;
}

/* Of a map, whatever becomes of so many records: each plane is a bitmap at most. */
static int64_t worst_map(int64_t records)
{
	return 3 * ((records / 8 + 1) * 4 / 3 + 3);
}

static int64_t records_ahead(const struct piece *p)
{
	int64_t top = doneset_top(&p->done) + 1;
	return (p->number > top ? p->number : top) - p->done.next;
}

/* All but the intents, and but the part p, which has its head. */
static int64_t worst_beside(const struct share *s, const struct piece *p)
{
	int64_t n = 2 * HEAD + (int64_t)strlen(p->job->id);
	for (size_t i = 0; i < s->open_count; i++)
		if (s->open[i] != p)
			n += HEAD + (int64_t)strlen(s->open[i]->job->id) + worst_map(records_ahead(s->open[i]));
	return n + HEAD + SPARE;
}

int64_t work_room_ahead(const struct work *w, const struct piece *p)
{
	if (!w->o->exactly_once || w->o->order != WORK_BY_KEY)
		return INT64_MAX;
	/* Half of what is left, so that parts that are begun later have some, too: two records a character. */
	int64_t records = CHECKPOINT_TEXT - INTENTS - worst_beside(p->share, p);
	return records > LEAST ? records : LEAST;
}

static bool has_room(const struct work *w, const struct share *s, const struct piece *p)
{
	size_t chunks = chunks_of(w, s) + 1;
	if (w->o->order == WORK_BY_KEY)
		return worst_beside(s, p) + worst_map(records_ahead(p)) + (int64_t)chunks * INTENT <= CHECKPOINT_TEXT;
	size_t head = p->open ? 0 : HEAD + strlen(p->job->id);
	return work_share_size(w, s) + head + INTENT + chunks * RUN + SPARE <= CHECKPOINT_TEXT;
}

bool work_room_to_begin(const struct work *w, const struct chunk *c)
{
	const struct piece *p = c->piece;
	const struct share *s = p->share;
	bool first = work_chunk_is_first(c) && (p->open || s->open_count == 0);
	return !w->o->exactly_once || first || has_room(w, s, p);
}

/* Offsets that hold no record are done when they are passed. */
bool work_room_to_read(const struct work *w, const struct piece *p)
{
	return !w->o->exactly_once || !p->share->lane_of || w->o->order == WORK_BY_KEY || p->number == p->done.next ||
	    has_room(w, p->share, p);
}

bool work_room_to_deliver(const struct work *w, const struct chunk *c, bool first)
{
	const struct share *s = c->piece->share;
	size_t spare = first || w->o->order == WORK_BY_KEY ? 0 : chunks_of(w, s) * RUN + SPARE;
	return c->piece == s->sweep.piece || work_share_size(w, s) + spare <= CHECKPOINT_TEXT;
}
