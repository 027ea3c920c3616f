#include "base/murmur2.h"

#define FACTOR 0x5bd1e995u

static uint32_t tail(const unsigned char *p, size_t len)
{
	uint32_t k = 0;
	for (size_t i = len; i > 0; i--)
		k = k << 8 | p[i - 1];
	return k;
}

uint32_t murmur2(struct str key)
{
	const unsigned char *p = (const unsigned char *)key.ptr;
	uint32_t h = 0x9747b28cu ^ (uint32_t)key.len;
	size_t len = key.len;
	for (; len >= 4; p += 4, len -= 4) {
		uint32_t k = tail(p, 4) * FACTOR;
		h = (h * FACTOR) ^ ((k ^ k >> 24) * FACTOR);
	}
	if (len)
		h = (h ^ tail(p, len)) * FACTOR;
	h = (h ^ h >> 13) * FACTOR;
	return h ^ h >> 15;
}

int32_t murmur2_partition(struct str key, int32_t partitions)
{
	return (int32_t)(murmur2(key) & 0x7fffffff) % partitions;
}
