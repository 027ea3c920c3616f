#include "base/jscan.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/json.h"
#include "base/mem.h"
#include "base/utf8.h"

/* In memory of exactly the text's size, so that sanitizers see a byte read too many. */
static int check(struct str text, size_t *bad_at, const char **why)
{
	char *exact = mem_dup(text.ptr, text.len);
	int r = jscan_check((struct str){exact, text.len}, bad_at, why);
	free(exact);
	return r;
}

static void test_jscan_check(void **state)
{
	(void)state;
	static const char *const rows[] = {
	    "{}", "[]", " [ ] ", "\t{\r\n}\n", "null", "true", "false", "0", "-0", "12", "-1.5",
	    "1e5", "1E+5", "0.0e-0", "1e999", "123456789012345678901234567890", "\"\"",
	    "\"longer than sixteen bytes, and longer than twice that\"",
	    "\"\\\"\\\\\\/\\b\\f\\n\\r\\t\\u00e4\\uD83D\\uDE00\\u0000\"",
	    "\"\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80\x7f\"", "[1,2,3]", "[[],[{}],{}]",
	    "{\"a\":1,\"b\":[true,null],\"c\":{\"d\":\"e\"}}", "{\"\":0}", "{\"a\":1,\"a\":2}",
	    "[ 1 , 2 , { \"a\" : [ ] } ]",
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		size_t at = 0;
		const char *why = "";
		if (check(str_of(rows[i]), &at, &why))
			fail_msg("%s: %s at %zu", rows[i], why, at);
	}
}

static const struct {
	const char *text;
	size_t at;
	const char *why;
} bad_texts[] = {
    {"", 0, "value expected"},
    {"  ", 2, "value expected"},
    {"\xef\xbb\xbf{}", 0, "byte order mark"},
    {"{}{}", 2, "text after the end of the value"},
    {"1 x", 2, "text after the end of the value"},
    {"01", 1, "text after the end of the value"},
    {"1\v", 1, "text after the end of the value"},
    {"+1", 0, "value expected"},
    {"-", 1, "digit expected"},
    {"-x", 1, "digit expected"},
    {"1.", 2, "digit expected"},
    {"1.e5", 2, "digit expected"},
    {"1e", 2, "digit expected"},
    {"1e+", 3, "digit expected"},
    {".5", 0, "value expected"},
    {"NaN", 0, "value expected"},
    {"nul", 0, "value expected"},
    {"nule", 0, "value expected"},
    {"truex", 4, "text after the end of the value"},
    {"'a'", 0, "value expected"},
    {"[", 1, "value expected"},
    {"[1", 2, "',' or ']' expected"},
    {"[1,", 3, "value expected"},
    {"[1,]", 3, "value expected"},
    {"[1}", 2, "',' or ']' expected"},
    {"[,1]", 1, "value expected"},
    {"]", 0, "value expected"},
    {"{", 1, "member name expected"},
    {"{a:1}", 1, "member name expected"},
    {"{\"a\"", 4, "':' expected"},
    {"{\"a\" 1}", 5, "':' expected"},
    {"{\"a\":", 5, "value expected"},
    {"{\"a\":}", 5, "value expected"},
    {"{\"a\":1", 6, "',' or '}' expected"},
    {"{\"a\":1,}", 7, "member name expected"},
    {"{\"a\":1]", 6, "',' or '}' expected"},
    {"{1:2}", 1, "member name expected"},
    {"\"", 1, "string without its closing quote"},
    {"\"abcdefghijk", 12, "string without its closing quote"},
    {"\"\\\"", 3, "string without its closing quote"},
    {"\"\\", 1, "bad escape in a string"},
    {"\"\\x\"", 1, "bad escape in a string"},
    {"\"\\u12\"", 1, "bad escape in a string"},
    {"\"\\u12g4\"", 1, "bad escape in a string"},
    {"\"\\ud800\"", 1, "bad escape in a string"},
    {"\"\\ud800\\n\"", 1, "bad escape in a string"},
    {"\"\\ud800\\u0041\"", 1, "bad escape in a string"},
    {"\"\\udc00\"", 1, "bad escape in a string"},
    {"\"a\nb\"", 2, "control character in a string"},
    {"\"abcdefghij\x1f\"", 11, "control character in a string"},
    {"\"abcdefghij\xff\"", 11, "not UTF-8"},
    {"\"\xc3\"", 1, "not UTF-8"},
    {"\"\xed\xa0\x80\"", 1, "not UTF-8"},
    {"{\"\xc0\x80\":1}", 2, "not UTF-8"},
};

