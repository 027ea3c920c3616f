/* stripe: to which partition a record without a key goes: by its number alone.
 *
 * Records go to the partitions in stripes, one partition after the other. The first stripes are one record long, so that
 * some dozens of records are spread evenly; after STRIPE_ROUNDS stripes for each partition they are twice as long, and so on
 * up to STRIPE_LONGEST, so that of many records long runs lie together, which a reader's merge takes faster. No
 * partition has more than one stripe more than another: a sixteenth of its records. Numbers grow within each
 * partition, and the same number goes to the same partition again. */
#ifndef BATCH_STRIPE_H
#define BATCH_STRIPE_H

#include <stdint.h>

#define STRIPE_ROUNDS  16
#define STRIPE_LONGEST 256

/* The partition of record n, counted from 1, when record 1 goes to `first`. */
int32_t stripe_partition(int64_t n, uint32_t first, int32_t partitions);

#endif
