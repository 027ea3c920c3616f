/* murmur2: the hash by which Kafka's Java clients choose a key's partition, to choose the same. */
#ifndef BASE_MURMUR2_H
#define BASE_MURMUR2_H

#include <stdint.h>

#include "base/str.h"

uint32_t murmur2(struct str key);

/* partitions must be at least 1. */
int32_t murmur2_partition(struct str key, int32_t partitions);

#endif
