/* Batches: when they are ready, and their end. */
#include "app/work_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "batch/claims.h"
#include "tool/clock.h"
#include "tool/msg.h"

/* Who did not do the last part leaves the end to who did, for a while. */
#define OTHERS_MS 1000

static bool is_sooner(const void *ctx, const void *a, const void *b)
{
	(void)ctx;
	return ((const struct job *)a)->finish_ms < ((const struct job *)b)->finish_ms;
}

static void stands(void *job, size_t at)
{
	((struct job *)job)->finish_at = at;
}

void work_jobs_init(struct work *w)
{
	map_init(&w->jobs, w->seed);
	map_init(&w->elsewhere, w->seed);
	w->finishing = (struct heap){.before = is_sooner, .stands = stands};
}

static void finish_at(struct work *w, struct job *j, int64_t when_ms)
{
	if (j->finish_ms != INT64_MAX)
		heap_remove(&w->finishing, j->finish_at);
	j->finish_ms = when_ms;
	if (when_ms != INT64_MAX)
		heap_add(&w->finishing, j);
}

int work_job_document(struct work *w, const struct job *j, struct batch *out)
{
	if (fold_batch(kready_fold(w->ready, str_of(j->id)), out, &w->t->err))
		return -1;
	batch_need_topic(out, w->stream);
	return 0;
}

static void drop_job(struct work *w, struct str id)
{
	struct job *j = map_remove(&w->jobs, id);
	if (!j)
		return;
	while (j->mine)
		work_piece_drop(w, j->mine);
	finish_at(w, j, INT64_MAX);
	w->ending -= j->ending;
	parts_release(&j->parts);
	variables_release(&j->variables);
	buf_release(&j->metadata);
	free(j->broken);
	free(j->id);
	free(j);
}

void work_jobs_release(struct work *w)
{
	size_t at = 0;
	void *value;
	while (map_next(&w->jobs, &at, NULL, &value))
		drop_job(w, str_of(((struct job *)value)->id));
	map_release(&w->jobs);
	work_elsewhere_release(w);
	heap_release(&w->finishing);
}

int work_job_manifest(struct work *w, const struct job *j, struct manifest *out)
{
	struct batch b = BATCH_INIT;
	int failed = work_job_document(w, j, &b) || manifest_parse(js_get(b.doc, "manifest"), out, &w->t->err);
	batch_release(&b);
	return failed ? -1 : 0;
}

int work_job_extents(struct work *w, const struct job *j, struct extents *out)
{
	struct manifest m = MANIFEST_INIT;
	if (j->broken)
		return 0;
	if (j->by_id && w->partitions == 0 && work_partitions(w))
		return -1;
	for (int32_t i = 0; j->by_id && i < w->partitions; i++)
		extents_add(out, i, 0, -1, j->listed ? 0 : PARTS_UNCOUNTED);
	if (!j->listed)
		return 0;
	int failed = work_job_manifest(w, j, &m);
	if (!failed)
		manifest_extents(&m, out);
	manifest_release(&m);
	return failed;
}

/* 1: all of it is done; 0; -1. */
static int is_done(struct work *w, const struct job *j)
{
	struct extents x = EXTENTS_INIT;
	int failed = work_job_extents(w, j, &x);
	bool done = !failed && parts_are_done(&j->parts, &x);
	extents_release(&x);
	return failed ? -1 : done;
}

/* Is all of it done? Then its end is near. */
static int look(struct work *w, struct job *j, bool by_us)
{
	uint16_t random;
	if (j->ending || j->finish_ms != INT64_MAX)
		return 0;
	int done = is_done(w, j);
	if (done <= 0)
		return done;
	clock_random(&random, sizeof(random));
	finish_at(w, j, w->now_ms + (by_us || j->broken ? 0 : OTHERS_MS + random % 2000));
	return 0;
}

/* Which records are its own? A count that was given by hand does not tell. */
static int read_manifest(struct work *w, struct job *j, const struct batch *b)
{
	struct manifest m = MANIFEST_INIT;
	struct err why = ERR_INIT;
	const struct json_t *json = js_get(b->doc, "manifest");
	int bad = 0;
	if (json)
		bad = manifest_parse(json, &m, &why) || claims_check(b, &m, &why) ? 1 : work_bounds_check(w, &m, &why);
	if (bad > 0)
		j->broken = mem_strdup(why.text);
	j->listed = json && !bad && (m.count > 0 || j->expected == 0);
	manifest_release(&m);
	err_clear(&why);
	return bad < 0 ? -1 : 0;
}

