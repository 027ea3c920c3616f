/* str: a borrowed span of bytes. ptr NULL is "absent", which is not the same as empty. */
#ifndef BASE_STR_H
#define BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <string.h>

struct str {
	const char *ptr;
	size_t len;
};

#define STR_INIT {0}
#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})

static inline struct str str_of(const char *s)
{
	return (struct str){s, s ? strlen(s) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
	return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline bool str_is(struct str a, const char *s)
{
	return a.ptr && str_eq(a, str_of(s));
}

bool str_lies_in(struct str inner, struct str outer); /* it borrows from the same bytes */
bool str_has_prefix(struct str s, const char *prefix);
bool str_has_suffix(struct str s, const char *suffix);

/* Cuts at the first sep: head is what stands before it, the return value what follows. Without sep,
 * head is all of s and the return value is absent. */
struct str str_cut(struct str s, char sep, struct str *head);

struct str str_chomp(struct str s); /* without newlines at the end */
struct str str_trim(struct str s); /* without blanks and tabs at both ends, and CR at the end */

/* -1, 0, 1 as memcmp, shorter first when one begins the other. */
int str_cmp(struct str a, struct str b);

#endif
