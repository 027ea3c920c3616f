/* verdict: what became of a record, and how many became what. */
#ifndef BATCH_VERDICT_H
#define BATCH_VERDICT_H

#include <stdint.h>

enum verdict {
	VERDICT_UNDONE,
	VERDICT_DONE,
	VERDICT_INVALID, /* the command cannot process it */
	VERDICT_SKIPPED, /* passed over, on purpose */
};

struct tally {
	int64_t done, invalid, skipped;
};

static inline void tally_add(struct tally *t, enum verdict verdict, int64_t records)
{
	if (verdict == VERDICT_DONE)
		t->done += records;
	else if (verdict == VERDICT_INVALID)
		t->invalid += records;
	else if (verdict == VERDICT_SKIPPED)
		t->skipped += records;
}

static inline int64_t tally_sum(const struct tally *t)
{
	return t->done + t->invalid + t->skipped;
}

#endif