static void test_jscan_check_refuses(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(bad_texts) / sizeof(*bad_texts); i++) {
		size_t at = 99;
		const char *why = "";
		assert_int_equal(check(str_of(bad_texts[i].text), &at, &why), -1);
		assert_string_equal(why, bad_texts[i].why);
		assert_int_equal(at, bad_texts[i].at);
	}
	size_t at;
	const char *why;
	assert_int_equal(jscan_check((struct str)STR_INIT, &at, &why), -1);
	assert_int_equal(check(STR("1\0"), &at, &why), -1);
	assert_int_equal(check(STR("\"\\\0\""), &at, &why), -1);
	assert_int_equal(check(STR("\"\0\""), &at, &why), -1);
}

/* Each byte at each place of a string as long as three words is judged as it is alone. */
static void test_jscan_check_every_place(void **state)
{
	(void)state;
	for (size_t place = 1; place < 25; place++) {
		for (unsigned byte = 0; byte < 256; byte++) {
			char text[] = "\"abcdefghijklmnopqrstuvwx\"";
			size_t at;
			const char *why;
			text[place] = (char)byte;
			bool good = byte >= ' ' && byte < 0x80 && byte != '"';
			if (byte == '\\')
				good = strchr("bfnrt", text[place + 1]);
			if (good == (bool)check(str_of(text), &at, &why))
				fail_msg("%02x at %zu", byte, place);
		}
	}
}

static int check_deep(const char *opening, const char *closing, size_t depth)
{
	struct buf b = BUF_INIT;
	size_t at;
	const char *why;
	for (size_t i = 0; i < depth; i++)
		buf_puts(&b, opening);
	buf_puts(&b, "1");
	for (size_t i = 0; i < depth; i++)
		buf_puts(&b, closing);
	int r = jscan_check(buf_str(&b), &at, &why);
	buf_release(&b);
	return r;
}

static void test_jscan_check_depth(void **state)
{
	(void)state;
	assert_int_equal(check_deep("[", "]", JSCAN_DEPTH), 0);
	assert_int_equal(check_deep("[", "]", JSCAN_DEPTH + 1), -1);
	assert_int_equal(check_deep("{\"a\":", "}", JSCAN_DEPTH), 0);
	assert_int_equal(check_deep("{\"a\":", "}", JSCAN_DEPTH + 1), -1);
	assert_int_equal(check_deep("[{\"a\":", "}]", JSCAN_DEPTH / 2), 0);
	assert_int_equal(check_deep("[{\"a\":", "]}", JSCAN_DEPTH / 2), -1);
	assert_int_equal(check_deep("[", "]", 1000000), -1);
}

static int point(const char *text, const char *pointer, struct str *value)
{
	struct jpointer ptr = JPOINTER_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(jpointer_parse(pointer, &ptr, &err), 0);
	int r = jscan_pointer(str_of(text), &ptr, value);
	jpointer_release(&ptr);
	return r;
}

