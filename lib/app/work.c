#include "app/work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "app/work_int.h"
#include "base/mem.h"
#include "base/murmur2.h"
#include "batch/keylane.h"
#include "kafka/kgroup.h"
#include "tool/clock.h"
#include "tool/failed.h"
#include "tool/limits.h"
#include "tool/machine.h"
#include "tool/msg.h"
#include "tool/sig.h"
#include "tool/who.h"

#define LOOK_MS 1000 /* at the machine */

/* So many runs for each slot are written down before there is one for them: a broker takes some
 * milliseconds for that. */
#define AHEAD 2

/* Of the connections to brokers, some of each client, and for files. */
#define DESCRIPTORS 256

/* So many chunks for each slot are in memory, whatever they wait for. */
#define KEPT 8

static bool is_running(const struct chunk *c)
{
	return c->state == CHUNK_RUNNING && c->child.pid;
}

/* --- what was committed */

static void on_committed(void *ctx, void *cookie, enum kmember_commit result, const struct err *err)
{
	struct work *w = ctx;
	(void)cookie;
	w->committing = false;
	w->commit_failed = result != KMEMBER_COMMITTED;
	if (result == KMEMBER_COMMITTED) {
		w->committed = w->commits;
		for (size_t i = 0; i < w->share_count; i++)
			w->shares[i].committed = w->shares[i].pending;
		return;
	}
	if (result == KMEMBER_FAILED)
		msg_debug(1, "commit: %s", err->text);
	for (struct chunk *c = w->chunks; c; c = c->next)
		if (c->state == CHUNK_INTENDED && c->intent <= w->commits)
			c->intent = w->commits + 1;
	for (size_t i = 0; i < w->share_count; i++)
		w->shares[i].dirty = true;
}

/* All that changed: of our partitions, and from where on the log is to be read again. */
static size_t gather(struct work *w, struct kmember_part *parts, struct buf *texts, int64_t *marks)
{
	size_t n = 0;
	for (size_t i = 0; i < w->share_count; i++) {
		struct share *s = &w->shares[i];
		buf_clear(&texts[i]);
		s->pending = s->committed;
		if (!s->dirty && !(w->leaving && s->open_count))
			continue;
		s->dirty = false;
		s->pending = work_share_text(w, s, &texts[i]);
		if (s->pending >= 0)
			parts[n++] = (struct kmember_part){.topic = s->topic, .partition = s->partition,
			    .offset = s->pending, .metadata = buf_text(&texts[i])};
	}
	if (n == 0 || !w->ready)
		return n;
	kready_marks(w->ready, marks);
	for (int32_t p = 0; p < kready_partitions(w->ready); p++)
		parts[n++] = (struct kmember_part){.topic = kready_topic(w->ready), .partition = p,
		    .offset = marks[p], .metadata = ""};
	return n;
}

static int commit(struct work *w, bool now)
{
	struct err *err = &w->t->err;
	if (!w->assigned || (w->committing && !now))
		return 0;
	size_t logs = w->ready ? (size_t)kready_partitions(w->ready) : 0;
	size_t most = w->share_count + logs;
	struct kmember_part *parts = mem_zalloc(most, sizeof(*parts));
	struct buf *texts = mem_zalloc(w->share_count, sizeof(*texts));
	int64_t *marks = mem_zalloc(logs, sizeof(*marks));
	w->leaving = now;
	size_t n = gather(w, parts, texts, marks);
	w->leaving = false;
	int answer = 0;
	if (n && now) {
		struct deadline d = {.end_ms = w->now_ms + 5000, .now_ms = clock_mono_ms};
		answer = kmember_commit_now(w->member, parts, n, &d, err) == KMEMBER_FAILED ? -1 : 0;
	} else if (n) {
		w->commits++;
		answer = kmember_commit(w->member, parts, n, NULL, err);
		w->committing = answer == 0;
		if (answer > 0)
			answer = 0; /* the group will say why */
	}
	for (size_t i = 0; i < w->share_count; i++)
		buf_release(&texts[i]);
	free(texts);
	free(parts);
	free(marks);
	return answer;
}

/* --- the group */

