/* skim: the numbers of a sender's records in one partition, without a look at each one's headers.
 *
 * It holds where every offset of the sender's extent is one of its records, as the manifest's count says,
 * and where numbers grow, as they do in what one idempotent producer wrote: then two records whose numbers
 * are as far apart as their offsets have just the numbers between between them. The look ahead goes
 * farther while it succeeds, and is back at the next record when numbers jump at every one.
 *
 *	each head: skim_knows? then its number is known
 *	otherwise: read its headers; look at the record skim_ahead() behind it; skim_learn */
#ifndef BATCH_SKIM_H
#define BATCH_SKIM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "batch/manifest.h"

struct skim {
	int64_t until;  /* below this offset numbers are known: */
	int64_t shift;  /* offset + shift */
	size_t stride;  /* 0: never look ahead */
};

void skim_start(struct skim *s, const struct extent *x);

bool skim_knows(const struct skim *s, int64_t offset, int64_t *n);

/* How far behind the head to look at most; 0: not at all. */
size_t skim_ahead(const struct skim *s);

/* The head at this offset has number n, the record at later_offset number later; 0: no number of the
 * sender's, or no record was there. */
void skim_learn(struct skim *s, int64_t offset, int64_t n, int64_t later_offset, int64_t later);

#endif
