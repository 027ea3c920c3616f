#include "base/digest.h"

#include <endian.h>
#include <string.h>

/* Compiled in: no call a record, and the state on the stack is sure to be of its version. */
#define XXH_INLINE_ALL
#include <xxhash.h>

#include "base/hex.h"

#define LEN_SIZE 8

/* Records up to this size are hashed in one piece, which costs half of what it costs in several. */
#define SHORT 1024

static void put_len(unsigned char to[LEN_SIZE], struct str s)
{
	uint64_t len = htole64(s.ptr ? s.len : UINT64_MAX);
	memcpy(to, &len, LEN_SIZE);
}

static unsigned char *put(unsigned char *to, struct str s)
{
	put_len(to, s);
	if (s.len)
		memcpy(to + LEN_SIZE, s.ptr, s.len);
	return to + LEN_SIZE + s.len;
}

static XXH128_hash_t hash_short(struct str key, struct str value)
{
	unsigned char bytes[2 * LEN_SIZE + SHORT];
	const unsigned char *end = put(put(bytes, key), value);
	return XXH3_128bits(bytes, (size_t)(end - bytes));
}

static void update(XXH3_state_t *state, struct str s)
{
	unsigned char len[LEN_SIZE];
	put_len(len, s);
	XXH3_128bits_update(state, len, sizeof(len));
	if (s.ptr)
		XXH3_128bits_update(state, s.ptr, s.len);
}

static XXH128_hash_t hash_long(struct str key, struct str value)
{
	XXH3_state_t state;
	XXH3_128bits_reset(&state);
	update(&state, key);
	update(&state, value);
	return XXH3_128bits_digest(&state);
}

void digest_record(struct digest *sum, struct str key, struct str value)
{
	bool is_short = key.len <= SHORT && value.len <= SHORT - key.len;
	XXH128_hash_t h = is_short ? hash_short(key, value) : hash_long(key, value);
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
