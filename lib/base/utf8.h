/* utf8: UTF-8 as RFC 3629 has it: nothing overlong, no surrogates, nothing beyond U+10FFFF. */
#ifndef BASE_UTF8_H
#define BASE_UTF8_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

/* The character at the beginning of s: its length, 1 to 4, and its code point. 0: none, since s is
 * empty, cut off or invalid there. */
size_t utf8_char(struct str s, uint32_t *code);

/* The bytes of a code point, which must be one that UTF-8 can hold. Answers how many, 1 to 4. */
size_t utf8_put(uint32_t code, char out[4]);

/* How many bytes from the beginning are valid. */
size_t utf8_valid_len(struct str s);

/* Appends text with each invalid byte replaced by U+FFFD. */
void utf8_repair(struct buf *out, struct str text);

#define UTF8_KEEP_NEWLINE 1u

/* Appends text as it may go to a terminal: all that could move the cursor, change colours or the
 * direction of writing, or break a line becomes \xNN, byte by byte: control characters but TAB (and
 * but newline with UTF8_KEEP_NEWLINE), DEL, U+0080 to U+009F, the bidirectional controls, U+2028,
 * U+2029, and every byte that is not UTF-8. It is for eyes: a backslash stays one backslash. */
void utf8_escape(struct buf *out, struct str text, unsigned flags);

#endif
