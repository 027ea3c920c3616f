#include "batch/frame.h"

#include <inttypes.h>
#include <string.h>

#include "base/escape.h"

#define NULL_LENGTH 0xffffffffU
#define LENGTH_SIZE 4U

static const char *const kind_names[] = {
    [FRAME_DELIM] = "delimited",
    [FRAME_LENGTH] = "length-prefixed",
    [FRAME_WHOLE] = "whole",
};

const char *frame_kind_name(enum frame_kind kind)
{
	return kind_names[kind];
}

bool frame_kind_parse(struct str name, enum frame_kind *kind)
{
	for (size_t i = 0; i < sizeof(kind_names) / sizeof(*kind_names); i++) {
		if (!str_is(name, kind_names[i]))
			continue;
		*kind = (enum frame_kind)i;
		return true;
	}
	return false;
}

int frame_delim_parse(const char *text, struct frame_style *style, struct err *err)
{
	struct frame_style s = {.kind = FRAME_DELIM};
	for (const char *p = text; *p;) {
		char byte = *p;
		size_t len = byte == '\\' ? escape_read(p, &byte) : 1;
		if (len == 0)
			return err_set(err, ST_USAGE,
			    "delimiter '%s': unknown escape at '%.2s' (known: \\n \\t \\r "
			    "\\0 \\xNN \\\\)",
			    text, p);
		if (s.delim_len == FRAME_DELIM_MAX)
			return err_set(err, ST_USAGE, "delimiter '%s': longer than %d bytes", text,
			    FRAME_DELIM_MAX);
		s.delim[s.delim_len++] = byte;
		p += len;
	}
	if (s.delim_len == 0)
		return err_set(err, ST_USAGE, "the delimiter is empty");
	*style = s;
	return 0;
}

void frame_init(struct frame *f, const struct frame_style *style, size_t max_record)
{
	*f = (struct frame){.style = *style, .max_record = max_record};
}

static int too_long(const struct frame *f, struct err *err)
{
	return err_set(err, ST_FAIL,
	    "record %" PRId64 " is longer than %zu bytes (the setting message.max.bytes)",
	    f->records + 1, f->max_record);
}

static int give(struct frame *f, struct str *rest, size_t start, struct str *record, size_t skip)
{
	record->ptr = rest->ptr + start;
	rest->ptr += skip;
	rest->len -= skip;
	f->scanned = 0;
	f->unterminated = false;
	f->records++;
	return 1;
}

static const char *find_delim(const struct frame *f, struct str text)
{
	const char *from = text.ptr + f->scanned;
	size_t len = text.len - f->scanned;
	if (f->style.delim_len == 1)
		return memchr(from, f->style.delim[0], len);
	return memmem(from, len, f->style.delim, f->style.delim_len);
}

static int next_delim(struct frame *f, struct str *rest, struct str *record, struct err *err)
{
	size_t delim_len = f->style.delim_len;
	if (rest->len < f->scanned + delim_len)
		return 0;
	/* A delimiter further away than this ends a record that is too long. */
	struct str text = *rest;
	if (text.len - delim_len > f->max_record)
		text.len = f->max_record + delim_len;
	const char *at = find_delim(f, text);
	if (at) {
		record->len = (size_t)(at - rest->ptr);
		return give(f, rest, 0, record, record->len + delim_len);
	}
	f->scanned = text.len - delim_len + 1;
	return f->scanned > f->max_record ? too_long(f, err) : 0;
}

static uint32_t read_length(const char *p)
{
	const unsigned char *u = (const unsigned char *)p;
	return (uint32_t)u[0] << 24 | (uint32_t)u[1] << 16 | (uint32_t)u[2] << 8 | u[3];
}

static int next_length(struct frame *f, struct str *rest, struct str *record, struct err *err)
{
	if (rest->len < LENGTH_SIZE)
		return 0;
	uint32_t len = read_length(rest->ptr);
	if (len == NULL_LENGTH) {
		record->len = 0;
		give(f, rest, 0, record, LENGTH_SIZE);
		record->ptr = NULL;
		return 1;
	}
	if (len > f->max_record)
		return too_long(f, err);
	if (rest->len - LENGTH_SIZE < len)
		return 0;
	record->len = len;
	return give(f, rest, LENGTH_SIZE, record, LENGTH_SIZE + (size_t)len);
}

int frame_next(struct frame *f, struct str *rest, struct str *record, struct err *err)
{
	switch (f->style.kind) {
	case FRAME_DELIM:
		return next_delim(f, rest, record, err);
	case FRAME_LENGTH:
		return next_length(f, rest, record, err);
	case FRAME_WHOLE:
		break;
	}
	return rest->len > f->max_record ? too_long(f, err) : 0;
}

static int cut_off(const struct frame *f, struct str rest, struct err *err)
{
	if (rest.len < LENGTH_SIZE)
		return err_set(err, ST_FAIL,
		    "the input ends inside the length of record %" PRId64 ": %zu of 4 bytes",
		    f->records + 1, rest.len);
	return err_set(err, ST_FAIL, "the input ends inside record %" PRId64 ": %zu of %zu bytes",
	    f->records + 1, rest.len - LENGTH_SIZE, (size_t)read_length(rest.ptr));
}

int frame_end(struct frame *f, struct str rest, struct str *record, struct err *err)
{
	f->scanned = 0;
	if (f->style.kind != FRAME_WHOLE && rest.len == 0)
		return 0;
	if (f->style.kind == FRAME_LENGTH)
		return cut_off(f, rest, err);
	if (rest.len > f->max_record)
		return too_long(f, err);
	*record = rest.ptr ? rest : STR("");
	f->records++;
	f->unterminated = f->style.kind == FRAME_DELIM;
	return 1;
}

static void put_length(struct buf *out, struct str value)
{
	uint32_t n = value.ptr ? (uint32_t)value.len : NULL_LENGTH;
	char be[LENGTH_SIZE] = {(char)(n >> 24), (char)(n >> 16), (char)(n >> 8), (char)n};
	buf_add(out, be, sizeof(be));
}

void frame_put(
    const struct frame_style *style, struct buf *out, struct str value, bool last_unterminated)
{
	if (style->kind == FRAME_LENGTH)
		put_length(out, value);
	buf_add_str(out, value);
	if (style->kind == FRAME_DELIM && !last_unterminated)
		buf_add(out, style->delim, style->delim_len);
}
