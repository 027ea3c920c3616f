#include "base/heap.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

struct number {
	uint32_t value;
	size_t at;
	bool in;
};

static bool is_before(const void *ctx, const void *a, const void *b)
{
	assert_ptr_equal(ctx, &is_before);
	return ((const struct number *)a)->value < ((const struct number *)b)->value;
}

static void stands(void *item, size_t at)
{
	((struct number *)item)->at = at;
}

static uint32_t draw(uint64_t *random, uint32_t below)
{
	*random = *random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(*random >> 33) % below;
}

static void check(const struct heap *h, const struct number *all, size_t count)
{
	const struct number *lowest = NULL, *first = heap_first(h);
	for (size_t i = 0; i < count; i++) {
		if (!all[i].in)
			continue;
		assert_ptr_equal(h->items[all[i].at], &all[i]);
		if (!lowest || all[i].value < lowest->value)
			lowest = &all[i];
	}
	assert_int_equal(first != NULL, lowest != NULL);
	if (first)
		assert_int_equal(first->value, lowest->value);
}

static void test_heap_random(void **state)
{
	(void)state;
	struct number all[40] = {0};
	struct heap h = {.before = is_before, .stands = stands, .ctx = &is_before};
	uint64_t random = 20261121;
	for (int step = getenv("BATCH_UNIT_QUICK") ? 500 : 20000; step > 0; step--) {
		struct number *n = &all[draw(&random, 40)];
		if (n->in) {
			heap_remove(&h, n->at);
		} else {
			n->value = draw(&random, 30);
			heap_add(&h, n);
		}
		n->in = !n->in;
		check(&h, all, 40);
	}
	heap_release(&h);
	assert_null(heap_first(&h));
	heap_add(&h, &all[0]);
	assert_ptr_equal(heap_first(&h), &all[0]);
	heap_release(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_heap_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
