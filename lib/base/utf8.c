#include "base/utf8.h"

#include <stdbool.h>
#include <string.h>

size_t utf8_char(struct str s, uint32_t *code)
{
	static const uint32_t least[] = {0, 0, 0x80, 0x800, 0x10000};
	const unsigned char *p = (const unsigned char *)s.ptr;
	if (s.len == 0)
		return 0;
	if (p[0] < 0x80) {
		*code = p[0];
		return 1;
	}
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	if (p[0] < 0xc2 || p[0] > 0xf4 || s.len < len)
		return 0;
	uint32_t c = p[0] & (0x7fu >> len);
	for (size_t i = 1; i < len; i++) {
		if ((p[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (p[i] & 0x3fu);
	}
	if (c < least[len] || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff))
		return 0;
	*code = c;
	return len;
}

size_t utf8_put(uint32_t code, char out[4])
{
	static const unsigned char lead[] = {0, 0, 0xc0, 0xe0, 0xf0};
	if (code < 0x80) {
		out[0] = (char)code;
		return 1;
	}
	size_t len = code < 0x800 ? 2 : code < 0x10000 ? 3 : 4;
	for (size_t i = len - 1; i > 0; i--) {
		out[i] = (char)(0x80 | (code & 0x3f));
		code >>= 6;
	}
	out[0] = (char)(lead[len] | code);
	return len;
}

static size_t ascii_len(const char *p, size_t len)
{
	const uint64_t high_bits = UINT64_C(0x8080808080808080);
	size_t i = 0;
	for (uint64_t word; len - i >= sizeof(word); i += sizeof(word)) {
		memcpy(&word, p + i, sizeof(word));
		if (word & high_bits)
			break;
	}
	while (i < len && !((unsigned char)p[i] & 0x80))
		i++;
	return i;
}

size_t utf8_valid_len(struct str s)
{
	size_t at = 0, len = 1;
	uint32_t code;
	while (at < s.len && len) {
		if ((unsigned char)s.ptr[at] < 0x80)
			len = ascii_len(s.ptr + at, s.len - at);
		else
			len = utf8_char((struct str){s.ptr + at, s.len - at}, &code);
		at += len;
	}
	return at;
}

void utf8_repair(struct buf *out, struct str text)
{
	for (;;) {
		size_t good = utf8_valid_len(text);
		buf_add(out, text.ptr, good);
		if (good == text.len)
			return;
		buf_puts(out, "\xef\xbf\xbd");
		text.ptr += good + 1;
		text.len -= good + 1;
	}
}

static bool is_harmful(uint32_t code, unsigned flags)
{
	if (code == '\n')
		return !(flags & UTF8_KEEP_NEWLINE);
	return (code < 0x20 && code != '\t') || (code >= 0x7f && code <= 0x9f) ||
	    code == 0x200e || code == 0x200f || (code >= 0x2028 && code <= 0x202e) ||
	    (code >= 0x2066 && code <= 0x2069);
}

/* How much of text is harmless. *bad is the length of what follows and is not: 0 at the end. */
static size_t harmless_len(struct str text, unsigned flags, size_t *bad)
{
	uint32_t code;
	size_t at = 0;
	*bad = 0;
	while (at < text.len) {
		size_t len = utf8_char((struct str){text.ptr + at, text.len - at}, &code);
		if (len == 0 || is_harmful(code, flags)) {
			*bad = len ? len : 1;
			break;
		}
		at += len;
	}
	return at;
}

void utf8_escape(struct buf *out, struct str text, unsigned flags)
{
	for (;;) {
		size_t bad, good = harmless_len(text, flags, &bad);
		buf_add(out, text.ptr, good);
		if (!bad)
			return;
		for (size_t i = good; i < good + bad; i++)
			buf_printf(out, "\\x%02x", (unsigned)(unsigned char)text.ptr[i]);
		text.ptr += good + bad;
		text.len -= good + bad;
	}
}
