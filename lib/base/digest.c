#include "base/digest.h"

/* Compiled in: no call a record, and the state on the stack is sure to be of its version. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/hex.h"

#define LEN_SIZE 8

static void put_len(unsigned char to[LEN_SIZE], struct str s)
{
	uint64_t len = s.ptr ? s.len : UINT64_MAX;
	for (size_t i = 0; i < LEN_SIZE; i++)
		to[i] = (unsigned char)(len >> 8 * i);
}

static void update(XXH3_state_t *state, struct str s)
{
	unsigned char len[LEN_SIZE];
	put_len(len, s);
	XXH3_128bits_update(state, len, sizeof(len));
	if (s.ptr)
		XXH3_128bits_update(state, s.ptr, s.len);
}

void digest_record(struct digest *sum, struct str key, struct str value)
{
	XXH3_state_t state;
	XXH3_128bits_reset(&state);
	update(&state, key);
	update(&state, value);
	XXH128_hash_t h = XXH3_128bits_digest(&state);
	digest_add(sum, &(struct digest){h.low64, h.high64});
}

void digest_add(struct digest *sum, const struct digest *other)
{
	sum->lo += other->lo;
	sum->hi += other->hi + (sum->lo < other->lo);
}

bool digest_equal(const struct digest *a, const struct digest *b)
{
	return a->lo == b->lo && a->hi == b->hi;
}

void digest_hex(const struct digest *d, char out[DIGEST_HEX])
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < 32; i++) {
		uint64_t half = i < 16 ? d->hi : d->lo;
		out[i] = digits[half >> (60 - 4 * (i % 16)) & 15];
	}
	out[32] = '\0';
}

bool digest_from_hex(struct str hex, struct digest *out)
{
	uint64_t half[2] = {0, 0};
	if (hex.len != 32)
		return false;
	for (size_t i = 0; i < 32; i++) {
		int digit = hex_digit(hex.ptr[i]);
		if (digit < 0 || (hex.ptr[i] >= 'A' && hex.ptr[i] <= 'F'))
			return false;
		half[i / 16] = half[i / 16] << 4 | (uint64_t)digit;
	}
	*out = (struct digest){.hi = half[0], .lo = half[1]};
	return true;
}
