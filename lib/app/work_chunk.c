#include "app/work_chunk.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "batch/envelope.h"

#define IS_NULL UINT32_MAX

void work_records_init(struct work_records *c, enum work_format format, struct str topic,
    int32_t partition)
{
	*c = (struct work_records){.format = format, .partition = partition,
	    .topic = mem_strndup(topic.ptr, topic.len)};
}

static void pack(struct buf *b, struct str s)
{
	uint32_t len = s.ptr ? (uint32_t)s.len : IS_NULL;
	buf_add(b, &len, sizeof(len));
	if (s.ptr)
		buf_add(b, s.ptr, s.len);
}

static const char *unpack(const char *at, struct str *s)
{
	uint32_t len;
	memcpy(&len, at, sizeof(len));
	at += sizeof(len);
	*s = len == IS_NULL ? (struct str)STR_INIT : (struct str){at, len};
	return len == IS_NULL ? at : at + len;
}

static void pack_record(struct buf *b, const struct record *r, bool with_value)
{
	uint32_t count = (uint32_t)r->headers.count;
	pack(b, r->key);
	buf_add(b, &count, sizeof(count));
	for (size_t i = 0; i < count; i++) {
		pack(b, r->headers.list[i].name);
		pack(b, r->headers.list[i].value);
	}
	/* A null value is an empty line, and must not come back as one. */
	if (with_value || !r->value.ptr)
		pack(b, r->value);
}

static char end_of(enum work_format format)
{
	return format == WORK_NUL ? '\0' : '\n';
}

bool work_format_holds(enum work_format format, const struct record *r)
{
	return format == WORK_ENVELOPES || r->value.len == 0 || !memchr(r->value.ptr, end_of(format), r->value.len);
}

void work_records_add(struct work_records *c, const struct record *r, int64_t number)
{
	struct work_item *item;
	bool envelope = c->format == WORK_ENVELOPES;
	c->items = mem_grow(c->items, &c->cap, c->count + 1, sizeof(*c->items));
	item = &c->items[c->count++];
	*item = (struct work_item){.number = number, .offset = r->offset, .ts_ms = r->ts_ms,
	    .input = c->input.len, .extra = c->extra.len};
	if (envelope)
		envelope_write(r, &c->input);
	else
		buf_add_str(&c->input, r->value);
	item->input_len = c->input.len - item->input;
	buf_putc(&c->input, end_of(c->format));
	pack_record(&c->extra, r, envelope);
}

void work_records_take_back(struct work_records *c)
{
	const struct work_item *last = &c->items[--c->count];
	c->input.len = last->input;
	c->extra.len = last->extra;
}

void work_records_get(const struct work_records *c, size_t i, struct record *out)
{
	const struct work_item *item = &c->items[i];
	const char *at = c->extra.data + item->extra;
	const char *end = i + 1 < c->count ? c->extra.data + item[1].extra : c->extra.data + c->extra.len;
	uint32_t count;
	out->topic = str_of(c->topic);
	out->partition = c->partition;
	out->offset = item->offset;
	out->ts_ms = item->ts_ms;
	headers_clear(&out->headers);
	at = unpack(at, &out->key);
	memcpy(&count, at, sizeof(count));
	at += sizeof(count);
	while (count--) {
		struct str name, value;
		at = unpack(at, &name);
		at = unpack(at, &value);
		headers_add(&out->headers, name, value);
	}
	out->value = (struct str){c->input.data + item->input, item->input_len};
	if (at < end)
		unpack(at, &out->value);
}

struct str work_records_input(const struct work_records *c, size_t first, size_t end)
{
	size_t from = c->items[first].input;
	size_t to = end < c->count ? c->items[end].input : c->input.len;
	return (struct str){c->input.data + from, to - from};
}

void work_records_token(const struct work_records *c, size_t first, size_t end, struct buf *out)
{
	struct digest sum = DIGEST_INIT;
	digest_record(&sum, (struct str)STR_INIT, work_records_input(c, first, end));
	buf_printf(out, "%s-%d-%lld-%lld-%08x", c->topic, c->partition,
	    (long long)c->items[first].offset, (long long)c->items[end - 1].offset,
	    (unsigned)(sum.lo & UINT32_MAX));
}

void work_records_release(struct work_records *c)
{
	free(c->topic);
	free(c->items);
	buf_release(&c->input);
	buf_release(&c->extra);
	*c = (struct work_records){0};
}
