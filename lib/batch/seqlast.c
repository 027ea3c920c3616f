#include "batch/seqlast.h"

#include <stdlib.h>

#include "base/mem.h"

void seqlast_init(struct seqlast *s, uint64_t seed)
{
	map_init(&s->senders, seed);
}

int64_t *seqlast_of(const struct seqlast *s, struct str sender)
{
	return map_get(&s->senders, sender);
}

int64_t *seqlast_add(struct seqlast *s, struct str sender)
{
	int64_t *last = seqlast_of(s, sender);
	if (last)
		return last;
	last = mem_zalloc(1, sizeof(*last));
	map_put(&s->senders, sender, last);
	return last;
}

void seqlast_release(struct seqlast *s)
{
	size_t at = 0;
	void *last;
	while (map_next(&s->senders, &at, NULL, &last))
		free(last);
	map_release(&s->senders);
}
