#include "base/json.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/num.h"
#include "base/utf8.h"

/* Without memory jansson answers NULL; a member left out silently would be worse than the end. */
static json_t *made(json_t *v)
{
	if (!v)
		abort();
	return v;
}

static void checked(int result)
{
	if (result)
		abort();
}

struct json_t *js_parse(struct str text, struct err *err)
{
	json_error_t e;
	/* For jansson a NUL byte is the end, whatever follows. */
	const char *nul = text.len ? memchr(text.ptr, '\0', text.len) : NULL;
	if (nul) {
		err_set(err, ST_FAIL, "byte %zu: NUL byte", (size_t)(nul - text.ptr) + 1);
		return NULL;
	}
	json_t *tree = json_loadb(text.ptr ? text.ptr : "", text.len,
	    JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
	if (!tree)
		err_set(err, ST_FAIL, "byte %d: %s", e.position, e.text);
	return tree;
}

/* Length up to the bracket that closes the first one, or of all when none does. */
static size_t bracketed(struct str text)
{
	size_t depth = 0, i = 0;
	bool quoted = false;
	for (; i < text.len; i++) {
		char c = text.ptr[i];
		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			depth++;
		else if (!quoted && (c == '}' || c == ']') && --depth == 0)
			return i + 1;
	}
	return text.len;
}

struct str js_cut(struct str text, struct str *first)
{
	while (text.len && memchr(" \t\r\n", *text.ptr, 4)) {
		text.ptr++;
		text.len--;
	}
	*first = text;
	if (!text.len || (*text.ptr != '{' && *text.ptr != '['))
		return str_cut(text, '\n', first);
	first->len = bracketed(text);
	return (struct str){text.ptr + first->len, text.len - first->len};
}

/* The length of a number that begins here. */
static size_t number_len(struct str rest, bool *whole)
{
	size_t n = 0;
	*whole = true;
	for (; n < rest.len && memchr("+-.0123456789eE", rest.ptr[n], 15); n++)
		*whole &= memchr(".eE", rest.ptr[n], 3) == NULL;
	return n;
}

/* The text with a fraction after each whole number that is too large to be read as one. */
static void widen_numbers(struct str text, struct buf *out)
{
	bool quoted = false;
	for (size_t i = 0, n; i < text.len; i += n) {
		struct err ignored = ERR_INIT;
		int64_t value;
		char c = text.ptr[i];
		bool whole = false;
		n = 1;
		if (c == '"')
			quoted = !quoted;
		else if (quoted && c == '\\' && i + 1 < text.len)
			n = 2;
		else if (!quoted && (c == '-' || (c >= '0' && c <= '9')))
			n = number_len((struct str){text.ptr + i, text.len - i}, &whole);
		buf_add(out, text.ptr + i, n);
		if (whole && num_i64_str((struct str){text.ptr + i, n}, INT64_MIN, INT64_MAX, &value, &ignored))
			buf_puts(out, ".0");
		err_clear(&ignored);
	}
}

struct json_t *js_parse_lax(struct str text, struct err *err)
{
	struct err ignored = ERR_INIT;
	struct buf wide = BUF_INIT;
	struct json_t *tree = js_parse(text, err);
	if (tree)
		return tree;
	widen_numbers(text, &wide);
	if (wide.len > text.len)
		tree = js_parse(buf_str(&wide), &ignored);
	if (tree)
		err_clear(err);
	err_clear(&ignored);
	buf_release(&wide);
	return tree;
}

struct json_t *js_object(void)
{
	return made(json_object());
}

struct json_t *js_array(void)
{
	return made(json_array());
}

struct json_t *js_copy(const struct json_t *tree)
{
	return tree ? made(json_deep_copy(tree)) : NULL;
}

void js_free(struct json_t *tree)
{
	json_decref(tree);
}

bool js_is_object(const struct json_t *v)
{
	return json_is_object(v);
}

bool js_is_array(const struct json_t *v)
{
	return json_is_array(v);
}

const struct json_t *js_get(const struct json_t *object, const char *name)
{
	return json_object_get(object, name);
}

struct json_t *js_get_rw(struct json_t *object, const char *name)
{
	return json_object_get(object, name);
}

static bool read_str(const json_t *v, struct str *out)
{
	if (!json_is_string(v))
		return false;
	*out = (struct str){json_string_value(v), json_string_length(v)};
	return true;
}

static bool read_i64(const json_t *v, int64_t *out)
{
	if (!json_is_integer(v))
		return false;
	*out = json_integer_value(v);
	return true;
}

bool js_get_str(const struct json_t *object, const char *name, struct str *out)
{
	return read_str(json_object_get(object, name), out);
}

bool js_get_i64(const struct json_t *object, const char *name, int64_t *out)
{
	return read_i64(json_object_get(object, name), out);
}

bool js_get_real(const struct json_t *object, const char *name, double *out)
{
	const json_t *v = json_object_get(object, name);
	if (!json_is_number(v))
		return false;
	*out = json_number_value(v);
	return true;
}

bool js_get_bool(const struct json_t *object, const char *name, bool *out)
{
	const json_t *v = json_object_get(object, name);
	if (!json_is_boolean(v))
		return false;
	*out = json_is_true(v);
	return true;
}

void js_set(struct json_t *object, const char *name, struct json_t *value)
{
	checked(json_object_set_new(object, name, made(value)));
}

static json_t *string_of(struct str s)
{
	struct buf repaired = BUF_INIT;
	if (utf8_valid_len(s) == s.len)
		return made(json_stringn_nocheck(s.ptr ? s.ptr : "", s.len));
	utf8_repair(&repaired, s);
	json_t *v = made(json_stringn_nocheck(repaired.data, repaired.len));
	buf_release(&repaired);
	return v;
}

void js_set_str(struct json_t *object, const char *name, struct str value)
{
	js_set(object, name, string_of(value));
}

void js_set_i64(struct json_t *object, const char *name, int64_t value)
{
	js_set(object, name, json_integer(value));
}

void js_set_real(struct json_t *object, const char *name, double value)
{
	js_set(object, name, json_real(value));
}

void js_set_bool(struct json_t *object, const char *name, bool value)
{
	js_set(object, name, json_boolean(value));
}

void js_remove(struct json_t *object, const char *name)
{
	json_object_del(object, name);
}

size_t js_count(const struct json_t *array)
{
	return json_array_size(array);
}

const struct json_t *js_at(const struct json_t *array, size_t i)
{
	return json_array_get(array, i);
}

void js_append(struct json_t *array, struct json_t *value)
{
	checked(json_array_append_new(array, made(value)));
}

void js_append_i64(struct json_t *array, int64_t value)
{
	js_append(array, json_integer(value));
}

void js_each(const struct json_t *object,
    bool (*visit)(void *ctx, const char *name, const struct json_t *value), void *ctx)
{
	/* jansson's iterators want a tree that may be changed; these only read. */
	json_t *o = (json_t *)(uintptr_t)object;
	for (void *it = json_object_iter(o); it; it = json_object_iter_next(o, it))
		if (!visit(ctx, json_object_iter_key(it), json_object_iter_value(it)))
			return;
}

void js_text(const struct json_t *value, struct buf *out)
{
	struct str s;
	if (read_str(value, &s))
		buf_add_str(out, s);
	else if (value)
		js_dump(value, out);
}

static void quote_char(struct buf *out, char c)
{
	static const char special[] = "\"\\\b\f\n\r\t", letters[] = "\"\\bfnrt";
	const char *at = c ? strchr(special, c) : NULL;
	if (at) {
		buf_putc(out, '\\');
		buf_putc(out, letters[at - special]);
	} else {
		buf_printf(out, "\\u%04x", (unsigned)(unsigned char)c);
	}
}

void js_quote(struct buf *out, struct str text)
{
	size_t from = 0;
	buf_putc(out, '"');
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if ((unsigned char)c >= ' ' && c != '"' && c != '\\')
			continue;
		buf_add(out, text.ptr + from, i - from);
		quote_char(out, c);
		from = i + 1;
	}
	if (from < text.len)
		buf_add(out, text.ptr + from, text.len - from);
	buf_putc(out, '"');
}

