#include "batch/pace.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct pace parse(const char *text, int64_t target_us)
{
	struct pace p;
	struct err err = ERR_INIT;
	assert_int_equal(pace_parse(&p, text, &err), 0);
	p.target_us = target_us;
	p.longest_us = 60000000;
	return p;
}

static void check_parse(const char *text, int64_t min, int64_t max, int64_t size)
{
	struct pace p = parse(text, 0);
	assert_int_equal(p.min, min);
	assert_int_equal(p.max, max);
	assert_int_equal(p.size, size);
}

static void test_pace_parse(void **state)
{
	(void)state;
	check_parse("100", 100, 100, 100);
	check_parse("5..20", 5, 20, 5);
	check_parse("5..20,10", 5, 20, 10);
	check_parse("7..7", 7, 7, 7);
	static const char *const texts[] = {"", "0", "-1", "x", "5..", "..20", "5.20", "5...20", "20..5",
	    "0..5", "5..20,4", "5..20,21", "5..20,", "100,50", "5..20,10,10", "10000001"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct pace p = parse("9", 0);
		struct err err = ERR_INIT;
		assert_int_equal(pace_parse(&p, texts[i], &err), -1);
		assert_int_equal(err.status, ST_USAGE);
		assert_int_equal(p.size, 9);
		err_clear(&err);
	}
}

/* --- a command that takes 0.2 s to start and 0.05 s for a record, more or less */

#define TARGET_US  2000000
#define OPTIMUM    36
#define ENOUGH     29 /* 80 % of it */

static double noise(uint64_t *random)
{
	*random = *random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return 0.8 + 0.4 * (double)(*random >> 33) / 2147483648.0;
}

static int64_t run_full(struct pace *p, double factor)
{
	struct pace_run run = {.records = p->size, .full = true};
	run.took_us = (int64_t)(factor * (200000 + 50000 * (double)p->size));
	pace_ran(p, &run);
	assert_in_range(p->size, p->min, p->max);
	return run.took_us;
}

static void run_many(struct pace *p, int times)
{
	while (times-- > 0)
		run_full(p, 1);
}

static void run_as(struct pace *p, enum onexit_action action, double pressure)
{
	struct pace_run run = {.records = p->size, .took_us = 1000000, .full = true,
	    .action = action, .pressure = pressure};
	pace_ran(p, &run);
}

static void test_pace_target(void **state)
{
	(void)state;
	struct pace p = parse("5..100", TARGET_US);
	static const int64_t sizes[] = {5, 10, 20, 30, 30};
	for (size_t i = 0; i < sizeof(sizes) / sizeof(*sizes); i++) {
		assert_int_equal(p.size, sizes[i]);
		run_full(&p, 1);
	}
}

/* Within five chunks it is where it should be, within ten nearly always; then it does not swing. */
static void test_pace_simulation(void **state)
{
	(void)state;
	int rounds = getenv("BATCH_UNIT_QUICK") ? 200 : 2000, after_five = 0, after_ten = 0, late = 0;
	double sum = 0;
	for (int round = 0; round < rounds; round++) {
		uint64_t random = (uint64_t)round * 7919;
		struct pace p = parse("5..100", TARGET_US);
		for (int chunk = 1; chunk <= 60; chunk++) {
			int64_t before = p.size;
			bool is_late = run_full(&p, noise(&random)) > TARGET_US;
			late += chunk > 10 && is_late;
			after_five += chunk == 5 && p.size >= ENOUGH;
			after_ten += chunk == 10 && p.size >= ENOUGH;
			sum += chunk == 5 ? (double)p.size : 0;
			if (chunk > 10)
				assert_in_range(10 * p.size, 7 * before, 15 * before);
			assert_in_range(p.size, 5, 3 * OPTIMUM / 2);
		}
	}
	assert_true(sum / rounds >= ENOUGH);
	assert_true(after_five >= rounds * 8 / 10);
	assert_true(after_ten >= rounds * 97 / 100);
	assert_true(late <= rounds * 50 * 3 / 10);
}

static void test_pace_bounds(void **state)
{
	(void)state;
	struct pace p = parse("5..20,10", TARGET_US);
	run_many(&p, 9);
	assert_int_equal(p.size, 20);
	p = parse("50..90", TARGET_US);
	run_many(&p, 9);
	assert_int_equal(p.size, 50);
	p = parse("100", TARGET_US);
	run_many(&p, 9);
	run_as(&p, ONEXIT_HALVE, 9);
	assert_int_equal(p.size, 100);
}

static void test_pace_follows_a_change(void **state)
{
	(void)state;
	struct pace p = parse("5..100", TARGET_US);
	run_many(&p, 10);
	for (int i = 0; i < 10; i++)
		run_full(&p, 4);
	assert_in_range(p.size, 5, 9);
	run_many(&p, 15);
	assert_in_range(p.size, ENOUGH, 40);
}

static void test_pace_short_chunks(void **state)
{
	(void)state;
	struct pace p = parse("5..100", TARGET_US);
	run_many(&p, 10);
	int64_t size = p.size;
	for (int i = 0; i < 50; i++) {
		struct pace_run run = {.records = 1, .took_us = 250000};
		pace_ran(&p, &run);
	}
	run_full(&p, 1);
	assert_int_equal(p.size, size);
	struct pace_run late = {.records = size - 1, .took_us = 1000, .full = true};
	pace_ran(&p, &late);
	assert_int_equal(p.size, size);
}

