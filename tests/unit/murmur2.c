#include "base/murmur2.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* From the tests of the Java client. */
static void test_murmur2_of_java(void **state)
{
	(void)state;
	static const struct {
		const char *key;
		int32_t hash;
	} rows[] = {
	    {"21", -973932308},
	    {"foobar", -790332482},
	    {"a-little-bit-long-string", -985981536},
	    {"a-little-bit-longer-string", -1486304829},
	    {"lkjh234lh9fiuh90y23oiuhsafujhadof229phr9h19h89h8", -58897971},
	    {"abc", 479470107},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal((int32_t)murmur2(str_of(rows[i].key)), rows[i].hash);
	assert_int_equal((int32_t)murmur2(STR("")), 275646681);
}

static void test_murmur2_partition(void **state)
{
	(void)state;
	assert_int_equal(murmur2_partition(STR("21"), INT32_MAX), -973932308 & 0x7fffffff);
	assert_int_equal(murmur2_partition(STR("abc"), 10), 7);
	assert_int_equal(murmur2_partition(STR("foobar"), 1), 0);
	for (int32_t n = 1; n < 50; n++) {
		int32_t at = murmur2_partition(STR("foobar"), n);
		assert_in_range(at, 0, n - 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_murmur2_of_java),
	    cmocka_unit_test(test_murmur2_partition),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
