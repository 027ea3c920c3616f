/* expected: the batches of one name, for a dead man's switch. It takes in their documents in the order of the log,
 * and tells which of them is completed as things stand, or else what became of them. */
#ifndef APP_EXPECTED_H
#define APP_EXPECTED_H

#include "base/map.h"
#include "batch/batch.h"

struct expected {
	struct map batches; /* id -> struct expected_batch */
	int64_t turn;       /* number of the event heard last */
};

/* seed: random. */
void expected_init(struct expected *x, uint64_t seed);
void expected_release(struct expected *x);

/* The batch as it is after an event of that time, which changed its status or told progress. */
void expected_hear(struct expected *x, const struct batch *b, int64_t ts_ms);

/* The document of the batch that is completed and was so first; not present: none is. Borrowed until the next
 * expected_hear. */
struct str expected_completed(const struct expected *x);

/* Appends in words why none is completed: that none began, or how the one that changed last stands. */
void expected_why(const struct expected *x, struct buf *out);

#endif
