#include "base/mem.h"

#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* Nothing sensible can be done without memory, and unwinding would need some. */
static void *checked(void *p)
{
	if (!p)
		abort();
	return p;
}

static size_t product(size_t count, size_t size)
{
	size_t bytes;
	if (__builtin_mul_overflow(count, size, &bytes))
		abort();
	return bytes ? bytes : 1;
}

void *mem_alloc(size_t size)
{
	return checked(malloc(product(size, 1)));
}

void *mem_zalloc(size_t count, size_t size)
{
	return checked(calloc(1, product(count, size)));
}

void *mem_realloc(void *p, size_t count, size_t size)
{
	return checked(realloc(p, product(count, size)));
}

void *mem_dup(const void *p, size_t len)
{
	void *copy = mem_alloc(len);
	if (len)
		memcpy(copy, p, len);
	return copy;
}

char *mem_strndup(const char *p, size_t len)
{
	if (len == SIZE_MAX)
		abort();
	char *copy = mem_alloc(len + 1);
	if (len)
		memcpy(copy, p, len);
	copy[len] = '\0';
	return copy;
}

char *mem_strdup(const char *s)
{
	return mem_strndup(s, strlen(s));
}

void *mem_grow(void *p, size_t *cap, size_t need, size_t size)
{
	if (need <= *cap)
		return p;
	size_t room = *cap ? *cap : 8;
	while (room < need)
		room = product(room, 2);
	*cap = room;
	return mem_realloc(p, room, size);
}
