#include "base/json.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

static struct json_t *parse(const char *text)
{
	struct err err = ERR_INIT;
	struct json_t *tree = js_parse(str_of(text), &err);
	if (!tree)
		fail_msg("%s: %s", text, err.text);
	return tree;
}

static void check_dump(const struct json_t *tree, const char *want)
{
	struct buf b = BUF_INIT;
	js_dump(tree, &b);
	assert_string_equal(buf_text(&b), want);
	buf_release(&b);
}

static void test_json_parse(void **state)
{
	(void)state;
	static const char *const rows[] = {
	    "{}", "[]", "null", "true", "false", "0", "-12", "\"\"", "\"a\\\"\\\\/\\n\\u0001\"", "\"a\\u0000b\"",
	    "{\"z\":1,\"a\":[1,{\"b\":null}],\"m\":\"\xc3\xa4\"}", "9223372036854775807",
	    "-9223372036854775808",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct json_t *tree = parse(rows[i]);
		check_dump(tree, rows[i]);
		js_free(tree);
	}
	struct json_t *tree = parse(" { \"a\" : [ 1 , 2 ] }\r\n");
	check_dump(tree, "{\"a\":[1,2]}");
	js_free(tree);
}

static void test_json_parse_refuses(void **state)
{
	(void)state;
	static const char *const rows[] = {
	    "", " ", "{", "{\"a\":", "{}{}", "{} x", "01", "+1", "1.", ".5", "NaN", "'a'", "{a:1}",
	    "[1,]", "{\"a\":1,}", "{\"a\":1,\"a\":2}", "{\"a\\u0000\":1}", "\"\\ud800\"", "\"\xff\"",
	    "\"\xed\xa0\x80\"", "\"\n\"", "1e999", "9223372036854775808", "\xef\xbb\xbf{}",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err = ERR_INIT;
		if (js_parse(str_of(rows[i]), &err))
			fail_msg("%s was taken", rows[i]);
		assert_int_equal(err.status, ST_FAIL);
		assert_true(str_has_prefix(str_of(err.text), "byte "));
		err_clear(&err);
	}
	struct err err = ERR_INIT;
	assert_null(js_parse((struct str)STR_INIT, &err));
	assert_null(js_parse(STR("1\0x"), &err));
	assert_string_equal(err.text, "byte 2: NUL byte");
	assert_null(js_parse(STR("{\"a\":1,\"a\":2}"), &err));
	assert_string_equal(err.text, "byte 10: duplicate object key near '\"a\"'");
	err_clear(&err);
}

/* depth arrays, one in the other */
static struct json_t *parse_deep(size_t depth)
{
	struct err err = ERR_INIT;
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < 2 * depth; i++)
		buf_putc(&b, i < depth ? '[' : ']');
	struct json_t *tree = js_parse(buf_str(&b), &err);
	if (tree)
		check_dump(tree, buf_text(&b));
	err_clear(&err);
	buf_release(&b);
	return tree;
}

static void test_json_parse_depth(void **state)
{
	(void)state;
	struct json_t *tree = parse_deep(2048);
	assert_non_null(tree);
	js_free(tree);
	assert_null(parse_deep(2049));
	assert_null(parse_deep(1000000));
}

