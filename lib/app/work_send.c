/* The producers of a worker: of events, and of what comes out of chunks. */
#include "app/work_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/murmur2.h"
#include "kafka/ktxn.h"
#include "tool/clock.h"
#include "tool/msg.h"

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
	if (parcel->chunk) {
		w->undelivered |= ack->result != KACK_DONE;
		if (ack->record)
			note_lost(w, parcel->chunk, ack->record);
		parcel->chunk->pending--;
		return;
	}
	w->unsaid |= ack->result != KACK_DONE;
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

/* With --exactly-once what others of our id left open ends here: the group tells no offset before. */
int work_results_open(struct work *w)
{
	struct tool_ctx *t = w->t;
	struct deadline d = deadline_start(t->budget_ms);
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
	    kproduce_check(w->results, &w->out_partitions, &d, &t->err);
	w->dead_partitions = w->out_partitions;
	if (!failed && out && w->o->dead)
		failed = kproduce_add(w->results, w->o->dead, &w->dead_at, &w->dead_partitions,
		    &d, &t->err);
	if (!failed && w->o->exactly_once)
		failed = ktxn_init(w->results, &d, &t->err);
	if (!failed)
		kclient_wake(kproduce_client(w->results), w->loop.wake);
	buf_release(&id);
	return failed ? -1 : 0;
}

int work_producers_open(struct work *w)
{
	struct tool_ctx *t = w->t;
	const struct kproduce_options options = options_of(w);
	if (!w->stream)
		return work_results_open(w);
	if (kproduce_open(&w->events, &t->settings.kv, kready_topic(w->ready), &options, &t->err) ||
	    kproduce_check(w->events, &w->event_partitions, &t->deadline, &t->err))
		return -1;
	kclient_wake(kproduce_client(w->events), w->loop.wake);
	return work_results_open(w);
}

void work_producers_close(struct work *w)
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

int work_not_delivered(struct work *w, struct kproduce *by)
{
	const struct err *why = kproduce_trouble(by);
	return err_set(&w->t->err, why->text ? why->status : ST_FAIL, "not delivered%s: %s", buf_text(&w->lost),
	    why->text ? why->text : "no acknowledgement in time");
}
