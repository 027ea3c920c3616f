#include "tool/block.h"

#include <stdlib.h>

#include "base/mem.h"

void pool_init(struct pool *p, size_t limit)
{
	*p = (struct pool){.limit = limit};
}

static struct block *block_new(struct pool *p, size_t size)
{
	struct block *b = mem_alloc(sizeof(*b));
	*b = (struct block){.pool = p, .size = size, .data = mem_alloc(size)};
	return b;
}

static void block_free(struct block *b)
{
	free(b->data);
	free(b);
}

struct block *pool_get(struct pool *p, size_t size)
{
	if (size < BLOCK_SIZE)
		size = BLOCK_SIZE;
	if (p->count > POOL_HOLDERS && (p->used >= p->limit || size > p->limit - p->used))
		return NULL;
	struct block *b = p->free;
	if (b && size == BLOCK_SIZE)
		p->free = b->next;
	else
		b = block_new(p, size);
	b->refs = 1;
	p->used += size;
	p->count++;
	return b;
}

void block_ref(struct block *b)
{
	b->refs++;
}

void block_unref(struct block *b)
{
	if (!b || --b->refs)
		return;
	struct pool *p = b->pool;
	p->used -= b->size;
	p->count--;
	if (b->size == BLOCK_SIZE) {
		b->next = p->free;
		p->free = b;
	} else {
		block_free(b);
	}
}

void pool_release(struct pool *p)
{
	while (p->free) {
		struct block *b = p->free;
		p->free = b->next;
		block_free(b);
	}
}
