/* frame: cuts a stream of bytes into records, and joins records to such a stream again.
 *
 * The caller owns the memory and shows a window of it, *rest. frame_next until it answers 0; then
 * get more input, and come back with the same bytes and more behind them, moved or not: what was
 * searched once is not searched again. At the end of the input frame_end, once. Records are spans
 * inside the window and nothing is copied: they are valid as long as the caller keeps those bytes.
 * One frame serves several inputs one after the other; frame_end makes it ready for the next. */
#ifndef BATCH_FRAME_H
#define BATCH_FRAME_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

enum frame_kind {
	FRAME_DELIM,  /* records end with a delimiter */
	FRAME_LENGTH, /* length in four bytes, big-endian, then as many bytes; ff ff ff ff: null */
	FRAME_WHOLE,  /* one input is one record, also when it is empty */
};

#define FRAME_DELIM_MAX 32

struct frame_style {
	enum frame_kind kind;
	char delim[FRAME_DELIM_MAX];
	size_t delim_len; /* never 0 with FRAME_DELIM */
};

#define FRAME_STYLE_LINES {FRAME_DELIM, "\n", 1}

/* The name of a kind in a manifest: "delimited", "length-prefixed", "whole"; and back. */
const char *frame_kind_name(enum frame_kind kind);
bool frame_kind_parse(struct str name, enum frame_kind *kind);

/* Makes style a delimited one by the text of an option: any bytes, with the escapes of
 * base/escape.h. ST_USAGE when it is empty, too long, or an escape is unknown. */
int frame_delim_parse(const char *text, struct frame_style *style, struct err *err);

struct frame {
	struct frame_style style;
	size_t max_record; /* longer ones are refused; SIZE_MAX: no limit */
	int64_t records;   /* given out so far */
	bool unterminated; /* the last one given out had no delimiter */
	size_t scanned;    /* private: where in the window a delimiter can begin at the earliest */
};

void frame_init(struct frame *f, const struct frame_style *style, size_t max_record);

/* 1: *record is the next one and *rest begins behind it and its delimiter. 0: none is complete in
 * *rest. -1, ST_FAIL: longer than max_record, said as soon as it is certain, so the window need
 * never be larger than max_record and the delimiter or the length. */
int frame_next(struct frame *f, struct str *rest, struct str *record, struct err *err);

/* After frame_next answered 0 and nothing follows rest. 1: *record is a last one. 0: nothing is
 * left. -1, ST_FAIL: the input ends inside a length-prefixed record, or the last is too long. */
int frame_end(struct frame *f, struct str rest, struct str *record, struct err *err);

/* Appends value as a record of that style (at most UINT32_MAX - 1 bytes). A null value is the same
 * as an empty one unless the style is FRAME_LENGTH. last_unterminated leaves the delimiter out. */
void frame_put(const struct frame_style *style, struct buf *out, struct str value,
    bool last_unterminated);

#endif
