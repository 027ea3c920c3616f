/* failed: keeps what commands failed at, for whoever looks into it later. In a directory, for each
 * run: TOKEN-ATTEMPT.in, its input; .err, the end of what it said on standard error; .json, how it ended.
 *
 * Each file appears when it is whole, .json last. The names are made safe by file_name (file.h), the
 * files are for their owner alone: they hold records. At most FAILED_MOST runs stay, whoever wrote
 * them, then the oldest go; a run is what has all three files, and nothing else is ever removed. */
#ifndef TOOL_FAILED_H
#define TOOL_FAILED_H

#include <stddef.h>

#include "base/err.h"
#include "base/str.h"
#include "tool/child.h"

#define FAILED_MOST 100

struct failed_run {
	const char *token;
	int attempt;
	struct str in;
	const struct child *child; /* that has ended */
};

int failed_open(const char *dir, struct err *err); /* makes it if need be; ST_USAGE "DIR: why" */
int failed_keep(const char *dir, const struct failed_run *run, struct err *err);

#endif
