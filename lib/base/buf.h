/* buf: a growable byte buffer. len is the truth; data[len] is always NUL as a courtesy to printf,
 * once anything was added. {0} is a valid empty buffer. */
#ifndef BASE_BUF_H
#define BASE_BUF_H

#include <stddef.h>

#include "base/str.h"

struct buf {
	char *data;
	size_t len, cap;
};

#define BUF_INIT {0}

void buf_add(struct buf *b, const void *p, size_t len);
void buf_add_str(struct buf *b, struct str s);
void buf_puts(struct buf *b, const char *s);
void buf_putc(struct buf *b, char c);
void buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void buf_add_i64(struct buf *b, long long n); /* decimal, faster than printf */

/* Makes room for len more bytes and returns where they go; add to b->len what was written. */
char *buf_room(struct buf *b, size_t len);

const char *buf_text(const struct buf *b); /* "" when nothing was added */
struct str buf_str(const struct buf *b);
char *buf_detach(struct buf *b);           /* the caller owns the memory; b is empty and usable */
void buf_clear(struct buf *b);             /* empty, memory kept */
void buf_release(struct buf *b);

#endif
