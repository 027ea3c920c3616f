/* A chunk's way through runs of the command. */
#include "app/work_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tool/clock.h"
#include "tool/failed.h"
#include "tool/msg.h"

static const char *const reasons[] = {
    [TRIAL_FIRST] = "first",
    [TRIAL_RETRY] = "retry",
    [TRIAL_ISOLATE] = "isolate",
    [TRIAL_RESUME] = "resume",
    [TRIAL_PROBE] = "probe",
};

enum { VARIABLES = 13 };

static int take_slot(struct work *w)
{
	int slot = 0;
	while (w->slot_taken[slot])
		slot++;
	w->slot_taken[slot] = true;
	w->running++;
	return slot;
}

static void give_slot(struct work *w, struct chunk *c)
{
	if (c->slot < 0)
		return;
	w->slot_taken[c->slot] = false;
	w->running--;
	c->slot = -1;
}

/* Those behind it in its lane are not written down as long as it waits: others may be. */
static void hold_back(struct work *w, const struct chunk *waits)
{
	for (struct chunk *c = waits->next; c; c = c->next)
		if (c->state == CHUNK_INTENDED && c->piece && c->piece->share == waits->piece->share &&
		    w->o->order != WORK_NONE && c->lane == waits->lane) {
			c->state = CHUNK_READY;
			trial_release(&c->trial);
			c->piece->share->dirty = true;
		}
}

/* What the trial says next. */
int work_chunk_go_on(struct work *w, struct chunk *c)
{
	switch (trial_next(&c->trial, w->now_ms, &c->run, &c->until_ms)) {
	case TRIAL_RUN:
		c->state = CHUNK_INTENDED;
		c->intent = w->commits + 1;
		c->piece->share->dirty = true;
		return 0;
	case TRIAL_WAIT:
		c->state = CHUNK_WAITING;
		hold_back(w, c);
		return 0;
	case TRIAL_ENDED:
		return work_deliver(w, c);
	}
	return 0;
}

static void variable(struct buf *b, size_t *offsets, int *n, const char *name, struct str value)
{
	offsets[(*n)++] = b->len;
	buf_printf(b, "%s=", name);
	buf_add_str(b, value);
	buf_putc(b, '\0');
}

static void number(struct buf *b, size_t *offsets, int *n, const char *name, int64_t value)
{
	offsets[(*n)++] = b->len;
	buf_printf(b, "%s=%lld", name, (long long)value);
	buf_putc(b, '\0');
}

/* What a run is of: records of the chunk, or the control. */
struct range_of {
	const struct work_records *records;
	size_t first, end;
};

static struct range_of range_of(const struct work *w, const struct chunk *c)
{
	if (c->run.first == c->run.end)
		return (struct range_of){&w->control, 0, 1};
	return (struct range_of){&c->records, c->run.first, c->run.end};
}

/* NAME=VALUE one after the other; offsets says where each begins. */
static int describe(struct work *w, const struct chunk *c, struct buf *b, size_t *offsets)
{
	const struct job *j = c->piece->job;
	struct range_of r = range_of(w, c);
	const struct work_item *items = r.records->items;
	struct batch batch = BATCH_INIT;
	struct buf metadata = BUF_INIT;
	int n = 0;
	if (*j->id && work_job_document(w, j, &batch))
		return -1;
	if (js_get(batch.doc, "metadata"))
		js_dump(js_get(batch.doc, "metadata"), &metadata);
	variable(b, offsets, &n, "BATCH_ID", str_of(j->id));
	variable(b, offsets, &n, "BATCH_NAME", batch_member(&batch, "name"));
	variable(b, offsets, &n, "BATCH_METADATA", buf_str(&metadata));
	variable(b, offsets, &n, "BATCH_STREAM", str_of(w->stream));
	variable(b, offsets, &n, "BATCH_TOPIC", str_of(r.records->topic));
	variable(b, offsets, &n, "BATCH_CHUNK", str_of(c->token));
	variable(b, offsets, &n, "BATCH_REASON", str_of(reasons[c->run.reason]));
	number(b, offsets, &n, "BATCH_ATTEMPT", c->run.attempt);
	number(b, offsets, &n, "BATCH_PARTITION", r.records->partition);
	number(b, offsets, &n, "BATCH_FIRST", items[r.first].offset);
	number(b, offsets, &n, "BATCH_LAST", items[r.end - 1].offset);
	number(b, offsets, &n, "BATCH_COUNT", (int64_t)(r.end - r.first));
	number(b, offsets, &n, "BATCH_SLOT", c->slot + 1);
	buf_release(&metadata);
	batch_release(&batch);
	return 0;
}

static void name_run(const struct work *w, struct chunk *c)
{
	struct buf token = BUF_INIT;
	struct range_of r = range_of(w, c);
	work_records_token(r.records, r.first, r.end, &token);
	free(c->token);
	c->token = buf_detach(&token);
}