/* As it is now. */
static int describe(struct work *w, struct job *j, const struct batch *b, const struct fold *f)
{
	j->early = f->status == BATCH_STARTED;
	j->ready_ms = f->ts_ms;
	j->priority = batch_number(b, "priority", 50);
	j->expected = batch_expected(b);
	j->parts.expected = j->expected > 0 ? j->expected : 0;
	j->threshold = batch_number(b, "invalidThreshold", -1);
	if (!j->early && read_manifest(w, j, b))
		return -1;
	j->by_id = w->o->early || !j->listed;
	return 0;
}

/* There is work on the batch: all that is known of its parts is in the fold, too. */
static int add_job(struct work *w, const struct event *e, const struct fold *f)
{
	struct batch b = BATCH_INIT;
	bool processing = false;
	if (batch_parse(buf_str(&f->doc), &b, &w->t->err))
		return -1;
	js_get_bool(b.doc, "processing", &processing);
	bool worked = f->status != BATCH_STARTED || processing;
	bool elsewhere = batch_is_elsewhere(&b, str_of(w->topic));
	if (worked && elsewhere)
		work_elsewhere_add(w, buf_str(&e->id), batch_member(&b, "topic"));
	if (!worked || elsewhere) {
		batch_release(&b);
		return 0;
	}
	struct job *j = mem_zalloc(1, sizeof(*j));
	j->id = mem_strndup(e->id.data, e->id.len);
	j->created_ms = batch_began_ms(&b, f->created_ms);
	j->finish_ms = INT64_MAX;
	j->parts.group = str_of(w->o->group);
	map_put(&w->jobs, str_of(j->id), j);
	int failed = describe(w, j, &b, f);
	batch_release(&b);
	return failed || work_shares_add(w, j) || (!j->early && look(w, j, false)) ? -1 : 0;
}

/* All of it is sent, and some of it may be done. */
static int send_job(struct work *w, struct job *j, const struct event *e, const struct fold *f)
{
	struct batch b = BATCH_INIT;
	struct extents x = EXTENTS_INIT;
	if (batch_parse(buf_str(&f->doc), &b, &w->t->err))
		return -1;
	/* Its end that we wrote came too late to count; or it names another topic now. */
	if (j->broken || j->ending || batch_is_elsewhere(&b, str_of(w->topic))) {
		batch_release(&b);
		drop_job(w, buf_str(&e->id));
		return add_job(w, e, f);
	}
	int failed = describe(w, j, &b, f);
	batch_release(&b);
	while (j->broken && j->mine)
		work_piece_drop(w, j->mine);
	failed = failed || work_job_extents(w, j, &x);
	for (struct piece *p = j->mine; p && !failed; p = p->next_of_job)
		work_piece_sent(w, p, &x);
	extents_release(&x);
	return failed || look(w, j, false) ? -1 : 0;
}

/* How far somebody is. A part that another has done is not ours to do any more. */
static int hear(struct work *w, struct job *j, const struct event *e)
{
	struct err ignored = ERR_INIT;
	struct batch b = BATCH_INIT;
	bool ours = str_eq(e->writer, str_of(w->writer));
	if (batch_parse(e->doc, &b, &ignored)) {
		err_clear(&ignored);
		return 0;
	}
	parts_fold(&j->parts, js_get(b.doc, "progress"));
	batch_release(&b);
	for (struct piece *p = j->mine, *next; p; p = next) {
		next = p->next_of_job;
		const struct part *said = parts_find(&j->parts, p->share->partition);
		if (!said || !said->done)
			continue;
		if (p->end > p->share->reached)
			p->share->reached = p->end;
		work_piece_drop(w, p);
	}
	return e->type == EVENT_PART ? look(w, j, ours) : 0;
}

static bool is_work(const struct work *w, const struct fold *f)
{
	bool early = w->o->early && !w->o->dry_run && !w->o->sample;
	return f->status == BATCH_SENT || (early && f->status == BATCH_STARTED);
}

int work_jobs_follow(struct work *w, int wait_ms)
{
	const struct event *e;
	const struct fold *f;
	int got;
	for (;;) {
		struct deadline d = deadline_start(w->t->budget_ms);
		got = kready_next(w->ready, wait_ms, &e, &f, &d, &w->t->err);
		if (got == 0 && kready_caught_up_as_is(w->ready))
			work_elsewhere_tell(w);
		if (got <= 0)
			return got;
		struct str id = buf_str(&e->id);
		struct job *j = map_get(&w->jobs, id);
		int failed = 0;
		if (e->type == EVENT_STATUS) {
			work_cover_hear(w, id, f);
			work_tell_passed(w, f);
		}
		if (!is_work(w, f)) {
			drop_job(w, id);
			work_elsewhere_forget(w, id);
		} else if (!j) {
			failed = add_job(w, e, f);
		} else if (j->early && f->status == BATCH_SENT) {
			failed = send_job(w, j, e, f);
		} else if (e->type != EVENT_STATUS) {
			failed = hear(w, j, e);
		}
		if (failed)
			return -1;
	}
}

