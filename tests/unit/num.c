#include "base/num.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_num_i64(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t min, max, n;
	} rows[] = {
	    {"0", 0, 0, 0},
	    {"-0", 0, 0, 0},
	    {"7", 1, 7, 7},
	    {"007", 1, 7, 7},
	    {"-7", -7, 7, -7},
	    {"9223372036854775807", 0, INT64_MAX, INT64_MAX},
	    {"-9223372036854775808", INT64_MIN, 0, INT64_MIN},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err = ERR_INIT;
		int64_t n = 99;
		assert_int_equal(num_i64(rows[i].text, rows[i].min, rows[i].max, &n, &err), 0);
		assert_true(n == rows[i].n);
		assert_null(err.text);
	}
}

static void test_num_i64_refuses(void **state)
{
	(void)state;
	static const char *const rows[] = {
	    "", "-", "+5", " 5", "5 ", "5x", "x", "0x10", "1e3", "1.0", "--1", "-1", "101",
	    "9223372036854775808", "-9223372036854775809", "99999999999999999999", "5\n",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err = ERR_INIT;
		int64_t n = 99;
		assert_int_equal(num_i64(rows[i], 0, 100, &n, &err), -1);
		assert_int_equal(n, 99);
		assert_int_equal(err.status, ST_USAGE);
		err_clear(&err);
	}
}

static void test_num_i64_message(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	int64_t n;
	num_i64("12x", 1, 100, &n, &err);
	assert_string_equal(err.text, "'12x' is not a whole number from 1 to 100");
	num_i64("-1", 0, INT64_MAX, &n, &err);
	assert_string_equal(err.text, "'-1' is not a whole number of at least 0");
	num_i64_str((struct str)STR_INIT, 0, 9, &n, &err);
	assert_string_equal(err.text, "'' is not a whole number from 0 to 9");
	num_i64("1234567890123456789012345678901234567890123456789012345678901234567", 0, 9, &n,
	    &err);
	assert_string_equal(err.text, "'1234567890123456789012345678901234567890123456789012345678"
				      "901234...' is not a whole number from 0 to 9");
	err_clear(&err);
}

static void test_num_i64_str(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	int64_t n;
	assert_int_equal(num_i64_str((struct str){"1234", 2}, 0, 99, &n, &err), 0);
	assert_int_equal(n, 12);
	assert_int_equal(num_i64_str(STR("1\0"), 0, 99, &n, &err), -1);
	err_clear(&err);
}

static void test_num_real(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		double n;
	} rows[] = {{"0", 0}, {"0.0", 0}, {"2.5", 2.5}, {"007.25", 7.25}, {"100", 100}, {"99.999999", 99.999999}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err = ERR_INIT;
		double n = 99;
		assert_int_equal(num_real(rows[i].text, 0, 100, &n, &err), 0);
		assert_true(n >= rows[i].n && n <= rows[i].n);
	}
}

static void test_num_real_refuses(void **state)
{
	(void)state;
	static const char *const rows[] = {
	    "", ".", "1.", ".5", "-1", "-0", "+1", " 1", "1 ", "1x", "1.5x", "1.-5", "1,5", "1..2", "1.2.3", "1e1",
	    "1e999", "0x1", "nan", "inf", "100.000001", "1.0000001", "99999999999999999999", "0.49",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err = ERR_INIT;
		double n = 99;
		assert_int_equal(num_real(rows[i], 0.5, 100, &n, &err), -1);
		assert_true(n >= 99 && n <= 99);
		assert_int_equal(err.status, ST_USAGE);
		err_clear(&err);
	}
}

static void test_num_size(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t bytes;
	} rows[] = {
	    {"0", 0},
	    {"512", 512},
	    {"512B", 512},
	    {"1K", 1024},
	    {"1k", 1024},
	    {"1KiB", 1024},
	    {"1kB", 1000},
	    {"1KB", 1000},
	    {"64M", 64 << 20},
	    {"64m", 64 << 20},
	    {"64MiB", 64 << 20},
	    {"64MB", 64000000},
	    {"2G", INT64_C(2) << 30},
	    {"3TiB", INT64_C(3) << 40},
	    {"3TB", INT64_C(3000000000000)},
	    {"8388607T", INT64_C(8388607) << 40},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err = ERR_INIT;
		int64_t n = 99;
		assert_int_equal(num_size(rows[i].text, 0, INT64_MAX, &n, &err), 0);
		assert_true(n == rows[i].bytes);
	}
}

static void test_num_size_refuses(void **state)
{
	(void)state;
	static const char *const rows[] = {
	    "", "K", "-1", "-1K", "1 K", "1KK", "1K1", "1.5M", "1X", "1kib", "1Kb", "8388608T",
	    "+1K", "2049", "3K", "1M", "0", "9223372036854775808",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err = ERR_INIT;
		int64_t n = 99;
		assert_int_equal(num_size(rows[i], 1, 2048, &n, &err), -1);
		assert_int_equal(n, 99);
		assert_int_equal(err.status, ST_USAGE);
		err_clear(&err);
	}
}

static void test_num_duration_ms(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
	    {"0", 0},
	    {"0s", 0},
	    {"30", 30000},
	    {"250ms", 250},
	    {"30s", 30000},
	    {"5m", 300000},
	    {"1h", 3600000},
	    {"2d", 172800000},
	    {"1w", 604800000},
	    {"1h30m", 5400000},
	    {"1w2d3h4m5s6ms", 788645006},
	    {"1m90s", 150000},
	    {"36500d", NUM_DURATION_MAX_MS},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err = ERR_INIT;
		int64_t ms = 99;
		assert_int_equal(num_duration_ms(rows[i].text, &ms, &err), 0);
		assert_true(ms == rows[i].ms);
	}
}

static void test_num_duration_ms_refuses(void **state)
{
	(void)state;
	static const char *const rows[] = {
	    "", "s", "-1", "-0", "-1s", "+1s", "5 s", " 5s", "5s ", "1h30", "30m1h", "1h1h",
	    "1.5s", "1x", "1S", "1hm", "36501d", "36500d1ms", "9223372036854775807",
	    "9223372036854775808", "9223372036854775807w", "15250284452w9223372036854775807s",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err = ERR_INIT;
		int64_t ms = 99;
		assert_int_equal(num_duration_ms(rows[i], &ms, &err), -1);
		assert_int_equal(ms, 99);
		assert_int_equal(err.status, ST_USAGE);
		err_clear(&err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_num_i64),
	    cmocka_unit_test(test_num_i64_refuses),
	    cmocka_unit_test(test_num_i64_message),
	    cmocka_unit_test(test_num_i64_str),
	    cmocka_unit_test(test_num_real),
	    cmocka_unit_test(test_num_real_refuses),
	    cmocka_unit_test(test_num_size),
	    cmocka_unit_test(test_num_size_refuses),
	    cmocka_unit_test(test_num_duration_ms),
	    cmocka_unit_test(test_num_duration_ms_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
