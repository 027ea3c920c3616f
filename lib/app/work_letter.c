/* Invalid records, as they are written for those who look into them. */
#include "app/work_int.h"

#include <string.h>

#include "base/id.h"
#include "base/json.h"
#include "batch/envelope.h"
#include "tool/clock.h"
#include "tool/who.h"

/* What is left out, one after the other, of a record that is too long. */
enum omit { OMIT_NOTHING, OMIT_RECORD, OMIT_HEADERS, OMIT_KEY, OMIT_FAILURE };
static const char *const omitted[] = {NULL, "record", "headers", "key", "failure"};

/* HRI's object for an invalid record. */
static void letter(const struct work *w, const struct record *r, const char *why, enum omit omit,
    struct buf *out)
{
	struct json_t *o = js_object();
	const struct header *batch = headers_find(&r->headers, HDR_BATCH_ID);
	if (batch && batch->value.ptr && batch->value.len <= ID_MAX)
		js_set_str(o, "batchId", batch->value);
	js_set_str(o, "topic", r->topic);
	js_set_i64(o, "partition", r->partition);
	js_set_i64(o, "offset", r->offset);
	js_set_str(o, "failure", str_of(why));
	if (omit)
		js_set_str(o, "omitted", str_of(omitted[omit]));
	js_dump(o, out);
	js_free(o);
	if (w->o->keep_records && omit < OMIT_RECORD) {
		out->len--; /* the object's brace: an envelope is JSON as it is */
		buf_puts(out, ",\"record\":");
		envelope_write(r, out);
		buf_putc(out, '}');
	}
}

/* Named as Kafka's share groups name them (KIP-1191), and what they have no name for. */
static void add_reasons(const struct work *w, const struct chunk *c, const struct record *r,
    const struct trial_record *t, struct buf *text, struct headers *to)
{
	struct buf host = BUF_INIT, why = BUF_INIT, token = BUF_INIT;
	size_t from[10], n = 0;
	static const char *const names[] = {"__dlq.errors.topic", "__dlq.errors.partition",
	    "__dlq.errors.offset", "__dlq.errors.group", "__dlq.errors.delivery.count",
	    "__dlq.errors.message", "batch_error_how", "batch_error_chunk", "batch_error_host",
	    "batch_error_time"};
	who_host(&host);
	ending_text(t->how, &why);
	work_records_token(&c->records, 0, c->records.count, &token);
#define PUT(...) (from[n++] = text->len, buf_printf(text, __VA_ARGS__), buf_putc(text, '\0'))
	PUT("%.*s", (int)r->topic.len, r->topic.ptr);
	PUT("%d", r->partition);
	PUT("%lld", (long long)r->offset);
	PUT("%s", w->o->group);
	PUT("%lld", (long long)t->runs);
	PUT("%s", t->reason ? t->reason : buf_text(&why));
	PUT("%s", buf_text(&why));
	PUT("%s", buf_text(&token));
	PUT("%s", buf_text(&host));
	PUT("%lld", (long long)clock_wall_ms());
#undef PUT
	for (size_t i = 0; i < n; i++)
		headers_add(to, str_of(names[i]), str_of(text->data + from[i]));
	buf_release(&host);
	buf_release(&why);
	buf_release(&token);
}

static void add_own(const struct record *r, enum omit omit, struct headers *to)
{
	for (size_t i = 0; i < r->headers.count; i++) {
		const struct header *h = &r->headers.list[i];
		if (omit < OMIT_HEADERS || (str_is(h->name, HDR_BATCH_ID) && h->value.len <= ID_MAX))
			headers_add(to, h->name, h->value);
	}
}

/* 1: it is too long. */
static int try_letter(struct work *w, struct chunk *c, const struct record *r,
    const struct trial_record *trial, enum omit omit)
{
	struct trial_record t = *trial;
	struct record dead = {.ts_ms = -1, .partition = work_partition_for(c, w->dead_partitions)};
	struct buf text = BUF_INIT, why = BUF_INIT, value = BUF_INIT;
	if (omit < OMIT_KEY)
		dead.key = r->key;
	add_own(r, omit, &dead.headers);
	if (omit == OMIT_FAILURE)
		t.reason = NULL;
	add_reasons(w, c, r, &t, &text, &dead.headers);
	ending_text(t.how, &why);
	letter(w, r, t.reason ? t.reason : buf_text(&why), omit, &value);
	dead.value = work_keep(c, buf_str(&value));
	int failed = work_send(w->results, w->dead_at, &dead, &c->parcel, &w->t->err);
	headers_release(&dead.headers);
	buf_release(&text);
	buf_release(&why);
	buf_release(&value);
	return failed;
}

static int send_letter(struct work *w, struct chunk *c, const struct record *r,
    const struct trial_record *t)
{
	int failed = 1;
	for (enum omit omit = OMIT_NOTHING; failed > 0 && omit <= OMIT_FAILURE; omit++) {
		err_clear(&w->t->err);
		failed = try_letter(w, c, r, t, omit);
	}
	if (failed)
		err_wrap(&w->t->err, "the invalid record of topic %s, partition %d, offset %lld",
		    c->records.topic, c->records.partition, (long long)r->offset);
	return failed ? -1 : 0;
}

bool work_is_invalid(const struct chunk *c, size_t i)
{
	return trial_record(&c->trial, i)->verdict == VERDICT_INVALID;
}

int work_letters_send(struct work *w, struct chunk *c)
{
	struct record r = RECORD_INIT;
	int failed = 0;
	for (size_t i = 0; i < c->records.count && !failed; i++) {
		if (!work_is_invalid(c, i))
			continue;
		work_records_get(&c->records, i, &r);
		failed = send_letter(w, c, &r, trial_record(&c->trial, i));
	}
	headers_release(&r.headers);
	return failed;
}
