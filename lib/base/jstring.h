/* jstring: the inside of JSON strings: escapes, and comparison of what they stand for. */
#ifndef BASE_JSTRING_H
#define BASE_JSTRING_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

/* Reads the escape whose backslash stands at p, before end: its length, 2, 6 or 12, and the code
 * point it stands for. 0: there is no such escape, it is cut off, or half a surrogate pair. */
size_t jstring_escape(const char *p, const char *end, uint32_t *code);

/* Does raw, a valid string with its quotes, stand for exactly this text? */
bool jstring_is(struct str raw, struct str text);

#endif
