#include "batch/rate.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_rate_steady(void **state)
{
	(void)state;
	struct rate r = {0};
	assert_int_equal(rate_look(&r, 500, 1000), -1);
	for (int i = 1; i < 20; i++)
		assert_int_equal(rate_look(&r, 500 + i * 10, 1000 + i * 5000), 2000);
}

/* What was there before the first look was not done just now; the first step took as long as it took. */
static void test_rate_begins(void **state)
{
	(void)state;
	struct rate r = {0};
	assert_int_equal(rate_look(&r, 0, 100000), -1);
	assert_int_equal(rate_look(&r, 0, 105000), -1);
	assert_int_equal(rate_look(&r, 0, 155000), -1);
	assert_int_equal(rate_look(&r, 60, 160000), 1000);
}

static void test_rate_of_steps_longer_than_a_look(void **state)
{
	(void)state;
	struct rate r = {0};
	rate_look(&r, 0, 0);
	for (int64_t s = 1; s < 600; s++) {
		int64_t rate = rate_look(&r, s / 60 * 60, s * 1000);
		assert_int_equal(rate, s < 60 ? -1 : 1000);
	}
}

static void test_rate_changes(void **state)
{
	(void)state;
	struct rate r = {0};
	int64_t count = 0, now_ms = 0, rate = 0;
	for (int i = 0; i < 10; i++)
		rate = rate_look(&r, count += 5, now_ms += 5000);
	assert_int_equal(rate, 1000);
	assert_int_equal(rate_look(&r, count += 50, now_ms += 5000), 4000);
	for (int i = 0; i < 10; i++)
		rate = rate_look(&r, count += 50, now_ms += 5000);
	assert_in_range(rate, 9800, 10000);
}

static void test_rate_of_what_stands_still(void **state)
{
	(void)state;
	struct rate r = {0};
	rate_look(&r, 0, 0);
	assert_int_equal(rate_look(&r, 10, 1000), 10000);
	assert_int_equal(rate_look(&r, 10, 1000), 10000);
	assert_int_equal(rate_look(&r, 10, 2000), 10000);
	assert_int_equal(rate_look(&r, 10, 11000), 1000);
	assert_int_equal(rate_look(&r, 10, 101000), 100);
	assert_int_equal(rate_look(&r, 9, 102000), -1);
	assert_int_equal(rate_look(&r, 10, 103000), 1000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_rate_steady),
	    cmocka_unit_test(test_rate_begins),
	    cmocka_unit_test(test_rate_of_steps_longer_than_a_look),
	    cmocka_unit_test(test_rate_changes),
	    cmocka_unit_test(test_rate_of_what_stands_still),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