/* The run is written down. */
int work_chunk_start(struct work *w, struct chunk *c)
{
	size_t offsets[VARIABLES];
	const char *env[VARIABLES + 1] = {0};
	struct buf all = BUF_INIT;
	c->slot = take_slot(w);
	name_run(w, c);
	if (describe(w, c, &all, offsets))
		return -1;
	for (int i = 0; i < VARIABLES; i++)
		env[i] = all.data + offsets[i];
	struct range_of r = range_of(w, c);
	c->input = work_records_input(r.records, r.first, r.end);
	const struct child_spec spec = {
	    .argv = w->o->command,
	    .env = env,
	    .hide = (const char *const *)w->t->settings.secret_env,
	    .in = &c->input,
	    .in_count = 1,
	    .may_leave_input = w->o->may_leave_input,
	    .drop_out = !w->o->out || c->run.reason == TRIAL_PROBE,
	    .prefix = w->o->command[0],
	    .timeout_ms = w->o->timeout_ms,
	    .grace_ms = 5000,
	    .root = "",
	};
	int failed = child_start(&c->child, &spec, &w->t->err);
	buf_release(&all);
	if (failed)
		return -1;
	c->state = CHUNK_RUNNING;
	msg_debug(2, "%s: %zu records, %s run, attempt %lld", c->token, r.end - r.first,
	    reasons[c->run.reason], (long long)c->run.attempt);
	return 0;
}

static struct ending ending_of(const struct child_end *e)
{
	switch (e->how) {
	case CHILD_DONE:
		return (struct ending){ENDING_EXIT, 0};
	case CHILD_SIGNAL:
		return (struct ending){ENDING_SIGNAL, e->status.signal};
	case CHILD_MEMORY:
		return (struct ending){ENDING_MEMORY, e->status.signal};
	case CHILD_TIMEOUT:
		return (struct ending){ENDING_TIMEOUT, 0};
	case CHILD_EXIT:
		return (struct ending){ENDING_EXIT, e->status.exit};
	case CHILD_STOPPED:
	case CHILD_UNREAD:
	case CHILD_CUT:
	case CHILD_LOST:
		break;
	}
	return (struct ending){ENDING_EXIT, 1};
}

static void keep_output(struct chunk *c)
{
	if (!c->child.out.len || c->run.reason == TRIAL_PROBE)
		return;
	c->outputs = mem_grow(c->outputs, &c->output_cap, c->output_count + 1, sizeof(*c->outputs));
	c->outputs[c->output_count++] = (struct output){.run = c->run.number, .first = c->run.first,
	    .end = c->run.end, .text = c->child.out};
	c->child.out = (struct capture)CAPTURE_INIT;
}

static int log_job(struct work *w, const struct chunk *c)
{
	struct buf command = BUF_INIT;
	for (char *const *arg = w->o->command; *arg; arg++)
		buf_printf(&command, "%s%s", arg == w->o->command ? "" : " ", *arg);
	const struct child_end *e = &c->child.end;
	const struct joblog_line line = {
	    .start_ms = e->start_ms,
	    .took_ms = e->took_ms,
	    .sent = (int64_t)c->input.len,
	    .received = (int64_t)c->child.out.len,
	    .status = e->status,
	    .command = buf_str(&command),
	};
	int failed = joblog_add(&w->joblog, &line, &w->t->err);
	buf_release(&command);
	return failed;
}

static void contrast(const struct work *w, struct chunk *c, int64_t began_ms, int64_t ended_ms)
{
	trial_contrast(&c->trial, began_ms, ended_ms);
	if (c->state == CHUNK_WAITING)
		c->until_ms = w->now_ms; /* it may be what it waits for */
}

/* Whoever looks into it later misses it; the work goes on. */
static void keep_failed(const struct work *w, const struct chunk *c)
{
	struct err err = ERR_INIT;
	const struct failed_run run = {.token = c->token, .attempt = (int)(c->run.attempt + c->run.deaths),
	    .in = &c->input, .in_count = 1, .child = &c->child};
	if (failed_keep(w->o->failed_dir, &run, &err))
		msg_warn("a failed run is not kept: %s", err.text);
	err_clear(&err);
}

/* The others learn of a success: it is the contrast to what failed. */
static void tell_success(struct work *w, const struct chunk *than, int64_t began_ms, int64_t ended_ms)
{
	for (struct chunk *c = w->chunks; c; c = c->next)
		if (c != than && c->piece && c->state != CHUNK_READY && c->state != CHUNK_DELIVERING)
			contrast(w, c, began_ms, ended_ms);
}

