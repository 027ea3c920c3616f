/* digest: proves that two sets of records are equal, in whatever order they came.
 *
 * A record's digest is XXH3-128 (seed 0) of this string of bytes, read as one number of 128 bits:
 *	the key's length, 8 bytes, little-endian; the key
 *	the value's length, 8 bytes, little-endian; the value
 * For a null key or value the 8 bytes are ff and nothing follows: null is not the same as empty.
 * A set's digest is the sum of its records' modulo 2^128; that of no records is 0. It is written as
 * 32 hex digits, the highest first, so that of one record is what xxhsum -H2 prints.
 * A record there twice counts twice. It is no protection against a forger. */
#ifndef BASE_DIGEST_H
#define BASE_DIGEST_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct digest {
	uint64_t lo, hi;
};

#define DIGEST_INIT {0}
#define DIGEST_HEX  33 /* 32 digits and a NUL */

void digest_record(struct digest *sum, struct str key, struct str value); /* ptr NULL: null */
void digest_add(struct digest *sum, const struct digest *other);
bool digest_equal(const struct digest *a, const struct digest *b);

void digest_hex(const struct digest *d, char out[DIGEST_HEX]);   /* small letters */
bool digest_from_hex(struct str hex, struct digest *out);        /* exactly what digest_hex makes */

#endif
