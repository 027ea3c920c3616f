/* joblog: a line for each command that ended, in the columns of GNU parallel's --joblog:
 * Seq Host Starttime JobRuntime Send Receive Exitval Signal Command, with tabs between.
 *
 * The file is appended to, each line by one write, so several may have it open; whoever finds it
 * empty writes the head. {.fd = -1} is one that is not open. */
#ifndef TOOL_JOBLOG_H
#define TOOL_JOBLOG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"
#include "tool/process.h"

struct joblog {
	int fd;
	int64_t seq;

	/* private */
	char *path, *host;
	bool cut; /* the last line is not whole */
};

#define JOBLOG_INIT {.fd = -1}

struct joblog_line {
	int64_t start_ms, took_ms;
	int64_t sent, received; /* bytes of its input and output */
	struct process_status status; /* by a signal: its Exitval is 0, as parallel has it */
	struct str command; /* tabs and line ends in it are made visible */
};

int joblog_open(struct joblog *j, const char *path, struct err *err); /* ST_USAGE "PATH: why" */

/* ST_FAIL when it cannot be written as a whole. */
int joblog_add(struct joblog *j, const struct joblog_line *line, struct err *err);

void joblog_close(struct joblog *j);

#endif
