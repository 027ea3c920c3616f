/* spool: records kept in a temporary file until all of them are known to be good, then read again.
 *
 * The file has no name (file_unnamed in tool/file.h). Usage: spool_open, spool_add for each record,
 * spool_read once. */
#ifndef TOOL_SPOOL_H
#define TOOL_SPOOL_H

#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "tool/out.h"
#include "tool/source.h"

struct spool {
	struct out file;
	struct buf frame;
	int64_t records, bytes; /* of values, so far */
};

#define SPOOL_INIT {.file = {.fd = -1}}

int spool_open(struct spool *s, struct err *err);

/* ST_FAIL when the disk is full. A null value comes back as one. */
int spool_add(struct spool *s, struct str value, struct err *err);

/* Makes from, which is not yet initialised, give back the records in order, all of them at most max_record
 * long. The spool takes no more. */
int spool_read(struct spool *s, struct source *from, struct pool *pool, size_t max_record,
    struct err *err);

void spool_close(struct spool *s);

#endif
