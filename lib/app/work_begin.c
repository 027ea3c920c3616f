/* Which chunk begins next, and which run of one that has begun. */
#include "app/work_int.h"

/* Two runs for each slot are written down before there is one for them, and as many of short ones as it takes to
 * bridge the time of two commits. Not more than this in all: after a worker's death each of them is run alone. */
#define AHEAD_MOST 96

/* Large ones are not, beyond those two: they take as much memory as they hold. */
#define AHEAD_BYTES (INT64_C(16) << 20)

/* So many chunks for each slot are in memory beside those, whatever they wait for. */
#define KEPT 6

bool work_chunk_runs(const struct chunk *c)
{
	return c->state == CHUNK_RUNNING;
}

int work_children_step(struct work *w)
{
	for (struct chunk *c = w->chunks, *next; c; c = next) {
		next = c->next;
		if (!work_chunk_runs(c) || work_strands_step(w, c) == 0)
			continue;
		if (!c->piece)
			work_chunk_free(w, c);
		else if (work_chunk_ended(w, c))
			return -1;
	}
	return 0;
}

static int64_t bytes_kept(const struct work *w)
{
	int64_t bytes = 0;
	for (const struct chunk *c = w->chunks; c; c = c->next)
		bytes += (int64_t)(c->records.input.len + c->records.extra.len);
	return bytes;
}

/* So many runs are written down for each slot, and in each lane. */
static int64_t ahead(const struct work *w)
{
	return bytes_kept(w) > AHEAD_BYTES ? 2 : 2 + (int64_t)(2 * w->commit_ms / (0.5 + w->run_ms));
}

static int64_t ahead_of_all(const struct work *w)
{
	int64_t wanted = w->ahead * w->slots.now, least = 2 * w->slots.now;
	if (wanted > AHEAD_MOST)
		wanted = AHEAD_MOST;
	return wanted > least ? wanted : least;
}

static int64_t count(const struct work *w, bool intended)
{
	int64_t n = 0;
	for (const struct chunk *c = w->chunks; c; c = c->next)
		n += !intended || c->state == CHUNK_INTENDED;
	return n;
}

/* One that was there when a worker ended is alone: so that only its own end of one counts against it. */
static bool is_for_one(const struct work *w)
{
	for (const struct chunk *c = w->chunks; c; c = c->next)
		if (c->deaths && c->piece &&
		    (c->state == CHUNK_INTENDED || c->state == CHUNK_RUNNING ||
			(c->state == CHUNK_WAITING && c->until_ms <= w->now_ms)))
			return true;
	return false;
}

/* Of a partition not more chunks are begun, here or by a worker before, than its checkpoint has room for. */
static bool is_full(const struct work *w, const struct share *s)
{
	size_t n = 0;
	for (const struct chunk *c = w->chunks; c; c = c->next)
		n += c->piece && c->piece->share == s;
	for (size_t i = 0; i < s->open_count; i++)
		for (size_t k = 0; k < s->open[i]->intent_count; k++)
			n += s->open[i]->intents[k].first >= s->open[i]->at;
	return n >= CHECKPOINT_INTENTS;
}

bool work_chunk_is_first(const struct chunk *c)
{
	return c->records.items[0].number == c->piece->done.next;
}

/* Nothing runs, is about to, or has run and is not acknowledged. */
static bool is_quiet(const struct work *w)
{
	for (const struct chunk *c = w->chunks; c; c = c->next)
		if (c->state == CHUNK_INTENDED || c->state == CHUNK_RUNNING ||
		    (c->state == CHUNK_DELIVERING && !work_is_held(c)))
			return false;
	return true;
}

/* May its next run be written down? */
static bool may_be_next(const struct work *w, const struct chunk *c)
{
	return c->deaths ? is_quiet(w) : !is_for_one(w);
}

/* Not while everything fails: the breaker lets one through. */
static bool is_admitted(struct work *w, struct chunk *c)
{
	if (c->run.number > 1)
		return true;
	if (!breaker_admits(&w->breaker, w->now_ms)) {
		if (w->breaker.state == BREAKER_OPEN)
			loop_until(&w->loop, w->breaker.until_ms);
		return false;
	}
	c->probes = w->breaker.state == BREAKER_PROBE;
	return true;
}

/* It is written down, nothing before it in its lane is under way, and there are slots for it; who is behind one for
 * which there are too few waits, too. */
