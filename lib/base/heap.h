/* heap: the first of many, by an order that the caller gives. Items are the caller's and are told
 * where they stand, so that one in the middle can be taken out. */
#ifndef BASE_HEAP_H
#define BASE_HEAP_H

#include <stdbool.h>
#include <stddef.h>

struct heap {
	void **items; /* owned; the items are not */
	size_t count, cap;
	bool (*before)(const void *ctx, const void *a, const void *b);
	void (*stands)(void *item, size_t at);
	const void *ctx;
};

void heap_add(struct heap *h, void *item);
void heap_remove(struct heap *h, size_t at);
void *heap_first(const struct heap *h); /* NULL: empty */
void heap_release(struct heap *h);      /* empty and usable afterwards */

#endif
