/* JSON that is made to hurt, wherever JSON comes in: records, events, documents, manifests, envelopes.
 * Refused before it takes memory or time, with the reason. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/jscan.h"
#include "batch/envelope.h"
#include "batch/event.h"
#include "batch/fold.h"
#include "batch/manifest.h"

#define DOC(member) "{\"id\":\"b\",\"status\":\"started\"," member "}"

static struct buf repeat(const char *before, const char *what, size_t times, const char *after)
{
	struct buf b = BUF_INIT;
	buf_puts(&b, before);
	for (size_t i = 0; i < times; i++)
		buf_puts(&b, what);
	buf_puts(&b, after);
	return b;
}

/* Valgrind runs the tests with this set, and has no time for the large ones. */
static size_t large(size_t size)
{
	return getenv("BATCH_UNIT_QUICK") ? size / 100 : size;
}

/* Who takes it, as letters: a record that must be JSON (r), an event (e) that a fold counts (f), a document
 * on standard input (d). */
static void check_takers(struct str text, const char *want)
{
	char takers[8] = "", *to = takers;
	size_t at;
	const char *why = "";
	struct err err = ERR_INIT;
	struct event e = EVENT_INIT;
	struct fold f = FOLD_INIT;
	struct batch b = BATCH_INIT;
	struct record r = RECORD_INIT;
	r.value = text;
	if (jscan_check(text, &at, &why) == 0)
		*to++ = 'r';
	if (event_decode(&r, &e, &why)) {
		*to++ = 'e';
		if (fold_event(&f, &e) == FOLD_COUNTED)
			*to++ = 'f';
	}
	if (batch_parse(text, &b, &err) == 0)
		*to++ = 'd';
	*to = '\0';
	if (strcmp(takers, want) != 0)
		fail_msg("%.60s: taken by '%s', not by '%s'", text.ptr, takers, want);
	batch_release(&b);
	fold_release(&f);
	event_release(&e);
	err_clear(&err);
}

static void check_text(const char *text, const char *want)
{
	check_takers(str_of(text), want);
}

static void check_built(struct buf b, const char *want)
{
	check_takers(buf_str(&b), want);
	buf_release(&b);
}

static void test_bombs_depth(void **state)
{
	(void)state;
	check_built(repeat("", "[", large(1000000), ""), "");
	check_built(repeat("", "{\"a\":", large(1000000), ""), "");
	check_built(repeat("{\"id\":\"b\",\"status\":\"started\",\"x\":", "[", large(1000000), ""), "");
	check_built(repeat("{\"x\":", "[", large(1000000), ",\"id\":\"b\"}"), "");
	struct buf deep = repeat("{\"id\":\"b\",\"status\":\"started\",\"x\":", "[", JSCAN_DEPTH - 1, "");
	struct buf end = repeat("", "]", JSCAN_DEPTH - 1, "}");
	buf_add_str(&deep, buf_str(&end));
	check_built(deep, "refd");
	buf_release(&end);
}

/* A long string, and what grows eightyfold as a tree: neither gets that far. */
static void test_bombs_size(void **state)
{
	(void)state;
	struct buf line = repeat("{\"id\":\"b\",\"status\":\"started\",\"x\":\"", "", 0, "");
	size_t len = large(100000000);
	memset(buf_room(&line, len), 'x', len);
	line.len += len;
	buf_puts(&line, "\"}");
	check_built(line, getenv("BATCH_UNIT_QUICK") ? "refd" : "r");
	check_built(repeat("{\"id\":\"b\",\"status\":\"started\",\"x\":[", "{},{},{},{},{},{},{},{},",
	    BATCH_DOC_MAX / 24, "1]}"), "r");
	struct buf most = repeat("{\"id\":\"b\",\"status\":\"started\",\"x\":\"", "x",
	    BATCH_DOC_MAX - 36, "\"}");
	assert_int_equal(most.len, BATCH_DOC_MAX);
	check_built(most, "refd");
}

static void test_bombs_size_says_so(void **state)
{
	(void)state;
	struct buf text = repeat(DOC("\"x\":\""), " ", BATCH_DOC_MAX, "");
	struct batch b = BATCH_INIT;
	struct err err = ERR_INIT;
	struct event e = EVENT_INIT;
	struct record r = RECORD_INIT;
	const char *why;
	r.value = buf_str(&text);
	assert_int_equal(batch_parse(r.value, &b, &err), -1);
	assert_string_equal(err.text, "batch document: larger than 4194304 bytes");
	assert_false(event_decode(&r, &e, &why));
	assert_string_equal(why, "larger than a document may be");
	err_clear(&err);
	event_release(&e);
	buf_release(&text);
}

static void test_bombs_names_twice(void **state)
{
	(void)state;
	check_text(DOC("\"id\":\"c\""), "r");
	check_text(DOC("\"i\\u0064\":\"c\""), "r");
	check_text(DOC("\"status\":\"completed\""), "r");
	/* The scanner looks at its own members only; the parser has the last word. */
	check_text(DOC("\"x\":1,\"x\":2"), "re");
	check_text(DOC("\"x\":{\"y\":1,\"y\":2}"), "re");
}

static void test_bombs_numbers(void **state)
{
	(void)state;
	struct buf digits = repeat("{\"id\":\"b\",\"status\":\"started\",\"x\":", "9", large(1000000), "}");
	check_built(digits, "re");
	check_text(DOC("\"x\":1e999"), "re");
	check_text(DOC("\"x\":-1e999"), "re");
	check_text(DOC("\"x\":9223372036854775808"), "refd");
	check_text(DOC("\"x\":-9223372036854775809"), "refd");
	check_text(DOC("\"x\":9223372036854775807"), "refd");
	check_text(DOC("\"version\":1e400"), "re");
	check_text(DOC("\"x\":NaN"), "");
	check_text(DOC("\"x\":Infinity"), "");
	check_text(DOC("\"x\":0x10"), "");
	check_text(DOC("\"x\":01"), "");
}

