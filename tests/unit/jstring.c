#include "base/jstring.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void test_jstring_escape(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t len;
		uint32_t code;
	} rows[] = {
	    {"\\\"", 2, '"'},
	    {"\\\\", 2, '\\'},
	    {"\\/", 2, '/'},
	    {"\\b", 2, '\b'},
	    {"\\f", 2, '\f'},
	    {"\\n", 2, '\n'},
	    {"\\r", 2, '\r'},
	    {"\\tx", 2, '\t'},
	    {"\\u0000", 6, 0},
	    {"\\u00e4x", 6, 0xe4},
	    {"\\uFFFF", 6, 0xffff},
	    {"\\ud7ff", 6, 0xd7ff},
	    {"\\ue000", 6, 0xe000},
	    {"\\ud800\\udc00", 12, 0x10000},
	    {"\\uDBFF\\uDFFF", 12, 0x10ffff},
	    {"\\", 0, 0},
	    {"\\a", 0, 0},
	    {"\\'", 0, 0},
	    {"\\u", 0, 0},
	    {"\\u123", 0, 0},
	    {"\\u12g4", 0, 0},
	    {"\\U1234", 0, 0},
	    {"\\ud800", 0, 0},
	    {"\\ud800\\udbff", 0, 0},
	    {"\\ud800\\ue000", 0, 0},
	    {"\\ud800\\udc0", 0, 0},
	    {"\\ud800x", 0, 0},
	    {"\\udc00\\ud800", 0, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		const char *text = rows[i].text;
		uint32_t code = 0;
		if (jstring_escape(text, text + strlen(text), &code) != rows[i].len ||
		    (rows[i].len && code != rows[i].code))
			fail_msg("%s", text);
	}
	uint32_t code;
	const char nul[] = {'\\', '\0'};
	assert_int_equal(jstring_escape(nul, nul + 2, &code), 0);
}

static void test_jstring_is(void **state)
{
	(void)state;
	static const struct {
		const char *raw, *text;
		bool same;
	} rows[] = {
	    {"\"\"", "", true},
	    {"\"abc\"", "abc", true},
	    {"\"abc\"", "abd", false},
	    {"\"abc\"", "ab", false},
	    {"\"abc\"", "abcd", false},
	    {"\"a\\u0062c\"", "abc", true},
	    {"\"\\u0061bc\"", "ab", false},
	    {"\"a\\u0062\"", "abc", false},
	    {"\"a\\nb\"", "a\nb", true},
	    {"\"a\\nb\"", "a\\nb", false},
	    {"\"a\\\\nb\"", "a\\nb", true},
	    {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98\x80", true},
	    {"\"\\ud83d\\ude00\"", "\xf0\x9f\x98", false},
	    {"\"\\u00e4\xc3\xa4\"", "\xc3\xa4\xc3\xa4", true},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (jstring_is(str_of(rows[i].raw), str_of(rows[i].text)) != rows[i].same)
			fail_msg("%s %s", rows[i].raw, rows[i].text);
	assert_true(jstring_is(STR("\"a\\u0000\""), STR("a\0")));
	assert_false(jstring_is(STR("\"a\\u0000\""), STR("a")));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_jstring_escape),
	    cmocka_unit_test(test_jstring_is),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
