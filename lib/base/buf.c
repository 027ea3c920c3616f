#include "base/buf.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

char *buf_room(struct buf *b, size_t len)
{
	size_t need;
	if (__builtin_add_overflow(b->len, len, &need) || __builtin_add_overflow(need, 1, &need))
		abort();
	b->data = mem_grow(b->data, &b->cap, need, 1);
	return b->data + b->len;
}

void buf_add(struct buf *b, const void *p, size_t len)
{
	char *to = buf_room(b, len);
	if (len)
		memcpy(to, p, len);
	b->len += len;
	b->data[b->len] = '\0';
}

void buf_add_str(struct buf *b, struct str s)
{
	buf_add(b, s.ptr, s.len);
}

void buf_puts(struct buf *b, const char *s)
{
	buf_add(b, s, strlen(s));
}

void buf_putc(struct buf *b, char c)
{
	buf_add(b, &c, 1);
}

void buf_printf(struct buf *b, const char *fmt, ...)
{
	va_list ap, again;
	va_start(ap, fmt);
	va_copy(again, ap);
	int len = vsnprintf(NULL, 0, fmt, ap);
	va_end(ap);
	if (len > 0) {
		char *to = buf_room(b, (size_t)len);
		vsnprintf(to, (size_t)len + 1, fmt, again);
		b->len += (size_t)len;
	}
	va_end(again);
}

void buf_add_i64(struct buf *b, long long n)
{
	char digits[20];
	size_t at = sizeof(digits);
	unsigned long long u = n < 0 ? 0ULL - (unsigned long long)n : (unsigned long long)n;
	do {
		digits[--at] = (char)('0' + u % 10);
		u /= 10;
	} while (u);
	if (n < 0)
		buf_putc(b, '-');
	buf_add(b, digits + at, sizeof(digits) - at);
}

const char *buf_text(const struct buf *b)
{
	return b->data ? b->data : "";
}

struct str buf_str(const struct buf *b)
{
	return (struct str){buf_text(b), b->len};
}

char *buf_detach(struct buf *b)
{
	char *data = b->data ? b->data : mem_strdup("");
	*b = (struct buf)BUF_INIT;
	return data;
}

void buf_clear(struct buf *b)
{
	b->len = 0;
	if (b->data)
		b->data[0] = '\0';
}

void buf_release(struct buf *b)
{
	free(b->data);
	*b = (struct buf)BUF_INIT;
}
