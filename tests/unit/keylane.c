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
	size_t none[LANES] = {0}, some[LANES], counts[LANES] = {0};
	for (size_t i = 0; i < LANES; i++)
		some[i] = LANES - i;
	for (int n = 0; n < 24000; n++) {
		char key[16];
		snprintf(key, sizeof(key), "key-%d", n);
		size_t lane = keylane_of(str_of(key), none, LANES);
		assert_in_range(lane, 0, LANES - 1);
		assert_int_equal(keylane_of(str_of(key), some, LANES), lane);
		counts[lane]++;
	}
	for (size_t i = 0; i < LANES; i++)
		assert_in_range(counts[i], 800, 1200);
	assert_int_equal(keylane_of(STR("x"), none, 1), 0);
}

static void test_keylane_without_key(void **state)
{
	(void)state;
	static const size_t lengths[] = {5, 3, 1, 1, 2};
	struct str null = STR_INIT;
	assert_int_equal(keylane_of(null, lengths, 5), 2);
	assert_int_equal(keylane_of(null, lengths, 2), 1);
	static const size_t equal[5] = {0};
	assert_int_equal(keylane_of(STR(""), lengths, 5), keylane_of(STR(""), equal, 5));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_keylane_of_a_key),
	    cmocka_unit_test(test_keylane_without_key),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
