#include "base/jstring.h"

#include <string.h>

#include "base/hex.h"
#include "base/utf8.h"

/* Reads \uXXXX at p; -1: it is none. */
static int32_t read_unit(const char *p, const char *end)
{
	int32_t unit = 0;
	if (end - p < 6 || p[0] != '\\' || p[1] != 'u')
		return -1;
	for (size_t i = 2; i < 6; i++) {
		int digit = hex_digit(p[i]);
		if (digit < 0)
			return -1;
		unit = unit << 4 | digit;
	}
	return unit;
}

static size_t read_unicode_escape(const char *p, const char *end, uint32_t *code)
{
	int32_t high = read_unit(p, end);
	if (high < 0 || (high >= 0xdc00 && high <= 0xdfff))
		return 0;
	*code = (uint32_t)high;
	if (high < 0xd800 || high > 0xdbff)
		return 6;
	int32_t low = read_unit(p + 6, end);
	if (low < 0xdc00 || low > 0xdfff)
		return 0;
	*code = 0x10000 + ((uint32_t)(high - 0xd800) << 10 | (uint32_t)(low - 0xdc00));
	return 12;
}

size_t jstring_escape(const char *p, const char *end, uint32_t *code)
{
	static const char letters[] = "\"\\/bfnrt", values[] = "\"\\/\b\f\n\r\t";
	if (end - p < 2)
		return 0;
	if (p[1] == 'u')
		return read_unicode_escape(p, end, code);
	const char *letter = p[1] ? strchr(letters, p[1]) : NULL;
	if (!letter)
		return 0;
	*code = (uint32_t)values[letter - letters];
	return 2;
}

/* Compares piece by piece, the name being written with escapes. */
static bool is_escaped_name(struct str raw, struct str want)
{
	const char *p = raw.ptr + 1, *end = raw.ptr + raw.len - 1;
	size_t at = 0;
	while (p < end) {
		uint32_t code;
		char bytes[4] = {*p};
		size_t escape_len = *p == '\\' ? jstring_escape(p, end, &code) : 0;
		size_t len = escape_len ? utf8_put(code, bytes) : 1;
		if (want.len - at < len || memcmp(want.ptr + at, bytes, len) != 0)
			return false;
		at += len;
		p += escape_len ? escape_len : 1;
	}
	return at == want.len;
}

bool jstring_is(struct str raw, struct str want)
{
	size_t len = raw.len - 2;
	if (len < want.len)
		return false;
	if (memchr(raw.ptr + 1, '\\', len))
		return is_escaped_name(raw, want);
	return len == want.len && memcmp(raw.ptr + 1, want.ptr, len) == 0;
}
