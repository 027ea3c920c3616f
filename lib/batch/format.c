#include "batch/format.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/escape.h"
#include "base/mem.h"

static void add_part(struct format *f, char verb, const char *text, size_t len)
{
	f->parts = mem_grow(f->parts, &f->cap, f->count + 1, sizeof(*f->parts));
	f->parts[f->count++] =
	    (struct format_part){verb, text ? mem_strndup(text, len) : NULL, len};
}

static void flush_text(struct format *f, struct buf *text)
{
	if (text->len)
		add_part(f, 0, text->data, text->len);
	buf_clear(text);
}

static int bad_verb(const char *text, const char *at, struct err *err)
{
	size_t column = (size_t)(at - text) + 1;
	if (at[1] == '\0')
		return err_set(err, ST_USAGE,
		    "format '%s': the %% at column %zu lacks its verb (%%%% is a percent sign)",
		    text, column);
	if (at[1] == 'H')
		return err_set(
		    err, ST_USAGE, "format '%s': %%H at column %zu lacks its {NAME}", text, column);
	return err_set(err, ST_USAGE,
	    "format '%s': unknown verb %%%c at column %zu "
	    "(known: %%s %%S %%R %%k %%K %%T %%h %%H{NAME} %%t %%p %%o %%%%)",
	    text, at[1], column);
}

/* Parses the verb whose percent sign stands at `at`; answers what follows it, NULL when bad. */
static const char *parse_verb(struct format *f, const char *at, struct buf *text)
{
	if (at[1] == '%') {
		buf_putc(text, '%');
		return at + 2;
	}
	if (at[1] == '\0' || !strchr("sSRkKThHtpo", at[1]))
		return NULL;
	if (at[1] != 'H') {
		flush_text(f, text);
		add_part(f, at[1], NULL, 0);
		return at + 2;
	}
	const char *end = at[2] == '{' ? strchr(at + 3, '}') : NULL;
	if (!end || end == at + 3)
		return NULL;
	flush_text(f, text);
	add_part(f, 'H', at + 3, (size_t)(end - at - 3));
	return end + 1;
}

static int parse(struct format *f, const char *text, struct buf *plain, struct err *err)
{
	for (const char *p = text; *p;) {
		const char *at = p;
		if (*p == '%') {
			p = parse_verb(f, at, plain);
			if (!p)
				return bad_verb(text, at, err);
			continue;
		}
		char byte = *p;
		size_t len = byte == '\\' ? escape_read(p, &byte) : 1;
		if (len == 0)
			return err_set(err, ST_USAGE,
			    "format '%s': unknown escape %.2s at column %zu "
			    "(known: \\n \\t \\r \\\\ \\0 \\xNN)",
			    text, at, (size_t)(at - text) + 1);
		buf_putc(plain, byte);
		p += len;
	}
	flush_text(f, plain);
	return 0;
}

int format_parse(struct format *f, const char *text, struct err *err)
{
	struct buf plain = BUF_INIT;
	struct str null_text = f->null_text;
	format_release(f);
	f->null_text = null_text;
	int r = parse(f, text, &plain, err);
	buf_release(&plain);
	return r;
}

static void put_bytes(const struct format *f, struct str s, struct buf *out)
{
	buf_add_str(out, s.ptr ? s : f->null_text);
}

static void put_length(struct str s, struct buf *out)
{
	buf_add_i64(out, s.ptr ? (long long)s.len : -1);
}

static void put_binary_length(struct str s, struct buf *out)
{
	uint32_t n = s.ptr ? (uint32_t)s.len : UINT32_MAX;
	char be[] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};
	buf_add(out, be, sizeof(be));
}

static void put_headers(const struct format *f, const struct headers *h, struct buf *out)
{
	for (size_t i = 0; i < h->count; i++) {
		if (i)
			buf_putc(out, ',');
		buf_add_str(out, h->list[i].name);
		buf_putc(out, '=');
		put_bytes(f, h->list[i].value, out);
	}
}

static void put_header(
    const struct format *f, const char *name, const struct headers *h, struct buf *out)
{
	const struct header *found = headers_find(h, name);
	if (found)
		put_bytes(f, found->value, out);
}

static void put_part(
    const struct format *f, const struct format_part *part, const struct record *r, struct buf *out)
{
	switch (part->verb) {
	case 's':
		put_bytes(f, r->value, out);
		break;
	case 'S':
		put_length(r->value, out);
		break;
	case 'R':
		put_binary_length(r->value, out);
		break;
	case 'k':
		put_bytes(f, r->key, out);
		break;
	case 'K':
		put_length(r->key, out);
		break;
	case 't':
		buf_add_str(out, r->topic);
		break;
	case 'p':
		buf_add_i64(out, r->partition);
		break;
	case 'o':
		buf_add_i64(out, r->offset);
		break;
	case 'T':
		buf_add_i64(out, r->ts_ms);
		break;
	case 'h':
		put_headers(f, &r->headers, out);
		break;
	case 'H':
		put_header(f, part->text, &r->headers, out);
		break;
	default:
		buf_add(out, part->text, part->len);
		break;
	}
}

void format_put(const struct format *f, const struct record *r, struct buf *out)
{
	for (size_t i = 0; i < f->count; i++)
		put_part(f, &f->parts[i], r, out);
}

void format_release(struct format *f)
{
	for (size_t i = 0; i < f->count; i++)
		free(f->parts[i].text);
	free(f->parts);
	*f = (struct format)FORMAT_INIT;
}
