#include "batch/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct breaker open_breaker(int64_t now_ms)
{
	struct breaker b = {.limit = 5, .longest_ms = 60000};
	for (int i = 0; i < 5; i++) {
		assert_true(breaker_admits(&b, now_ms));
		breaker_failed(&b, now_ms);
	}
	assert_int_equal(b.state, BREAKER_OPEN);
	return b;
}

static void test_breaker_opens(void **state)
{
	(void)state;
	struct breaker b = {.limit = 5, .longest_ms = 60000};
	for (int i = 0; i < 20; i++) {
		breaker_failed(&b, 1000);
		if (i % 4 == 3)
			breaker_succeeded(&b);
		assert_true(breaker_admits(&b, 1000));
	}
	b = open_breaker(1000);
	assert_false(breaker_admits(&b, 1000));
	assert_false(breaker_admits(&b, 5999));
	breaker_failed(&b, 5000);
	assert_int_equal(b.until_ms, 6000);
}

static void test_breaker_probe(void **state)
{
	(void)state;
	struct breaker b = open_breaker(1000);
	assert_true(breaker_admits(&b, 6000));
	assert_int_equal(b.state, BREAKER_PROBE);
	assert_false(breaker_admits(&b, 100000));
	breaker_succeeded(&b);
	assert_int_equal(b.state, BREAKER_CLOSED);
	for (int i = 0; i < 4; i++)
		breaker_failed(&b, 7000);
	assert_true(breaker_admits(&b, 7000));
	breaker_failed(&b, 7000);
	assert_int_equal(b.until_ms, 12000);
}

static void test_breaker_waits_longer(void **state)
{
	(void)state;
	static const int64_t waits[] = {5000, 10000, 20000, 40000, 60000, 60000};
	struct breaker b = open_breaker(0);
	int64_t now_ms = 0;
	for (size_t i = 0; i < sizeof(waits) / sizeof(*waits); i++) {
		assert_int_equal(b.until_ms - now_ms, waits[i]);
		now_ms = b.until_ms;
		assert_true(breaker_admits(&b, now_ms));
		breaker_failed(&b, now_ms);
	}
}

static void test_breaker_released(void **state)
{
	(void)state;
	struct breaker b = {.limit = 5, .longest_ms = 3000};
	breaker_released(&b, 1000);
	assert_int_equal(b.until_ms, 4000);
	breaker_released(&b, 3999);
	assert_int_equal(b.until_ms, 4000);
	assert_true(breaker_admits(&b, 4000));
	breaker_released(&b, 4500);
	assert_int_equal(b.until_ms, 7500);
	breaker_succeeded(&b);
	assert_true(breaker_admits(&b, 4500));
}

static void test_breaker_lost_probe(void **state)
{
	(void)state;
	struct breaker b = open_breaker(1000);
	assert_true(breaker_admits(&b, 6000));
	breaker_lost(&b, 6500);
	assert_int_equal(b.state, BREAKER_OPEN);
	assert_true(breaker_admits(&b, 6500));
	assert_false(breaker_admits(&b, 6500));
	breaker_succeeded(&b);
	breaker_lost(&b, 7000);
	assert_int_equal(b.state, BREAKER_CLOSED);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_breaker_opens),
	    cmocka_unit_test(test_breaker_probe),
	    cmocka_unit_test(test_breaker_waits_longer),
	    cmocka_unit_test(test_breaker_released),
	    cmocka_unit_test(test_breaker_lost_probe),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
