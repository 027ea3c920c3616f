#include "batch/range.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#define NOW  INT64_C(1795262400000) /* 2026-11-21T12:00:00Z */
#define HOUR INT64_C(3600000)

static const struct date_now now = {.ms = NOW};

static void test_range_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		struct range want;
	} rows[] = {
	    {"beginning", {RANGE_BEGINNING, 0, RANGE_STOP_NONE, 0}},
	    {"end", {RANGE_END, 0, RANGE_STOP_NONE, 0}},
	    {"stored", {RANGE_STORED, 0, RANGE_STOP_NONE, 0}},
	    {"0", {RANGE_OFFSET, 0, RANGE_STOP_NONE, 0}},
	    {"17", {RANGE_OFFSET, 17, RANGE_STOP_NONE, 0}},
	    {"9223372036854775807", {RANGE_OFFSET, INT64_MAX, RANGE_STOP_NONE, 0}},
	    {"-5", {RANGE_TAIL, 5, RANGE_STOP_NONE, 0}},
	    {"-0", {RANGE_TAIL, 0, RANGE_STOP_NONE, 0}},
	    {"3:7", {RANGE_OFFSET, 3, RANGE_STOP_OFFSET, 7}},
	    {"3:3", {RANGE_OFFSET, 3, RANGE_STOP_OFFSET, 3}},
	    {"3:", {RANGE_OFFSET, 3, RANGE_STOP_NONE, 0}},
	    {":7", {RANGE_BEGINNING, 0, RANGE_STOP_OFFSET, 7}},
	    {"@now", {RANGE_TIME, NOW, RANGE_STOP_NONE, 0}},
	    {"@-1h", {RANGE_TIME, NOW - HOUR, RANGE_STOP_NONE, 0}},
	    {"@-1h:", {RANGE_TIME, NOW - HOUR, RANGE_STOP_NONE, 0}},
	    {"@-2h:-1h", {RANGE_TIME, NOW - 2 * HOUR, RANGE_STOP_TIME, NOW - HOUR}},
	    {"@:-1h", {RANGE_BEGINNING, 0, RANGE_STOP_TIME, NOW - HOUR}},
	    {"@1795262400", {RANGE_TIME, NOW, RANGE_STOP_NONE, 0}},
	    {"@1795262400000:1795266000", {RANGE_TIME, NOW, RANGE_STOP_TIME, NOW + HOUR}},
	    {"@2026-11-21", {RANGE_TIME, NOW - 12 * HOUR, RANGE_STOP_NONE, 0}},
	    {"@2026-11-21:", {RANGE_TIME, NOW - 12 * HOUR, RANGE_STOP_NONE, 0}},
	    {"@2026-11-21:2026-11-22",
	        {RANGE_TIME, NOW - 12 * HOUR, RANGE_STOP_TIME, NOW + 12 * HOUR}},
	    {"@2026-11-21T12:00:00Z", {RANGE_TIME, NOW, RANGE_STOP_NONE, 0}},
	    {"@2026-11-21T12:00:00Z:", {RANGE_TIME, NOW, RANGE_STOP_NONE, 0}},
	    {"@:2026-11-21T12:00:00Z", {RANGE_BEGINNING, 0, RANGE_STOP_TIME, NOW}},
	    {"@2026-11-21T12:00:00Z:2026-11-21T13:00:00Z",
	        {RANGE_TIME, NOW, RANGE_STOP_TIME, NOW + HOUR}},
	    {"@2026-11-21T13:00:00+01:00:2026-11-21T13:00:00.000-00:00",
	        {RANGE_TIME, NOW, RANGE_STOP_TIME, NOW + HOUR}},
	    {"@2026-11-21T13:00:00+01:00:now", {RANGE_TIME, NOW, RANGE_STOP_TIME, NOW}},
	    {"@2026-11-21:-1h", {RANGE_TIME, NOW - 12 * HOUR, RANGE_STOP_TIME, NOW - HOUR}},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct range r = RANGE_INIT;
		struct err err = ERR_INIT;
		if (range_parse(&r, rows[i].text, &now, &err))
			fail_msg("%s", err.text);
		assert_int_equal(r.start, rows[i].want.start);
		assert_true(r.from == rows[i].want.from);
		assert_int_equal(r.stop, rows[i].want.stop);
		assert_true(r.to == rows[i].want.to);
	}
}

static void test_range_refuses(void **state)
{
	(void)state;
	static const char *const rows[] = {
	    "",
	    ":",
	    "@",
	    "@:",
	    "-",
	    "--5",
	    "-5:",
	    "-5:7",
	    "3:-7",
	    "3:7:9",
	    "+3",
	    " 3",
	    "3 ",
	    "3x",
	    "0x10",
	    "9223372036854775808",
	    "Beginning",
	    "begin",
	    "end:5",
	    "3:end",
	    "@@-1h",
	    "@-1x",
	    "@-1h:-2x",
	    "@tomorrow",
	    "@2026-11-21T12:00:00Z:x",
	    "@2026-11-21T12:00:00Z:2026-11-21T13:00:00Z:",
	    "@-1h:-1h:",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct range r = {RANGE_TAIL, 1, RANGE_STOP_NONE, 0};
		struct err err = ERR_INIT;
		if (range_parse(&r, rows[i], &now, &err) == 0)
			fail_msg("'%s' was taken", rows[i]);
		assert_int_equal(err.status, ST_USAGE);
		assert_non_null(strstr(err.text, "A:B"));
		assert_int_equal(r.start, RANGE_TAIL);
		err_clear(&err);
	}
}

static void test_range_ends_before_start(void **state)
{
	(void)state;
	static const char *const rows[] = {"7:3", "@-1h:-2h", "@2026-11-22:2026-11-21"};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct range r = RANGE_INIT;
		struct err err = ERR_INIT;
		assert_int_equal(range_parse(&r, rows[i], &now, &err), -1);
		assert_int_equal(err.status, ST_USAGE);
		assert_non_null(strstr(err.text, "ends before it starts"));
		err_clear(&err);
	}
}

/* What is wrong with the time itself is said, wherever it stands. */
static void test_range_zone(void **state)
{
	static const char *const rows[] = {"@2026-11-30 22:01:27", "@2026-11-30T22:01:27:", "@:2026-11-30T22:01:27",
	    "@2026-11-29:2026-11-30T22:01:27", "@2026-11-30T22:01:27:now"};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err = ERR_INIT;
		struct range r;
		assert_int_equal(range_parse(&r, rows[i], &now, &err), -1);
		assert_non_null(strstr(err.text, "has no zone: add Z or +HH:MM, or say --local"));
		err_clear(&err);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_range_parse),
	    cmocka_unit_test(test_range_refuses),
	    cmocka_unit_test(test_range_zone),
	    cmocka_unit_test(test_range_ends_before_start),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