/* The document of RFC 6901, section 5, and a little more. */
static void test_jscan_pointer(void **state)
{
	(void)state;
	static const char text[] =
	    " {\"foo\": [\"bar\", \"baz\"], \"\": 0, \"a/b\": 1, \"c%d\": 2, \"e^f\": 3, "
	    "\"g|h\": 4, \"i\\\\j\": 5, \"k\\\"l\": 6, \" \": 7, \"m~n\": 8, "
	    "\"o\": {\"p\": [[], [1, {\"q\": true}], {}]}, \"\\u00e4\\n\": 9, \"0\": 10} ";
	static const char *const rows[][2] = {
	    {"/foo", "[\"bar\", \"baz\"]"},
	    {"/foo/0", "\"bar\""},
	    {"/foo/1", "\"baz\""},
	    {"/", "0"},
	    {"/a~1b", "1"},
	    {"/c%d", "2"},
	    {"/e^f", "3"},
	    {"/g|h", "4"},
	    {"/i\\j", "5"},
	    {"/k\"l", "6"},
	    {"/ ", "7"},
	    {"/m~0n", "8"},
	    {"/o/p/1/1/q", "true"},
	    {"/o/p/2", "{}"},
	    {"/o/p/0", "[]"},
	    {"/\xc3\xa4\n", "9"},
	    {"/0", "10"},
	    {"/foo/2", NULL},
	    {"/foo/-", NULL},
	    {"/foo/00", NULL},
	    {"/foo/bar", NULL},
	    {"/foo/0/0", NULL},
	    {"/fo", NULL},
	    {"/fooo", NULL},
	    {"/o/p/0/0", NULL},
	    {"/o/p/1/1/r", NULL},
	    {"/o/q/1", NULL},
	    {"/i\\\\j", NULL},
	};
	struct str value;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		int r = point(text, rows[i][0], &value);
		if (r != !!rows[i][1] || (r == 1 && !str_is(value, rows[i][1])))
			fail_msg("%s", rows[i][0]);
	}
	assert_int_equal(point(" {} ", "", &value), 1);
	assert_true(str_is(value, "{}"));
	assert_int_equal(point("\"a\"", "/a", &value), 0);
	assert_int_equal(point("[[1],[2,[3]]]", "/1/1/0", &value), 1);
	assert_true(str_is(value, "3"));
}

static void test_jscan_pointer_refuses(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
	    {"", "/a"},
	    {"{", "/a"},
	    {"{\"a\":1", "/a"},
	    {"{\"a\":1}x", "/a"},
	    {"{\"a\":{\"b\":1,}}", "/a/b"},
	    {"{\"a\":1,\"b\":[}", "/a"},
	    {"{\"b\":[},\"a\":1", "/a"},
	    {"[1,2", "/0"},
	    {"[", "/0"},
	    {"{\"a\":1,\"a\":2}", "/a"},
	    {"{\"a\":1,\"b\":0,\"\\u0061\":2}", "/a"},
	    {"{\"a\":{\"b\":1},\"a\":2}", "/a/b"},
	    {"{\"a\":2,\"a\":{\"b\":1}}", "/a/b"},
	    {"{\"a\":{\"b\":1,\"b\":1}}", "/a/b"},
	    {"{\"a\":{\"b\":1},\"a\":2}", "/a/c"},
	};
	struct str value = STR("old");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (point(rows[i][0], rows[i][1], &value) != -1)
			fail_msg("%s %s", rows[i][0], rows[i][1]);
	assert_true(str_is(value, "old"));
	const char *elsewhere = "{\"a\":{\"x\":1,\"x\":2},\"c\":1,\"c\":2,\"b\":3}";
	assert_int_equal(point(elsewhere, "/b", &value), 1);
	assert_true(str_is(value, "3"));
}

