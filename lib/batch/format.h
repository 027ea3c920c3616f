/* format: prints a record by a template, kcat's -f. Parsed once, then used for each record.
 *
 *	%s  value                          %S  its length, -1 for null
 *	%k  key                            %K  its length, -1 for null
 *	%t  topic                          %R  the value's length as four bytes, big-endian
 *	%p  partition                      %o  offset
 *	%T  timestamp, milliseconds        %h  all headers: name=value,name=value
 *	%H{NAME}  value of the first header NAME, nothing when there is none
 *	%%  a percent sign                 \n \t \r \\ \0 \xNN  bytes, see base/escape.h
 *
 * Everything else stands for itself. A null key, value or header value prints as null_text. */
#ifndef BATCH_FORMAT_H
#define BATCH_FORMAT_H

#include "base/buf.h"
#include "base/err.h"
#include "batch/record.h"

struct format_part {
	char verb;  /* 0: plain text */
	char *text; /* owned: the text, or the header's name; else NULL */
	size_t len;
};

struct format {
	struct format_part *parts;
	size_t count, cap;
	struct str null_text; /* borrowed; absent at first, prints nothing */
};

#define FORMAT_INIT {0}

/* Replaces what f held. ST_USAGE: an unknown or cut-off verb or escape, with its column. */
int format_parse(struct format *f, const char *text, struct err *err);

void format_put(const struct format *f, const struct record *r, struct buf *out);

void format_release(struct format *f);

#endif
