#include "base/sieve.h"

#include <stdlib.h>

#include <xxhash.h>

#include "base/mem.h"

#define SIEVE_BITS   ((size_t)1 << 23)
#define SIEVE_PROBES 4

/* The place of one of a string's bits; one hash makes them all. */
static size_t probe(uint64_t hash, unsigned i)
{
	return (hash + i * (hash >> 32 | 1)) % SIEVE_BITS;
}

void sieve_add(struct sieve *s, struct str text)
{
	uint64_t hash = XXH3_64bits(text.ptr, text.len);
	if (!s->bits)
		s->bits = mem_zalloc(SIEVE_BITS / 8, 1);
	for (unsigned i = 0; i < SIEVE_PROBES; i++) {
		size_t at = probe(hash, i);
		s->bits[at / 8] |= (uint8_t)(1u << at % 8);
	}
}

bool sieve_has(const struct sieve *s, struct str text)
{
	uint64_t hash = XXH3_64bits(text.ptr, text.len);
	for (unsigned i = 0; i < SIEVE_PROBES; i++) {
		size_t at = probe(hash, i);
		if (!s->bits || !(s->bits[at / 8] & 1u << at % 8))
			return false;
	}
	return true;
}

void sieve_release(struct sieve *s)
{
	free(s->bits);
	*s = (struct sieve)SIEVE_INIT;
}
