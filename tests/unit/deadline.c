#include "base/deadline.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static int64_t at_1000(void)
{
	return 1000;
}

static bool yes(void)
{
	return true;
}

static bool no(void)
{
	return false;
}

static void test_deadline_left_ms(void **state)
{
	(void)state;
	struct deadline d = {.end_ms = 1250, .now_ms = at_1000};
	assert_int_equal(deadline_left_ms(&d), 250);
	d.interrupted = no;
	assert_int_equal(deadline_left_ms(&d), 250);
	d.end_ms = 1000;
	assert_int_equal(deadline_left_ms(&d), 0);
	d.end_ms = 10;
	assert_int_equal(deadline_left_ms(&d), 0);
	d.end_ms = INT64_MAX;
	assert_true(deadline_left_ms(&d) == INT64_MAX);
}

static void test_deadline_interrupted(void **state)
{
	(void)state;
	struct deadline d = {.end_ms = INT64_MAX, .now_ms = at_1000, .interrupted = yes};
	assert_true(deadline_interrupted(&d));
	assert_int_equal(deadline_left_ms(&d), 0);
	assert_int_equal(deadline_slice_ms(&d, 100), 0);
	d.interrupted = no;
	assert_false(deadline_interrupted(&d));
	d.interrupted = NULL;
	assert_false(deadline_interrupted(&d));
}

static void test_deadline_slice_ms(void **state)
{
	(void)state;
	struct deadline d = {.end_ms = 1250, .now_ms = at_1000};
	assert_int_equal(deadline_slice_ms(&d, 100), 100);
	assert_int_equal(deadline_slice_ms(&d, 300), 250);
	d.end_ms = INT64_MAX;
	assert_int_equal(deadline_slice_ms(&d, 300), 300);
	d.end_ms = 0;
	assert_int_equal(deadline_slice_ms(&d, 300), 0);
}

static void test_deadline_within(void **state)
{
	(void)state;
	struct deadline d = {.end_ms = 1250, .now_ms = at_1000, .interrupted = yes};
	struct deadline sub = deadline_within(&d, 100);
	assert_int_equal(sub.end_ms, 1100);
	assert_true(deadline_interrupted(&sub));
	sub = deadline_within(&d, 1000);
	assert_int_equal(sub.end_ms, 1250);
	d.end_ms = INT64_MAX;
	assert_int_equal(deadline_within(&d, 1000).end_ms, 2000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_deadline_left_ms),
	    cmocka_unit_test(test_deadline_interrupted),
	    cmocka_unit_test(test_deadline_slice_ms),
	    cmocka_unit_test(test_deadline_within),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
