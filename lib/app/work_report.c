/* How far the batches are, told to the log: of each part when it is done, and of all from time to time. */
#include "app/work_int.h"

#include "tool/clock.h"

/* When the first of its chunks that wait goes on; INT64_MAX: none waits. */
static int64_t waits_until(const struct work *w, const struct piece *p)
{
	int64_t until_ms = INT64_MAX;
	for (const struct chunk *c = w->chunks; c; c = c->next)
		if (c->piece == p && c->state == CHUNK_WAITING && c->until_ms < until_ms)
			until_ms = c->until_ms;
	return until_ms;
}

static void fill_trouble(const struct work *w, const struct piece *p, struct part *out)
{
	const struct breaker *b = &w->breaker;
	int64_t until_ms = b->state == BREAKER_OPEN ? b->until_ms : waits_until(w, p);
	if (b->state == BREAKER_CLOSED && until_ms == INT64_MAX)
		return;
	out->state = b->state == BREAKER_CLOSED ? PART_RETRYING : PART_BLOCKED;
	part_set_text(&out->error, str_of(p->error));
	if (until_ms < INT64_MAX)
		out->retry_ms = clock_wall_ms() + (until_ms > w->now_ms ? until_ms - w->now_ms : 0);
}

static void fill_outlook(const struct work *w, struct piece *p, struct part *out)
{
	struct tally all = doneset_tally(&p->done);
	int64_t rate = rate_look(&p->rate, tally_sum(&all), w->now_ms);
	out->expected = p->expected;
	out->rate = rate > 0 ? rate : 0;
}

static void fill_part(const struct work *w, const struct piece *p, struct part *out)
{
	out->partition = p->share->partition;
	out->first = p->first;
	out->last = (p->at > p->end ? p->at : p->end) - 1; /* more may be there than a manifest says */
	out->w = p->done.next;
	out->tally = p->done.next == p->number ? doneset_tally(&p->done) : p->done.below;
	part_set_text(&out->worker, str_of(w->worker));
}

static void fill_open(const struct work *w, struct piece *p, struct part *out)
{
	fill_part(w, p, out);
	fill_outlook(w, p, out);
	fill_trouble(w, p, out);
}

int work_piece_done(struct work *w, struct piece *p)
{
	struct batch b = BATCH_INIT;
	struct parts mine = {.group = str_of(w->o->group)};
	if (p->parcel)
		return 0;
	if (p->share->lane_of) {
		p->share->reached = p->end;
		work_piece_drop(w, p);
		return 0;
	}
	/* We only look; or the batch's end is written, and nothing behind it may say that it goes on. */
	if (!w->events || p->job->ending)
		return 0;
	if (work_job_document(w, p->job, &b))
		return -1;
	struct part *one = parts_at(&mine, p->share->partition);
	fill_part(w, p, one);
	one->done = true;
	js_set(b.doc, "progress", part_json(&mine, one));
	int failed = work_post(w, &b, EVENT_PART, p);
	parts_release(&mine);
	batch_release(&b);
	return failed;
}

/* Of our parts, and what all come to as far as we know. */
static struct json_t *progress(const struct work *w, struct job *j, const struct parts *mine)
{
	parts_take(&j->parts, mine);
	struct json_t *o = parts_report(&j->parts, mine);
	js_set_i64(o, "chunk", w->pace.size);
	js_set_i64(o, "slots", w->slots.now);
	return o;
}

static int report(struct work *w, struct job *j)
{
	struct batch b = BATCH_INIT;
	struct parts mine = {.group = str_of(w->o->group)};
	for (struct piece *p = j->mine; p && !j->ending; p = p->next_of_job)
		if (p->open && !p->parcel)
			fill_open(w, p, parts_at(&mine, p->share->partition));
	int failed = 0;
	if (mine.count) {
		failed = work_job_document(w, j, &b);
		if (!failed) {
			js_set(b.doc, "progress", progress(w, j, &mine));
			failed = work_post(w, &b, EVENT_PROGRESS, NULL);
		}
		batch_release(&b);
	}
	parts_release(&mine);
	return failed;
}

int work_report(struct work *w)
{
	size_t at = 0;
	void *value;
	if (w->now_ms - w->reported_ms < w->o->report_ms) {
		loop_until(&w->loop, w->reported_ms + w->o->report_ms);
		return 0;
	}
	w->reported_ms = w->now_ms;
	while (map_next(&w->jobs, &at, NULL, &value))
		if (report(w, value))
			return -1;
	return 0;
}
