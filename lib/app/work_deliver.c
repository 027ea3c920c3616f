/* The end of a chunk: what came out of it is delivered, acknowledged, and counts. */
#include "app/work_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/murmur2.h"
#include "kafka/ktxn.h"
#include "tool/clock.h"
#include "tool/msg.h"

/* So often a transaction that was aborted is tried again. */
#define TRIES 3

/* Of what the first record was made that was not delivered. */
static void note_lost(struct work *w, const struct chunk *c, const struct record *lost)
{
	const struct work_records *of = &c->records;
	const struct header *offset = headers_find(&lost->headers, "__dlq.errors.offset");
	if (w->lost.len)
		return;
	buf_printf(&w->lost, ", made of topic %s, partition %d, ", of->topic, of->partition);
	if (offset)
		buf_printf(&w->lost, "offset %.*s", (int)offset->value.len, offset->value.ptr);
	else
		buf_printf(&w->lost, "offsets %lld to %lld", (long long)of->items[0].offset,
		    (long long)of->items[of->count - 1].offset);
}

static void on_acked(void *ctx, const struct kack *ack)
{
	struct work *w = ctx;
	struct parcel *parcel = ack->cookie;
	if (ack->result != KACK_DONE)
		w->undelivered = true;
	if (ack->record && parcel->chunk)
		note_lost(w, parcel->chunk, ack->record);
	if (parcel->chunk) {
		parcel->chunk->pending--;
		return;
	}
	if (parcel->piece)
		parcel->piece->parcel = NULL;
	event_out_release(&parcel->event);
	free(parcel);
}

static struct kproduce_options options_of(struct work *w)
{
	return (struct kproduce_options){.give_up_ms = w->t->budget_ms, .acked = on_acked, .ctx = w,
	    .log = msg_library};
}

static void transaction_id(const struct work *w, struct buf *out)
{
	const char *who = w->o->instance ? w->o->instance : w->writer;
	buf_printf(out, "btx.%s.%s.work.%s", w->topic, w->o->group, who);
}

static int open_results(struct work *w)
{
	struct tool_ctx *t = w->t;
	struct kproduce_options options = options_of(w);
	struct buf id = BUF_INIT;
	const char *out = w->o->out && strcmp(w->o->out, "-") != 0 ? w->o->out : NULL;
	const char *first = out ? out : w->o->dead;
	if (!first)
		return 0;
	transaction_id(w, &id);
	options.bulk = true;
	options.transaction = w->o->exactly_once ? id.data : NULL;
	int failed = kproduce_open(&w->results, &t->settings.kv, first, &options, &t->err) ||
	    kproduce_check(w->results, &w->out_partitions, &t->deadline, &t->err);
	w->dead_partitions = w->out_partitions;
	if (!failed && out && w->o->dead)
		failed = kproduce_add(w->results, w->o->dead, &w->dead_at, &w->dead_partitions,
		    &t->deadline, &t->err);
	if (!failed)
		kclient_wake(kproduce_client(w->results), w->loop.wake);
	buf_release(&id);
	return failed ? -1 : 0;
}

int work_deliver_open(struct work *w)
{
	struct tool_ctx *t = w->t;
	const struct kproduce_options options = options_of(w);
	if (!w->stream)
		return open_results(w);
	if (kproduce_open(&w->events, &t->settings.kv, kready_topic(w->ready), &options, &t->err) ||
	    kproduce_check(w->events, &w->event_partitions, &t->deadline, &t->err))
		return -1;
	kclient_wake(kproduce_client(w->events), w->loop.wake);
	return open_results(w);
}

void work_deliver_close(struct work *w)
{
	kproduce_close(w->results);
	kproduce_close(w->events);
	buf_release(&w->lost);
}

/* Waits only when the producer's queue is full. */
int work_send(struct kproduce *p, size_t at, const struct record *r, struct parcel *parcel,
    struct err *err)
{
	for (;;) {
		switch (kproduce_send_to(p, at, r, parcel, err)) {
		case KPRODUCE_SENT:
			if (parcel->chunk)
				parcel->chunk->pending++;
			return 0;
		case KPRODUCE_FULL:
			kproduce_poll(p, 10);
			break;
		case KPRODUCE_REFUSED:
			return -1;
		case KPRODUCE_TOO_LONG:
			return 1;
		}
	}
}

