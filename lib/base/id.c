#include "base/id.h"

#include "base/hex.h"
#include "base/utf8.h"

#define UUID_TIME_MAX ((INT64_C(1) << 48) - 1)

void id_hex(const unsigned char *bytes, size_t n, char *out)
{
	static const char digits[] = "0123456789abcdef";
	for (size_t i = 0; i < n; i++) {
		*out++ = digits[bytes[i] >> 4];
		*out++ = digits[bytes[i] & 15];
	}
	*out = '\0';
}

void id_make(int64_t ms, const unsigned char random[10], char out[ID_SIZE])
{
	unsigned char uuid[16];
	char hex[33];
	if (ms < 0)
		ms = 0;
	if (ms > UUID_TIME_MAX)
		ms = UUID_TIME_MAX;
	for (size_t i = 0; i < 6; i++)
		uuid[i] = (unsigned char)(ms >> (40 - 8 * i));
	memcpy(uuid + 6, random, 10);
	uuid[6] = (unsigned char)(0x70 | (uuid[6] & 0x0f));
	uuid[8] = (unsigned char)(0x80 | (uuid[8] & 0x3f));
	id_hex(uuid, sizeof(uuid), hex);
	for (size_t from = 0; from < 32; from++) {
		if (from == 8 || from == 12 || from == 16 || from == 20)
			*out++ = '-';
		*out++ = hex[from];
	}
	*out = '\0';
}

bool id_time(struct str id, int64_t *ms)
{
	int64_t time_ms = 0;
	if (id.len != ID_SIZE - 1)
		return false;
	for (size_t i = 0; i < id.len; i++) {
		bool at_dash = i == 8 || i == 13 || i == 18 || i == 23;
		int digit = hex_digit(id.ptr[i]);
		if (at_dash ? id.ptr[i] != '-' : digit < 0)
			return false;
		if (i < 13 && !at_dash)
			time_ms = time_ms << 4 | digit;
	}
	if (id.ptr[14] != '7' || (hex_digit(id.ptr[19]) & 0xc) != 0x8)
		return false;
	*ms = time_ms;
	return true;
}

static const char *why_not_id(struct str text)
{
	uint32_t code;
	if (text.len == 0)
		return "is empty";
	if (text.len > ID_MAX)
		return "is longer than 256 bytes";
	for (size_t at = 0, len; at < text.len; at += len) {
		len = utf8_char((struct str){text.ptr + at, text.len - at}, &code);
		if (len == 0)
			return "is not UTF-8";
		if (code < 0x20 || (code >= 0x7f && code <= 0x9f))
			return "holds a control character";
		if (code < 0x80 && strchr("\"=<>[]{}", (char)code))
			return "holds one of \"=<>[]{}";
	}
	return NULL;
}

static const char *why_not_topic(struct str text)
{
	static const char allowed[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				      "0123456789._-";
	if (text.len == 0)
		return "is empty";
	if (text.len > TOPIC_MAX)
		return "is longer than 249 bytes";
	if (str_is(text, ".") || str_is(text, ".."))
		return "is not a name";
	for (size_t i = 0; i < text.len; i++)
		if (!text.ptr[i] || !strchr(allowed, text.ptr[i]))
			return "holds something else than letters, digits, '.', '_' and '-'";
	return NULL;
}

static int refuse(struct str text, const char *what, const char *why, struct err *err)
{
	if (!why)
		return 0;
	if (text.len == 0)
		return err_set(err, ST_USAGE, "%s %s", what, why);
	int shown = text.len < 64 ? (int)text.len : 64;
	return err_set(err, ST_USAGE, "%s '%.*s%s' %s", what, shown, text.ptr,
	    text.len > 64 ? "..." : "", why);
}

int id_check(struct str text, const char *what, struct err *err)
{
	return refuse(text, what, why_not_id(text), err);
}

int topic_check(struct str text, const char *what, struct err *err)
{
	return refuse(text, what, why_not_topic(text), err);
}