static void test_json_getters(void **state)
{
	(void)state;
	struct json_t *o = parse("{\"s\":\"text\",\"n\":7,\"r\":7.25,\"t\":true,\"f\":false,"
				 "\"z\":null,\"a\":[],\"o\":{}}");
	struct str s = STR("old");
	int64_t n = 99;
	double r = 0;
	bool b = true;
	assert_true(js_get_str(o, "s", &s));
	assert_true(str_is(s, "text"));
	assert_true(js_get_i64(o, "n", &n));
	assert_int_equal(n, 7);
	assert_true(js_get_bool(o, "f", &b));
	assert_false(b);
	assert_true(js_get_bool(o, "t", &b));
	assert_true(b);
	assert_false(js_get_i64(o, "r", &n));
	assert_true(js_get_real(o, "r", &r));
	assert_true(r == 7.25);
	assert_true(js_get_real(o, "n", &r));
	assert_true(r == 7);
	assert_false(js_get_real(o, "s", &r));
	assert_false(js_get_real(o, "none", &r));
	assert_true(r == 7);
	assert_false(js_get_i64(o, "s", &n));
	assert_false(js_get_i64(o, "none", &n));
	assert_int_equal(n, 7);
	assert_false(js_get_str(o, "n", &s));
	assert_false(js_get_str(o, "z", &s));
	assert_true(str_is(s, "text"));
	assert_false(js_get_bool(o, "n", &b));
	assert_true(js_is_object(js_get(o, "o")));
	assert_true(js_is_array(js_get(o, "a")));
	assert_false(js_is_object(js_get(o, "a")));
	assert_false(js_is_object(NULL));
	assert_false(js_is_array(NULL));
	assert_null(js_get(o, "none"));
	assert_null(js_get(NULL, "none"));
	assert_null(js_get(js_get(o, "a"), "none"));
	js_free(o);
	js_free(NULL);
}

static void test_json_set(void **state)
{
	(void)state;
	struct json_t *o = js_object();
	js_set_str(o, "z", STR("a\0b"));
	js_set_i64(o, "n", INT64_MIN);
	js_set_bool(o, "b", false);
	js_set_real(o, "r", 812.4);
	js_set(o, "o", js_object());
	js_set_i64(js_get_rw(o, "o"), "x", 1);
	js_set_str(o, "a", (struct str)STR_INIT);
	check_dump(o, "{\"z\":\"a\\u0000b\",\"n\":-9223372036854775808,\"b\":false,\"r\":812.4,"
		      "\"o\":{\"x\":1},\"a\":\"\"}");
	js_set_i64(o, "z", 2);
	js_remove(o, "n");
	js_remove(o, "none");
	check_dump(o, "{\"z\":2,\"b\":false,\"r\":812.4,\"o\":{\"x\":1},\"a\":\"\"}");
	js_free(o);
}

static void test_json_set_str_repairs(void **state)
{
	(void)state;
	struct json_t *o = js_object();
	js_set_str(o, "a", STR("\xff" "b\xc3\xa4\xc3"));
	check_dump(o, "{\"a\":\"\xef\xbf\xbd" "b\xc3\xa4\xef\xbf\xbd\"}");
	js_free(o);
}

static void test_json_arrays(void **state)
{
	(void)state;
	struct json_t *a = js_array();
	js_append_i64(a, 7);
	js_append(a, js_object());
	assert_int_equal(js_count(a), 2);
	assert_true(js_is_object(js_at(a, 1)));
	assert_null(js_at(a, 2));
	assert_int_equal(js_count(NULL), 0);
	assert_int_equal(js_count(js_at(a, 1)), 0);
	assert_null(js_at(NULL, 0));
	js_free(a);
}

static void test_json_copy(void **state)
{
	(void)state;
	struct json_t *o = parse("{\"b\":{\"c\":[1,2]},\"a\":1}");
	struct json_t *copy = js_copy(o);
	assert_true(json_equal(o, copy));
	js_set_i64(js_get_rw(copy, "b"), "d", 1);
	assert_false(json_equal(o, copy));
	check_dump(o, "{\"b\":{\"c\":[1,2]},\"a\":1}");
	check_dump(copy, "{\"b\":{\"c\":[1,2],\"d\":1},\"a\":1}");
	js_free(o);
	js_free(copy);
	assert_null(js_copy(NULL));
}

static bool collect(void *ctx, const char *name, const struct json_t *value)
{
	struct buf *b = ctx;
	buf_puts(b, name);
	js_text(value, b);
	return strcmp(name, "stop") != 0;
}

static void test_json_each(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	struct json_t *o = parse("{\"z\":\"a\\nb\",\"y\":[1,\"c\"],\"stop\":0.5,\"x\":1}");
	js_each(o, collect, &b);
	assert_string_equal(buf_text(&b), "za\nby[1,\"c\"]stop0.5");
	buf_clear(&b);
	js_each(js_get(o, "y"), collect, &b);
	js_each(NULL, collect, &b);
	js_text(NULL, &b);
	assert_int_equal(b.len, 0);
	js_free(o);
	buf_release(&b);
}

