#include "kafka/kchange.h"

#include <stdlib.h>
#include <syslog.h>

#include "base/id.h"
#include "base/mem.h"
#include "base/murmur2.h"
#include "kafka/kproduce.h"
#include "kafka/ktxn.h"

#define SLICE_MS 100

/* Another's change may come between each answer and the next; a status changes four times at most. */
#define ANSWERS_MOST 8

struct kchange {
	const struct kv *settings;
	void (*log_cb)(int level, const char *text);
	struct klog *log;
	struct kproduce *producer;
	struct kbatch *batch;
	struct str writer;    /* the run's token */
	int attempt;
	struct buf token;     /* the attempt's */
	bool acked;
	enum kack_result result;
	bool seen;            /* our event was read back, and the fold's verdict is: */
	enum fold_verdict verdict;
};

static void on_acked(void *ctx, const struct kack *ack)
{
	struct kchange *k = ctx;
	k->acked = true;
	k->result = ack->result;
}

static void on_seen(void *ctx, const struct event *e, enum fold_verdict v)
{
	struct kchange *k = ctx;
	if (!e || !k->token.len || !str_eq(e->writer, buf_str(&k->token)))
		return;
	k->seen = true;
	k->verdict = v;
}

int kchange_open(struct kchange **out, const struct kv *settings, struct klog *log,
    const char *writer, int64_t budget_ms, void (*log_cb)(int level, const char *text),
    struct err *err)
{
	struct kchange *k = mem_zalloc(1, sizeof(*k));
	/* A third of the time is kept to read back what became of an unanswered write. */
	struct kproduce_options options = {.give_up_ms = budget_ms / 3 * 2, .acked = on_acked,
	    .ctx = k, .log = log_cb};
	k->settings = settings;
	k->log_cb = log_cb;
	k->log = log;
	k->writer = str_of(writer);
	if (kproduce_open(&k->producer, settings, klog_topic(log), &options, err)) {
		kchange_close(k);
		return -1;
	}
	*out = k;
	return 0;
}

void kchange_close(struct kchange *k)
{
	if (!k)
		return;
	kbatch_close(k->batch);
	kproduce_close(k->producer);
	buf_release(&k->token);
	free(k);
}

static void next_token(struct kchange *k)
{
	buf_clear(&k->token);
	buf_add_str(&k->token, k->writer);
	buf_printf(&k->token, "-%d", ++k->attempt);
	k->seen = k->acked = false;
}

/* Writes one event and waits for the answer. -1 only when it is surely not in the log. */
static int put(struct kchange *k, const struct batch *b, enum event_type type, int64_t now_ms,
    const struct deadline *d, struct err *err)
{
	struct event_out out;
	int32_t partitions;
	if (kproduce_check(k->producer, &partitions, d, err))
		return -1;
	next_token(k);
	if (event_encode(b, type, str_of(klog_stream(k->log)), buf_str(&k->token), now_ms,
		&out, err))
		return -1;
	out.record.partition = murmur2_partition(batch_id(b), partitions);
	bool sent = kproduce_send(k->producer, &out.record, NULL, err) == KPRODUCE_SENT;
	if (sent && kproduce_flush(k->producer, d, err))
		k->result = KACK_UNKNOWN;
	event_out_release(&out);
	if (sent && k->acked && k->result == KACK_FAILED) {
		const struct err *why = kproduce_trouble(k->producer);
		return err_set(err, why->text ? why->status : ST_FAIL, "event not written: %s",
		    why->text ? why->text : "refused");
	}
	return sent ? 0 : -1;
}

static int unknown(const struct kchange *k, const struct batch *b, struct err *err)
{
	struct str id = batch_id(b);
	return err_set(err, ST_UNKNOWN,
	    "batch '%.*s': the event '%s' was sent and never acknowledged; "
	    "batch-status -s %s -B %.*s tells whether it counts",
	    (int)id.len, id.ptr, event_type_name(EVENT_STATUS, b->status),
	    klog_stream(k->log), (int)id.len, id.ptr);
}

/* Reads on until our own event comes by. */
static int read_back(struct kchange *k, const struct batch *b, const struct deadline *d,
    struct err *err)
{
	while (!k->seen) {
		if (deadline_left_ms(d) == 0)
			return unknown(k, b, err);
		if (kbatch_poll(k->batch, deadline_slice_ms(d, SLICE_MS), err) < 0)
			return -1;
	}
	return 0;
}

static int find(struct kchange *k, struct str id, bool as_is, const struct deadline *d, struct err *err)
{
	struct kbatch_options options = KBATCH_OPTIONS_INIT;
	options.as_is = as_is;
	options.seen = on_seen;
	options.ctx = k;
	return kbatch_open(&k->batch, k->log, id, &options, d, err);
}

