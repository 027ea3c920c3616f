#include "batch/quota.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct quota parse(const char *text)
{
	struct quota q = QUOTA_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(quota_parse(&q, text, &err), 0);
	return q;
}

static bool add(struct quota *q, int64_t good, int64_t invalid)
{
	for (int64_t i = 0; i < good; i++)
		quota_add(q, false);
	for (int64_t i = 0; i < invalid; i++)
		quota_add(q, true);
	return quota_is_reached(q);
}

static void test_quota_none(void **state)
{
	(void)state;
	struct quota q = QUOTA_INIT;
	assert_false(add(&q, 0, 1000000));
}

static void test_quota_number(void **state)
{
	(void)state;
	struct quota q = parse("3");
	assert_false(add(&q, 1000000, 2));
	assert_false(add(&q, 1000000, 0));
	assert_true(add(&q, 0, 1));
	q = parse("1");
	assert_false(quota_is_reached(&q));
	assert_true(add(&q, 0, 1));
}

static void test_quota_percent(void **state)
{
	(void)state;
	struct quota q = parse("5%");
	assert_false(add(&q, 0, 19));
	assert_true(add(&q, 0, 1));
	q = parse("5%");
	assert_false(add(&q, 20, 1));
	assert_true(add(&q, 0, 1));
	assert_false(add(&q, 50, 0));
	q = parse("100%");
	assert_false(add(&q, 1, 999));
	assert_true(add(&q, 0, 1));
}

/* 49 of the last 1000 are fewer than 5 of 100; those before do not count. */
static void test_quota_window(void **state)
{
	(void)state;
	struct quota q = parse("5%");
	assert_true(add(&q, 0, 500));
	assert_true(add(&q, 950, 0));
	assert_false(add(&q, 1, 0));
	assert_false(add(&q, 1000000, 49));
	assert_true(add(&q, 0, 1));
	assert_true(add(&q, 0, 1000000));
	assert_int_equal(q.invalid, QUOTA_WINDOW);
}

static void test_quota_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "%", "0", "-1", "0%", "101%", "5.5%", "5 %", "5%%", "x"};
	struct quota q = parse("7");
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct err err = ERR_INIT;
		assert_int_equal(quota_parse(&q, texts[i], &err), -1);
		assert_int_equal(err.status, ST_USAGE);
		assert_int_equal(q.most, 7);
		err_clear(&err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_quota_none),
	    cmocka_unit_test(test_quota_number),
	    cmocka_unit_test(test_quota_percent),
	    cmocka_unit_test(test_quota_window),
	    cmocka_unit_test(test_quota_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
