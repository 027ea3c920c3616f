#include "batch/header.h"

#include <stdlib.h>

#include "base/mem.h"

void headers_add(struct headers *h, struct str name, struct str value)
{
	h->list = mem_grow(h->list, &h->cap, h->count + 1, sizeof(*h->list));
	h->list[h->count++] = (struct header){name, value};
}

const struct header *headers_find(const struct headers *h, const char *name)
{
	for (size_t i = 0; i < h->count; i++)
		if (str_is(h->list[i].name, name))
			return &h->list[i];
	return NULL;
}

void headers_clear(struct headers *h)
{
	h->count = 0;
}

void headers_release(struct headers *h)
{
	free(h->list);
	*h = (struct headers)HEADERS_INIT;
}
