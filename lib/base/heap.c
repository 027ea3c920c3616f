#include "base/heap.h"

#include <stdlib.h>

#include "base/mem.h"

static bool is_before(const struct heap *h, size_t a, size_t b)
{
	return h->before(h->ctx, h->items[a], h->items[b]);
}

static void put(struct heap *h, size_t at, void *item)
{
	h->items[at] = item;
	h->stands(item, at);
}

static void swap(struct heap *h, size_t a, size_t b)
{
	void *item = h->items[a];
	put(h, a, h->items[b]);
	put(h, b, item);
}

static void rise(struct heap *h, size_t at)
{
	for (; at > 0 && is_before(h, at, (at - 1) / 2); at = (at - 1) / 2)
		swap(h, at, (at - 1) / 2);
}

static void sink(struct heap *h, size_t at)
{
	for (size_t child; (child = 2 * at + 1) < h->count; at = child) {
		if (child + 1 < h->count && is_before(h, child + 1, child))
			child++;
		if (!is_before(h, child, at))
			return;
		swap(h, at, child);
	}
}

void heap_add(struct heap *h, void *item)
{
	h->items = mem_grow(h->items, &h->cap, h->count + 1, sizeof(*h->items));
	put(h, h->count++, item);
	rise(h, h->count - 1);
}

void heap_remove(struct heap *h, size_t at)
{
	h->count--;
	if (at == h->count)
		return;
	put(h, at, h->items[h->count]);
	rise(h, at);
	sink(h, at);
}

void *heap_first(const struct heap *h)
{
	return h->count ? h->items[0] : NULL;
}

void heap_release(struct heap *h)
{
	free(h->items);
	h->items = NULL;
	h->count = h->cap = 0;
}
