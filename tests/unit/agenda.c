#include "batch/agenda.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct agenda_item item(const char *name, int64_t ready_ms, int64_t priority)
{
	return (struct agenda_item){.name = str_of(name), .ready_ms = ready_ms, .priority = priority};
}

/* Takes all out: their names, one after another. */
static void check_order(struct agenda *a, int64_t now_ms, const char *want)
{
	char got[64] = "";
	size_t len = 0;
	struct agenda_item *first;
	while ((first = agenda_first(a, now_ms))) {
		got[len++] = *first->name.ptr;
		agenda_remove(first);
	}
	got[len] = '\0';
	assert_string_equal(got, want);
}

static void check_aging(int64_t aging_ms, const char *want)
{
	struct agenda a;
	struct agenda_item items[] = {
	    item("a", 1000, 100),
	    item("b", 2000, 0),
	    item("c", 3000, 50),
	    item("d", 601000, 0),
	    item("e", 600999, 0),
	    item("g", 2000, 50),
	    item("f", 2000, 50),
	};
	agenda_init(&a, aging_ms);
	assert_null(agenda_first(&a, 0));
	for (size_t i = 0; i < sizeof(items) / sizeof(*items); i++)
		agenda_add(&a, &items[i], 0);
	check_order(&a, 0, want);
	agenda_release(&a);
}

static void test_agenda_order(void **state)
{
	(void)state;
	check_aging(AGENDA_AGING_MS, "bfgcead");
	check_aging(0, "abfgced");
	check_aging(AGENDA_STRICT, "bedfgca");
}

static void test_agenda_change(void **state)
{
	(void)state;
	struct agenda a;
	struct agenda_item x = item("x", 0, 50), y = item("y", 0, 50), z = item("z", 0, 60);
	agenda_init(&a, AGENDA_AGING_MS);
	agenda_add(&a, &x, 0);
	agenda_add(&a, &y, 0);
	agenda_add(&a, &z, 0);
	assert_ptr_equal(agenda_first(&a, 0), &x);
	agenda_remove(&x);
	agenda_remove(&x);
	assert_ptr_equal(agenda_first(&a, 0), &y);
	assert_true(agenda_is_before(&a, &x, &y));
	assert_false(agenda_is_before(&a, &z, &y));
	agenda_add(&a, &x, 0);
	check_order(&a, 0, "xyz");
	agenda_release(&a);
}

static void test_agenda_not_before(void **state)
{
	(void)state;
	struct agenda a;
	struct agenda_item x = item("x", 0, 0), y = item("y", 0, 10), z = item("z", 0, 20);
	agenda_init(&a, AGENDA_AGING_MS);
	assert_true(agenda_wake_ms(&a) == INT64_MAX);
	agenda_add(&a, &x, 2000);
	agenda_add(&a, &y, 1000);
	agenda_add(&a, &z, 0);
	assert_int_equal(agenda_wake_ms(&a), 1000);
	assert_true(agenda_is_waiting(heap_first(&a.waiting), 999));
	assert_false(agenda_is_waiting(heap_first(&a.waiting), 1000));
	assert_ptr_equal(agenda_first(&a, 999), &z);
	assert_ptr_equal(agenda_first(&a, 1000), &y);
	assert_int_equal(agenda_wake_ms(&a), 2000);
	assert_ptr_equal(agenda_first(&a, 1999), &y);
	agenda_remove(&x);
	assert_true(agenda_wake_ms(&a) == INT64_MAX);
	agenda_add(&a, &x, 3000);
	check_order(&a, 3000, "xyz");
	agenda_release(&a);
}

/* --- many */

#define MANY 1000

static uint32_t draw(uint64_t *random, uint32_t below)
{
	*random = *random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(*random >> 33) % below;
}

static int by_key(const void *left, const void *right)
{
	const struct agenda_item *a = *(struct agenda_item *const *)left;
	const struct agenda_item *b = *(struct agenda_item *const *)right;
	int64_t x = a->ready_ms + a->priority * AGENDA_AGING_MS;
	int64_t y = b->ready_ms + b->priority * AGENDA_AGING_MS;
	if (x == y)
		return a->ready_ms < b->ready_ms ? -1 : 1;
	return x < y ? -1 : 1;
}

static void test_agenda_many(void **state)
{
	(void)state;
	static struct agenda_item items[MANY];
	struct agenda_item *sorted[MANY];
	struct agenda a;
	uint64_t random = 20261121;
	size_t kept = 0;
	agenda_init(&a, AGENDA_AGING_MS);
	for (size_t i = 0; i < MANY; i++) {
		items[i] = item("same", (int64_t)(i * 997 + draw(&random, 900)), draw(&random, 101));
		agenda_add(&a, &items[i], draw(&random, 3) * 100);
	}
	for (int i = 0; i < 300; i++)
		agenda_remove(&items[draw(&random, MANY)]);
	for (size_t i = 0; i < MANY; i++)
		if (items[i].in)
			sorted[kept++] = &items[i];
	qsort(sorted, kept, sizeof(*sorted), by_key);
	for (size_t i = 0; i < kept; i++) {
		assert_ptr_equal(agenda_first(&a, 200), sorted[i]);
		agenda_remove(sorted[i]);
	}
	assert_null(agenda_first(&a, 200));
	agenda_release(&a);
}

/* One of priority 100, and each second one of priority 0, which takes a second: how long does it wait? */
static int64_t wait_of_low(int64_t aging_ms)
{
	static struct agenda_item high[MANY];
	struct agenda a;
	struct agenda_item low = item("low", 0, 100);
	int64_t now_ms = 0;
	agenda_init(&a, aging_ms);
	agenda_add(&a, &low, 0);
	for (size_t i = 0; i < MANY; i++, now_ms += 1000) {
		high[i] = item("high", now_ms, 0);
		agenda_add(&a, &high[i], 0);
		struct agenda_item *first = agenda_first(&a, now_ms);
		agenda_remove(first);
		if (first == &low)
			break;
	}
	agenda_release(&a);
	return now_ms;
}

static void test_agenda_nobody_starves(void **state)
{
	(void)state;
	assert_in_range(wait_of_low(AGENDA_AGING_MS), 600000, 601000);
	assert_in_range(wait_of_low(1000), 100000, 101000);
	assert_in_range(wait_of_low(0), 0, 1000);
	assert_int_equal(wait_of_low(AGENDA_STRICT), MANY * 1000);
}

static void test_agenda_class(void **state)
{
	(void)state;
	assert_string_equal(agenda_class(0), "high");
	assert_string_equal(agenda_class(10), "high");
	assert_string_equal(agenda_class(11), "medium");
	assert_string_equal(agenda_class(50), "medium");
	assert_string_equal(agenda_class(51), "low");
	assert_string_equal(agenda_class(100), "low");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_agenda_order),
	    cmocka_unit_test(test_agenda_change),
	    cmocka_unit_test(test_agenda_not_before),
	    cmocka_unit_test(test_agenda_many),
	    cmocka_unit_test(test_agenda_nobody_starves),
	    cmocka_unit_test(test_agenda_class),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
