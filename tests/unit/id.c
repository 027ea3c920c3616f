#include "base/id.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static const unsigned char ones[10] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
static const unsigned char zeros[10];

static void test_id_make(void **state)
{
	(void)state;
	char id[ID_SIZE];
	id_make(INT64_C(0x0123456789ab), ones, id);
	assert_string_equal(id, "01234567-89ab-7fff-bfff-ffffffffffff");
	id_make(INT64_C(0x0123456789ab), zeros, id);
	assert_string_equal(id, "01234567-89ab-7000-8000-000000000000");
	id_make(-1, zeros, id);
	assert_string_equal(id, "00000000-0000-7000-8000-000000000000");
	id_make(INT64_MAX, zeros, id);
	assert_string_equal(id, "ffffffff-ffff-7000-8000-000000000000");
	const unsigned char some[10] = {0x1a, 2, 3, 4, 5, 6, 7, 8, 9, 10};
	id_make(INT64_C(1795257000123), some, id);
	assert_string_equal(id, "01a1fda7-e0bb-7a02-8304-05060708090a");
}

static void test_id_time(void **state)
{
	(void)state;
	static const int64_t times[] = {0, 1, INT64_C(1795257000123), INT64_C(0xffffffffffff)};
	char id[ID_SIZE];
	for (size_t i = 0; i < sizeof(times) / sizeof(*times); i++) {
		int64_t ms = -1;
		id_make(times[i], ones, id);
		assert_true(id_time(str_of(id), &ms));
		assert_int_equal(ms, times[i]);
	}
	int64_t ms;
	assert_true(id_time(STR("01A1FDA7-E0BB-7A02-A304-05060708090A"), &ms));
	assert_int_equal(ms, INT64_C(1795257000123));
}

static void test_id_time_refuses(void **state)
{
	(void)state;
	static const char *const rows[] = {
	    "",
	    "nightly-2026-11-21",
	    "01a1fda7-e0bb-4a02-8304-05060708090a",
	    "01a1fda7-e0bb-7a02-c304-05060708090a",
	    "01a1fda7-e0bb-7a02-7304-05060708090a",
	    "01a1fda7-e0bb-7a02-8304-05060708090",
	    "01a1fda7-e0bb-7a02-8304-05060708090ab",
	    "01a1fda7-e0bb-7a02-8304-05060708090g",
	    "01a1fda7ee0bb-7a02-8304-05060708090a",
	    "01a1fda--e0bb-7a02-8304-05060708090a",
	    "{1a1fda7-e0bb-7a02-8304-05060708090}",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int64_t ms = 99;
		assert_false(id_time(str_of(rows[i]), &ms));
		assert_int_equal(ms, 99);
	}
}

static void test_id_check(void **state)
{
	(void)state;
	char longest[ID_MAX + 1];
	memset(longest, 'x', sizeof(longest));
	static const char *const good[] = {
	    "a", "nightly 2026/11/21", "Gr\xc3\xbc\xc3\x9f", "%s", "..", "-n",
	    "\xc2\xa0", "a'b`c\\d"};
	struct err err = ERR_INIT;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_int_equal(id_check(str_of(good[i]), "name", &err), 0);
	assert_int_equal(id_check((struct str){longest, ID_MAX}, "name", &err), 0);
	assert_null(err.text);
	assert_int_equal(id_check((struct str){longest, ID_MAX + 1}, "name", &err), -1);
	assert_int_equal(err.status, ST_USAGE);
	err_clear(&err);
}

static void test_id_check_refuses(void **state)
{
	(void)state;
	static const struct {
		struct str text;
		const char *why;
	} rows[] = {
	    {{"", 0}, "batch id is empty"},
	    {{NULL, 0}, "batch id is empty"},
	    {{"a\tb", 3}, "batch id 'a\tb' holds a control character"},
	    {{"a\x7f", 2}, "batch id 'a\x7f' holds a control character"},
	    {{"\0b", 2}, "batch id '' holds a control character"},
	    {{"\xc2\x9b", 2}, "batch id '\xc2\x9b' holds a control character"},
	    {{"\xff", 1}, "batch id '\xff' is not UTF-8"},
	    {{"a=b", 3}, "batch id 'a=b' holds one of \"=<>[]{}"},
	};
	struct err err = ERR_INIT;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(id_check(rows[i].text, "batch id", &err), -1);
		assert_int_equal(err.status, ST_USAGE);
		assert_string_equal(err.text, rows[i].why);
	}
	for (const char *c = "\"=<>[]{}"; *c; c++)
		assert_int_equal(id_check((struct str){c, 1}, "batch id", &err), -1);
	err_clear(&err);
}

static void test_topic_check(void **state)
{
	(void)state;
	char longest[TOPIC_MAX + 1];
	memset(longest, 'x', sizeof(longest));
	static const char *const good[] = {"a", "ingest.24.claims.in", "A-Z_0.9", "...", "-"};
	static const char *const bad[] = {"", ".", "..", "a b", "a/b", "\xc3\xbc", "a\n"};
	struct err err = ERR_INIT;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		assert_int_equal(topic_check(str_of(good[i]), "topic", &err), 0);
	assert_int_equal(topic_check((struct str){longest, TOPIC_MAX}, "topic", &err), 0);
	assert_null(err.text);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(topic_check(str_of(bad[i]), "topic", &err), -1);
		assert_int_equal(err.status, ST_USAGE);
	}
	assert_int_equal(topic_check((struct str){longest, TOPIC_MAX + 1}, "topic", &err), -1);
	assert_int_equal(topic_check(STR("a\0"), "topic", &err), -1);
	err_clear(&err);
}

static void test_id_hex(void **state)
{
	(void)state;
	static const unsigned char bytes[] = {0x00, 0x9a, 0xff};
	char out[7];
	id_hex(bytes, 3, out);
	assert_string_equal(out, "009aff");
	id_hex(bytes, 0, out);
	assert_string_equal(out, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_id_make),
	    cmocka_unit_test(test_id_time),
	    cmocka_unit_test(test_id_time_refuses),
	    cmocka_unit_test(test_id_check),
	    cmocka_unit_test(test_id_check_refuses),
	    cmocka_unit_test(test_topic_check),
	    cmocka_unit_test(test_id_hex),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
