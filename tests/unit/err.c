#include "base/err.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>

#include <cmocka.h>

static void test_err_set(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	assert_int_equal(err_set(&e, ST_USAGE, "no %s %d", "such", 7), -1);
	assert_int_equal(e.status, ST_USAGE);
	assert_string_equal(e.text, "no such 7");
	err_set(&e, ST_FAIL, "again: %s", e.text);
	assert_int_equal(e.status, ST_FAIL);
	assert_string_equal(e.text, "again: no such 7");
	err_clear(&e);
	assert_int_equal(e.status, ST_OK);
	assert_null(e.text);
	err_clear(&e);
}

static void test_err_set_is_one_line(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	err_set(&e, ST_FAIL, "%s", "a\nb\r\nc");
	assert_string_equal(e.text, "a b  c");
	err_clear(&e);
}

static void test_err_errno(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	assert_int_equal(err_errno(&e, ST_FAIL, ENOENT, "open %s", "f"), -1);
	assert_string_equal(e.text, "open f: No such file or directory");
	assert_int_equal(e.status, ST_FAIL);
	err_clear(&e);
}

static void test_err_wrap(void **state)
{
	(void)state;
	struct err e = ERR_INIT;
	err_set(&e, ST_TIME, "time is up");
	assert_int_equal(err_wrap(&e, "topic %s", "t"), -1);
	assert_string_equal(e.text, "topic t: time is up");
	assert_int_equal(e.status, ST_TIME);
	err_clear(&e);
	err_set(&e, ST_FAIL, "batch 'b': 1 of 2 records are missing");
	err_wrap(&e, "batch '%s'", "b");
	assert_string_equal(e.text, "batch 'b': 1 of 2 records are missing");
	err_set(&e, ST_FAIL, "partition 10: no answer");
	err_wrap(&e, "partition %d", 1);
	assert_string_equal(e.text, "partition 1: partition 10: no answer");
	err_clear(&e);
	err_wrap(&e, "context");
	assert_string_equal(e.text, "context: failed");
	err_clear(&e);
}

static void test_err_move(void **state)
{
	(void)state;
	struct err from = ERR_INIT, to = ERR_INIT;
	err_set(&to, ST_FAIL, "old");
	err_set(&from, ST_STATE, "new");
	err_move(&to, &from);
	assert_string_equal(to.text, "new");
	assert_int_equal(to.status, ST_STATE);
	assert_null(from.text);
	assert_int_equal(from.status, ST_OK);
	err_clear(&to);
	err_clear(&from);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_err_set),
	    cmocka_unit_test(test_err_set_is_one_line),
	    cmocka_unit_test(test_err_errno),
	    cmocka_unit_test(test_err_wrap),
	    cmocka_unit_test(test_err_move),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
