#include "base/str.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_str_eq(void **state)
{
	(void)state;
	struct str absent = STR_INIT;
	assert_true(str_eq(STR("ab"), STR("ab")));
	assert_false(str_eq(STR("ab"), STR("abc")));
	assert_false(str_eq(STR("ab"), STR("aB")));
	assert_true(str_eq(STR("a\0b"), STR("a\0b")));
	assert_true(str_eq(absent, STR("")));
	assert_true(str_is(STR(""), ""));
	assert_false(str_is(absent, ""));
	assert_null(str_of(NULL).ptr);
	assert_int_equal(str_of("abc").len, 3);
}

static void test_str_has_prefix(void **state)
{
	(void)state;
	assert_true(str_has_prefix(STR("batch.conf"), "batch"));
	assert_true(str_has_prefix(STR("batch"), "batch"));
	assert_true(str_has_prefix(STR("batch"), ""));
	assert_false(str_has_prefix(STR("bat"), "batch"));
	assert_false(str_has_prefix(STR("Batch"), "batch"));
}

static void test_str_has_suffix(void **state)
{
	(void)state;
	assert_true(str_has_suffix(STR("claims.in"), ".in"));
	assert_true(str_has_suffix(STR(".in"), ".in"));
	assert_true(str_has_suffix(STR("claims.in"), ""));
	assert_false(str_has_suffix(STR("in"), ".in"));
	assert_false(str_has_suffix(STR("claims.out"), ".in"));
}

static void test_str_lies_in(void **state)
{
	(void)state;
	const char text[] = "a text";
	struct str all = str_of(text), inner = {text + 2, 4}, longer = {text + 2, 5};
	assert_true(str_lies_in(all, all));
	assert_true(str_lies_in(inner, all));
	assert_false(str_lies_in(all, inner));
	assert_false(str_lies_in(longer, all));
	assert_false(str_lies_in(str_of("text"), all));
}

static void test_str_cut(void **state)
{
	(void)state;
	struct str head, rest = str_cut(STR("a=b=c"), '=', &head);
	assert_true(str_is(head, "a"));
	assert_true(str_is(rest, "b=c"));
	rest = str_cut(STR("a="), '=', &head);
	assert_true(str_is(head, "a"));
	assert_true(str_is(rest, ""));
	rest = str_cut(STR("abc"), '=', &head);
	assert_true(str_is(head, "abc"));
	assert_null(rest.ptr);
	rest = str_cut(STR(""), '=', &head);
	assert_true(str_is(head, ""));
	assert_null(rest.ptr);
}

static void test_str_chomp(void **state)
{
	(void)state;
	assert_true(str_is(str_chomp(STR("a\nb \n\n")), "a\nb "));
	assert_true(str_is(str_chomp(STR("a")), "a"));
	assert_true(str_is(str_chomp(STR("\n")), ""));
}

static void test_str_trim(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
	    {" \ta b\t ", "a b"},
	    {"a\r", "a"},
	    {"a \r", "a"},
	    {"\ra", "\ra"},
	    {"  ", ""},
	    {"", ""},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_true(str_is(str_trim(str_of(rows[i][0])), rows[i][1]));
}

static void test_str_cmp(void **state)
{
	(void)state;
	assert_int_equal(str_cmp(STR("a"), STR("a")), 0);
	assert_int_equal(str_cmp(STR("a"), STR("b")), -1);
	assert_int_equal(str_cmp(STR("b"), STR("a")), 1);
	assert_int_equal(str_cmp(STR("a"), STR("ab")), -1);
	assert_int_equal(str_cmp(STR("ab"), STR("a")), 1);
	assert_int_equal(str_cmp(STR("\x7f"), STR("\x80")), -1);
	assert_int_equal(str_cmp((struct str)STR_INIT, STR("")), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_str_eq),
	    cmocka_unit_test(test_str_has_prefix),
	    cmocka_unit_test(test_str_has_suffix),
	    cmocka_unit_test(test_str_lies_in),
	    cmocka_unit_test(test_str_cut),
	    cmocka_unit_test(test_str_chomp),
	    cmocka_unit_test(test_str_trim),
	    cmocka_unit_test(test_str_cmp),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
