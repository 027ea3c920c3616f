#include "batch/seq.h"

#include <string.h>

static bool is_sender_char(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
	       c == '-' || c == '_';
}

bool seq_is_sender(struct str sender)
{
	if (sender.len == 0 || sender.len > SEQ_SENDER_MAX)
		return false;
	for (size_t i = 0; i < sender.len; i++)
		if (!is_sender_char(sender.ptr[i]))
			return false;
	return true;
}

static bool parse_number(struct str digits, int64_t *n)
{
	int64_t sum = 0;
	if (digits.len == 0 || digits.ptr[0] == '0')
		return false;
	for (size_t i = 0; i < digits.len; i++) {
		char c = digits.ptr[i];
		if (c < '0' || c > '9')
			return false;
		if (__builtin_mul_overflow(sum, 10, &sum) ||
		    __builtin_add_overflow(sum, c - '0', &sum))
			return false;
	}
	*n = sum;
	return true;
}

bool seq_parse(struct str value, struct str *sender, int64_t *n)
{
	struct str digits = str_cut(value, ':', sender);
	return seq_is_sender(*sender) && parse_number(digits, n);
}

size_t seq_format(char *out, const char *sender, int64_t n)
{
	char digits[20];
	size_t at = sizeof(digits);
	for (uint64_t u = (uint64_t)n; u; u /= 10)
		digits[--at] = (char)('0' + u % 10);
	size_t len = strlen(sender);
	memcpy(out, sender, len);
	out[len++] = ':';
	memcpy(out + len, digits + at, sizeof(digits) - at);
	len += sizeof(digits) - at;
	out[len] = '\0';
	return len;
}
