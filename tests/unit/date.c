#include "base/date.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_date_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
	    {"1970-01-01T00:00:00Z", 0},
	    {"1970-01-01", 0},
	    {"1969-12-31T23:59:59.999Z", -1},
	    {"2026-11-21T10:30:00Z", INT64_C(1795257000000)},
	    {"2026-11-21t10:30:00z", INT64_C(1795257000000)},
	    {"2026-11-21 10:30:00Z", INT64_C(1795257000000)},
	    {"2026-11-21T11:30:00+01:00", INT64_C(1795257000000)},
	    {"2026-11-21T11:30:00+0100", INT64_C(1795257000000)},
	    {"2026-11-21T05:00:00-05:30", INT64_C(1795257000000)},
	    {"2026-11-21T10:30:00-00:00", INT64_C(1795257000000)},
	    {"2026-11-21T10:30:00.5Z", INT64_C(1795257000500)},
	    {"2026-11-21T10:30:00.123999999Z", INT64_C(1795257000123)},
	    {"2026-11-21", INT64_C(1795219200000)},
	    {"2024-02-29", INT64_C(1709164800000)},
	    {"2000-02-29T00:00:00Z", INT64_C(951782400000)},
	    {"2016-12-31T23:59:60Z", INT64_C(1483228800000)},
	    {"0001-01-01T00:00:00Z", DATE_MIN_MS},
	    {"9999-12-31T23:59:59.999Z", DATE_MAX_MS},
	    {"1795257000", INT64_C(1795257000000)},
	    {"100000000", INT64_C(100000000000)},
	    {"253402300799", DATE_MAX_MS - 999},
	    {"1795257000123", INT64_C(1795257000123)},
	    {"0000000000001", 1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err = ERR_INIT;
		int64_t ms = 99;
		if (date_parse(str_of(rows[i].text), &ms, &err))
			fail_msg("%s: %s", rows[i].text, err.text);
		if (ms != rows[i].ms)
			fail_msg("%s: %lld", rows[i].text, (long long)ms);
	}
}

static const char *const bad_dates[] = {
    "",
    "now",
    "-1h",
    "20261121",
    "-1795257000",
    "+1795257000",
    "1795257000 ",
    "253402300800000",
    "999999999999",
    "9999999999999999999",
    "2026-11-21T10:30Z",
    "2026-11-21T10:30:00",
    "2026-11-21T10:30:00.Z",
    "2026-11-21T10:30:00,5Z",
    "2026-11-21T10:30:00ZZ",
    "2026-11-21T10:30:00Z ",
    "2026-11-21T10:30:00+1",
    "2026-11-21T10:30:00+01",
    "2026-11-21T10:30:00+24:00",
    "2026-11-21T10:30:00+01:60",
    "2026-11-21T10:30:00+01:00Z",
    "2026-11-21T24:00:00Z",
    "2026-11-21T10:60:00Z",
    "2026-11-21T10:30:60Z",
    "2026-11-21T10:59:61Z",
    "2026-11-21T1:30:00Z",
    "2026-11-21T",
    "2026-11-21X10:30:00Z",
    "2026-11-31",
    "2026-13-01",
    "2026-00-01",
    "2026-01-00",
    "2026-1-1",
    "2026/01/01",
    "2025-02-29",
    "1900-02-29",
    "0000-01-01",
    "0001-01-01T00:00:00+00:01",
    "9999-12-31T23:59:59-00:01",
    "12026-01-01",
};

static void test_date_parse_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_dates) / sizeof(*bad_dates); i++) {
		struct err err = ERR_INIT;
		int64_t ms = 99;
		if (date_parse(str_of(bad_dates[i]), &ms, &err) != -1)
			fail_msg("%s was taken", bad_dates[i]);
		assert_int_equal(ms, 99);
		assert_int_equal(err.status, ST_USAGE);
		err_clear(&err);
	}
	struct err err = ERR_INIT;
	int64_t ms;
	assert_int_equal(date_parse(STR("1970-01-01\0"), &ms, &err), -1);
	assert_int_equal(date_parse(STR("1970-01-01T00:00:00\0"), &ms, &err), -1);
	assert_int_equal(date_parse((struct str)STR_INIT, &ms, &err), -1);
	err_clear(&err);
}

static void test_date_parse_zoneless(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	int64_t ms;
	assert_int_equal(date_parse(STR("2026-11-21T10:30:00"), &ms, &err), -1);
	assert_string_equal(err.text, "time '2026-11-21T10:30:00' has no zone: add Z or +HH:MM, or say --local");
	err_clear(&err);
}

static int64_t two_later(int64_t utc_ms)
{
	return utc_ms + 7200000;
}

static int64_t two_earlier(int64_t local_ms)
{
	return local_ms - 7200000;
}

