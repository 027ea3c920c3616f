#include "batch/format.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct record sample(void)
{
	struct record r = RECORD_INIT;
	r.topic = STR("claims.in");
	r.partition = 3;
	r.offset = 123456789012;
	r.ts_ms = 1760000000123;
	r.key = STR("k1");
	r.value = STR("v\0w");
	headers_add(&r.headers, STR("a"), STR("1"));
	headers_add(&r.headers, STR("b"), (struct str)STR_INIT);
	headers_add(&r.headers, STR("a"), STR("2"));
	return r;
}

static void check(
    const char *format, const struct record *r, const char *null_text, struct str want)
{
	struct format f = FORMAT_INIT;
	struct err err = ERR_INIT;
	struct buf out = BUF_INIT;
	assert_int_equal(format_parse(&f, format, &err), 0);
	f.null_text = str_of(null_text);
	format_put(&f, r, &out);
	assert_int_equal(out.len, want.len);
	assert_memory_equal(buf_text(&out), want.ptr, want.len);
	buf_release(&out);
	format_release(&f);
}

static void test_format_verbs(void **state)
{
	(void)state;
	static const struct {
		const char *format;
		struct str want;
	} rows[] = {
	    {"", {"", 0}},
	    {"plain", {"plain", 5}},
	    {"%s\\n", {"v\0w\n", 4}},
	    {"%S:%K", {"3:2", 3}},
	    {"%R%s", {"\0\0\0\3v\0w", 7}},
	    {"%t/%p@%o %T", {"claims.in/3@123456789012 1760000000123", 38}},
	    {"%k%%%k", {"k1%k1", 5}},
	    {"%h", {"a=1,b=,a=2", 10}},
	    {"%H{a}|%H{b}|%H{c}|", {"1|||", 4}},
	    {"\\t\\x41\\0\\\\%%s", {"\tA\0\\%s", 6}},
	};
	struct record r = sample();
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check(rows[i].format, &r, NULL, rows[i].want);
	headers_release(&r.headers);
}

static void test_format_null(void **state)
{
	(void)state;
	struct record r = RECORD_INIT;
	check("%s|%S|%k|%K|%h|%p|%o|%T", &r, NULL, STR("|-1||-1||-1|-1|-1"));
	check("%R", &r, NULL, STR("\xff\xff\xff\xff"));
	check("%s %k", &r, "NULL", STR("NULL NULL"));
	r.value = STR("");
	check("%s %S", &r, "NULL", STR(" 0"));
	headers_add(&r.headers, STR("h"), (struct str)STR_INIT);
	check("%h %H{h}%H{none}", &r, "NULL", STR("h=NULL NULL"));
	headers_release(&r.headers);
}

static void test_format_errors(void **state)
{
	(void)state;
	static const struct {
		const char *format;
		const char *error;
	} rows[] = {
	    {"ab%q", "unknown verb %q at column 3"},
	    {"%s%", "the % at column 3 lacks its verb"},
	    {"%H", "%H at column 1 lacks its {NAME}"},
	    {"%H{}", "%H at column 1 lacks its {NAME}"},
	    {"%H{x", "%H at column 1 lacks its {NAME}"},
	    {"%s\\q", "unknown escape \\q at column 3"},
	    {"%s\\", "unknown escape \\ at column 3"},
	    {"\\x1z", "unknown escape \\x at column 1"},
	};
	struct format f = FORMAT_INIT;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err = ERR_INIT;
		assert_int_equal(format_parse(&f, rows[i].format, &err), -1);
		assert_int_equal(err.status, ST_USAGE);
		assert_non_null(strstr(err.text, rows[i].error));
		err_clear(&err);
	}
	format_release(&f);
}

static void test_format_parse_replaces(void **state)
{
	(void)state;
	struct format f = FORMAT_INIT;
	struct err err = ERR_INIT;
	struct buf out = BUF_INIT;
	struct record r = RECORD_INIT;
	f.null_text = STR("-");
	assert_int_equal(format_parse(&f, "old", &err), 0);
	assert_int_equal(format_parse(&f, "new %s", &err), 0);
	format_put(&f, &r, &out);
	assert_string_equal(buf_text(&out), "new -");
	buf_release(&out);
	format_release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_format_verbs),
	    cmocka_unit_test(test_format_null),
	    cmocka_unit_test(test_format_errors),
	    cmocka_unit_test(test_format_parse_replaces),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
