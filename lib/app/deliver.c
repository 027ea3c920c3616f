#include "app/deliver.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/murmur2.h"
#include "batch/seq.h"
#include "tool/clock.h"

#define NAMED_FAILURES 5

struct deliver {
	struct kproduce *producer;
	const struct shape *shape;
	struct pool *pool;
	struct block *arena; /* for values that an envelope wrote otherwise than they are */
	size_t arena_used;
	struct past *past; /* NULL: nothing to resume */
	char *batch_id, *sender;
	uint32_t first_stripe;
	int32_t partitions;
	struct extent *arrived; /* by partition */
	struct record record;
	struct buf scratch;
	struct deliver_counts counts;
	int64_t bytes, now_ms;
	struct digest digest;
	struct buf failed; /* the first numbers that did not arrive */
	int64_t event_at;  /* offset of the event that ended the batch; -1: not acknowledged */
};

static void note_failure(struct deliver *d, const struct record *r)
{
	const struct header *seq = headers_find(&r->headers, HDR_BATCH_SEQ);
	int64_t before = d->counts.failed + d->counts.unknown;
	if (!seq || before > NAMED_FAILURES)
		return;
	if (before == NAMED_FAILURES) {
		buf_puts(&d->failed, ", ...");
		return;
	}
	if (d->failed.len)
		buf_puts(&d->failed, ", ");
	buf_add_str(&d->failed, seq->value);
}

static void note_arrival(struct deliver *d, int32_t partition, int64_t offset)
{
	struct extent *e = &d->arrived[partition];
	if (e->count++ == 0 || offset < e->first)
		e->first = offset;
	if (offset > e->last)
		e->last = offset;
	d->counts.acked++;
}

static void on_acked(void *ctx, const struct kack *ack)
{
	struct deliver *d = ctx;
	if (!ack->cookie) {
		d->event_at = ack->result == KACK_DONE ? ack->offset : -1;
		return;
	}
	block_unref(ack->cookie);
	if (ack->result == KACK_DONE && ack->offset >= 0) {
		note_arrival(d, ack->partition, ack->offset);
		return;
	}
	if (ack->record)
		note_failure(d, ack->record);
	if (ack->result == KACK_FAILED)
		d->counts.failed++;
	else
		d->counts.unknown++;
}

static void set_sender(struct deliver *d, const char *sender)
{
	free(d->sender);
	d->sender = mem_strdup(sender);
	d->first_stripe = murmur2(str_of(sender)) & 0x7fffffff;
}

int deliver_open(struct deliver **out, const struct kv *settings, const struct batch *b,
    const struct deliver_options *o, struct err *err)
{
	struct str id = batch_id(b), topic = batch_member(b, "topic");
	struct deliver *d = mem_zalloc(1, sizeof(*d));
	struct kproduce_options options = {.give_up_ms = o->give_up_ms, .bulk = true,
	    .transaction = o->transaction, .acked = on_acked, .ctx = d, .log = o->log};
	d->shape = o->shape;
	d->pool = o->pool;
	d->batch_id = mem_strndup(id.ptr, id.len);
	d->event_at = -1;
	set_sender(d, o->sender);
	char *name = mem_strndup(topic.ptr, topic.len);
	int failed = kproduce_open(&d->producer, settings, name, &options, err);
	free(name);
	if (failed) {
		deliver_close(d);
		return -1;
	}
	*out = d;
	return 0;
}

int deliver_begin(struct deliver *d, const struct deadline *until, struct err *err)
{
	if (kproduce_check(d->producer, &d->partitions, until, err))
		return -1;
	d->arrived = mem_zalloc((size_t)d->partitions, sizeof(*d->arrived));
	d->now_ms = clock_wall_ms();
	return 0;
}

static int32_t partition_of(const struct deliver *d, const struct record *r, int64_t n, int32_t partitions)
{
	if (r->key.ptr)
		return murmur2_partition(r->key, partitions);
	return (int32_t)((d->first_stripe + (n - 1) / DELIVER_STRIPE) % partitions);
}

