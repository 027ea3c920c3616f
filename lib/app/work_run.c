/* A chunk's way through runs of the command. */
#include "app/work_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tool/clock.h"
#include "tool/failed.h"
#include "tool/msg.h"

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

/* The run is written down. */
int work_chunk_start(struct work *w, struct chunk *c)
{
	if (work_strands_start(w, c))
		return -1;
	c->state = CHUNK_RUNNING;
	c->begun = true;
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

static void keep_output(struct chunk *c, struct strand *s)
{
	if (!s->child.out.len)
		return;
	c->outputs = mem_grow(c->outputs, &c->output_cap, c->output_count + 1, sizeof(*c->outputs));
	c->outputs[c->output_count++] = (struct output){.run = c->run.number, .first = s->first,
	    .end = s->end, .text = s->child.out};
	s->child.out = (struct capture)CAPTURE_INIT;
}

static int log_job(struct work *w, const struct strand *s)
{
	struct buf command = BUF_INIT;
	for (char *const *arg = w->o->command; *arg; arg++)
		buf_printf(&command, "%s%s", arg == w->o->command ? "" : " ", *arg);
	const struct child_end *e = &s->child.end;
	const struct joblog_line line = {
	    .start_ms = e->start_ms,
	    .took_ms = e->took_ms,
	    .sent = (int64_t)s->input.len,
	    .received = (int64_t)s->child.out.len,
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
static void keep_failed(const struct work *w, const struct chunk *c, const struct strand *s)
{
	struct err err = ERR_INIT;
	const struct failed_run run = {.token = s->token, .attempt = (int)c->run.attempt,
	    .in = s->input, .child = &s->child};
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

void work_tell_size(const struct work *w)
{
	struct buf text = BUF_INIT;
	pace_text(&w->pace, &text);
	msg_debug(1, "chunks of %s", buf_text(&text));
	buf_release(&text);
}

static void learn(struct work *w, struct chunk *c, const struct trial_end *end)
{
	int64_t took_ms = end->ended_ms - end->began_ms;
	w->run_ms += ((double)took_ms - w->run_ms) / 4;
	bool whole = c->run.first == 0 && c->run.end == c->records.count;
	const struct pace_run run = {
	    .records = (int64_t)c->records.count,
	    .took_us = took_ms * 1000,
	    .full = c->full,
	    .action = end->action,
	    .pressure = slots_are_low(&w->slots) ? w->pressure : 0,
	};
	int64_t size = w->pace.size;
	if (whole && c->run.reason != TRIAL_PROBE)
		pace_ran(&w->pace, &run);
	if (w->pace.size != size)
		work_tell_size(w);
	if (end->action == ONEXIT_DONE) {
		breaker_succeeded(&w->breaker);
		tell_success(w, c, end->began_ms, end->ended_ms);
	} else if (whole) {
		breaker_failed(&w->breaker, w->now_ms);
	}
	c->probes &= w->breaker.state == BREAKER_PROBE;
}

static enum onexit_action action_of(const struct work *w, const struct child_end *e)
{
	const struct onexit *t = &w->o->on_exit;
	if (e->how == CHILD_LOST)
		return ONEXIT_OUTAGE; /* a full disk of ours blames no record */
	if (e->how >= CHILD_STOPPED)
		return ONEXIT_RETRY; /* its exit status does not say what happened */
	if (e->how == CHILD_MEMORY && onexit_has(t, e->status.exit))
		return onexit_find(t, (struct ending){ENDING_EXIT, e->status.exit});
	return onexit_find(t, ending_of(e));
}

/* What follows from a strand. *why says what was wrong with it. */
static enum onexit_action judge(struct work *w, const struct chunk *c, struct strand *s,
    struct report *report, struct err *why)
{
	struct child *child = &s->child;
	size_t records = c->run.end > c->run.first ? s->end - s->first : 0;
	enum onexit_action action = action_of(w, &child->end);
	int failed = child_verdict(child, why);
	struct err bad = ERR_INIT;
	if (child->report_cut)
		err_set(&bad, ST_FAIL, "its report is too long");
	else if (!report_parse(report, buf_str(&child->report), records, &bad) &&
	    action == ONEXIT_DONE && w->o->out && c->run.reason != TRIAL_PROBE)
		work_output_check(w, s, records - report->count, &bad);
	if (bad.text) {
		err_clear(why);
		failed = err_set(why, ST_FAIL, "command %s: %s", w->o->command[0], bad.text);
		action = action == ONEXIT_DONE ? ONEXIT_RETRY : action;
	}
	if (failed && (child->end.how == CHILD_LOST || child->end.how == CHILD_CUT))
		msg_warn("%s: %s: %s", s->token, why->text, onexit_name(action));
	else if (failed)
		msg_debug(1, "%s: %s: %s", s->token, why->text, onexit_name(action));
	err_clear(&bad);
	return action;
}

/* What follows from the run is what follows from the first strand that failed, which is returned; or else they all
 * are done, and *report is of all of them. */
static struct strand *judge_all(struct work *w, struct chunk *c, struct trial_end *end,
    struct report *report, struct err *why)
{
	for (size_t i = 0; i < c->strand_count; i++) {
		struct strand *s = &c->strands[i];
		struct report own = REPORT_INIT;
		end->action = judge(w, c, s, &own, why);
		if (end->action != ONEXIT_DONE)
			report_release(report);
		report_add(report, &own, s->first - c->run.first);
		report_release(&own);
		if (end->action != ONEXIT_DONE)
			return s;
	}
	return c->strands;
}

static bool is_stopped(const struct chunk *c)
{
	for (size_t i = 0; i < c->strand_count; i++)
		if (c->strands[i].child.end.how == CHILD_STOPPED)
			return true;
	return false;
}

static int log_jobs(struct work *w, const struct chunk *c)
{
	for (size_t i = 0; i < c->strand_count && w->joblog.fd >= 0; i++)
		if (log_job(w, &c->strands[i]))
			return -1;
	return 0;
}

/* The trial learns how the run has ended. */
static int end_run(struct work *w, struct chunk *c, struct trial_end *end, struct report *report,
    struct err *why)
{
	struct strand *s = judge_all(w, c, end, report, why);
	struct str tail = talk_tail(&s->child.talk);
	if (w->o->failed_dir && end->action != ONEXIT_DONE)
		keep_failed(w, c, s);
	end->how = ending_of(&s->child.end);
	end->report = report;
	end->why = tail.len && s->child.end.how != CHILD_DONE ? tail : str_of(why->text);
	if (end->action != ONEXIT_DONE)
		part_set_text(&c->piece->error, str_chomp(end->why));
	for (size_t i = 0; i < c->strand_count && end->action == ONEXIT_DONE; i++)
		keep_output(c, &c->strands[i]);
	learn(w, c, end);
	trial_ran(&c->trial, end);
	if (end->action == ONEXIT_STOP && !w->t->err.text)
		return err_set(&w->t->err, s->child.end.status.exit == 78 ? ST_USAGE : ST_FAIL,
		    "%s: nothing was marked invalid", why->text);
	return end->action == ONEXIT_STOP ? -1 : 0;
}

/* All children of the run have ended. */
int work_chunk_ended(struct work *w, struct chunk *c)
{
	struct report report = REPORT_INIT;
	struct err why = ERR_INIT;
	struct trial_end end = {.ended_ms = w->now_ms};
	end.began_ms = end.ended_ms - work_strands_took_ms(c);
	clock_random(&end.random, sizeof(end.random));
	if (is_stopped(c)) {
		work_strands_release(w, c);
		c->state = CHUNK_KILLED;
		return 0;
	}
	work_metrics_run(w, c);
	int failed = log_jobs(w, c) || end_run(w, c, &end, &report, &why);
	err_clear(&why);
	report_release(&report);
	work_strands_release(w, c);
	if (failed || work_chunk_go_on(w, c))
		return -1;
	if (end.action != ONEXIT_DONE)
		work_tell_retry(w, c);
	return 0;
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
	if (c->probes)
		breaker_lost(&w->breaker, w->now_ms);
	for (size_t i = 0; i < c->output_count; i++)
		capture_release(&c->outputs[i].text);
	free(c->outputs);
	work_strands_release(w, c);
	trial_release(&c->trial);
	work_records_release(&c->records);
	work_keep_none(c);
	free(c->kept);
	free(c);
}

void work_chunk_drop(struct work *w, struct chunk *c)
{
	work_metrics_chunk(w, c, c->state == CHUNK_KILLED ? WORK_KILLED : WORK_ABORTED);
	c->piece->chunks--;
	c->piece->share->busy[c->lane]--;
	c->piece = NULL;
	if (c->state == CHUNK_RUNNING)
		work_strands_kill(c);
	else if (c->state != CHUNK_DELIVERING)
		work_chunk_free(w, c);
}
