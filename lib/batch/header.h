/* header: an ordered list of record headers that keeps duplicates, as Kafka does, and the names of
 * our own. Names and values are borrowed from the record they came with. */
#ifndef BATCH_HEADER_H
#define BATCH_HEADER_H

#include "base/str.h"

#define HDR_BATCH_ID  "batchId"  /* HRI: the batch a data record belongs to */
#define HDR_BATCH_SEQ "batchSeq" /* SENDER:N, see batch/seq.h */

struct header {
	struct str name;
	struct str value; /* ptr NULL: a null value */
};

struct headers {
	struct header *list; /* owned array, borrowed contents */
	size_t count, cap;
};

#define HEADERS_INIT {0}

void headers_add(struct headers *h, struct str name, struct str value);

/* The first one of that name, or NULL. Names are case-sensitive. The first counts: a later header of
 * the same name cannot move a record into another batch. */
const struct header *headers_find(const struct headers *h, const char *name);

void headers_clear(struct headers *h); /* memory kept for the next record */
void headers_release(struct headers *h);

#endif