static void learn(struct work *w, struct chunk *c, const struct trial_end *end)
{
	w->run_ms += ((double)c->child.end.took_ms - w->run_ms) / 4;
	bool whole = c->run.first == 0 && c->run.end == c->records.count;
	const struct pace_run run = {
	    .records = (int64_t)c->records.count,
	    .took_us = c->child.end.took_ms * 1000,
	    .full = c->full,
	    .action = end->action,
	    .pressure = slots_are_low(&w->slots) ? w->pressure : 0,
	};
	if (whole && c->run.reason != TRIAL_PROBE)
		pace_ran(&w->pace, &run);
	if (end->action == ONEXIT_DONE) {
		breaker_succeeded(&w->breaker);
		tell_success(w, c, end->began_ms, end->ended_ms);
	} else if (whole) {
		breaker_failed(&w->breaker, w->now_ms);
	}
	c->probes &= w->breaker.state == BREAKER_PROBE;
}

/* What follows from the run. *why says what was wrong with it. */
static enum onexit_action judge(struct work *w, struct chunk *c, struct report *report, struct err *why)
{
	size_t records = c->run.end - c->run.first;
	bool by_itself = c->child.end.how < CHILD_STOPPED; /* its exit status says what happened */
	enum onexit_action action =
	    by_itself ? onexit_find(&w->o->on_exit, ending_of(&c->child.end)) : ONEXIT_RETRY;
	int failed = child_verdict(&c->child, why);
	struct err bad = ERR_INIT;
	if (c->child.report_cut)
		err_set(&bad, ST_FAIL, "its report is too long");
	else if (!report_parse(report, buf_str(&c->child.report), records, &bad) &&
	    action == ONEXIT_DONE && w->o->out && c->run.reason != TRIAL_PROBE)
		work_output_check(w, c, records - report->count, &bad);
	if (bad.text) {
		err_clear(why);
		failed = err_set(why, ST_FAIL, "command %s: %s", w->o->command[0], bad.text);
		action = action == ONEXIT_DONE ? ONEXIT_RETRY : action;
	}
	if (failed)
		msg_debug(1, "%s: %s: %s", c->token, why->text, onexit_name(action));
	err_clear(&bad);
	return action;
}

/* The child has ended. */
int work_chunk_ended(struct work *w, struct chunk *c)
{
	struct report report = REPORT_INIT;
	struct err why = ERR_INIT;
	struct trial_end end = {.how = ending_of(&c->child.end), .ended_ms = w->now_ms};
	end.began_ms = end.ended_ms - c->child.end.took_ms;
	clock_random(&end.random, sizeof(end.random));
	give_slot(w, c);
	if (c->child.end.how == CHILD_STOPPED) {
		child_release(&c->child);
		c->state = CHUNK_READY; /* and stays so: we are about to end, or to give it up */
		return 0;
	}
	if (w->joblog.fd >= 0 && log_job(w, c))
		return -1;
	end.action = judge(w, c, &report, &why);
	work_metrics_run(w, c);
	if (w->o->failed_dir && end.action != ONEXIT_DONE && c->child.end.how != CHILD_STOPPED)
		keep_failed(w, c);
	end.report = &report;
	struct str tail = talk_tail(&c->child.talk);
	end.why = tail.len && c->child.end.how != CHILD_DONE ? tail : str_of(why.text);
	if (end.action == ONEXIT_DONE)
		keep_output(c);
	learn(w, c, &end);
	trial_ran(&c->trial, &end);
	if (end.action == ONEXIT_STOP && !w->t->err.text)
		err_set(&w->t->err, c->child.end.status.exit == 78 ? ST_USAGE : ST_FAIL,
		    "%s: nothing was marked invalid", why.text);
	err_clear(&why);
	report_release(&report);
	child_release(&c->child);
	c->child = (struct child)CHILD_INIT;
	return end.action == ONEXIT_STOP ? -1 : work_chunk_go_on(w, c);
}

void work_chunk_free(struct work *w, struct chunk *c)
{
	for (struct chunk **at = &w->chunks; *at; at = &(*at)->next)
		if (*at == c) {
			*at = c->next;
			break;
		}
	if (c->piece && c->piece->filling[c->lane] == c)
		c->piece->filling[c->lane] = NULL;
	give_slot(w, c);
	if (c->probes)
		breaker_lost(&w->breaker, w->now_ms);
	for (size_t i = 0; i < c->output_count; i++)
		capture_release(&c->outputs[i].text);
	free(c->outputs);
	free(c->token);
	child_release(&c->child);
	trial_release(&c->trial);
	work_records_release(&c->records);
	buf_release(&c->letters);
	free(c);
}

void work_chunk_drop(struct work *w, struct chunk *c)
{
	work_metrics_chunk(w, c, WORK_ABORTED);
	c->piece->chunks--;
	c->piece->share->busy[c->lane]--;
	c->piece = NULL;
	if (c->state == CHUNK_RUNNING)
		child_kill(&c->child);
	else if (c->state != CHUNK_DELIVERING)
		work_chunk_free(w, c);
}
