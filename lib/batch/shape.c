#include "batch/shape.h"

#include <stdlib.h>

#include "base/mem.h"
#include "batch/envelope.h"

static bool is_own(struct str name)
{
	return str_is(name, HDR_BATCH_ID) || str_is(name, HDR_BATCH_SEQ);
}

int shape_set_key(struct shape *s, const char *text, struct err *err)
{
	if (*text != '/') {
		s->key = str_of(text);
		return 0;
	}
	s->pointer = mem_zalloc(1, sizeof(*s->pointer));
	return jpointer_parse(text, s->pointer, err);
}

int shape_add_header(struct shape *s, const char *text, struct err *err)
{
	struct str name, value = str_cut(str_of(text), '=', &name);
	if (name.len == 0 || !value.ptr)
		return err_set(err, ST_USAGE, "header '%s': NAME=VALUE is wanted", text);
	if (is_own(name))
		return err_set(err, ST_USAGE, "header '%s': batch-send sets this one itself", text);
	headers_add(&s->headers, name, value);
	return 0;
}

static int check_json(struct str value, struct err *err)
{
	size_t at;
	const char *why;
	if (!value.ptr || jscan_check(value, &at, &why) == 0)
		return 0;
	return err_set(err, ST_FAIL, "not JSON: byte %zu: %s", at + 1, why);
}

static int key_by_pointer(const struct shape *s, struct record *out, struct buf *scratch,
    struct err *err)
{
	struct str raw;
	int found = jscan_pointer(out->value, s->pointer, &raw);
	if (found < 0 && check_json(out->value, err))
		return -1;
	if (found < 0)
		return err_set(err, ST_FAIL, out->value.ptr ? "no key: --key points at two members"
						       : "no key: the value is null");
	if (found == 0 || str_is(raw, "null"))
		return err_set(err, ST_FAIL, "no key: nothing stands where --key points");
	if (raw.ptr[0] == '{' || raw.ptr[0] == '[')
		return err_set(err, ST_FAIL, "no key: --key points at an object or array");
	out->key = raw;
	if (raw.ptr[0] != '"')
		return 0;
	size_t at = scratch->len;
	jscan_unquote(raw, scratch);
	out->key = (struct str){scratch->data + at, scratch->len - at};
	return 0;
}

static int key_before_delimiter(const struct shape *s, struct record *out, struct err *err)
{
	struct str v = out->value;
	const char *at = v.len ? memmem(v.ptr, v.len, s->key_delimiter.ptr, s->key_delimiter.len)
			       : NULL;
	if (!at)
		return err_set(err, ST_FAIL, "no key: the key delimiter is not in it");
	out->key = (struct str){v.ptr, (size_t)(at - v.ptr)};
	out->value.ptr = at + s->key_delimiter.len;
	out->value.len = v.len - out->key.len - s->key_delimiter.len;
	return 0;
}

static int set_key(const struct shape *s, struct record *out, struct buf *scratch,
    struct err *err)
{
	if (s->key_delimiter.ptr && key_before_delimiter(s, out, err))
		return -1;
	if (s->json && !s->pointer && check_json(out->value, err))
		return -1;
	if (s->key.ptr)
		out->key = s->key;
	if (s->pointer && key_by_pointer(s, out, scratch, err))
		return -1;
	return 0;
}

/* Headers that an envelope brings from another batch must not compete with this one's. */
static void keep_foreign(struct headers *h, const struct headers *brought)
{
	for (size_t i = 0; i < brought->count; i++)
		if (!is_own(brought->list[i].name))
			headers_add(h, brought->list[i].name, brought->list[i].value);
}

static void null_when_empty(struct str *s)
{
	if (s->len == 0)
		s->ptr = NULL;
}

int shape_record(const struct shape *s, struct str raw, struct record *out, struct buf *scratch,
    struct err *err)
{
	struct headers headers = out->headers, brought = HEADERS_INIT;
	int failed = 0;
	headers_clear(&headers);
	headers_add(&headers, STR(HDR_BATCH_ID), STR(""));
	headers_add(&headers, STR(HDR_BATCH_SEQ), STR(""));
	buf_clear(scratch);
	buf_room(scratch, raw.len * 3); /* so that it does not move under what borrows from it */
	*out = (struct record)RECORD_INIT;
	out->value = raw;
	if (s->envelope) {
		failed = envelope_read(raw, out, scratch, err);
		brought = out->headers;
		out->partition = -1;
		if (!s->keep_time)
			out->ts_ms = -1;
		out->offset = -1;
	}
	failed = failed || set_key(s, out, scratch, err);
	keep_foreign(&headers, &brought);
	headers_release(&brought);
	for (size_t i = 0; i < s->headers.count; i++)
		headers_add(&headers, s->headers.list[i].name, s->headers.list[i].value);
	out->headers = headers;
	if (s->empty_is_null) {
		null_when_empty(&out->key);
		null_when_empty(&out->value);
	}
	return failed ? -1 : 0;
}

void shape_release(struct shape *s)
{
	if (s->pointer)
		jpointer_release(s->pointer);
	free(s->pointer);
	headers_release(&s->headers);
	*s = (struct shape)SHAPE_INIT;
}
