#include "batch/keylane.h"

#include "base/murmur2.h"

static size_t shortest(const size_t *lengths, size_t lanes)
{
	size_t best = 0;
	for (size_t i = 1; i < lanes; i++)
		if (lengths[i] < lengths[best])
			best = i;
	return best;
}

size_t keylane_of(struct str key, const size_t *lengths, size_t lanes)
{
	return key.ptr ? murmur2(key) % lanes : shortest(lengths, lanes);
}