static void test_bombs_characters(void **state)
{
	(void)state;
	static const char *const bad[] = {"\\ud800", "\\udc00", "\\ud800x", "\\ud800\\u0041",
	    "\\udbff\\udbff", "\\ud8", "\xed\xa0\x80", "\xff", "\xc0\x80", "\xf4\x90\x80\x80", "\n"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		check_built(repeat("{\"id\":\"b\",\"status\":\"started\",\"x\":\"", bad[i], 1, "\"}"), "");
		check_built(repeat("{\"status\":\"started\",\"id\":\"", bad[i], 1, "\"}"), "");
	}
	check_text(DOC("\"x\":\"\\u0000\""), "refd");
	check_text(DOC("\"x\\u0000\":1"), "re");
	check_text("{\"id\":\"b\\u0000\",\"status\":\"started\"}", "r");
	check_takers(STR(DOC("\"x\":1") "\0"), "");
	check_text("\xef\xbb\xbf" DOC("\"x\":1"), "");
}

/* As deep as a document may be, it is too deep for a member of one. */
static void test_bombs_not_written(void **state)
{
	(void)state;
	struct err err = ERR_INIT;
	struct buf text = repeat("{\"a\":", "[", JSCAN_DEPTH - 1, "");
	struct buf end = repeat("", "]", JSCAN_DEPTH - 1, "}");
	buf_add_str(&text, buf_str(&end));
	struct json_t *deep = js_parse(buf_str(&text), &err);
	assert_non_null(deep);
	struct batch_new n = {.id = STR("b"), .name = STR("n"), .owner = STR("o"), .topic = STR("t.in"),
	    .data_type = STR("d"), .metadata = deep};
	struct batch b = BATCH_INIT;
	struct event_out out;
	assert_int_equal(batch_create(&n, &b, &err), 0);
	assert_int_equal(event_encode(&b, EVENT_STATUS, STR("t"), STR("w"), 1, &out, &err), -1);
	assert_int_equal(err.status, ST_FAIL);
	assert_string_equal(err.text, "the batch's document: nested too deep");
	assert_null(out.text.data);
	buf_clear(&text);
	memset(buf_room(&text, BATCH_DOC_MAX), 'x', BATCH_DOC_MAX);
	text.len = BATCH_DOC_MAX;
	js_set_str(b.doc, "metadata", buf_str(&text));
	assert_int_equal(event_encode(&b, EVENT_STATUS, STR("t"), STR("w"), 1, &out, &err), -1);
	assert_string_equal(err.text, "the batch's document is larger than 4194304 bytes");
	err_clear(&err);
	batch_release(&b);
	js_free(deep);
	buf_release(&text);
	buf_release(&end);
}

static void check_envelope(struct buf line, const char *want)
{
	struct record r = RECORD_INIT;
	struct buf scratch = BUF_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(envelope_read(buf_str(&line), &r, &scratch, &err), *want ? -1 : 0);
	if (*want && !strstr(err.text, want))
		fail_msg("%s, not %s", err.text, want);
	err_clear(&err);
	headers_release(&r.headers);
	buf_release(&scratch);
	buf_release(&line);
}

static void test_bombs_envelope(void **state)
{
	(void)state;
	check_envelope(repeat("{\"value\":", "[", large(1000000), ""), "nested too deep");
	check_envelope(repeat("{\"value\":\"\",\"headers\":", "[", large(1000000), ""), "nested too deep");
	check_envelope(repeat("{\"value\":\"\",\"x\":", "{\"a\":", large(1000000), ""), "nested too deep");
	check_envelope(repeat("{\"value\":\"\",\"headers\":[[\"n\",", "[", 1000, ""), "not JSON");
	check_envelope(repeat("{\"value\":\"\",\"x\":", "9", large(1000000), "}"), "");
	check_envelope(repeat("{\"value\":\"\",\"offset\":", "9", large(1000000), "}"), "\"offset\"");
	check_envelope(repeat("{\"value\":\"", "\\ud800", 1, "\"}"), "bad escape");
	check_envelope(repeat("{\"value\":\"a\",\"val\\u0075e\":\"", "b", 1, "\"}"), "twice");
	check_envelope(repeat("{\"value\":\"", "\\u0041", large(10000000), "\"}"), "");
	check_envelope(repeat("{\"value\":\"\",\"headers\":[[\"n\",\"v\"]", ",[\"n\",null]",
	    large(1000000), "]}"), "");
}

static void test_bombs_manifest(void **state)
{
	(void)state;
	struct manifest m = MANIFEST_INIT;
	struct err err = ERR_INIT;
	struct buf text = repeat("{\"senders\":[", "{},", 4096, "{}]}");
	struct json_t *json = js_parse(buf_str(&text), &err);
	assert_non_null(json);
	assert_int_equal(manifest_parse(json, &m, &err), -1);
	assert_string_equal(err.text, "manifest: more than 4096 senders");
	err_clear(&err);
	js_free(json);
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_bombs_depth),
	    cmocka_unit_test(test_bombs_size),
	    cmocka_unit_test(test_bombs_size_says_so),
	    cmocka_unit_test(test_bombs_names_twice),
	    cmocka_unit_test(test_bombs_numbers),
	    cmocka_unit_test(test_bombs_characters),
	    cmocka_unit_test(test_bombs_not_written),
	    cmocka_unit_test(test_bombs_envelope),
	    cmocka_unit_test(test_bombs_manifest),
	};
	return cmocka_run_group_tests_name("bombs", tests, NULL, NULL);
}