int work_post(struct work *w, const struct batch *b, enum event_type type, struct piece *p)
{
	struct err *err = &w->t->err;
	struct parcel *parcel = mem_zalloc(1, sizeof(*parcel));
	if (event_encode(b, type, str_of(w->stream), str_of(w->writer), clock_wall_ms(),
		&parcel->event, err)) {
		free(parcel);
		return -1;
	}
	struct record *r = &parcel->event.record;
	r->partition = murmur2_partition(batch_id(b), w->event_partitions);
	parcel->piece = p;
	if (work_send(w->events, 0, r, parcel, err)) {
		event_out_release(&parcel->event);
		free(parcel);
		return -1;
	}
	if (p)
		p->parcel = parcel;
	return 0;
}

struct str work_keep(struct chunk *c, struct str value)
{
	char *copy = mem_dup(value.ptr, value.len);
	c->kept = mem_grow(c->kept, &c->kept_cap, c->kept_count + 1, sizeof(*c->kept));
	c->kept[c->kept_count++] = copy;
	return (struct str){copy, value.len};
}

void work_keep_none(struct chunk *c)
{
	while (c->kept_count)
		free(c->kept[--c->kept_count]);
}

int32_t work_partition_for(const struct chunk *c, int32_t partitions)
{
	return c->records.partition % partitions;
}

static int send_all(struct work *w, struct chunk *c)
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
static int begin_again(struct work *w, struct chunk *c)
{
	struct record r = RECORD_INIT;
	struct chunk *again = mem_zalloc(1, sizeof(*again));
	int failed = 0;
	again->piece = c->piece;
	again->lane = c->lane;
	again->state = CHUNK_READY;
	work_records_init(&again->records, w->o->format, str_of(c->records.topic),
	    c->records.partition);
	for (size_t i = 0; i < c->records.count && !failed; i++) {
		if (trial_record(&c->trial, i)->verdict != VERDICT_UNDONE)
			continue;
		work_records_get(&c->records, i, &r);
		failed = work_records_add(&again->records, &r, c->records.items[i].number, &w->t->err);
	}
	headers_release(&r.headers);
	again->next = c->next; /* what is behind it in its lane stays behind it */
	c->next = again;
	again->piece->chunks++;
	again->piece->share->busy[again->lane]++;
	return failed;
}

/* The first record that passed is kept as the control. */
static int keep_control(struct work *w, const struct chunk *c, size_t i)
{
	struct record r = RECORD_INIT;
	if (w->control.count)
		return 0;
	work_records_get(&c->records, i, &r);
	work_records_init(&w->control, w->o->format, str_of(c->records.topic), c->records.partition);
	int failed = work_records_add(&w->control, &r, 0, &w->t->err);
	headers_release(&r.headers);
	return failed;
}

