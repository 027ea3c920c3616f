#include "kafka/kends.h"

#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/mem.h"
#include "batch/header.h"
#include "kafka/kclient_int.h"
#include "kafka/kread.h"

/* Beside the time budget, which is over: how long it may take to find out who holds a reader back. */
#define BLAME_MS 3000
#define FIRST_MS 1500
#define SLICE_MS 100

void kends_init(struct kends *e, const struct kv *settings, const char *topic,
    void (*log)(int syslog_level, const char *text))
{
	*e = (struct kends){.settings = settings, .topic = topic, .log = log};
}

void kends_release(struct kends *e)
{
	kclient_close(e->client);
	e->client = NULL;
}

/* The user's settings but for isolation.level, which is what this client is for. */
static void own_settings(const struct kv *from, struct kv *to)
{
	for (size_t i = 0; i < kv_count(from); i++) {
		const struct kv_entry *x = kv_at(from, i);
		if (strcmp(x->name, "isolation.level") != 0)
			kv_set(to, x->name, x->value, x->origin, x->where, x->secret);
	}
}

static int need_client(struct kends *e, const struct deadline *d, struct err *err)
{
	int32_t ignored;
	struct kv own = KV_INIT;
	const char *const all[] = {"isolation.level", "read_uncommitted", NULL};
	const struct kclient_options options = {.settings = all, .log = e->log};
	if (e->client)
		return 0;
	own_settings(e->settings, &own);
	int failed = kclient_open(&e->client, KCLIENT_READER, &own, &options, err) ||
	    kclient_topic(e->client, e->topic, &ignored, d, err);
	kv_release(&own);
	if (failed)
		kends_release(e);
	return failed ? -1 : 0;
}

int kends_ask(struct kends *e, const int32_t *partitions, size_t count, int64_t *ends, const struct deadline *d,
    struct err *err)
{
	return need_client(e, d, err) ||
		kclient_offsets(e->client, e->topic, partitions, count, KOFFSET_END, ends, d, err)
	    ? -1
	    : 0;
}

int kends_find_held(struct kends *e, struct kclient *readers, const int32_t *partitions, const int64_t *at,
    size_t count, struct kends_held *out, const struct deadline *d, struct err *err)
{
	int64_t *from = mem_zalloc(count, sizeof(*from)), *end = mem_zalloc(count, sizeof(*end));
	/* In this order: what is committed between the two questions is not taken for held back. */
	int found = kends_ask(e, partitions, count, end, d, err) ||
		kclient_offsets(readers, e->topic, partitions, count, KOFFSET_END, from, d, err)
	    ? -1
	    : 0;
	for (size_t i = 0; i < count && found == 0; i++) {
		if (from[i] >= end[i] || (at && at[i] < from[i]))
			continue;
		*out = (struct kends_held){partitions[i], from[i], end[i]};
		found = 1;
	}
	free(from);
	free(end);
	return found;
}

/* The first record of the transaction: it alone says something of it to clients. */
static void describe_first(struct kends *e, const struct kends_held *h, const struct deadline *d, struct buf *out)
{
	const struct kread_range range = {h->partition, h->from, h->from + 1};
	const struct record *r;
	struct kread *read = NULL;
	size_t lane;
	struct err ignored = ERR_INIT;
	enum kread_state s = KREAD_EMPTY;
	struct deadline most = deadline_within(d, FIRST_MS);
	if (kread_open(&read, e->client, e->topic, &range, 1, &ignored) == 0)
		while (s == KREAD_EMPTY && deadline_left_ms(&most))
			s = kread_any(read, deadline_slice_ms(&most, SLICE_MS), &lane, &r, &ignored);
	if (s == KREAD_RECORD) {
		const struct header *batch = headers_find(&r->headers, HDR_BATCH_ID);
		batch = batch ? batch : headers_find(&r->headers, "ce_subject"); /* of an event */
		buf_puts(out, ", begun at ");
		date_format_s(r->ts_ms, out);
		if (batch && batch->value.ptr)
			buf_printf(out, " by a record of batch '%.*s'", (int)batch->value.len, batch->value.ptr);
	}
	kread_close(read);
	err_clear(&ignored);
}

void kends_describe(struct kends *e, const struct kends_held *h, const struct deadline *d, struct buf *out)
{
	long long from = (long long)h->from, count = (long long)(h->end - h->from);
	buf_printf(out, "topic %s, partition %d: an open transaction", e->topic, h->partition);
	describe_first(e, h, d, out);
	buf_printf(out, ", holds back the %lld offset%s from %lld on; it ends by itself at its "
	    "transaction.timeout.ms; kafka-transactions.sh --bootstrap-server %s describe-producers --topic %s "
	    "--partition %d tells whose it is, and abort --topic %s --partition %d --start-offset %lld ends it",
	    count, count == 1 ? "" : "s", from, e->client->brokers, e->topic, h->partition, e->topic, h->partition,
	    from);
}

bool kends_blames(struct kends *e, struct kclient *readers, const int32_t *partitions, const int64_t *at,
    size_t count, const struct deadline *over, struct err *err)
{
	struct kends_held h;
	struct err ignored = ERR_INIT;
	struct buf text = BUF_INIT;
	const struct deadline d = {.end_ms = over->now_ms() + BLAME_MS, .now_ms = over->now_ms,
	    .interrupted = over->interrupted};
	bool held = kends_find_held(e, readers, partitions, at, count, &h, &d, &ignored) > 0;
	if (held) {
		kends_describe(e, &h, &d, &text);
		err_set(err, ST_TIME, "%s", buf_text(&text));
	}
	buf_release(&text);
	err_clear(&ignored);
	return held;
}