/* At 23:30 UTC the day after has begun two hours east of it. */
static void test_date_days(void **state)
{
	const struct date_now utc = {.ms = INT64_C(1796081400000)}, /* 2026-11-30T23:30:00Z */
	    local = {.ms = utc.ms, .to_local = two_later, .to_utc = two_earlier};
	static const struct {
		const char *text, *utc, *local;
	} rows[] = {
	    {"today", "2026-11-30T00:00:00Z", "2026-11-30T22:00:00Z"},
	    {"yesterday", "2026-11-29T00:00:00Z", "2026-11-29T22:00:00Z"},
	    {"2026-11-21", "2026-11-21T00:00:00Z", "2026-11-20T22:00:00Z"},
	    {"2026-11-21 10:30:00", NULL, "2026-11-21T08:30:00Z"},
	    {"2026-11-21T10:30:00.250", NULL, "2026-11-21T08:30:00Z"},
	    {"2026-11-21T10:30:00Z", "2026-11-21T10:30:00Z", "2026-11-21T10:30:00Z"},
	    {"-1h", "2026-11-30T22:30:00Z", "2026-11-30T22:30:00Z"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err = ERR_INIT;
		struct buf text = BUF_INIT;
		int64_t ms = 0;
		assert_int_equal(date_parse_rel(str_of(rows[i].text), &local, &ms, &err), 0);
		date_format_s(ms, &text);
		assert_string_equal(buf_text(&text), rows[i].local);
		buf_clear(&text);
		assert_int_equal(date_parse_rel(str_of(rows[i].text), &utc, &ms, &err),
		    rows[i].utc ? 0 : -1);
		assert_int_equal(date_lacks_zone(str_of(rows[i].text)), !rows[i].utc);
		date_format_s(ms, &text);
		if (rows[i].utc)
			assert_string_equal(buf_text(&text), rows[i].utc);
		err_clear(&err);
		buf_release(&text);
	}
}

static void test_date_parse_rel(void **state)
{
	const struct date_now now = {.ms = 10000000};
	(void)state;
	static const struct {
		const char *text;
		int64_t ms;
	} rows[] = {
	    {"now", 10000000},
	    {"-1h", 6400000},
	    {"-30m", 8200000},
	    {"-1h30m", 4600000},
	    {"-1", 9999000},
	    {"-250ms", 9999750},
	    {"1970-01-01T00:00:01Z", 1000},
	};
	struct err err = ERR_INIT;
	int64_t ms = 99;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(date_parse_rel(str_of(rows[i].text), &now, &ms, &err), 0);
		assert_int_equal(ms, rows[i].ms);
	}
	static const char *const bad[] = {
	    "", "-", "-now", "Now", "+1h", "1h", "-1x", "--1h", "now-1h"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(date_parse_rel(str_of(bad[i]), &now, &ms, &err), -1);
		assert_int_equal(err.status, ST_USAGE);
	}
	assert_non_null(strstr(err.text, ", -1h, today, yesterday)"));
	err_clear(&err);
}

static void test_date_format(void **state)
{
	(void)state;
	static const struct {
		int64_t ms;
		const char *s, *with_ms;
	} rows[] = {
	    {0, "1970-01-01T00:00:00Z", "1970-01-01T00:00:00.000Z"},
	    {-1, "1969-12-31T23:59:59Z", "1969-12-31T23:59:59.999Z"},
	    {INT64_C(1795257000007), "2026-11-21T10:30:00Z", "2026-11-21T10:30:00.007Z"},
	    {DATE_MIN_MS, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"},
	    {DATE_MAX_MS, "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999Z"},
	    {INT64_MIN, "0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000Z"},
	    {INT64_MAX, "9999-12-31T23:59:59Z", "9999-12-31T23:59:59.999Z"},
	};
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		buf_clear(&b);
		date_format_s(rows[i].ms, &b);
		assert_string_equal(buf_text(&b), rows[i].s);
		buf_clear(&b);
		date_format_ms(rows[i].ms, &b);
		assert_string_equal(buf_text(&b), rows[i].with_ms);
	}
	buf_release(&b);
}

/* Every day of all years comes back, and is the one after the day before. */
static void test_date_format_every_day(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct buf b = BUF_INIT, last = BUF_INIT;
	const int64_t end_ms = getenv("BATCH_UNIT_QUICK") ? DATE_MIN_MS / 100 * 99 : DATE_MAX_MS;
	for (int64_t ms = DATE_MIN_MS; ms <= end_ms; ms += 86400000) {
		int64_t back;
		buf_clear(&b);
		date_format_s(ms, &b);
		if (date_parse(buf_str(&b), &back, &err) || back != ms)
			fail_msg("%s", buf_text(&b));
		if (str_cmp(buf_str(&last), buf_str(&b)) >= 0)
			fail_msg("%s after %s", buf_text(&b), buf_text(&last));
		buf_clear(&last);
		buf_add_str(&last, buf_str(&b));
	}
	buf_release(&b);
	buf_release(&last);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_date_parse),
	    cmocka_unit_test(test_date_parse_refuses),
	    cmocka_unit_test(test_date_parse_zoneless),
	    cmocka_unit_test(test_date_parse_rel),
	    cmocka_unit_test(test_date_days),
	    cmocka_unit_test(test_date_format),
	    cmocka_unit_test(test_date_format_every_day),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
