/* The end of a chunk: what came out of it is delivered, acknowledged, and counts. */
#include "app/work_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tool/msg.h"

int work_deliver_all(struct work *w, struct chunk *c)
{
	work_keep_none(c); /* of a transaction that was aborted */
	for (size_t i = 0; i < c->output_count; i++) {
		struct output *o = &c->outputs[i];
		if (!trial_takes(&c->trial, o->run))
			continue;
		if (work_output_send(w, c, o))
			return -1;
	}
	if (w->o->out && strcmp(w->o->out, "-") == 0 && out_flush(&w->t->out, &w->t->err))
		return -1;
	return w->o->dead ? work_letters_send(w, c) : 0;
}

/* What a released chunk has left is a chunk again. */
static void begin_again(struct work *w, struct chunk *c)
{
	struct record r = RECORD_INIT;
	struct chunk *again = mem_zalloc(1, sizeof(*again));
	again->piece = c->piece;
	again->lane = c->lane;
	again->state = CHUNK_READY;
	again->last = c->last;
	work_records_init(&again->records, w->o->format, str_of(c->records.topic),
	    c->records.partition);
	for (size_t i = 0; i < c->records.count; i++) {
		if (trial_record(&c->trial, i)->verdict != VERDICT_UNDONE)
			continue;
		work_records_get(&c->records, i, &r);
		work_records_add(&again->records, &r, c->records.items[i].number);
	}
	headers_release(&r.headers);
	if (again->records.count == c->records.count) {
		again->begun = c->begun;
		again->deaths = c->deaths;
	}
	again->next = c->next; /* what is behind it in its lane stays behind it */
	c->next = again;
	again->piece->chunks++;
	again->piece->share->busy[again->lane]++;
}

/* The first record that passed is kept as the control. */
static void keep_control(struct work *w, const struct chunk *c, size_t i)
{
	struct record r = RECORD_INIT;
	if (w->control.count)
		return;
	work_records_get(&c->records, i, &r);
	work_records_init(&w->control, w->o->format, str_of(c->records.topic), c->records.partition);
	work_records_add(&w->control, &r, 0);
	headers_release(&r.headers);
}

void work_take_verdicts(struct work *w, struct chunk *c)
{
	struct piece *p = c->piece;
	for (size_t i = 0; i < c->records.count; i++) {
		enum verdict v = trial_record(&c->trial, i)->verdict;
		int64_t n = c->records.items[i].number;
		if (v == VERDICT_UNDONE)
			continue;
		if (v == VERDICT_DONE)
			keep_control(w, c, i);
		doneset_add(&p->done, n, n, v);
		tally_add(&w->tally, v, 1);
		quota_add(&w->quota, v == VERDICT_INVALID);
	}
	p->share->dirty = true;
}

static void add_invalid(const struct chunk *c, size_t i, struct buf *out)
{
	const struct trial_record *t = trial_record(&c->trial, i);
	buf_printf(out, "topic %s, partition %d, offset %lld is invalid: ", c->records.topic,
	    c->records.partition, (long long)c->records.items[i].offset);
	if (t->reason)
		buf_add_str(out, str_chomp(str_of(t->reason)));
	else
		ending_text(t->how, out);
}

/* With --on-invalid skip nothing else tells which they were: a warning, which -q leaves. */
static void tell_invalid(const struct work *w, const struct chunk *c)
{
	struct buf what = BUF_INIT;
	for (size_t i = 0; i < c->records.count; i++) {
		if (!work_is_invalid(c, i))
			continue;
		buf_clear(&what);
		add_invalid(c, i, &what);
		if (w->o->on_invalid == WORK_SKIP)
			msg_warn("%s", buf_text(&what));
		else
			msg_note("%s", buf_text(&what));
	}
	buf_release(&what);
}

static enum work_outcome outcome_of(const struct chunk *c)
{
	if (trial_outcome(&c->trial) == TRIAL_RELEASED)
		return WORK_FAILED;
	if (c->run.number == 1)
		return WORK_OK;
	return c->run.first == 0 && c->run.end == c->records.count ? WORK_RETRIED : WORK_ISOLATED;
}

