/* query: which batches of a stream are wanted, and the list of them. The whole notification topic since
 * a time is folded; memory is that of the batches in it. */
#ifndef APP_QUERY_H
#define APP_QUERY_H

#include "app/session.h"

struct query {
	const char *name;    /* a pattern of fnmatch(3); NULL: any */
	unsigned statuses;   /* bits 1 << status; 0: any */
	const struct opt_list *metadata; /* NAME=VALUE: all must be so */
	int64_t since_ms;    /* started at that time or later; KLOG_BEGINNING: any */
	int64_t until_ms;    /* started before; INT64_MAX: any */
	int64_t at_ms;       /* the state as it was then; INT64_MAX: now */
	int64_t from, size;  /* the first of them to print, and how many; size -1: all */
	bool tell_rest;      /* note on standard error when size left some out */
	bool ids;            /* print ids only */
	bool list;           /* print one object, as HRI does: {"results":[...],"total":N} */
};

/* Prints the batches that match, the youngest first, one a line. */
int query_run(struct tool_ctx *t, const char *stream, const struct query *q);

/* Parses "started,completed" into bits. ST_USAGE. */
int query_statuses(struct tool_ctx *t, const char *text, unsigned *out);

/* Does a document match name, status and metadata of q? */
bool query_name_matches(const char *pattern, const struct batch *b);
bool query_matches(const struct query *q, const struct batch *b);

/* Prints the streams that the brokers have, one a line: each X of which there is X.notification. */
int query_streams(struct tool_ctx *t);

#endif