/* One answer to an event that does not say how the batch stands. */
static int answer(struct kchange *k, int64_t now_ms, const struct deadline *d, struct err *err)
{
	struct batch b = BATCH_INIT;
	if (kbatch_document(k->batch, &b, err))
		return -1;
	int failed = put(k, &b, EVENT_STANDING, now_ms, d, err) || read_back(k, &b, d, err);
	batch_release(&b);
	return failed ? -1 : 0;
}

/* For readers that take the last message for the truth. What the caller came for is decided already. */
static void settle(struct kchange *k, int64_t now_ms, const struct deadline *d)
{
	struct err err = ERR_INIT;
	for (int i = 0; i < ANSWERS_MOST && kbatch_fold(k->batch)->unsettled; i++) {
		if (answer(k, now_ms, d, &err) == 0)
			continue;
		err_wrap(&err, "the last event in the log is not how the batch stands, and could not be corrected");
		k->log_cb(LOG_WARNING, err.text);
		break;
	}
	err_clear(&err);
}

int kchange_settle(struct kchange *k, struct str id, int64_t now_ms, const struct deadline *d, struct err *err)
{
	if (!k->batch && find(k, id, false, d, err))
		return -1;
	settle(k, now_ms, d);
	return 0;
}

static int exists(const struct kchange *k, struct str id, struct err *err)
{
	enum batch_status status = kbatch_fold(k->batch)->status;
	return err_set(err, ST_STATE, "batch '%.*s' exists already, and is %s%s", (int)id.len, id.ptr,
	    batch_status_name(status), status == BATCH_STARTED
		? ": batch-send --resume goes on with it, batch-terminate gives it up"
		: "; another id begins another batch");
}

/* Whoever looks for a batch looks from the time in its id on. */
static int64_t time_of_first(struct str id, int64_t now_ms)
{
	int64_t made_ms;
	return id_time(id, &made_ms) && made_ms > now_ms ? made_ms : now_ms;
}

int kchange_create(struct kchange *k, const struct batch *b, bool fresh, int64_t now_ms,
    const struct deadline *d, struct err *err)
{
	struct str id = batch_id(b);
	if (!fresh && find(k, id, false, d, err))
		return -1;
	if (!fresh && kbatch_fold(k->batch)->status != BATCH_NONE) {
		settle(k, now_ms, d);
		return exists(k, id, err);
	}
	if (put(k, b, EVENT_STATUS, time_of_first(id, now_ms), d, err))
		return -1;
	if (fresh && k->acked && k->result == KACK_DONE)
		return 0;
	if (!k->batch && find(k, id, false, d, err)) {
		err_clear(err);
		return unknown(k, b, err);
	}
	if (read_back(k, b, d, err))
		return -1;
	enum fold_verdict v = k->verdict;
	settle(k, now_ms, d);
	return v == FOLD_COUNTED ? 0 : exists(k, id, err);
}

/* A sender in a transaction that hangs would hold back readers, and our event, too. Without the right to
 * fence it, it is left to see our event by itself. */
static void fence_sender(struct kchange *k, const struct batch *b, const struct deadline *d)
{
	struct err err = ERR_INIT;
	struct buf id = BUF_INIT, topic = BUF_INIT;
	struct str name = batch_member(b, "topic");
	buf_add_str(&topic, name);
	ktxn_id(&id, name, batch_id(b));
	if (name.len && ktxn_fence(klog_client(k->log), kproduce_client(k->producer),
		k->settings, buf_text(&topic), buf_text(&id), d, k->log_cb, &err)) {
		err_wrap(&err, "the sender's transaction is left to end by itself");
		k->log_cb(LOG_WARNING, err.text);
	}
	err_clear(&err);
	buf_release(&id);
	buf_release(&topic);
}

/* A sender's open transaction would hold the caller up, who is about to end it. */
static bool ends_sender(const struct batch_change *c)
{
	return c->action == BATCH_TERMINATE || c->action == BATCH_FAIL;
}

static int apply(struct kchange *k, const struct batch_change *c, struct batch *out, const struct deadline *d,
    struct err *err)
{
	for (;;) {
		struct batch now = BATCH_INIT;
		int failed = kbatch_document(k->batch, &now, err) || batch_apply(&now, c, out, err);
		batch_release(&now);
		if (failed)
			return -1;
		bool fences = k->attempt == 0 && ends_sender(c);
		if (fences)
			fence_sender(k, out, d);
		if ((fences && kbatch_catch_up(k->batch, d, err)) ||
		    put(k, out, EVENT_STATUS, c->now_ms, d, err) || read_back(k, out, d, err)) {
			batch_release(out);
			return -1;
		}
		if (k->verdict == FOLD_COUNTED)
			return 0;
		batch_release(out);
	}
}

int kchange_apply(struct kchange *k, struct str id, const struct batch_change *c,
    struct batch *out, const struct deadline *d, struct err *err)
{
	if (!k->batch && find(k, id, ends_sender(c), d, err))
		return -1;
	int failed = apply(k, c, out, d, err);
	settle(k, c->now_ms, d);
	return failed;
}
