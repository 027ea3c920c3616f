/* report: what the command says of single records, on the descriptor that BATCH_REPORT_FD names:
 *
 *	INDEX ACTION [REASON]
 *
 * a line for each record that it wants to name. INDEX counts from 0 in its input; ACTION is retry,
 * invalid or skip; REASON is the rest of the line. Records that are not named follow the exit
 * status. A report that is not wholly of this form counts for nothing and fails the run. */
#ifndef BATCH_REPORT_H
#define BATCH_REPORT_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"

enum report_action {
	REPORT_RETRY,
	REPORT_INVALID,
	REPORT_SKIP,
};

struct report_line {
	size_t index;
	enum report_action action;
	struct str reason; /* borrowed from the report's text; empty when there is none */
};

struct report {
	struct report_line *list; /* owned; by index, each once */
	size_t count, cap;
};

#define REPORT_INIT {0}

/* records: how many the command was given. r must be empty, and stays so when it fails
 * (ST_FAIL). */
int report_parse(struct report *r, struct str text, size_t records, struct err *err);

/* Those of r, which were given shift records after the first of `to`, and none before what it names. */
void report_add(struct report *to, const struct report *r, size_t shift);

void report_release(struct report *r);

#endif
