#include "batch/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/num.h"

static struct backoff parse(const char *text)
{
	struct backoff b;
	struct err err = ERR_INIT;
	assert_int_equal(backoff_parse(&b, text, &err), 0);
	return b;
}

static void check_delays(const char *text, const int64_t *want, size_t count, uint32_t random)
{
	struct backoff b = parse(text);
	for (size_t i = 0; i < count; i++)
		assert_int_equal(backoff_delay_ms(&b, (int64_t)i + 1, random), want[i]);
}

#define CHECK(text, random, ...)                                                                   \
	check_delays(text, (int64_t[]){__VA_ARGS__}, sizeof((int64_t[]){__VA_ARGS__}) / 8, random)

static void test_backoff_list(void **state)
{
	(void)state;
	CHECK("5,15,30", 0, 5000, 15000, 30000, 30000, 30000);
	CHECK("5,15,30", UINT32_MAX, 5000, 15000, 30000, 30000);
	CHECK("250ms,1m,1h30m,0", 7, 250, 60000, 5400000, 0, 0);
	CHECK("0", 7, 0, 0);
}

/* The lowest number draws a tenth, the highest nothing worth a millisecond in a second. */
static void test_backoff_factor(void **state)
{
	(void)state;
	CHECK("1s*2..5m", 0, 900, 1800, 3600, 7200, 14400, 28800, 57600, 115200, 230400, 270000,
	    270000);
	CHECK("1s*2..5m", UINT32_MAX, 999, 1999, 3999);
	CHECK("2*10..2", 0, 1800, 1800);
	CHECK("0*2..9", 0, 0, 0);
	struct backoff b = parse("1ms*100..36500d");
	b.jitter = 0;
	assert_int_equal(backoff_delay_ms(&b, INT64_MAX, 0), NUM_DURATION_MAX_MS);
}

static void check_jitter(const char *jitter, uint32_t random, int64_t want)
{
	struct backoff b = parse("1000");
	struct err err = ERR_INIT;
	assert_int_equal(backoff_set_jitter(&b, jitter, &err), 0);
	assert_int_equal(backoff_delay_ms(&b, 1, random), want);
}

static void test_backoff_jitter(void **state)
{
	(void)state;
	check_jitter("0", 0, 1000000);
	check_jitter("0.0", 1u << 31, 1000000);
	check_jitter("1", 0, 0);
	check_jitter("1.000000", 1u << 31, 500000);
	check_jitter("1", UINT32_MAX, 999999);
	check_jitter("0.25", 0, 750000);
	check_jitter("0.25", 1u << 31, 875000);
	check_jitter("0.5", 1u << 30, 625000);
}

static void test_backoff_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"", ",", "5,", ",5", "5,,6", "5;6", "-5", "x", "5*", "5*2",
	    "5*2.", "5*2..", "5*2.30", "5*2...30", "*2..5", "5*1..9", "5*101..9", "5*2..4", "5*1.5..9",
	    "5,6*2..9", "36501d", "1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1,1"};
	static const char *const jitters[] = {"", ".", "2", "-0", "1.1", "0.", ".5", "0.5x",
	    "0,5", "0.1234567", "1.000001", "x"};
	struct backoff b = parse("7");
	struct err err = ERR_INIT;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		assert_int_equal(backoff_parse(&b, texts[i], &err), -1);
		assert_int_equal(err.status, ST_USAGE);
		assert_non_null(strstr(err.text, texts[i]));
	}
	for (size_t i = 0; i < sizeof(jitters) / sizeof(*jitters); i++) {
		assert_int_equal(backoff_set_jitter(&b, jitters[i], &err), -1);
		assert_int_equal(err.status, ST_USAGE);
	}
	err_clear(&err);
	assert_int_equal(backoff_delay_ms(&b, 1, 0), 7000);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_backoff_list),
	    cmocka_unit_test(test_backoff_factor),
	    cmocka_unit_test(test_backoff_jitter),
	    cmocka_unit_test(test_backoff_refused),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
