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
#include "tool/use.h"
#include "tool/who.h"

#define LOOK_MS 1000 /* at the machine */

/* Who was away for longer between two rounds may have been stopped. */
#define GAP_MS (3 * LOOP_MS)

/* Of the connections to brokers, some of each client, and for files. Each child has one more for metadata. */
#define DESCRIPTORS 256

/* --- the round */

/* For which share of the time there was no room for one more run. How many run just now tells nothing: a round begins
 * when one of them has ended. */
static double busy(const struct work *w, int64_t passed_ms)
{
	return (double)w->ran_ms / (double)((w->slots.now - w->o->split + 1) * passed_ms);
}

static void look_at_machine(struct work *w)
{
	const struct work_options *o = w->o;
	int64_t before = w->slots.now, passed_ms = w->now_ms - w->looked_ms;
	if (passed_ms < LOOK_MS)
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
	slots_look(&w->slots, busy(w, passed_ms), w->pressure, w->now_ms);
	w->ran_ms = 0;
	if (w->slots.now != before)
		msg_debug(1, "%lld commands at once: %s", (long long)w->slots.now,
		    w->slots.now > before ? "all were busy" : "load or memory is over its limit");
}

/* --- what others see of us */

/* And not ended yet. */
static size_t count_ready(const struct work *w)
{
	size_t n = 0, at = 0;
	void *value;
	while (map_next(&w->jobs, &at, NULL, &value)) {
		const struct job *j = value;
		n += !j->early && !j->ending;
	}
	return n;
}

static void show_status(const struct work *w)
{
	struct buf text = BUF_INIT;
	buf_printf(&text, "%zu batches are ready; %lld of %lld commands run; %lld records done, %lld invalid%s",
	    count_ready(w), (long long)w->running, (long long)w->slots.now, (long long)w->tally.done,
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
	ms = w->stray.reader ? kparts_serve(w->stray.reader, w->now_ms) : -1;
	if (ms >= 0)
		loop_until(&w->loop, w->now_ms + ms);
	if (w->again)
		loop_until(&w->loop, w->now_ms);
	w->again = false;
	for (struct chunk *c = w->chunks; c; c = c->next)
		if (work_chunk_runs(c))
			work_strands_watch(w, c);
	loop_wait(&w->loop);
	int64_t before_ms = w->now_ms;
	w->now_ms = clock_mono_ms();
	w->ran_ms += w->running * (w->now_ms - before_ms);
	if (w->now_ms - before_ms > GAP_MS)
		work_group_doubt(w);
}

static int round_of(struct work *w)
{
	look_at_machine(w);
	show(w);
	return work_group_follow(w) || (w->stream && (work_jobs_follow(w, 0) || work_stray_step(w))) ||
		work_deliver_serve(w) || work_chunks_go_on(w) || work_chunks_begin(w) || work_commit(w, false) ||
		(w->stream && (work_jobs_finish(w) || work_settle(w) || work_report(w))) || work_group_drain(w)
	    ? -1
	    : 0;
}

/* Nothing of ours is left, and nothing that we wrote is on its way. */
static bool is_all_done(const struct work *w)
{
	size_t sweeps = w->stream ? w->share_count : 0;
	return w->assigned && !w->chunks && !w->committing && w->pieces == sweeps + w->idle && w->ending == 0 &&
	    w->finishing.count == 0 && !(w->events && kproduce_in_flight(w->events)) &&
	    (!w->stream || (work_stray_is_done(w) && work_is_settled(w)));
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
			work_shares_dirty(w);
			notify_stopping(&w->notify);
			w->drain_ms = w->now_ms + w->o->drain_ms;
			w->again = true;
		}
		if (w->stopping && !w->assigned)
			break;
		work_wait(w);
		if (work_children_step(w))
			return -1;
	}
	return 0;
}

/* --- beginning and end */