static int change(struct work *w, struct job *j, struct batch_change *c)
{
	struct batch now = BATCH_INIT, after = BATCH_INIT;
	c->now_ms = clock_wall_ms();
	w->ending += !j->ending;
	j->ending = true;
	if (work_job_document(w, j, &now))
		return -1;
	int failed = batch_apply(&now, c, &after, &w->t->err);
	if (!failed) {
		struct json_t *progress = parts_json(&j->parts);
		if (!j->listed)
			parts_set_ranges(&j->parts, progress);
		js_set(after.doc, "progress", progress);
	}
	batch_end_progress(&after);
	failed = failed || work_post(w, &after, EVENT_STATUS, NULL);
	msg_debug(1, "batch '%s': %s", j->id, batch_status_name(after.status));
	batch_release(&now);
	batch_release(&after);
	return failed ? -1 : 0;
}

/* ST_FAIL: the parts that are done are not what was sent. */
static int check(const struct job *j, const struct extents *x, struct err *why)
{
	if (j->broken)
		return err_set(why, ST_FAIL, "%s", j->broken);
	return parts_check(&j->parts, x, why) ||
	    (!j->listed && j->expected >= 0 && parts_check_sum(&j->parts, j->expected, why));
}

static bool is_ours(const struct job *j, int32_t partition)
{
	const struct piece *p = j->mine;
	while (p && p->share->partition != partition)
		p = p->next_of_job;
	return p != NULL;
}

static void add_tally(struct tally *to, struct tally from)
{
	to->done += from.done;
	to->invalid += from.invalid;
	to->skipped += from.skipped;
}

/* What all parts come to, ours as they are now. */
static struct tally tally_of(const struct job *j)
{
	struct tally sum = {0, 0, 0};
	for (size_t i = 0; i < j->parts.count; i++)
		if (!is_ours(j, j->parts.list[i].partition))
			add_tally(&sum, j->parts.list[i].tally);
	for (const struct piece *p = j->mine; p; p = p->next_of_job)
		add_tally(&sum, doneset_tally(&p->done));
	return sum;
}

static int end_job(struct work *w, struct job *j)
{
	struct err why = ERR_INIT;
	struct extents x = EXTENTS_INIT;
	struct tally sum = j->broken ? tally_of(j) : parts_tally(&j->parts);
	struct batch_change c = {.action = BATCH_PROCESSED, .actual = tally_sum(&sum),
	    .invalid = sum.invalid};
	finish_at(w, j, INT64_MAX);
	/* There may be more partitions by now, whose parts are not done. */
	int done = j->by_id && work_partitions(w) ? -1 : is_done(w, j);
	if (done <= 0)
		return done;
	int failed = work_job_extents(w, j, &x);
	if (!failed && check(j, &x, &why)) {
		c.action = BATCH_FAIL;
		c.message = str_of(why.text);
		msg_note("batch '%s' fails: %s", j->id, why.text);
	}
	while (j->broken && j->mine)
		work_piece_drop(w, j->mine);
	failed = failed || change(w, j, &c);
	extents_release(&x);
	err_clear(&why);
	return failed;
}

int work_jobs_finish(struct work *w)
{
	struct job *j;
	while ((j = heap_first(&w->finishing)) && j->finish_ms <= w->now_ms)
		if (end_job(w, j))
			return -1;
	if (j)
		loop_until(&w->loop, j->finish_ms);
	return 0;
}

int work_job_check(struct work *w, struct job *j)
{
	struct tally sum = tally_of(j);
	if (j->threshold <= 0 || sum.invalid < j->threshold)
		return 0;
	struct buf why = BUF_INIT;
	buf_printf(&why, "%lld records are invalid, and invalidThreshold is %lld",
	    (long long)sum.invalid, (long long)j->threshold);
	struct batch_change c = {.action = BATCH_FAIL, .actual = tally_sum(&sum), .invalid = sum.invalid,
	    .message = buf_str(&why)};
	j->threshold = -1; /* said once */
	int failed = change(w, j, &c);
	buf_release(&why);
	return failed;
}

void work_job_break(struct work *w, struct job *j, struct str why)
{
	struct tally sum = tally_of(j);
	struct buf text = BUF_INIT;
	buf_add_str(&text, why);
	buf_printf(&text, ": %lld records were processed", (long long)tally_sum(&sum));
	if (j->expected >= 0)
		buf_printf(&text, ", and %lld were sent", (long long)j->expected);
	free(j->broken);
	j->broken = buf_detach(&text);
	finish_at(w, j, w->now_ms);
}
