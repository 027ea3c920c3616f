/* merge: brings one sender's records, spread over several partitions, back into input order. It
 * keeps the books only: each lane (a partition) tells the number of its first record not yet taken,
 * its head, and the merge says which lane is next. Records stay where they are.
 *
 *	merge_start(&m, lanes);
 *	for (;;) switch (merge_next(&m, &lane)) {
 *	case MERGE_TAKE: use the head of lane; it is next in order.              break;
 *	case MERGE_DROP: forget the head of lane; it was given out before.       break;
 *	case MERGE_WAIT: nothing can be decided until lane has a head or ended.  break;
 *	case MERGE_END:  every lane ended and was emptied.
 *	}
 *
 * After TAKE and DROP the lane has no head. Tell heads as soon as they are known, not only when
 * asked: merge_head whenever a lane has none, merge_finish when there will be none.
 *
 * Within a lane numbers must increase, except for numbers that were given out already (a retry or a
 * resumed sender wrote them twice): those are dropped. A number is missing when every lane has a
 * larger head or ended. One that first comes after a larger one of its lane may be taken for
 * missing, and is dropped then: whoever writes must not do that.
 *
 * A run of consecutive numbers in one lane costs O(1) a record, a change of lanes O(log lanes). */
#ifndef BATCH_MERGE_H
#define BATCH_MERGE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

#define MERGE_GAPS_MAX 100

enum merge_step { MERGE_TAKE, MERGE_DROP, MERGE_WAIT, MERGE_END };

struct merge_gap {
	int64_t from, to; /* both missing */
};

struct merge_lane;

struct merge {
	int64_t last; /* given out or found missing: everything up to here */
	int64_t taken, duplicates, missing;
	struct merge_gap gaps[MERGE_GAPS_MAX]; /* the first ones; `missing` counts all */
	size_t gap_count;

	/* private */
	struct merge_lane *lanes;
	size_t lane_count, current;
	size_t *heap, heap_count; /* lanes with a head but the current one, the smallest first */
	size_t *idle, idle_count; /* lanes without a head that did not end, but the current one */
};

#define MERGE_INIT {0}

/* Numbers begin with 1. Replaces nothing: release before starting again. */
void merge_start(struct merge *m, size_t lanes);

/* The lane, which has no head and has not ended, has this one now. */
void merge_head(struct merge *m, size_t lane, int64_t n);

/* The lane has nothing after what was told of it. */
void merge_finish(struct merge *m, size_t lane);

enum merge_step merge_next(struct merge *m, size_t *lane);

/* After MERGE_END: the numbers up to total that did not come are missing too. */
void merge_expect(struct merge *m, int64_t total);

/* Appends "17, 20-25", and " and 12 more" when there were more gaps than were kept. Nothing when
 * nothing is missing. */
void merge_missing_text(const struct merge *m, struct buf *out);

void merge_release(struct merge *m);

#endif
