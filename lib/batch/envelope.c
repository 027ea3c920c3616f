#include "batch/envelope.h"

#include <endian.h>
#include <inttypes.h>
#include <stdbool.h>
#include <string.h>

#include "base/base64.h"
#include "base/jscan.h"
#include "base/num.h"
#include "base/utf8.h"

/* Strings are quoted in pieces of this size, so that room for the worst case, six bytes for one, is
 * asked for once a piece and not once a byte. */
#define PIECE 4096U

#define ONES  UINT64_C(0x0101010101010101)
#define HIGHS UINT64_C(0x8080808080808080)

/* How many bytes of the word, from the first, can stand in a JSON string as they are. Each term
 * sets the high bit of a byte that cannot; only behind such a byte can one be set in error. */
static size_t clean_bytes(uint64_t word)
{
	uint64_t w = le64toh(word);
	uint64_t quote = w ^ ONES * '"';
	uint64_t backslash = w ^ ONES * '\\';
	uint64_t bad = ((w - ONES * 0x20) & ~w) | ((quote - ONES) & ~quote) |
	               ((backslash - ONES) & ~backslash);
	bad &= HIGHS;
	return bad ? (size_t)__builtin_ctzll(bad) / 8 : 8;
}

static bool is_clean(unsigned char c)
{
	return c >= 0x20 && c != '"' && c != '\\';
}

static char *quote_byte(char *to, unsigned char c)
{
	static const char control[] = "uuuuuuuubtnufruuuuuuuuuuuuuuuuuu";
	static const char hex[] = "0123456789abcdef";
	char letter = c < 0x20 ? control[c] : (char)c;
	*to++ = '\\';
	*to++ = letter;
	if (letter == 'u') {
		*to++ = '0';
		*to++ = '0';
		*to++ = hex[c >> 4];
		*to++ = hex[c & 15];
	}
	return to;
}

/* to has room for six times len. */
static char *quote_piece(char *to, const char *p, size_t len)
{
	const char *end = p + len;
	while (p < end) {
		uint64_t word;
		if ((size_t)(end - p) >= sizeof(word)) {
			memcpy(&word, p, sizeof(word));
			memcpy(to, &word, sizeof(word));
			size_t clean = clean_bytes(word);
			p += clean;
			to += clean;
			if (clean == sizeof(word))
				continue;
		}
		unsigned char c = (unsigned char)*p++;
		if (is_clean(c))
			*to++ = (char)c;
		else
			to = quote_byte(to, c);
	}
	return to;
}

static void put_quoted(struct str s, struct buf *out)
{
	buf_putc(out, '"');
	for (size_t done = 0; done < s.len;) {
		size_t len = s.len - done < PIECE ? s.len - done : PIECE;
		char *to = buf_room(out, 6 * len);
		out->len += (size_t)(quote_piece(to, s.ptr + done, len) - to);
		done += len;
	}
	buf_putc(out, '"');
}

static void put_base64(struct str s, struct buf *out)
{
	buf_putc(out, '"');
	base64_encode(out, s);
	buf_putc(out, '"');
}

static bool is_text(struct str s)
{
	return utf8_valid_len(s) == s.len;
}

static void put_member(const char *name, struct str s, struct buf *out)
{
	bool text = is_text(s);
	buf_putc(out, '"');
	buf_puts(out, name);
	buf_puts(out, text ? "\":" : "_b64\":");
	if (!s.ptr)
		buf_puts(out, "null");
	else if (text)
		put_quoted(s, out);
	else
		put_base64(s, out);
}

static void put_header_part(struct str s, struct buf *out)
{
	if (!s.ptr) {
		buf_puts(out, "null");
	} else if (is_text(s)) {
		put_quoted(s, out);
	} else {
		buf_puts(out, "{\"b64\":");
		put_base64(s, out);
		buf_putc(out, '}');
	}
}

static void put_headers(const struct headers *h, struct buf *out)
{
	buf_puts(out, ",\"headers\":[");
	for (size_t i = 0; i < h->count; i++) {
		buf_puts(out, i ? ",[" : "[");
		put_header_part(h->list[i].name, out);
		buf_putc(out, ',');
		put_header_part(h->list[i].value, out);
		buf_putc(out, ']');
	}
	buf_puts(out, "]}");
}

