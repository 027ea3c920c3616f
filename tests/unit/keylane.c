#include "batch/keylane.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#define LANES 24

/* Where a key goes depends on nothing but the key, and keys are spread. */
static void test_keylane_of_a_key(void **state)
{
	(void)state;
	size_t counts[LANES] = {0};
	for (int n = 0; n < 24000; n++) {
		char key[16];
		snprintf(key, sizeof(key), "key-%d", n);
		size_t lane = keylane_of(str_of(key), 0, LANES);
		assert_in_range(lane, 0, LANES - 1);
		assert_int_equal(keylane_of(str_of(key), n, LANES), lane);
		counts[lane]++;
	}
	for (size_t i = 0; i < LANES; i++)
		assert_in_range(counts[i], 800, 1200);
	assert_int_equal(keylane_of(STR("x"), 5, 1), 0);
}

/* In turn, whatever became of the others. */
static void test_keylane_without_key(void **state)
{
	(void)state;
	struct str null = STR_INIT;
	for (int64_t n = 0; n < 3 * LANES; n++)
		assert_int_equal(keylane_of(null, n, LANES), n % LANES);
	assert_int_equal(keylane_of(null, INT64_C(1) << 47, 1), 0);
	assert_int_equal(keylane_of(STR(""), 1, 5), keylane_of(STR(""), 2, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keylane_of_a_key),
	    cmocka_unit_test(test_keylane_without_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
