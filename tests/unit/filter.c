#include "batch/filter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static bool matches_key(struct str key, const char *a, const char *b)
{
	struct filter f = FILTER_INIT;
	struct record r = RECORD_INIT;
	r.key = key;
	filter_add_key(&f, a);
	if (b)
		filter_add_key(&f, b);
	bool yes = filter_match(&f, &r);
	filter_release(&f);
	return yes;
}

static void test_filter_key(void **state)
{
	(void)state;
	assert_true(matches_key(STR("k"), "k", NULL));
	assert_false(matches_key(STR("kk"), "k", NULL));
	assert_false(matches_key(STR("k\0"), "k", NULL));
	assert_true(matches_key(STR("b"), "a", "b"));
	assert_true(matches_key(STR(""), "", NULL));
	assert_false(matches_key((struct str)STR_INIT, "", NULL));
}

static void test_filter_empty_wants_all(void **state)
{
	(void)state;
	struct filter f = FILTER_INIT;
	struct record r = RECORD_INIT;
	assert_true(filter_match(&f, &r));
	filter_release(&f);
}

static void test_filter_header(void **state)
{
	(void)state;
	static const struct {
		const char *one, *two;
		bool match;
	} rows[] = {
	    {"a=1", NULL, true},
	    {"a=2", NULL, true}, /* any header of the name */
	    {"a=3", NULL, false},
	    {"a", NULL, true},
	    {"A=1", NULL, false},
	    {"null", NULL, true},
	    {"null=", NULL, false},
	    {"empty=", NULL, true},
	    {"empty=x", NULL, false},
	    {"eq=x=y", NULL, true},
	    {"none", NULL, false},
	    {"a=1", "a=2", true},
	    {"a=1", "none", false},
	};
	struct record r = RECORD_INIT;
	headers_add(&r.headers, STR("a"), STR("1"));
	headers_add(&r.headers, STR("a"), STR("2"));
	headers_add(&r.headers, STR("null"), (struct str)STR_INIT);
	headers_add(&r.headers, STR("empty"), STR(""));
	headers_add(&r.headers, STR("eq"), STR("x=y"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct filter f = FILTER_INIT;
		struct err err = ERR_INIT;
		assert_int_equal(filter_add_header(&f, rows[i].one, &err), 0);
		if (rows[i].two)
			assert_int_equal(filter_add_header(&f, rows[i].two, &err), 0);
		assert_int_equal(filter_match(&f, &r), rows[i].match);
		filter_release(&f);
	}
	headers_release(&r.headers);
}

static void test_filter_grep(void **state)
{
	(void)state;
	static const struct {
		const char *one, *two;
		struct str value;
		bool match;
	} rows[] = {
	    {"b", NULL, {"abc", 3}, true},
	    {"x", NULL, {"abc", 3}, false},
	    {"abcd", NULL, {"abc", 3}, false},
	    {"^a.c$", NULL, {"abc", 3}, true},
	    {"^a.c$", NULL, {"abcd", 3}, true}, /* the length counts, not what stands behind */
	    {"c$", NULL, {"a\0c", 3}, true},
	    {"c", NULL, {"a\0c", 3}, true},
	    {"^c", NULL, {"a\nc", 3}, false},
	    {"a.c", NULL, {"a\nc", 3}, true},
	    {"x*", NULL, {"", 0}, true},
	    {"^$", NULL, {"", 0}, true},
	    {"", NULL, {"abc", 3}, true},
	    {"", NULL, STR_INIT, false},
	    {"^$", NULL, STR_INIT, false},
	    {"a", "c$", {"abc", 3}, true},
	    {"a", "b$", {"abc", 3}, false},
	    {"(a|x)b+", NULL,
	        {"\xff\xfe"
	         "abb",
	            5},
	        true},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct filter f = FILTER_INIT;
		struct err err = ERR_INIT;
		struct record r = RECORD_INIT;
		r.value = rows[i].value;
		assert_int_equal(filter_add_grep(&f, rows[i].one, &err), 0);
		if (rows[i].two)
			assert_int_equal(filter_add_grep(&f, rows[i].two, &err), 0);
		assert_int_equal(filter_match(&f, &r), rows[i].match);
		filter_release(&f);
	}
}

static void test_filter_all_kinds_must_match(void **state)
{
	(void)state;
	struct filter f = FILTER_INIT;
	struct err err = ERR_INIT;
	struct record r = RECORD_INIT;
	r.key = STR("k");
	r.value = STR("v");
	filter_add_key(&f, "k");
	assert_int_equal(filter_add_grep(&f, "[vw]", &err), 0);
	assert_true(filter_match(&f, &r));
	assert_int_equal(filter_add_header(&f, "h", &err), 0);
	assert_false(filter_match(&f, &r));
	headers_add(&r.headers, STR("h"), STR(""));
	assert_true(filter_match(&f, &r));
	headers_release(&r.headers);
	filter_release(&f);
}

static void test_filter_errors(void **state)
{
	(void)state;
	struct filter f = FILTER_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(filter_add_header(&f, "=x", &err), -1);
	assert_int_equal(err.status, ST_USAGE);
	assert_int_equal(filter_add_header(&f, "", &err), -1);
	assert_int_equal(filter_add_grep(&f, "a(b", &err), -1);
	assert_int_equal(err.status, ST_USAGE);
	assert_non_null(strstr(err.text, "regular expression 'a(b': "));
	err_clear(&err);
	filter_release(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_filter_key),
	    cmocka_unit_test(test_filter_empty_wants_all),
	    cmocka_unit_test(test_filter_header),
	    cmocka_unit_test(test_filter_grep),
	    cmocka_unit_test(test_filter_all_kinds_must_match),
	    cmocka_unit_test(test_filter_errors),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