static void test_jscan_members(void **state)
{
	(void)state;
	static const char *const names[] = {"id", "status", "no"};
	struct str values[3];
	assert_int_equal(jscan_members(STR(" { \"x\" : {\"id\":1}, \"st\\u0061tus\" : \"a\\nb\" , "
					   "\"id\":[1, 2] , \"y\":1,\"y\":2} "),
			     names, values, 3),
	    0);
	assert_true(str_is(values[0], "[1, 2]"));
	assert_true(str_is(values[1], "\"a\\nb\""));
	assert_null(values[2].ptr);
	assert_int_equal(jscan_members(STR("{}"), names, values, 3), 0);
	assert_null(values[0].ptr);
	assert_int_equal(jscan_members(STR("{\"id\":1}"), names, values, 0), 0);
	static const char *const bad[] = {"", "[]", "\"id\"", "{", "{\"id\":1", "{\"id\":1}}",
	    "{\"id\":1,\"id\":1}", "{\"id\":1,\"i\\u0064\":1}", "{\"id\":1,}", "{\"id\":}", "1"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(jscan_members(str_of(bad[i]), names, values, 3), -1);
}

static void test_jscan_unquote(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	assert_true(jscan_unquote(STR("\"\""), &b));
	assert_string_equal(buf_text(&b), "");
	assert_true(jscan_unquote(STR("\"plain \xc3\xa4\""), &b));
	assert_string_equal(buf_text(&b), "plain \xc3\xa4");
	assert_true(jscan_unquote(STR("\"\\\"\\\\\\/\\b\\f\\n\\r\\t.\""), &b));
	assert_string_equal(buf_text(&b), "plain \xc3\xa4\"\\/\b\f\n\r\t.");
	buf_clear(&b);
	assert_true(jscan_unquote(STR("\"a\\u00E4\\u20ac\\ud83D\\uDE00z\""), &b));
	assert_string_equal(buf_text(&b), "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80z");
	buf_clear(&b);
	assert_true(jscan_unquote(STR("\"\\u0000x\""), &b));
	assert_int_equal(b.len, 2);
	assert_memory_equal(b.data, "\0x", 3);
	buf_clear(&b);
	buf_puts(&b, "kept");
	static const char *const bad[] = {"", "\"", "1", "null", "[\"\"]", "\"a", "a\"", "\"a\\x\"",
	    "\"a\\\"", "\"a\\ud800\"", "\"a\\u12\""};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_false(jscan_unquote(str_of(bad[i]), &b));
		assert_string_equal(b.data, "kept");
	}
	assert_false(jscan_unquote((struct str)STR_INIT, &b));
	buf_release(&b);
}

/* An escape at each place of a string as long as three words, which begins at each place of a word. */
static void test_jscan_unquote_every_place(void **state)
{
	static const char *const escapes[][2] = {{"\\n", "\n"}, {"\\\\", "\\"},
	    {"\\u00e4", "\xc3\xa4"}, {"\\ud83d\\ude00", "\xf0\x9f\x98\x80"}, {"", ""}};
	struct buf text = BUF_INIT, wanted = BUF_INIT, got = BUF_INIT;
	(void)state;
	for (size_t shift = 0; shift < 8; shift++) {
		for (size_t place = 0; place < 25; place++) {
			for (size_t i = 0; i < sizeof(escapes) / sizeof(*escapes); i++) {
				buf_clear(&text);
				buf_clear(&wanted);
				buf_clear(&got);
				buf_printf(&text, "%.*s\"%.*s%s%.*s\"", (int)shift, "1234567",
				    (int)place, "abcdefghijklmnopqrstuvwx", escapes[i][0],
				    (int)(24 - place), "ABCDEFGHIJKLMNOPQRSTUVWX");
				buf_printf(&wanted, "%.*s%.*s%s%.*s", (int)shift, "7654321", (int)place,
				    "abcdefghijklmnopqrstuvwx", escapes[i][1], (int)(24 - place),
				    "ABCDEFGHIJKLMNOPQRSTUVWX");
				buf_printf(&got, "%.*s", (int)shift, "7654321");
				struct str raw = {text.data + shift, text.len - shift};
				assert_true(jscan_unquote(raw, &got));
				assert_string_equal(buf_text(&got), buf_text(&wanted));
				assert_int_equal(got.len, wanted.len);
			}
		}
	}
	buf_release(&text);
	buf_release(&wanted);
	buf_release(&got);
}

/* From here on: random changes to documents, and json.h as the oracle. */

