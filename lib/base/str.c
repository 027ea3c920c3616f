#include "base/str.h"

bool str_lies_in(struct str inner, struct str outer)
{
	return inner.ptr >= outer.ptr && inner.ptr + inner.len <= outer.ptr + outer.len;
}

bool str_has_prefix(struct str s, const char *prefix)
{
	size_t len = strlen(prefix);
	return s.len >= len && memcmp(s.ptr, prefix, len) == 0;
}

bool str_has_suffix(struct str s, const char *suffix)
{
	size_t len = strlen(suffix);
	return s.len >= len && memcmp(s.ptr + s.len - len, suffix, len) == 0;
}

struct str str_cut(struct str s, char sep, struct str *head)
{
	const char *at = s.len ? memchr(s.ptr, sep, s.len) : NULL;
	*head = s;
	if (!at)
		return (struct str)STR_INIT;
	head->len = (size_t)(at - s.ptr);
	return (struct str){at + 1, s.len - head->len - 1};
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t';
}

struct str str_chomp(struct str s)
{
	while (s.len && s.ptr[s.len - 1] == '\n')
		s.len--;
	return s;
}

struct str str_trim(struct str s)
{
	while (s.len && is_blank(s.ptr[0])) {
		s.ptr++;
		s.len--;
	}
	while (s.len && (is_blank(s.ptr[s.len - 1]) || s.ptr[s.len - 1] == '\r'))
		s.len--;
	return s;
}

int str_cmp(struct str a, struct str b)
{
	size_t len = a.len < b.len ? a.len : b.len;
	int order = len ? memcmp(a.ptr, b.ptr, len) : 0;
	if (order == 0 && a.len != b.len)
		order = a.len < b.len ? -1 : 1;
	return order < 0 ? -1 : order > 0;
}