void envelope_write(const struct record *r, struct buf *out)
{
	buf_putc(out, '{');
	put_member("topic", r->topic, out);
	buf_puts(out, ",\"partition\":");
	buf_add_i64(out, r->partition);
	buf_puts(out, ",\"offset\":");
	buf_add_i64(out, r->offset);
	buf_puts(out, ",\"ts\":");
	buf_add_i64(out, r->ts_ms);
	buf_putc(out, ',');
	put_member("key", r->key, out);
	buf_putc(out, ',');
	put_member("value", r->value, out);
	put_headers(&r->headers, out);
}

/* Reading. scratch has room for the line twice before the first string goes there. None gets longer
 * by unescaping, nor by decoding base64 after that: it does not move, and spans into it hold. */

static struct str since(const struct buf *scratch, size_t start)
{
	return (struct str){scratch->data + start, scratch->len - start};
}

/* A string's characters. Without escapes they are taken where they stand. */
static bool read_string(struct str raw, struct buf *scratch, struct str *out)
{
	if (!raw.ptr || raw.ptr[0] != '"')
		return false;
	if (!memchr(raw.ptr, '\\', raw.len)) {
		*out = (struct str){raw.ptr + 1, raw.len - 2};
		return true;
	}
	size_t start = scratch->len;
	if (!jscan_unquote(raw, scratch))
		return false;
	*out = since(scratch, start);
	return true;
}

static bool read_base64(struct str raw, struct buf *scratch, struct str *out)
{
	struct str text;
	if (!read_string(raw, scratch, &text))
		return false;
	size_t start = scratch->len;
	if (base64_decode(scratch, text))
		return false;
	*out = since(scratch, start);
	return true;
}

static int read_bytes(const char *name, struct str plain, struct str b64, struct buf *scratch,
    struct str *out, struct err *err)
{
	if (plain.ptr && b64.ptr)
		return err_set(err, ST_FAIL, "both \"%s\" and \"%s_b64\"", name, name);
	if (b64.ptr && !read_base64(b64, scratch, out))
		return err_set(err, ST_FAIL, "\"%s_b64\" is not a string of base64", name);
	if (plain.ptr && !str_is(plain, "null") && !read_string(plain, scratch, out))
		return err_set(err, ST_FAIL, "\"%s\" is neither a string nor null", name);
	return 0;
}

static int read_integer(
    const char *name, struct str raw, int64_t max, int64_t *out, struct err *err)
{
	struct err why = ERR_INIT;
	*out = -1;
	if (!raw.ptr || str_is(raw, "null") || num_i64_str(raw, -1, max, out, &why) == 0)
		return 0;
	err_clear(&why);
	return err_set(err, ST_FAIL, "\"%s\" is not an integer from -1 to %" PRId64, name, max);
}

/* Walking over a list needs no bounds: it was checked as JSON before, so what opens also ends. */

static size_t string_len(const char *p)
{
	size_t i = 1;
	while (p[i] != '"')
		i += p[i] == '\\' ? 2 : 1;
	return i + 1;
}

static size_t nested_len(const char *p)
{
	size_t depth = 0, i = 0;
	do {
		char c = p[i];
		depth += c == '[' || c == '{';
		depth -= c == ']' || c == '}';
		i += c == '"' ? string_len(p + i) : 1;
	} while (depth);
	return i;
}

static size_t value_len(const char *p)
{
	if (*p == '"')
		return string_len(p);
	if (*p == '[' || *p == '{')
		return nested_len(p);
	return strcspn(p, ",] \t\r\n");
}

static const char *skip_gap(const char *p)
{
	return p + strspn(p, ", \t\r\n");
}

/* *at is inside a list, behind its bracket or one of its elements. */
static bool next_element(const char **at, struct str *element)
{
	const char *p = skip_gap(*at);
	if (*p == ']')
		return false;
	*element = (struct str){p, value_len(p)};
	*at = p + element->len;
	return true;
}

static bool read_header_part(struct str raw, struct buf *scratch, struct str *out)
{
	static const char *const names[] = {"b64"};
	struct str b64;
	if (raw.ptr[0] != '{')
		return read_string(raw, scratch, out);
	return jscan_members(raw, names, &b64, 1) == 0 && read_base64(b64, scratch, out);
}