static uint32_t draw(uint64_t *random, uint32_t below)
{
	*random = *random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(*random >> 33) % below;
}

static const char *const seeds[] = {
    ("{\"id\":\"b-1\",\"name\":\"nightly\",\"n\":[1,-2.5e3,0,1E+2],\"ok\":true,\"no\":false,"
     "\"z\":null}"),
    ("[{\"a\":{\"b\":{\"c\":[[],[[]],{}]}}},\"\\ud83d\\ude00\\u00e4\\n\\\"\\\\\","
     "\"\xc3\xa4\xe2\x82\xac\"]"),
    "{\"a/b\":1,\"m~n\":{\"\":[10,20,30]},\"x\\ty\":\"0123456789abcdef0123456789\"}",
    " [ 1 , { \"k\" : [ \"v\" , null ] } , \"\" , 0.5 ]\n",
    "\"a string that is alone \xf0\x9f\x98\x80 and not short\"",
    "-12.75e-2",
};

/* A byte more, less or other, or a piece copied to another place. */
static void mutate(struct buf *b, uint64_t *random)
{
	static const char spice[] = "{}[]:,\"\\ \n\t/0123456789-+.eEutrfalsn\x01\x7f"
				    "\x80\xa0\xbf\xc0\xc3\xe0\xed\xf0\xf4\xff";
	char c = spice[draw(random, sizeof(spice))];
	if (b->len == 0)
		buf_putc(b, c);
	size_t at = draw(random, (uint32_t)b->len);
	size_t len = draw(random, (uint32_t)(b->len - at < 12 ? b->len - at : 12) + 1);
	size_t from = draw(random, (uint32_t)(b->len - len) + 1);
	char piece[12];
	switch (draw(random, 4)) {
	case 0:
		b->data[at] = c;
		return;
	case 1:
		memmove(b->data + at, b->data + at + 1, --b->len - at);
		return;
	case 2:
		piece[0] = c;
		len = 1;
		break;
	default:
		memcpy(piece, b->data + from, len);
	}
	buf_room(b, len);
	memmove(b->data + at + len, b->data + at, b->len - at);
	memcpy(b->data + at, piece, len);
	b->len += len;
}

static bool is_known_difference(const char *why)
{
	static const char *const known[] = {"duplicate object key", "too big",
	    "real number overflow", "NUL byte in object key", "maximum parsing depth"};
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (strstr(why, known[i]))
			return true;
	return false;
}

static void add_token(struct buf *pointer, struct str name)
{
	buf_putc(pointer, '/');
	for (size_t i = 0; i < name.len; i++) {
		if (name.ptr[i] == '~' || name.ptr[i] == '/')
			buf_puts(pointer, name.ptr[i] == '~' ? "~0" : "~1");
		else
			buf_putc(pointer, name.ptr[i]);
	}
}

struct choice {
	uint64_t *random;
	uint32_t seen;
	const char *name;
	const struct json_t *value;
};

static bool choose(void *ctx, const char *name, const struct json_t *value)
{
	struct choice *c = ctx;
	if (draw(c->random, ++c->seen) == 0) {
		c->name = name;
		c->value = value;
	}
	return true;
}

/* Down to some child of v, or NULL. */
static const struct json_t *descend(const struct json_t *v, struct buf *pointer, uint64_t *random)
{
	if (js_count(v)) {
		size_t i = draw(random, (uint32_t)js_count(v));
		buf_printf(pointer, "/%zu", i);
		return js_at(v, i);
	}
	struct choice c = {.random = random};
	js_each(v, choose, &c);
	if (c.value)
		add_token(pointer, str_of(c.name));
	return c.value;
}