static void give_up_shares(struct work *w)
{
	work_shares_release(w);
	w->revoking = false;
	w->drain_ms = INT64_MAX;
}

static int follow_group(struct work *w)
{
	switch (kmember_poll(w->member, 0, &w->t->err)) {
	case KMEMBER_ERROR:
		return -1;
	case KMEMBER_NOTHING:
		return 0;
	case KMEMBER_ASSIGNED:
		w->rebalances++;
		return work_shares_assign(w);
	case KMEMBER_REVOKING:
		msg_debug(1, "our partitions are asked back");
		w->revoking = true;
		w->drain_ms = w->now_ms + w->o->drain_ms;
		return 0;
	case KMEMBER_LOST:
		msg_warn("our partitions were taken away; what runs is ended, and others do it again");
		give_up_shares(w);
		return 0;
	}
	return 0;
}

static bool is_idle(const struct work *w)
{
	for (const struct chunk *c = w->chunks; c; c = c->next)
		if (c->state == CHUNK_RUNNING || c->state == CHUNK_DELIVERING)
			return false;
	return true;
}

/* What runs may end; what waits is left to others. */
static int drain(struct work *w)
{
	if (w->drain_ms == INT64_MAX)
		return 0;
	if (!is_idle(w) && w->now_ms >= w->drain_ms) {
		for (struct chunk *c = w->chunks; c; c = c->next)
			if (is_running(c))
				child_kill(&c->child);
		w->drain_ms = w->now_ms + 1000;
	}
	if (!is_idle(w) || (w->events && kproduce_in_flight(w->events))) {
		loop_until(&w->loop, w->drain_ms);
		return 0;
	}
	if (commit(w, true))
		return -1;
	if (w->revoking)
		kmember_release(w->member);
	give_up_shares(w);
	return 0;
}

/* --- chunks */

static int step_children(struct work *w)
{
	for (struct chunk *c = w->chunks, *next; c; c = next) {
		next = c->next;
		if (!is_running(c) || child_step(&c->child, &w->loop) == 0)
			continue;
		if (!c->piece)
			work_chunk_free(w, c);
		else if (work_chunk_ended(w, c))
			return -1;
	}
	return 0;
}

static int64_t count(const struct work *w, bool intended)
{
	int64_t n = 0;
	for (const struct chunk *c = w->chunks; c; c = c->next)
		n += !intended || c->state == CHUNK_INTENDED;
	return n;
}

/* One that ended a worker before is alone: who is written down beside it would be blamed, too. */
static bool is_for_one(const struct work *w)
{
	for (const struct chunk *c = w->chunks; c; c = c->next)
		if (c->deaths && c->piece &&
		    (c->state == CHUNK_INTENDED || c->state == CHUNK_RUNNING ||
			(c->state == CHUNK_WAITING && c->until_ms <= w->now_ms)))
			return true;
	return false;
}

