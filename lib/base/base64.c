#include "base/base64.h"

#include <stdint.h>

static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static void put_group(char *to, const unsigned char *from, size_t count)
{
	uint32_t bits = (uint32_t)from[0] << 16;
	if (count > 1)
		bits |= (uint32_t)from[1] << 8;
	if (count > 2)
		bits |= from[2];
	to[0] = digits[bits >> 18];
	to[1] = digits[bits >> 12 & 63];
	to[2] = count > 1 ? digits[bits >> 6 & 63] : '=';
	to[3] = count > 2 ? digits[bits & 63] : '=';
}

void base64_encode(struct buf *out, struct str bytes)
{
	const unsigned char *from = (const unsigned char *)bytes.ptr;
	char group[4];
	for (size_t at = 0; at < bytes.len; at += 3) {
		size_t left = bytes.len - at;
		put_group(group, from + at, left < 3 ? left : 3);
		buf_add(out, group, sizeof(group));
	}
}

static int digit_value(char c)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	return c == '+' ? 62 : c == '/' ? 63 : -1;
}

/* Four digits, the last `padding` of which are '='. */
static bool get_group(const char *from, size_t padding, char *to)
{
	uint32_t bits = 0;
	for (size_t i = 0; i < 4; i++) {
		int value = i < 4 - padding ? digit_value(from[i]) : 0;
		if (value < 0)
			return false;
		bits = bits << 6 | (uint32_t)value;
	}
	to[0] = (char)(bits >> 16);
	to[1] = (char)(bits >> 8);
	to[2] = (char)bits;
	return !(bits & ((1u << padding * 8) - 1));
}

static size_t padding_len(struct str text)
{
	if (text.len < 4 || text.ptr[text.len - 1] != '=')
		return 0;
	return text.ptr[text.len - 2] == '=' ? 2 : 1;
}

int base64_decode(struct buf *out, struct str text)
{
	size_t padding = padding_len(text), before = out->len;
	if (text.len % 4)
		return -1;
	for (size_t at = 0; at < text.len; at += 4) {
		char group[3];
		size_t absent = at + 4 == text.len ? padding : 0;
		if (!get_group(text.ptr + at, absent, group)) {
			out->len = before;
			if (out->data)
				out->data[before] = '\0';
			return -1;
		}
		buf_add(out, group, sizeof(group) - absent);
	}
	return 0;
}
