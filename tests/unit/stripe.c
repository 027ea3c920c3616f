#include "batch/stripe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

/* After any number of records no partition has more than another by more than the stripe. */
static void test_stripe_even(void **state)
{
	static const int32_t partitions[] = {1, 2, 3, 4, 7, 12, 64};
	(void)state;
	for (size_t i = 0; i < sizeof(partitions) / sizeof(*partitions); i++) {
		int32_t count = partitions[i];
		int64_t held[64] = {0};
		for (int64_t n = 1; n <= 400000; n++) {
			int32_t p = stripe_partition(n, 5, count);
			assert_in_range(p, 0, count - 1);
			held[p]++;
			if (n % 97)
				continue;
			int64_t most = 0, least = INT64_MAX;
			for (int32_t q = 0; q < count; q++) {
				most = held[q] > most ? held[q] : most;
				least = held[q] < least ? held[q] : least;
			}
			assert_true(most - least <= STRIPE_LONGEST && most - least <= 1 + least / STRIPE_ROUNDS);
		}
	}
}

static void test_stripe_lengths(void **state)
{
	(void)state;
	for (int64_t n = 1; n <= 64; n++)
		assert_int_equal(stripe_partition(n, 0, 4), (n - 1) % 4);
	for (int64_t n = 65; n <= 192; n++)
		assert_int_equal(stripe_partition(n, 2, 4), (2 + (n - 65) / 2) % 4);
	int64_t longest = 1 + 16 * 4 * 255;
	for (int64_t n = longest; n < longest + 5000; n++)
		assert_int_equal(stripe_partition(n, 0, 4), (n - longest) / 256 % 4);
	assert_in_range(stripe_partition(INT64_MAX, UINT32_MAX, INT32_MAX), 0, INT32_MAX - 1);
	assert_int_equal(stripe_partition(1, 0x7fffffff, 4), 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stripe_even),
	    cmocka_unit_test(test_stripe_lengths),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