/* The elements at *at are a name and a value. */
static bool read_header(const char **at, struct headers *h, struct buf *scratch)
{
	struct str raw_name, raw_value, name, value = STR_INIT;
	if (!next_element(at, &raw_name) || !next_element(at, &raw_value))
		return false;
	if (!read_header_part(raw_name, scratch, &name))
		return false;
	if (!str_is(raw_value, "null") && !read_header_part(raw_value, scratch, &value))
		return false;
	headers_add(h, name, value);
	return true;
}

/* *at is the bracket of a list of the two; behind it afterwards. */
static bool read_pair(const char **at, struct headers *h, struct buf *scratch)
{
	++*at;
	if (!read_header(at, h, scratch))
		return false;
	const char *end = skip_gap(*at);
	*at = end + 1;
	return *end == ']';
}

static int read_headers(struct str raw, struct headers *h, struct buf *scratch, struct err *err)
{
	if (!raw.ptr || str_is(raw, "null"))
		return 0;
	bool good = raw.ptr[0] == '[';
	for (const char *at = raw.ptr + 1; good;) {
		at = skip_gap(at);
		if (*at == ']')
			return 0;
		good = *at == '[' ? read_pair(&at, h, scratch) : read_header(&at, h, scratch);
	}
	return err_set(err, ST_FAIL,
	    "\"headers\" is not a list of [name, value] or of names and values by turns");
}

static int explain(struct str line, struct err *err)
{
	size_t at;
	const char *why;
	if (jscan_check(line, &at, &why))
		return err_set(err, ST_FAIL, "not JSON: %s at byte %zu", why, at + 1);
	if (line.ptr[strspn(line.ptr, " \t\r\n")] != '{')
		return err_set(err, ST_FAIL, "not a JSON object");
	return err_set(err, ST_FAIL, "a member is there twice");
}

enum member {
	TOPIC,
	TOPIC_B64,
	PARTITION,
	OFFSET,
	TS,
	KEY,
	KEY_B64,
	VALUE,
	VALUE_B64,
	PAYLOAD,
	HEADERS,
	MEMBERS
};

static const char *const member_names[MEMBERS] = {
    [TOPIC] = "topic",
    [TOPIC_B64] = "topic_b64",
    [PARTITION] = "partition",
    [OFFSET] = "offset",
    [TS] = "ts",
    [KEY] = "key",
    [KEY_B64] = "key_b64",
    [VALUE] = "value",
    [VALUE_B64] = "value_b64",
    [PAYLOAD] = "payload",
    [HEADERS] = "headers",
};

static int read_value(const struct str *raw, struct record *r, struct buf *scratch, struct err *err)
{
	if (!raw[VALUE].ptr && !raw[VALUE_B64].ptr && !raw[PAYLOAD].ptr)
		return err_set(err, ST_FAIL, "no \"value\" (null stands for a null value)");
	if (!raw[PAYLOAD].ptr)
		return read_bytes("value", raw[VALUE], raw[VALUE_B64], scratch, &r->value, err);
	if (raw[VALUE].ptr || raw[VALUE_B64].ptr)
		return err_set(err, ST_FAIL, "both \"value\" and \"payload\"");
	return read_bytes("payload", raw[PAYLOAD], (struct str)STR_INIT, scratch, &r->value, err);
}

int envelope_read(struct str line, struct record *r, struct buf *scratch, struct err *err)
{
	struct str raw[MEMBERS];
	int64_t partition;
	headers_clear(&r->headers);
	*r = (struct record){.headers = r->headers};
	if (jscan_members(line, member_names, raw, MEMBERS))
		return explain(line, err);
	buf_clear(scratch);
	buf_room(scratch, 2 * line.len);
	if (read_bytes("topic", raw[TOPIC], raw[TOPIC_B64], scratch, &r->topic, err) ||
	    read_integer("partition", raw[PARTITION], INT32_MAX, &partition, err) ||
	    read_integer("offset", raw[OFFSET], INT64_MAX, &r->offset, err) ||
	    read_integer("ts", raw[TS], INT64_MAX, &r->ts_ms, err) ||
	    read_bytes("key", raw[KEY], raw[KEY_B64], scratch, &r->key, err) ||
	    read_value(raw, r, scratch, err) ||
	    read_headers(raw[HEADERS], &r->headers, scratch, err))
		return -1;
	r->partition = (int32_t)partition;
	return 0;
}