static int take_verdicts(struct work *w, struct chunk *c)
{
	struct piece *p = c->piece;
	for (size_t i = 0; i < c->records.count; i++) {
		enum verdict v = trial_record(&c->trial, i)->verdict;
		int64_t n = c->records.items[i].number;
		if (v == VERDICT_UNDONE)
			continue;
		if (v == VERDICT_DONE && keep_control(w, c, i))
			return -1;
		doneset_add(&p->done, n, n, v);
		tally_add(&w->tally, v, 1);
		quota_add(&w->quota, 1, v == VERDICT_INVALID);
		if (v == VERDICT_INVALID && w->o->on_invalid == WORK_STOP)
			return err_set(&w->t->err, ST_FAIL, "topic %s, partition %d, offset %lld is "
			    "invalid", c->records.topic, c->records.partition,
			    (long long)c->records.items[i].offset);
	}
	p->share->dirty = true;
	return 0;
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
static int finish(struct work *w, struct chunk *c)
{
	struct piece *p = c->piece;
	work_metrics_chunk(w, c, outcome_of(c));
	if (trial_outcome(&c->trial) == TRIAL_RELEASED) {
		struct buf token = BUF_INIT;
		breaker_released(&w->breaker, w->now_ms);
		work_records_token(&c->records, 0, c->records.count, &token);
		msg_warn("%s: nothing succeeds: no record is blamed, and it is tried again later",
		    buf_text(&token));
		buf_release(&token);
		if (begin_again(w, c))
			return -1;
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
	    ? work_job_piece_done(w, p)
	    : 0;
}

static int not_delivered(struct work *w)
{
	const struct err *why = w->results ? kproduce_trouble(w->results) : NULL;
	if (w->events && (!why || !why->text))
		why = kproduce_trouble(w->events);
	bool known = why && why->text;
	return err_set(&w->t->err, known ? why->status : ST_FAIL, "not delivered%s: %s", buf_text(&w->lost),
	    known ? why->text : "no acknowledgement in time");
}

/* All or nothing: what came out, and that it is done. 1: the partition was taken away. */
static int in_transaction(struct work *w, struct chunk *c)
{
	struct err *err = &w->t->err;
	struct deadline d = deadline_start(w->t->budget_ms);
	struct buf text = BUF_INIT;
	int failed = ktxn_begin(w->results, &d, err) || send_all(w, c) ||
		kproduce_flush(w->results, &d, err) || w->undelivered
	    ? -1
	    : 0;
	struct kmember_part part = {.topic = c->records.topic,
	    .partition = c->records.partition};
	part.offset = work_share_text(w, c->piece->share, &text);
	part.metadata = buf_text(&text);
	if (!failed)
		failed = ktxn_offsets(w->results, w->member, &part, 1, &d, err);
	if (failed)
		ktxn_abort(w->results);
	else
		switch (ktxn_commit(w->results, &d, err)) {
		case KTXN_COMMITTED:
			c->piece->share->committed = part.offset;
			break;
		case KTXN_ABORTED:
			failed = -1;
			break;
		case KTXN_UNKNOWN:
			failed = -2;
			break;
		}
	buf_release(&text);
	return failed;
}

static void renew(struct work *w)
{
	kproduce_close(w->results);
	w->results = NULL;
	w->undelivered = false;
}

/* With the part's books as they will be; when it fails, as they were. */
static int deliver_once(struct work *w, struct chunk *c)
{
	struct piece *p = c->piece;
	int failed = -1;
	c->state = CHUNK_DELIVERING; /* it is no intent any more */
	for (int tries = 0; failed == -1 && tries < TRIES; tries++) {
		if (ktxn_is_spent(w->results)) {
			renew(w);
			if (open_results(w))
				return -1;
		}
		struct doneset before = p->done;
		struct tally tally = w->tally;
		struct quota quota = w->quota;
		p->done = (struct doneset)DONESET_INIT;
		work_copy_done(&before, &p->done);
		if (take_verdicts(w, c))
			return -1;
		failed = in_transaction(w, c);
		if (!failed) {
			doneset_release(&before);
			break;
		}
		doneset_release(&p->done);
		p->done = before;
		w->tally = tally;
		w->quota = quota;
		msg_debug(1, "transaction: %s", w->t->err.text ? w->t->err.text : "refused");
		if (failed == 1) {
			err_clear(&w->t->err);
			return 0; /* the group will say so, too */
		}
	}
	if (failed)
		return w->t->err.text ? -1 : not_delivered(w);
	err_clear(&w->t->err);
	return finish(w, c);
}

/* With --on-invalid stop nothing of the chunk counts then. */
static int check_invalid(struct work *w, const struct chunk *c)
{
	for (size_t i = 0; i < c->records.count && w->o->on_invalid == WORK_STOP; i++)
		if (work_is_invalid(c, i))
			return err_set(&w->t->err, ST_FAIL, "topic %s, partition %d, offset %lld is "
			    "invalid", c->records.topic, c->records.partition,
			    (long long)c->records.items[i].offset);
	return 0;
}

/* Not of a partition that others may have: a transaction would tell, a bare producer does not. */
static int send_when_sure(struct work *w, struct chunk *c)
{
	c->sent = work_group_is_sure(w);
	return c->sent ? send_all(w, c) : 0;
}

int work_deliver(struct work *w, struct chunk *c)
{
	c->state = CHUNK_DELIVERING;
	c->parcel.chunk = c;
	if (trial_outcome(&c->trial) == TRIAL_STOPPED || check_invalid(w, c))
		return -1;
	if (w->o->exactly_once)
		return 0; /* when no commit is under way */
	return send_when_sure(w, c);
}

/* What came out is sent, and then acknowledged. */
static int deliver_on(struct work *w, struct chunk *c)
{
	if (c->sent)
		return take_verdicts(w, c) || finish(w, c) ? -1 : 0;
	w->again |= work_group_is_sure(w);
	return send_when_sure(w, c);
}

int work_deliver_serve(struct work *w)
{
	if (w->results)
		kproduce_poll(w->results, 0);
	if (w->events)
		kproduce_poll(w->events, 0);
	if (w->undelivered && !w->o->exactly_once)
		return not_delivered(w);
	for (struct chunk *c = w->chunks, *next; c; c = next) {
		next = c->next;
		if (c->state != CHUNK_DELIVERING || c->pending)
			continue;
		if (!c->piece)
			work_chunk_free(w, c);
		else if (w->o->exactly_once && !w->committing) {
			if (deliver_once(w, c))
				return -1;
			w->again = true;
			return 0; /* the list may have changed */
		} else if (!w->o->exactly_once && deliver_on(w, c)) {
			return -1;
		}
	}
	return 0;
}