/* The shortest text that reads back as the same number: 0.1, where jansson's 17 digits make it
 * 0.10000000000000001. */
static void dump_real(const json_t *real, struct buf *out)
{
	char text[64];
	for (size_t digits = 15; digits <= 17; digits++) {
		size_t len = json_dumpb(real, text, sizeof(text),
		    JSON_ENCODE_ANY | JSON_REAL_PRECISION(digits));
		json_t *again = json_loadb(text, len, JSON_DECODE_ANY, NULL);
		bool same = json_equal(again, real);
		json_decref(again);
		if (!same && digits < 17)
			continue;
		buf_add(out, text, len);
		return;
	}
}

static void dump_array(const json_t *array, struct buf *out)
{
	buf_putc(out, '[');
	for (size_t i = 0; i < json_array_size(array); i++) {
		if (i)
			buf_putc(out, ',');
		js_dump(json_array_get(array, i), out);
	}
	buf_putc(out, ']');
}

struct members {
	struct buf *out;
	bool any;
};

static bool dump_member(void *ctx, const char *name, const json_t *value)
{
	struct members *m = ctx;
	if (m->any)
		buf_putc(m->out, ',');
	m->any = true;
	js_quote(m->out, str_of(name));
	buf_putc(m->out, ':');
	js_dump(value, m->out);
	return true;
}

static void dump_object(const json_t *object, struct buf *out)
{
	struct members m = {.out = out};
	buf_putc(out, '{');
	js_each(object, dump_member, &m);
	buf_putc(out, '}');
}

void js_dump(const struct json_t *tree, struct buf *out)
{
	struct str s;
	int64_t n;
	if (read_str(tree, &s))
		js_quote(out, s);
	else if (read_i64(tree, &n))
		buf_add_i64(out, n);
	else if (json_is_real(tree))
		dump_real(tree, out);
	else if (json_is_array(tree))
		dump_array(tree, out);
	else if (json_is_object(tree))
		dump_object(tree, out);
	else
		buf_puts(out, json_is_true(tree) ? "true" : json_is_false(tree) ? "false" : "null");
}
