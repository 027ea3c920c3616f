#include "base/sieve.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

static struct str word(int i)
{
	static char text[24];
	snprintf(text, sizeof(text), "nightly-%d", i);
	return str_of(text);
}

static void test_sieve_has_what_was_added(void **state)
{
	struct sieve s = SIEVE_INIT;
	(void)state;
	for (int i = 0; i < 100000; i++)
		sieve_add(&s, word(i));
	for (int i = 0; i < 100000; i++)
		assert_true(sieve_has(&s, word(i)));
	sieve_release(&s);
}

static int false_yes(const struct sieve *s, int from, int count)
{
	int n = 0;
	for (int i = from; i < from + count; i++)
		n += sieve_has(s, word(i));
	return n;
}

/* The figure of the header. */
static void test_sieve_seldom_errs(void **state)
{
	struct sieve s = SIEVE_INIT;
	(void)state;
	for (int i = 0; i < 400000; i++)
		sieve_add(&s, word(i));
	assert_in_range(false_yes(&s, 1000000, 100000), 1, 200);
	sieve_release(&s);
}

static void test_sieve_empty(void **state)
{
	struct sieve s = SIEVE_INIT;
	(void)state;
	assert_false(sieve_has(&s, word(1)));
	sieve_add(&s, STR(""));
	assert_true(sieve_has(&s, STR("")));
	assert_false(sieve_has(&s, word(1)));
	sieve_release(&s);
	assert_false(sieve_has(&s, STR("")));
	sieve_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_sieve_has_what_was_added),
	    cmocka_unit_test(test_sieve_seldom_errs),
	    cmocka_unit_test(test_sieve_empty),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
