#include "tool/limits.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <sys/resource.h>

#include <cmocka.h>

static void set(rlim_t soft, rlim_t hard)
{
	const struct rlimit l = {soft, hard};
	assert_int_equal(setrlimit(RLIMIT_NOFILE, &l), 0);
}

static rlim_t soft(void)
{
	struct rlimit l;
	assert_int_equal(getrlimit(RLIMIT_NOFILE, &l), 0);
	return l.rlim_cur;
}

static void test_limits_descriptors(void **state)
{
	struct err err = ERR_INIT;
	(void)state;
	set(100, 200);
	assert_int_equal(limits_descriptors(100, &err), 0);
	assert_int_equal(soft(), 100);
	assert_int_equal(limits_descriptors(150, &err), 0);
	assert_int_equal(soft(), 150);
	assert_int_equal(limits_descriptors(50, &err), 0);
	assert_int_equal(soft(), 150);
	assert_int_equal(limits_descriptors(201, &err), -1);
	assert_int_equal(err.status, ST_USAGE);
	assert_int_equal(soft(), 150);
	err_clear(&err);
	assert_int_equal(limits_descriptors(200, &err), 0);
	assert_int_equal(soft(), 200);
}

int main(void)
{
	const struct CMUnitTest tests[] = {cmocka_unit_test(test_limits_descriptors)};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
