#include "batch/skim.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const struct extent dense = {.partition = 0, .first = 100, .last = 1099, .count = 1000};

/* Reads offsets first to last, whose numbers number_of gives, with so many of them at hand at a time; the
 * answer is how many headers were read. */
static int skim_through(struct skim *s, int64_t first, int64_t last, int at_hand,
    int64_t (*number_of)(int64_t offset))
{
	int read = 0;
	int64_t n;
	for (int64_t at = first; at <= last; at++) {
		if (skim_knows(s, at, &n)) {
			assert_int_equal(n, number_of(at));
			continue;
		}
		read++;
		int64_t ahead = (int64_t)skim_ahead(s), rest = at_hand - 1 - (at - first) % at_hand;
		if (ahead > rest)
			ahead = rest;
		if (ahead > last - at)
			ahead = last - at;
		if (ahead)
			skim_learn(s, at, number_of(at), at + ahead, number_of(at + ahead));
	}
	return read;
}

static int64_t stripes(int64_t offset)
{
	return (offset - 100) / 256 * 1024 + (offset - 100) % 256 + 1;
}

static void test_stripes(void **state)
{
	struct skim s;
	(void)state;
	skim_start(&s, &dense);
	int read = skim_through(&s, 100, 1099, 512, stripes);
	assert_in_range(read, 1, 100);
}

static int64_t every_third(int64_t offset)
{
	return (offset - 100) * 3 + 1;
}

static void test_jumps_at_each(void **state)
{
	struct skim s;
	(void)state;
	skim_start(&s, &dense);
	assert_int_equal(skim_through(&s, 100, 1099, 512, every_third), 1000);
	assert_int_equal(skim_ahead(&s), 1);
}

/* Now and then two in a row, as keys make it. */
static int64_t pairs(int64_t offset)
{
	int64_t i = offset - 100;
	return i * 4 + (i % 7 == 3 ? -3 : 0) + 10;
}

static void test_short_runs(void **state)
{
	struct skim s;
	(void)state;
	skim_start(&s, &dense);
	skim_through(&s, 100, 1099, 512, pairs);
}

static void test_others_between(void **state)
{
	struct extent x = dense;
	struct skim s;
	(void)state;
	x.count--;
	skim_start(&s, &x);
	assert_int_equal(skim_ahead(&s), 0);
	assert_int_equal(skim_through(&s, 100, 1099, 512, stripes), 1000);
}

static void test_no_number(void **state)
{
	struct skim s;
	int64_t n;
	(void)state;
	skim_start(&s, &dense);
	skim_learn(&s, 100, 7, 101, 0);
	assert_false(skim_knows(&s, 101, &n));
	skim_learn(&s, 101, 8, 102, 10);
	assert_false(skim_knows(&s, 102, &n));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stripes),
	    cmocka_unit_test(test_jumps_at_each),
	    cmocka_unit_test(test_short_runs),
	    cmocka_unit_test(test_others_between),
	    cmocka_unit_test(test_no_number),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