/* Readers expect that the numbers of a sender rise in each partition. When partitions were added since the predecessor
 * sent, the record may belong where a higher number is already; by the count of partitions that the predecessor knew it
 * has a place. -1: no partition will do. */
static int32_t choose_partition(const struct deliver *d, const struct record *r, int64_t n)
{
	for (int32_t count = d->partitions; count > 0; count--) {
		int32_t p = partition_of(d, r, n, count);
		if (!d->past || past_highest(d->past, p) < n)
			return p;
	}
	for (int32_t p = d->partitions - 1; p >= 0; p--)
		if (past_highest(d->past, p) < n)
			return p;
	return -1;
}

void deliver_resume(struct deliver *d, struct past *past)
{
	d->past = past;
}

static void count_sent(struct deliver *d, int64_t n)
{
	const struct record *r = &d->record;
	d->counts.sent = n;
	d->bytes += (int64_t)(r->key.len + r->value.len);
	digest_record(&d->digest, r->key, r->value);
}

/* 1: the predecessor delivered this one. */
static int was_delivered(struct deliver *d, int64_t n, struct err *err)
{
	const char *sender;
	struct record at;
	if (!d->past)
		return 0;
	if (n == 1) {
		if (past_choose(d->past, &d->record, &sender, err))
			return -1;
		if (sender)
			set_sender(d, sender);
	}
	int has = past_has(d->past, n, &d->record, &at, err);
	if (has <= 0)
		return has;
	if (at.partition >= d->partitions)
		return err_set(err, ST_FAIL, "partition %d is gone", at.partition);
	note_arrival(d, at.partition, at.offset);
	count_sent(d, n);
	d->counts.resumed++;
	return 1;
}

/* A copy of the value that lives until it is acknowledged. NULL: interrupted while waiting. */
static struct block *keep(struct deliver *d, struct str *value, const struct deadline *until)
{
	if (d->arena && d->arena->size - d->arena_used < value->len) {
		block_unref(d->arena);
		d->arena = NULL;
	}
	while (!d->arena) {
		if (deadline_interrupted(until))
			return NULL;
		d->arena = pool_get(d->pool, value->len);
		d->arena_used = 0;
		if (!d->arena)
			kproduce_poll(d->producer, 20);
	}
	char *to = d->arena->data + d->arena_used;
	memcpy(to, value->ptr, value->len);
	d->arena_used += value->len;
	value->ptr = to;
	return d->arena;
}

static enum deliver_answer hand_over(struct deliver *d, struct block *block,
    const struct deadline *until, struct err *err)
{
	for (;;) {
		block_ref(block);
		enum kproduce_answer a = kproduce_send(d->producer, &d->record, block, err);
		if (a == KPRODUCE_SENT)
			return DELIVER_SENT;
		block_unref(block);
		if (a == KPRODUCE_TOO_LONG)
			return DELIVER_INVALID;
		if (a == KPRODUCE_REFUSED)
			return DELIVER_FATAL;
		if (deadline_interrupted(until)) {
			err_set(err, ST_PARTIAL, "interrupted");
			return DELIVER_FATAL;
		}
		kproduce_poll(d->producer, 10);
	}
}

enum deliver_answer deliver_check(struct deliver *d, struct str raw, struct err *err)
{
	struct record *r = &d->record;
	if (shape_record(d->shape, raw, r, &d->scratch, err))
		return DELIVER_INVALID;
	return kproduce_fits(d->producer, r, err) ? DELIVER_SENT : DELIVER_INVALID;
}