static int start_log(struct work *w)
{
	struct tool_ctx *t = w->t;
	const struct klog_options options = {.log = msg_library, .elsewhere = session_elsewhere};
	map_init(&w->stray.known, w->seed);
	if (kready_open(&w->ready, &t->settings.kv, w->stream, &options, w->seed, &t->deadline, &t->err))
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
	for (size_t i = 0; i < n && !failed; i++)
		if (offsets[i] >= 0 && offsets[i] < kready_began(w->ready, partitions[i]))
			msg_warn("%s, partition %d: events from offset %lld to %lld are gone that the group had not "
			    "dealt with (retention has deleted them): batches may stand unprocessed",
			    kready_topic(w->ready), partitions[i], (long long)offsets[i],
			    (long long)kready_began(w->ready, partitions[i]) - 1);
	free(offsets);
	free(partitions);
	return failed ? -1 : 0;
}

/* Up to where the log ends now, so that nobody begins a batch that was ended long ago. A worker that stays takes
 * later what open transactions hold back. */
static int catch_up(struct work *w)
{
	while (!kready_caught_up_as_is(w->ready) && !sig_ended())
		if (work_jobs_follow(w, LOOP_MS))
			return -1;
	struct deadline d = deadline_start(w->t->budget_ms);
	bool stays = !w->o->once && !w->o->dry_run && !w->o->sample;
	while (!stays && !kready_caught_up(w->ready) && !sig_ended()) {
		if (work_jobs_follow(w, LOOP_MS))
			return -1;
		if (deadline_left_ms(&d) == 0)
			return kready_late(w->ready, &d, &w->t->err);
	}
	work_elsewhere_tell(w);
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
	    .topics = topics, .committed = work_committed, .ctx = w, .log = msg_library};
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
	return kparts_open(&w->reader, &t->settings.kv, &parts, &t->err) ||
		(w->stream && (start_log(w) || catch_up(w)))
	    ? -1
	    : 0;
}

static int refuse_file(struct err *err, const char *option)
{
	err->status = ST_USAGE;
	return err_wrap(err, "%s", option);
}

static int open_files(struct work *w)
{
	const struct work_options *o = w->o;
	struct err *err = &w->t->err;
	if (limits_descriptors(DESCRIPTORS + (CHILD_DESCRIPTORS + 1) * o->slots.max, err))
		return err_wrap(err, "-j %lld", (long long)o->slots.max);
	if ((o->joblog && use_output("--joblog", o->joblog, err)) || (o->metrics && use_output("--metrics", o->metrics, err)))
		return -1;
	if (o->joblog && joblog_open(&w->joblog, o->joblog, err))
		return refuse_file(err, "--joblog");
	if (o->failed_dir && failed_open(o->failed_dir, err))
		return refuse_file(err, "--failed-dir");
	if (o->metrics && work_metrics_open(w))
		return refuse_file(err, "--metrics");
	return 0;
}

static int open_all(struct work *w)
{
	if (open_files(w) || open_readers(w) || work_producers_open(w) || join(w))
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
	w->run_ms = 1000; /* until it is known */
	w->quota = w->o->quota;
	w->rules = w->o->rules;
	w->rules.ordered = w->o->order != WORK_NONE;
	w->breaker = (struct breaker){.limit = w->o->breaker, .longest_ms = 60000};
	w->drain_ms = INT64_MAX;
	w->commits_fail_ms = INT64_MAX;
	w->lanes = w->o->order == WORK_BY_KEY ? (size_t)w->slots.max * KEYLANE_PER_SLOT : 1;
	w->now_ms = clock_mono_ms();
	w->reported_ms = w->now_ms;
	buf_printf(&text, "%s%s", w->stream ? w->stream : w->o->topics->list[0].topic,
	    w->stream ? ".in" : "");
	w->topic = buf_detach(&text);
	clock_random(&w->seed, sizeof(w->seed));
	work_jobs_init(w);
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
	work_producers_close(w);
	work_shares_release(w);
	while (w->chunks)
		work_chunk_free(w, w->chunks);
	work_jobs_release(w);
	work_stray_close(w);
	kmember_close(w->member, &d);
	kparts_close(w->reader);
	work_bounds_close(w);
	kready_close(w->ready);
	work_records_release(&w->control);
	variables_release(&w->plain.variables);
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
	(void)work_commit(w, true);
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
	if (!looks)
		work_tell_end(w);
	close_all(w);
	free(w);
	return failed ? -1 : 0;
}
