/* jscan: checks and searches JSON without building a tree, for what passes by in great numbers.
 *
 * The text is RFC 8259 and nothing else: one value, UTF-8, no half surrogate pairs (\u0000 is
 * fine), numbers of any size, nesting up to JSCAN_DEPTH. Whoever needs numbers to fit and all
 * names to be unique parses a tree with json.h. Spans answered are raw, strings with their
 * quotes and escapes, and borrow from the text. Nothing is allocated but by jscan_unquote. */
#ifndef BASE_JSCAN_H
#define BASE_JSCAN_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/jpointer.h"
#include "base/str.h"

#define JSCAN_DEPTH 2048

/* 0: valid. -1: not, and *why says what is wrong at offset *bad_at. */
int jscan_check(struct str text, size_t *bad_at, const char **why);

/* Checks the whole text and finds the value that ptr points to. 1: found. 0: not there. -1: text is
 * not valid, or it is ambiguous since a member on the way is there twice. */
int jscan_pointer(struct str text, const struct jpointer *ptr, struct str *value);

/* Checks the whole text and finds n of its top-level members: values[i] is that of names[i], absent
 * (ptr NULL) if there is none. -1: not valid, no object, or one of these members is there twice. */
int jscan_members(struct str object, const char *const names[], struct str values[], size_t n);

/* Appends the characters of a string that one of the above answered. False, and nothing is
 * appended: it is no string. */
bool jscan_unquote(struct str raw, struct buf *out);

#endif