static bool may_start(struct work *w, struct chunk *c, bool *full)
{
	if (*full || c->state != CHUNK_INTENDED || c->intent > w->committed || !c->piece ||
	    !work_chunk_is_next(w, c))
		return false;
	*full = w->running + (int64_t)work_strands_wanted(w, c) > w->slots.now;
	return !*full && is_admitted(w, c);
}

int work_chunks_go_on(struct work *w)
{
	bool full = false;
	if (w->stopping || w->revoking)
		return 0;
	for (struct chunk *c = w->chunks, *next; c; c = next) {
		next = c->next;
		if (may_start(w, c, &full) && work_chunk_start(w, c))
			return -1;
		if (c->state != CHUNK_WAITING || !c->piece)
			continue;
		if (c->until_ms > w->now_ms)
			loop_until(&w->loop, c->until_ms);
		else if (may_be_next(w, c) && work_chunk_go_on(w, c))
			return -1;
	}
	return 0;
}

/* A value that holds what ends a record would be taken for two. Such records are invalid without a run. */
static int set_apart(struct work *w, struct chunk *c)
{
	const char *why = w->o->format == WORK_NUL
	    ? "NUL: the value holds what ends a record for the command, which -J avoids"
	    : "newline: the value holds what ends a record for the command, which -0 or -J avoids";
	for (size_t i = 0; i < c->records.count; i++)
		trial_settle(&c->trial, i, VERDICT_INVALID, str_of(why));
	return work_deliver(w, c);
}

static int begin(struct work *w, struct chunk *c)
{
	trial_start(&c->trial, &w->rules, c->records.count, c->deaths);
	if (c->resumed)
		trial_resume(&c->trial);
	c->trial.control = w->control.count > 0;
	return c->unfit ? set_apart(w, c) : work_chunk_go_on(w, c);
}

static int begin_ready(struct work *w)
{
	for (struct chunk *c = w->chunks; c; c = c->next)
		if (c->state == CHUNK_READY && c->piece && may_be_next(w, c) &&
		    !work_lane_is_held(w, c->piece->share, c->lane, c) && begin(w, c))
			return -1;
	return 0;
}

static bool is_before(const struct chunk *a, const struct chunk *b)
{
	return agenda_is_before(&a->piece->share->agenda, &a->piece->item, &b->piece->item);
}

/* A chunk of that topic which may begin. The partition after the one that was last comes first. */
static struct chunk *of_lane(struct work *w, const struct lane *lane)
{
	struct chunk *c = NULL;
	for (size_t i = 0; i < w->share_count && !c; i++) {
		struct share *s = &w->shares[(w->turn + i) % w->share_count];
		if (s->lane_of == lane && work_share_fill(w, s, &c) > 0)
			w->turn = (w->turn + i + 1) % w->share_count;
	}
	return c;
}

static bool may_begin(const struct work *w, const struct chunk *c)
{
	return (!is_full(w, c->piece->share) || work_chunk_is_first(c)) && may_be_next(w, c) &&
	    count(w, true) < ahead_of_all(w) && count(w, false) < ahead_of_all(w) + KEPT * w->slots.now;
}

/* Reads on for all partitions, and begins what is first. 1: it did; 0: there is nothing to begin. */
static int begin_next(struct work *w)
{
	struct chunk *first = NULL;
	w->ahead = ahead(w);
	for (size_t i = 0; w->o->topics && i < w->o->topics->count; i++)
		w->o->topics->list[i].ready = false;
	for (size_t i = 0; i < w->share_count; i++) {
		struct share *s = &w->shares[i];
		struct chunk *c = NULL;
		int got = work_share_fill(w, s, &c);
		if (got < 0)
			return -1;
		bool ready = got;
		if (ready && s->lane_of)
			s->lane_of->ready = true;
		if (ready && (!first || is_before(c, first)))
			first = c;
	}
	if (first && w->o->topics)
		first = of_lane(w, lanes_choose(w->o->topics));
	if (!first || !may_begin(w, first))
		return 0;
	if (w->o->topics)
		lanes_took(w->o->topics, first->piece->share->lane_of, (int64_t)first->records.count);
	work_share_begin(w, first);
	return begin(w, first) ? -1 : 1;
}

int work_chunks_begin(struct work *w)
{
	int begun;
	if (w->stopping || w->revoking)
		return 0;
	if (begin_ready(w))
		return -1;
	while ((begun = begin_next(w)) > 0)
		;
	return begun;
}
