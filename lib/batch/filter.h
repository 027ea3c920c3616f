/* filter: which records are wanted, by key, headers and value. An empty filter wants all.
 * Several keys: one of them must be the record's. Several headers or expressions: all must match.
 * Texts are borrowed and must outlive the filter. */
#ifndef BATCH_FILTER_H
#define BATCH_FILTER_H

#include <stdbool.h>

#include "base/err.h"
#include "batch/record.h"

struct filter_grep;

struct filter {
	struct str *keys;
	size_t key_count, key_cap;
	struct header *headers; /* value absent: any value will do */
	size_t header_count, header_cap;
	struct filter_grep *greps;
	size_t grep_count, grep_cap;
};

#define FILTER_INIT {0}

/* The record's key is exactly text; "" is the empty key, never the missing one. */
void filter_add_key(struct filter *f, const char *text);

/* "NAME=VALUE", cut at the first '=': some header NAME has exactly this value. "NAME": there is a
 * header NAME. ST_USAGE when the name is empty. */
int filter_add_header(struct filter *f, const char *text, struct err *err);

/* The value holds a match of this extended regular expression. ^ and $ are the ends of the value,
 * and a line break or NUL in it is nothing special, except that . does not match NUL. A null value
 * never matches. ST_USAGE when the expression is wrong. */
int filter_add_grep(struct filter *f, const char *regex, struct err *err);

bool filter_match(const struct filter *f, const struct record *r);

void filter_release(struct filter *f);

#endif
