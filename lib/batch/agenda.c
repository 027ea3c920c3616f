#include "batch/agenda.h"

static int compare(int64_t a, int64_t b)
{
	return (a > b) - (a < b);
}

bool agenda_is_before(const struct agenda *agenda, const struct agenda_item *a, const struct agenda_item *b)
{
	int64_t aging = agenda->aging_ms;
	int order = aging == AGENDA_STRICT
	    ? compare(a->priority, b->priority)
	    : compare(a->ready_ms + a->priority * aging, b->ready_ms + b->priority * aging);
	if (order == 0)
		order = compare(a->ready_ms, b->ready_ms);
	return order < 0 || (order == 0 && str_cmp(a->name, b->name) < 0);
}

static bool is_before(const void *ctx, const void *a, const void *b)
{
	return agenda_is_before(ctx, a, b);
}

static bool is_due_before(const void *ctx, const void *left, const void *right)
{
	(void)ctx;
	const struct agenda_item *a = left, *b = right;
	return a->until_ms < b->until_ms;
}

static void stands(void *item, size_t at)
{
	((struct agenda_item *)item)->at = at;
}

void agenda_init(struct agenda *a, int64_t aging_ms)
{
	*a = (struct agenda){
	    .aging_ms = aging_ms,
	    .ready = {.before = is_before, .stands = stands, .ctx = a},
	    .waiting = {.before = is_due_before, .stands = stands},
	};
}

static void put(struct heap *h, struct agenda_item *item)
{
	item->in = h;
	heap_add(h, item);
}

void agenda_add(struct agenda *a, struct agenda_item *item, int64_t until_ms)
{
	item->until_ms = until_ms;
	put(until_ms ? &a->waiting : &a->ready, item);
}

void agenda_remove(struct agenda_item *item)
{
	if (item->in)
		heap_remove(item->in, item->at);
	item->in = NULL;
}

struct agenda_item *agenda_first(struct agenda *a, int64_t now_ms)
{
	while (agenda_wake_ms(a) <= now_ms) {
		struct agenda_item *due = heap_first(&a->waiting);
		agenda_remove(due);
		put(&a->ready, due);
	}
	return heap_first(&a->ready);
}

bool agenda_is_waiting(const struct agenda_item *item, int64_t now_ms)
{
	return item->in && item->until_ms > now_ms;
}

int64_t agenda_wake_ms(const struct agenda *a)
{
	const struct agenda_item *due = heap_first(&a->waiting);
	return due ? due->until_ms : INT64_MAX;
}

const char *agenda_class(int64_t priority)
{
	return priority <= 10 ? "high" : priority <= 50 ? "medium" : "low";
}

void agenda_release(struct agenda *a)
{
	heap_release(&a->ready);
	heap_release(&a->waiting);
}