static void test_pace_cuts(void **state)
{
	(void)state;
	struct pace p = parse("1..100,80", TARGET_US);
	run_as(&p, ONEXIT_HALVE, 0);
	assert_int_equal(p.size, 40);
	run_as(&p, ONEXIT_ISOLATE, 0);
	run_as(&p, ONEXIT_OUTAGE, 0);
	run_as(&p, ONEXIT_STOP, 0);
	assert_int_equal(p.size, 40);
	run_as(&p, ONEXIT_RETRY, 0);
	assert_int_equal(p.size, 28);
	run_as(&p, ONEXIT_CRASH, 0);
	assert_int_equal(p.size, 19);
}

/* Those beside the first that failed were made with the same size. */
static void test_pace_cuts_once(void **state)
{
	(void)state;
	struct pace p = parse("1..100,64", TARGET_US);
	struct pace_run run = {.records = 64, .took_us = 1000000, .full = true, .action = ONEXIT_HALVE};
	pace_ran(&p, &run);
	pace_ran(&p, &run);
	assert_int_equal(p.size, 32);
	run.records = 40;
	pace_ran(&p, &run);
	assert_int_equal(p.size, 20);
	run.action = ONEXIT_RETRY;
	pace_ran(&p, &run);
	assert_int_equal(p.size, 20);
	run.records = 1;
	pace_ran(&p, &run);
	assert_int_equal(p.size, 14);
}

/* What did not fit does not grow back at once. */
static void test_pace_calm(void **state)
{
	(void)state;
	struct pace p = parse("1..100", TARGET_US);
	run_many(&p, 10);
	assert_in_range(p.size, ENOUGH, OPTIMUM);
	run_as(&p, ONEXIT_HALVE, 0);
	int64_t half = p.size;
	run_many(&p, PACE_CALM);
	assert_int_equal(p.size, half);
	run_many(&p, 3);
	assert_in_range(p.size, ENOUGH, OPTIMUM);
}

static void test_pace_pressure(void **state)
{
	(void)state;
	struct pace p = parse("5..100", TARGET_US);
	for (int i = 0; i < 5; i++)
		run_as(&p, ONEXIT_DONE, 1.1);
	assert_int_equal(p.size, 5);
	run_many(&p, 10);
	int64_t size = p.size;
	run_as(&p, ONEXIT_DONE, 1.3);
	assert_int_equal(p.size, size / 2);
	run_as(&p, ONEXIT_DONE, 1.3);
	assert_int_equal(p.size, size / 4);
	run_as(&p, ONEXIT_DONE, 1.3);
	assert_int_equal(p.size, 5);
}

static void test_pace_resume(void **state)
{
	(void)state;
	struct pace p = parse("5..100", TARGET_US);
	pace_resume(&p, 17.8);
	assert_int_equal(p.size, 32);
	run_full(&p, 1);
	assert_int_equal(p.size, 32);
	p = parse("5..20", TARGET_US);
	pace_resume(&p, 17.8);
	assert_int_equal(p.size, 20);
	p = parse("5..100", TARGET_US);
	pace_resume(&p, 0);
	assert_int_equal(p.size, 5);
}

/* 40 records take 2.2 s and 80 take 4.2 s: a gain of less than a twentieth. */
static void test_pace_knee(void **state)
{
	(void)state;
	struct pace p = parse("5..1000", 0);
	run_many(&p, 40);
	assert_int_equal(p.size, 40);
	run_as(&p, ONEXIT_HALVE, 0);
	run_many(&p, PACE_CALM);
	assert_int_equal(p.size, 20);
	run_many(&p, 40);
	assert_int_equal(p.size, 40);
	p = parse("5..30", 0);
	run_many(&p, 40);
	assert_int_equal(p.size, 30);
	p = parse("5..45", 0);
	run_many(&p, 40);
	assert_int_equal(p.size, 40);
	p = parse("5..1000", 0);
	p.longest_us = 1500000;
	run_many(&p, 40);
	assert_int_equal(p.size, 20);
	p.longest_us = 1000000;
	run_many(&p, 1);
	assert_int_equal(p.size, 10);
}

static void check_text(const struct pace *p, const char *want)
{
	struct buf text = BUF_INIT;
	pace_text(p, &text);
	assert_string_equal(buf_text(&text), want);
	buf_release(&text);
}

static void test_pace_text(void **state)
{
	(void)state;
	struct pace p = parse("100", 0);
	run_as(&p, ONEXIT_HALVE, 9);
	check_text(&p, "100 records: the size given");
	p = parse("5..100,20", TARGET_US);
	check_text(&p, "20 records: the first size");
	run_full(&p, 1);
	check_text(&p, "30 records: rate x target, 16.7 records/s");
	run_as(&p, ONEXIT_HALVE, 0);
	check_text(&p, "15 records: halved: out of memory or time, 16.7 records/s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_pace_parse),
	    cmocka_unit_test(test_pace_target),
	    cmocka_unit_test(test_pace_simulation),
	    cmocka_unit_test(test_pace_bounds),
	    cmocka_unit_test(test_pace_follows_a_change),
	    cmocka_unit_test(test_pace_short_chunks),
	    cmocka_unit_test(test_pace_cuts),
	    cmocka_unit_test(test_pace_cuts_once),
	    cmocka_unit_test(test_pace_calm),
	    cmocka_unit_test(test_pace_pressure),
	    cmocka_unit_test(test_pace_resume),
	    cmocka_unit_test(test_pace_knee),
	    cmocka_unit_test(test_pace_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
