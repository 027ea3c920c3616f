/* base64: RFC 4648, the alphabet with + and /, with padding. */
#ifndef BASE_BASE64_H
#define BASE_BASE64_H

#include "base/buf.h"
#include "base/str.h"

void base64_encode(struct buf *out, struct str bytes); /* appends */

/* Appends the bytes. -1, and nothing is appended, unless text is exactly what base64_encode makes:
 * no blanks, all the padding, no stray bits. */
int base64_decode(struct buf *out, struct str text);

#endif
