/* seqset: which sequence numbers of a sender came, as ranges, to name those that did not. Bounded: when
 * the numbers come so mixed that too many ranges are open, it gives up naming, and says so. */
#ifndef BATCH_SEQSET_H
#define BATCH_SEQSET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

#define SEQSET_MOST 65536

struct seqset_range {
	int64_t first, last;
};

struct seqset {
	struct seqset_range *list; /* owned; ascending, with gaps between */
	size_t count, cap;
	size_t at; /* the range that took the last number: most often it takes the next, too */
	bool gave_up;
};

#define SEQSET_INIT {0}

void seqset_add(struct seqset *s, int64_t n);

/* Appends "17, 20-25" for what is missing of 1..total, at most `most` ranges; nothing when complete or
 * when it gave up. */
void seqset_missing(const struct seqset *s, int64_t total, size_t most, struct buf *out);

int64_t seqset_last(const struct seqset *s); /* the largest number; 0: none */

void seqset_release(struct seqset *s);

#endif