static void compare_value(struct str raw, const struct json_t *want)
{
	struct err err = ERR_INIT;
	struct json_t *found = js_parse(raw, &err);
	assert_non_null(found);
	assert_true(json_equal(found, want));
	struct buf text = BUF_INIT, wanted = BUF_INIT;
	js_text(want, &wanted);
	if (jscan_unquote(raw, &text))
		assert_true(str_eq(buf_str(&text), buf_str(&wanted)));
	else
		assert_true(raw.ptr[0] != '"');
	js_free(found);
	buf_release(&text);
	buf_release(&wanted);
}

static void compare_paths(struct str text, const struct json_t *tree, uint64_t *random)
{
	struct buf pointer = BUF_INIT;
	struct jpointer ptr = JPOINTER_INIT;
	struct err err = ERR_INIT;
	struct str value;
	for (const struct json_t *v = tree; v; v = descend(v, &pointer, random)) {
		assert_int_equal(jpointer_parse(buf_text(&pointer), &ptr, &err), 0);
		assert_int_equal(jscan_pointer(text, &ptr, &value), 1);
		compare_value(value, v);
	}
	buf_puts(&pointer, "/none");
	assert_int_equal(jpointer_parse(buf_text(&pointer), &ptr, &err), 0);
	assert_int_equal(jscan_pointer(text, &ptr, &value), 0);
	jpointer_release(&ptr);
	buf_release(&pointer);
}

static void compare_members(struct str text, const struct json_t *tree)
{
	static const char *const names[] = {"id", "a", "a/b", "x\ty", "none"};
	struct str values[5];
	int r = jscan_members(text, names, values, 5);
	assert_int_equal(r, js_is_object(tree) ? 0 : -1);
	for (size_t i = 0; r == 0 && i < 5; i++) {
		const struct json_t *want = js_get(tree, names[i]);
		assert_int_equal(!values[i].ptr, !want);
		if (want)
			compare_value(values[i], want);
	}
}

/* Answers whether text was valid. */
static bool compare(struct str text, uint64_t *random)
{
	struct err err = ERR_INIT;
	struct jpointer all = JPOINTER_INIT;
	struct str value;
	size_t at = 0;
	const char *why = "";
	struct json_t *tree = js_parse(text, &err);
	int r = jscan_check(text, &at, &why);
	if (!tree && is_known_difference(err.text)) {
		err_clear(&err);
		return false;
	}
	if (!tree != !!r)
		fail_msg("%.*s: %s at %zu; %s", (int)text.len, text.ptr, why, at,
		    err.text ? err.text : "fine");
	assert_int_equal(jscan_pointer(text, &all, &value), r ? -1 : 1);
	if (tree) {
		compare_paths(text, tree, random);
		compare_members(text, tree);
	}
	js_free(tree);
	err_clear(&err);
	return !r;
}

static void test_jscan_mutated(void **state)
{
	(void)state;
	const uint32_t rounds = getenv("BATCH_UNIT_QUICK") ? 6000 : 60000;
	uint64_t random = 20261121;
	size_t valid = 0;
	struct buf b = BUF_INIT;
	for (uint32_t i = 0; i < rounds; i++) {
		const char *seed = seeds[draw(&random, sizeof(seeds) / sizeof(*seeds))];
		buf_clear(&b);
		buf_puts(&b, seed);
		for (uint32_t n = draw(&random, 4) + 1; n > 0; n--)
			mutate(&b, &random);
		char *exact = mem_dup(b.data, b.len);
		valid += compare((struct str){exact, b.len}, &random);
		free(exact);
	}
	assert_in_range(valid, rounds / 10, rounds / 10 * 9);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_jscan_check),
	    cmocka_unit_test(test_jscan_check_refuses),
	    cmocka_unit_test(test_jscan_check_every_place),
	    cmocka_unit_test(test_jscan_check_depth),
	    cmocka_unit_test(test_jscan_pointer),
	    cmocka_unit_test(test_jscan_pointer_refuses),
	    cmocka_unit_test(test_jscan_members),
	    cmocka_unit_test(test_jscan_unquote),
	    cmocka_unit_test(test_jscan_unquote_every_place),
	    cmocka_unit_test(test_jscan_mutated),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