enum deliver_answer deliver_record(struct deliver *d, struct str raw, struct block *block,
    const struct deadline *until, struct err *err)
{
	struct record *r = &d->record;
	char seq[SEQ_SIZE];
	int64_t n = d->counts.sent + 1;
	if (shape_record(d->shape, raw, r, &d->scratch, err))
		return DELIVER_INVALID;
	int delivered = was_delivered(d, n, err);
	if (delivered)
		return delivered > 0 ? DELIVER_SENT : DELIVER_FATAL;
	if (r->value.len && !str_lies_in(r->value, raw)) {
		block = keep(d, &r->value, until);
		if (!block) {
			err_set(err, ST_PARTIAL, "interrupted");
			return DELIVER_FATAL;
		}
	}
	size_t len = seq_format(seq, d->sender, n);
	r->headers.list[0].value = str_of(d->batch_id);
	r->headers.list[1].value = (struct str){seq, len};
	r->partition = choose_partition(d, r, n);
	if (r->partition < 0) {
		err_set(err, ST_FAIL, "--resume: each partition holds a later record of this input than number %lld, "
		    "which is not there: send it as a new batch", (long long)n);
		return DELIVER_FATAL;
	}
	if (r->ts_ms < 0)
		r->ts_ms = d->now_ms;
	enum deliver_answer a = hand_over(d, block, until, err);
	if (a == DELIVER_SENT)
		count_sent(d, n);
	return a;
}

/* Also the moment to look at the clock: doing so for each record costs more than the record's digest. */
void deliver_poll(struct deliver *d, int wait_ms)
{
	d->now_ms = clock_wall_ms();
	kproduce_poll(d->producer, wait_ms);
}

static int report(struct deliver *d, struct err *err)
{
	const struct deliver_counts *c = &d->counts;
	const struct err *why = kproduce_trouble(d->producer);
	const char *reason = why->text ? why->text : "no acknowledgement in time";
	int64_t out = c->sent - c->acked - c->failed - c->unknown;
	if (c->acked == c->sent)
		return 0;
	if (c->unknown + out)
		return err_set(err, ST_UNKNOWN, "%lld records acknowledged, %lld not: whether these "
		    "arrived is not known (%s): %s", (long long)c->acked,
		    (long long)(c->sent - c->acked), d->failed.len ? buf_text(&d->failed) : "last",
		    reason);
	if (c->acked == 0)
		return err_set(err, why->text ? why->status : ST_FAIL, "no record delivered: %s",
		    reason);
	return err_set(err, ST_PARTIAL, "%lld records delivered, %lld not (%s): %s",
	    (long long)c->acked, (long long)c->failed, buf_text(&d->failed), reason);
}

int deliver_end(struct deliver *d, const struct deadline *until, struct err *err)
{
	kproduce_flush(d->producer, until, err);
	err_clear(err);
	return report(d, err);
}

int deliver_event(struct deliver *d, const char *topic, const struct record *event,
    int64_t *offset, const struct deadline *until, struct err *err)
{
	int32_t partitions;
	size_t at;
	struct record r = *event;
	if (kproduce_add(d->producer, topic, &at, &partitions, until, err))
		return -1;
	r.partition = murmur2_partition(r.key, partitions);
	if (kproduce_send_to(d->producer, at, &r, NULL, err) != KPRODUCE_SENT ||
	    kproduce_flush(d->producer, until, err))
		return -1;
	const struct err *why = kproduce_trouble(d->producer);
	*offset = d->event_at;
	if (*offset >= 0)
		return 0;
	return err_set(err, why->text ? why->status : ST_FAIL, "event not written: %s",
	    why->text ? why->text : "refused");
}

struct kproduce *deliver_producer(struct deliver *d)
{
	return d->producer;
}

struct deliver_counts deliver_counts(const struct deliver *d)
{
	return d->counts;
}

int64_t deliver_longest(const struct deliver *d)
{
	return kproduce_longest(d->producer);
}

void deliver_sender(const struct deliver *d, struct sender *out)
{
	*out = (struct sender){.id = mem_strdup(d->sender), .records = d->counts.acked,
	    .bytes = d->bytes, .digest = d->digest};
	for (int32_t p = 0; p < d->partitions; p++) {
		const struct extent *e = &d->arrived[p];
		if (e->count)
			extents_add(&out->extents, p, e->first, e->last, e->count);
	}
}

void deliver_close(struct deliver *d)
{
	if (!d)
		return;
	kproduce_close(d->producer);
	block_unref(d->arena);
	headers_release(&d->record.headers);
	buf_release(&d->scratch);
	buf_release(&d->failed);
	free(d->arrived);
	free(d->batch_id);
	free(d->sender);
	free(d);
}
