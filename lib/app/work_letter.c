/* Invalid records, as they are written for those who look into them. */
#include "app/work_int.h"

#include <string.h>

#include "base/id.h"
#include "base/json.h"
#include "batch/envelope.h"
#include "tool/clock.h"
#include "tool/who.h"

/* HRI's object for an invalid record. */
static void letter(const struct work *w, const struct record *r, const char *why, struct buf *out)
{
	struct json_t *o = js_object();
	const struct header *batch = headers_find(&r->headers, HDR_BATCH_ID);
	if (batch && batch->value.ptr && batch->value.len <= ID_MAX)
		js_set_str(o, "batchId", batch->value);
	js_set_str(o, "topic", r->topic);
	js_set_i64(o, "partition", r->partition);
	js_set_i64(o, "offset", r->offset);
	js_set_str(o, "failure", str_of(why));
	if (w->o->keep_records) {
		struct err ignored = ERR_INIT;
		struct buf envelope = BUF_INIT;
		envelope_write(r, &envelope);
		js_set(o, "record", js_parse(buf_str(&envelope), &ignored));
		buf_release(&envelope);
		err_clear(&ignored);
	}
	js_dump(o, out);
	js_free(o);
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

static int send_letter(struct work *w, struct chunk *c, const struct record *r, size_t i)
{
	const struct trial_record *t = trial_record(&c->trial, i);
	struct record dead = *r;
	struct buf text = BUF_INIT, why = BUF_INIT, value = BUF_INIT;
	dead.headers = (struct headers)HEADERS_INIT;
	for (size_t k = 0; k < r->headers.count; k++)
		headers_add(&dead.headers, r->headers.list[k].name, r->headers.list[k].value);
	add_reasons(w, c, r, t, &text, &dead.headers);
	ending_text(t->how, &why);
	letter(w, r, t->reason ? t->reason : buf_text(&why), &value);
	dead.value = work_keep(c, buf_str(&value));
	dead.ts_ms = -1;
	dead.partition = work_partition_for(c, w->dead_partitions);
	int failed = work_send(w->results, w->dead_at, &dead, &c->parcel, &w->t->err);
	headers_release(&dead.headers);
	buf_release(&text);
	buf_release(&why);
	buf_release(&value);
	return failed;
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
		failed = send_letter(w, c, &r, i);
	}
	headers_release(&r.headers);
	return failed;
}