/* May its next run be written down? */
static bool has_room(const struct work *w, const struct chunk *c)
{
	return c->deaths ? w->running == 0 && count(w, true) == 0 : !is_for_one(w);
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

/* It is written down, there is a slot, and nothing before it in its lane is under way. */
static bool may_start(struct work *w, struct chunk *c)
{
	return c->state == CHUNK_INTENDED && c->intent <= w->committed && c->piece &&
	    w->running < w->slots.now && work_chunk_is_next(w, c) && is_admitted(w, c);
}

static int go_on(struct work *w)
{
	if (w->stopping || w->revoking)
		return 0;
	for (struct chunk *c = w->chunks, *next; c; c = next) {
		next = c->next;
		if (may_start(w, c) && work_chunk_start(w, c))
			return -1;
		if (c->state != CHUNK_WAITING || !c->piece)
			continue;
		if (c->until_ms > w->now_ms)
			loop_until(&w->loop, c->until_ms);
		else if (has_room(w, c) && work_chunk_go_on(w, c))
			return -1;
	}
	return 0;
}

static int begin(struct work *w, struct chunk *c)
{
	trial_start(&c->trial, &w->rules, c->records.count, c->deaths);
	c->trial.control = w->control.count > 0;
	return work_chunk_go_on(w, c);
}

static int begin_ready(struct work *w)
{
	for (struct chunk *c = w->chunks; c; c = c->next)
		if (c->state == CHUNK_READY && c->piece && has_room(w, c) &&
		    work_chunk_is_next(w, c) && begin(w, c))
			return -1;
	return 0;
}

static bool is_before(const struct work *w, const struct chunk *a, const struct chunk *b)
{
	const struct agenda_item *x = &a->piece->item, *y = &b->piece->item;
	if (w->o->aging_ms == AGENDA_STRICT)
		return x->priority < y->priority ||
		    (x->priority == y->priority && x->ready_ms < y->ready_ms);
	return x->ready_ms + x->priority * w->o->aging_ms < y->ready_ms + y->priority * w->o->aging_ms;
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

/* Reads on for all partitions, and begins what is first. 1: it did; 0: there is nothing to begin. */
static int begin_next(struct work *w)
{
	struct chunk *first = NULL;
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
		if (ready && (!first || is_before(w, c, first)))
			first = c;
	}
	if (first && w->o->topics)
		first = of_lane(w, lanes_choose(w->o->topics));
	if (!first || !has_room(w, first) || count(w, true) >= AHEAD * w->slots.now ||
	    count(w, false) >= KEPT * w->slots.now)
		return 0;
	if (w->o->topics)
		lanes_took(w->o->topics, first->piece->share->lane_of, (int64_t)first->records.count);
	work_share_begin(w, first);
	return begin(w, first) ? -1 : 1;
}

static int begin_chunks(struct work *w)
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

/* --- the round */

static void look_at_machine(struct work *w)
{
	const struct work_options *o = w->o;
	if (w->now_ms - w->looked_ms < LOOK_MS)
		return;
	w->looked_ms = w->now_ms;
	w->pressure = 0;
	if (o->max_load > 0)
		w->pressure = machine_load("") / o->max_load;
	if (o->mem_free > 0) {
		int64_t left = machine_memory("");
		double p = left > 0 ? (double)o->mem_free / (double)left : 0;
		w->pressure = p > w->pressure ? p : w->pressure;
	}
	slots_look(&w->slots, w->running, w->pressure, w->now_ms);
}

/* --- what others see of us */

static void show_status(const struct work *w)
{
	struct buf text = BUF_INIT;
	buf_printf(&text, "%zu batches are ready; %lld of %lld commands run; %lld records done, %lld invalid%s",
	    w->jobs.count, (long long)w->running, (long long)w->slots.now, (long long)w->tally.done,
	    (long long)w->tally.invalid, w->breaker.state == BREAKER_CLOSED ? "" : "; all fails");
	notify_status(&w->notify, buf_text(&text));
	buf_release(&text);
}

static void show_metrics(struct work *w)
{
	struct err err = ERR_INIT;
	bool failed = w->o->metrics && work_metrics_write(w, &err);
	if (failed && !w->unwritten)
		msg_warn("--metrics: %s", err.text);
	w->unwritten = failed;
	err_clear(&err);
}

static void show(struct work *w)
{
	if (w->notify.watchdog_ms && w->now_ms - w->watched_ms >= w->notify.watchdog_ms) {
		w->watched_ms = w->now_ms;
		notify_watchdog(&w->notify);
	}
	if (w->now_ms - w->shown_ms < w->o->report_ms)
		return;
	w->shown_ms = w->now_ms;
	show_status(w);
	show_metrics(w);
}

void work_wait(struct work *w)
{
	int ms = kparts_serve(w->reader, w->now_ms);
	if (ms >= 0)
		loop_until(&w->loop, w->now_ms + ms);
	if (w->again)
		loop_until(&w->loop, w->now_ms);
	w->again = false;
	for (struct chunk *c = w->chunks; c; c = c->next)
		if (is_running(c))
			child_watch(&c->child, &w->loop);
	loop_wait(&w->loop);
	w->now_ms = clock_mono_ms();
}

static int round_of(struct work *w)
{
	look_at_machine(w);
	show(w);
	return follow_group(w) || (w->stream && work_jobs_follow(w, 0)) || work_deliver_serve(w) || go_on(w) ||
		begin_chunks(w) || commit(w, false) || (w->stream && (work_jobs_finish(w) || work_jobs_report(w))) ||
		drain(w)
	    ? -1
	    : 0;
}

/* Nothing of ours is left, and nothing that we wrote is on its way. */
static bool is_all_done(const struct work *w)
{
	size_t at = 0;
	void *value;
	if (!w->assigned || w->chunks || w->committing || w->plain.mine ||
	    (w->events && kproduce_in_flight(w->events)))
		return false;
	while (map_next(&w->jobs, &at, NULL, &value)) {
		const struct job *j = value;
		if (j->mine || j->ending || j->finish_ms != INT64_MAX)
			return false;
	}
	return true;
}

static int run(struct work *w)
{
	while (!w->stopping || w->assigned) {
		loop_begin(&w->loop);
		if (round_of(w))
			return -1;
		if (!w->stopping && (sig_ended() || (w->o->once && is_all_done(w)))) {
			msg_debug(1, "ending: what runs may end within %lld ms", (long long)w->o->drain_ms);
			w->stopping = true;
			notify_stopping(&w->notify);
			w->drain_ms = w->now_ms + w->o->drain_ms;
			w->again = true;
		}
		if (w->stopping && !w->assigned)
			break;
		work_wait(w);
		if (step_children(w))
			return -1;
	}
	return 0;
}

/* --- beginning and end */

static int start_log(struct work *w)
{
	struct tool_ctx *t = w->t;
	const struct klog_options options = {.log = msg_library};
	uint64_t seed;
	clock_random(&seed, sizeof(seed));
	if (kready_open(&w->ready, &t->settings.kv, w->stream, &options, seed, &t->deadline, &t->err))
		return -1;
	kready_wake(w->ready, w->loop.wake);
	size_t n = (size_t)kready_partitions(w->ready);
	int64_t *offsets = mem_zalloc(n, sizeof(*offsets));
	int32_t *partitions = mem_zalloc(n, sizeof(*partitions));
	for (size_t i = 0; i < n; i++)
		partitions[i] = (int32_t)i;
	int failed = kgroup_committed(&t->settings.kv, w->o->group, kready_topic(w->ready), partitions,
			 n, offsets, &t->deadline, &t->err) ||
	    kready_start(w->ready, offsets, &t->deadline, &t->err);
	free(offsets);
	free(partitions);
	return failed ? -1 : 0;
}

/* Up to where the log ends now, so that nobody begins a batch that was ended long ago. */
static int catch_up(struct work *w)
{
	while (!kready_caught_up(w->ready) && !sig_ended())
		if (work_jobs_follow(w, LOOP_MS))
			return -1;
	return 0;
}

/* The topics, NULL at their end. */
static const char **topics_of(const struct work *w)
{
	size_t n = w->o->topics ? w->o->topics->count : 1;
	const char **list = mem_zalloc(n + 1, sizeof(*list));
	list[0] = w->topic;
	for (size_t i = 0; w->o->topics && i < n; i++)
		list[i] = w->o->topics->list[i].topic;
	return list;
}

static int join(struct work *w)
{
	struct tool_ctx *t = w->t;
	int32_t ignored;
	int failed = 0;
	const char **topics = topics_of(w);
	const struct kmember_options options = {.group = w->o->group, .instance = w->o->instance,
	    .topics = topics, .committed = on_committed, .ctx = w, .log = msg_library};
	for (const char **topic = topics; *topic && !failed; topic++)
		failed = kclient_topic(kparts_client(w->reader), *topic, &ignored, &t->deadline, &t->err);
	if (!failed)
		failed = kmember_open(&w->member, &t->settings.kv, &options, &t->deadline, &t->err);
	if (!failed)
		kmember_wake(w->member, w->loop.wake);
	free(topics);
	return failed ? -1 : 0;
}

/* What it takes to look on. */
static int open_readers(struct work *w)
{
	struct tool_ctx *t = w->t;
	if (settings_need_brokers(&t->settings, &t->err) || loop_open(&w->loop, &t->err))
		return -1;
	const struct kparts_options parts = {.lanes = 4, .wake = w->loop.wake, .log = msg_library};
	return (w->stream && (start_log(w) || catch_up(w))) ||
		kparts_open(&w->reader, &t->settings.kv, &parts, &t->err)
	    ? -1
	    : 0;
}

static int open_files(struct work *w)
{
	const struct work_options *o = w->o;
	struct err *err = &w->t->err;
	if (limits_descriptors(DESCRIPTORS + CHILD_DESCRIPTORS * o->slots.max, err))
		return err_wrap(err, "-j %lld", (long long)o->slots.max);
	if ((o->joblog && joblog_open(&w->joblog, o->joblog, err)) ||
	    (o->failed_dir && failed_open(o->failed_dir, err)) || (o->metrics && work_metrics_open(w)))
		return -1;
	return 0;
}

static int open_all(struct work *w)
{
	if (open_files(w) || open_readers(w) || work_deliver_open(w) || join(w))
		return -1;
	notify_ready(&w->notify);
	return 0;
}

static int look(struct work *w)
{
	return open_readers(w) || (w->o->dry_run ? work_dry_run(w) : work_sample(w)) ? -1 : 0;
}

static void init(struct work *w)
{
	struct buf text = BUF_INIT;
	struct buf host = BUF_INIT;
	w->joblog = (struct joblog)JOBLOG_INIT;
	w->loop = (struct loop)LOOP_INIT;
	notify_open(&w->notify);
	w->pace = w->o->pace;
	w->slots = w->o->slots;
	w->quota = w->o->quota;
	w->rules = w->o->rules;
	w->rules.ordered = w->o->order != WORK_NONE;
	w->breaker = (struct breaker){.limit = w->o->breaker, .longest_ms = 60000};
	w->drain_ms = INT64_MAX;
	w->lanes = w->o->order == WORK_BY_KEY ? (size_t)w->slots.max * KEYLANE_PER_SLOT : 1;
	w->now_ms = clock_mono_ms();
	w->reported_ms = w->now_ms;
	buf_printf(&text, "%s%s", w->stream ? w->stream : w->o->topics->list[0].topic,
	    w->stream ? ".in" : "");
	w->topic = buf_detach(&text);
	w->plain.id = "";
	w->plain.finish_ms = INT64_MAX;
	session_token(w->writer);
	who_host(&host);
	snprintf(w->worker, sizeof(w->worker), "%s:%ld:%lld", buf_text(&host), (long)getpid(),
	    (long long)clock_wall_ms());
	for (char *const *arg = w->o->command; *arg; arg++)
		buf_printf(&text, "%s\n", *arg);
	w->command = murmur2(buf_str(&text));
	buf_release(&text);
	buf_release(&host);
}

static void close_all(struct work *w)
{
	struct deadline d = {.end_ms = clock_mono_ms() + 3000, .now_ms = clock_mono_ms};
	work_deliver_close(w);
	work_shares_release(w);
	while (w->chunks)
		work_chunk_free(w, w->chunks);
	work_jobs_release(w);
	kmember_close(w->member, &d);
	kparts_close(w->reader);
	kready_close(w->ready);
	work_records_release(&w->control);
	joblog_close(&w->joblog);
	metrics_release(&w->metrics);
	notify_close(&w->notify);
	loop_close(&w->loop);
	buf_release(&w->scratch);
	free(w->topic);
}

/* What was done before the failure stays done. With transactions it is written down already. */
static void save(struct work *w)
{
	struct err why = w->t->err;
	if (w->o->exactly_once || (why.status != ST_FAIL && why.status != ST_USAGE))
		return;
	w->t->err = (struct err)ERR_INIT;
	(void)commit(w, true);
	err_clear(&w->t->err);
	w->t->err = why;
}

int work(struct tool_ctx *t, const char *stream, const struct work_options *o)
{
	struct work *w = mem_zalloc(1, sizeof(*w));
	w->t = t;
	w->o = o;
	w->stream = stream;
	init(w);
	bool looks = o->dry_run || o->sample;
	int failed = looks ? look(w) : open_all(w) || run(w);
	if (w->member)
		show_metrics(w);
	if (failed && !looks)
		save(w);
	msg_debug(1, "%lld records done, %lld invalid, %lld skipped", (long long)w->tally.done,
	    (long long)w->tally.invalid, (long long)w->tally.skipped);
	close_all(w);
	free(w);
	return failed ? -1 : 0;
}