/* All of it is acknowledged. */
int work_chunk_finish(struct work *w, struct chunk *c)
{
	struct piece *p = c->piece;
	work_metrics_chunk(w, c, outcome_of(c));
	tell_invalid(w, c);
	if (trial_outcome(&c->trial) == TRIAL_RELEASED) {
		struct buf token = BUF_INIT;
		breaker_released(&w->breaker, w->now_ms);
		work_records_token(&c->records, 0, c->records.count, &token);
		msg_warn("%s: nothing succeeds: no record is blamed, and it is tried again later",
		    buf_text(&token));
		buf_release(&token);
		begin_again(w, c);
	}
	struct job *j = p->job;
	p->chunks--;
	p->share->busy[c->lane]--;
	work_chunk_free(w, c);
	if (quota_is_reached(&w->quota))
		return err_set(&w->t->err, ST_FAIL, "too many invalid records: --max-invalid is reached");
	if (work_job_check(w, j))
		return -1;
	return p->read && p->chunks == 0 && p->done.next >= p->number
	    ? work_piece_done(w, p)
	    : 0;
}

static int refuse(struct work *w, const struct chunk *c, size_t i)
{
	struct buf what = BUF_INIT;
	add_invalid(c, i, &what);
	err_set(&w->t->err, ST_FAIL, "%s", buf_text(&what));
	buf_release(&what);
	return -1;
}

/* With --on-invalid stop nothing of the chunk counts then. */
static int check_invalid(struct work *w, const struct chunk *c)
{
	for (size_t i = 0; i < c->records.count && w->o->on_invalid == WORK_STOP; i++)
		if (work_is_invalid(c, i))
			return refuse(w, c, i);
	return 0;
}

/* Not of a partition that others may have: a transaction would tell, a bare producer does not. */
static int send_when_sure(struct work *w, struct chunk *c)
{
	c->sent = work_group_is_sure(w);
	return c->sent ? work_deliver_all(w, c) : 0;
}

int work_deliver(struct work *w, struct chunk *c)
{
	c->state = CHUNK_DELIVERING;
	c->parcel.chunk = c;
	c->piece->share->dirty |= c->deaths > 0; /* before another one is alone, this one is not any more */
	if (trial_outcome(&c->trial) == TRIAL_STOPPED || check_invalid(w, c))
		return -1;
	if (w->o->exactly_once)
		return 0; /* when no commit is under way */
	return send_when_sure(w, c);
}

/* What came out is sent, and then acknowledged. */
static int deliver_on(struct work *w, struct chunk *c)
{
	if (c->sent) {
		work_take_verdicts(w, c);
		return work_chunk_finish(w, c);
	}
	w->again |= work_group_is_sure(w);
	return send_when_sure(w, c);
}

bool work_is_held(const struct chunk *c)
{
	return c->held && c->piece && c->held_at == c->piece->share->delivered;
}

int work_deliver_serve(struct work *w)
{
	if (w->results)
		kproduce_poll(w->results, 0);
	if (w->events)
		kproduce_poll(w->events, 0);
	if (w->unsaid)
		return work_not_delivered(w, w->events);
	if (w->undelivered && !w->o->exactly_once)
		return work_not_delivered(w, w->results);
	for (struct chunk *c = w->chunks, *next; c; c = next) {
		next = c->next;
		if (c->state != CHUNK_DELIVERING || c->pending)
			continue;
		if (!c->piece)
			work_chunk_free(w, c);
		else if (w->o->exactly_once && !w->committing && !work_is_held(c)) {
			int answer = work_deliver_once(w, c);
			if (answer < 0)
				return -1;
			w->again |= answer == 0 || !work_is_held(c);
			if (answer > 0)
				continue;
			return 0; /* the list may have changed */
		} else if (!w->o->exactly_once && deliver_on(w, c)) {
			return -1;
		}
	}
	return 0;
}