static void test_json_dump_reals(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
	    {"0.1", "0.1"},
	    {"1.10", "1.1"},
	    {"3.0", "3.0"},
	    {"-0.0", "-0.0"},
	    {"1e3", "1000.0"},
	    {"1e300", "1e300"},
	    {"1E-7", "1e-7"},
	    {"0.30000000000000004", "0.30000000000000004"},
	    {"0.3333333333333333", "0.3333333333333333"},
	    {"1.7976931348623157e308", "1.7976931348623157e308"},
	    {"5e-324", "4.94065645841247e-324"},
	    {"[0.1,{\"a\":2.5}]", "[0.1,{\"a\":2.5}]"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct json_t *tree = parse(rows[i][0]), *again = parse(rows[i][1]);
		check_dump(tree, rows[i][1]);
		assert_true(json_equal(tree, again));
		js_free(tree);
		js_free(again);
	}
}

static void test_json_quote(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	js_quote(&b, STR("a\"b\\c/\b\f\n\r\t\x01\x7f\0\xc3\xa4"));
	assert_string_equal(buf_text(&b),
	    "\"a\\\"b\\\\c/\\b\\f\\n\\r\\t\\u0001\x7f\\u0000\xc3\xa4\"");
	buf_clear(&b);
	js_quote(&b, STR(""));
	js_quote(&b, (struct str)STR_INIT);
	assert_string_equal(buf_text(&b), "\"\"\"\"");
	buf_clear(&b);
	char all[127];
	for (size_t i = 0; i < sizeof(all); i++)
		all[i] = (char)(i + 1);
	struct str bytes = {all, sizeof(all)}, back;
	buf_puts(&b, "{\"a\":");
	js_quote(&b, bytes);
	buf_putc(&b, '}');
	struct json_t *o = parse(buf_text(&b));
	assert_true(js_get_str(o, "a", &back));
	assert_true(str_eq(back, bytes));
	js_free(o);
	buf_release(&b);
}

static void test_json_cut(void **state)
{
	(void)state;
	static const struct {
		const char *text, *parts[4];
	} cases[] = {
	    {"", {NULL}},
	    {" \n\t\r\n", {""}},
	    {"{}", {"{}"}},
	    {"{}\n", {"{}", ""}},
	    {"{\n \"a\": {\"b\": [1,\n2]}\n}\n{}[1]", {"{\n \"a\": {\"b\": [1,\n2]}\n}", "{}", "[1]"}},
	    {"{\"}\":\"\\\"}\"}{\"b\":\"\\\\\"} x", {"{\"}\":\"\\\"}\"}", "{\"b\":\"\\\\\"}", "x"}},
	    {"one two\n{", {"one two", "{"}},
	    {"{\"a\":\"}", {"{\"a\":\"}"}},
	    {"}\n{}", {"}", "{}"}},
	};
	for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
		struct str part, rest = str_of(cases[i].text);
		size_t n = 0;
		for (; rest.len; n++) {
			rest = js_cut(rest, &part);
			assert_true(n < 4 && cases[i].parts[n] && str_is(part, cases[i].parts[n]));
		}
		assert_null(cases[i].parts[n]);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_json_parse),
	    cmocka_unit_test(test_json_parse_refuses),
	    cmocka_unit_test(test_json_parse_depth),
	    cmocka_unit_test(test_json_getters),
	    cmocka_unit_test(test_json_set),
	    cmocka_unit_test(test_json_set_str_repairs),
	    cmocka_unit_test(test_json_arrays),
	    cmocka_unit_test(test_json_copy),
	    cmocka_unit_test(test_json_each),
	    cmocka_unit_test(test_json_dump_reals),
	    cmocka_unit_test(test_json_quote),
	    cmocka_unit_test(test_json_cut),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
