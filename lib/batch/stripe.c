#include "batch/stripe.h"

/* STRIPE_LONGEST is 2 to this power. */
#define DOUBLINGS 8

int32_t stripe_partition(int64_t n, uint32_t first, int32_t partitions)
{
	/* Stripes of 2^k records take 2^k times this many records, and those before them 2^k - 1 times. */
	int64_t level = (int64_t)STRIPE_ROUNDS * partitions, at = n - 1;
	int k = 63 - __builtin_clzll((unsigned long long)(at / level + 1));
	if (k > DOUBLINGS)
		k = DOUBLINGS;
	at -= level * ((1 << k) - 1);
	return (int32_t)((first + (at >> k)) % partitions);
}
