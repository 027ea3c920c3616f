#include "batch/shape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/base64.h"
#include "base/mem.h"

/* What one call of shape_record works with. */
struct bench {
	struct shape shape;
	struct record out;
	struct buf scratch;
	struct err err;
	char *raw; /* in memory of exactly its size, so that sanitizers see a byte read too many */
};

#define BENCH_INIT {.shape = SHAPE_INIT, .out = RECORD_INIT, .scratch = BUF_INIT, .err = ERR_INIT}

static int run(struct bench *b, struct str raw)
{
	free(b->raw);
	err_clear(&b->err);
	b->raw = mem_dup(raw.ptr, raw.len);
	return shape_record(
	    &b->shape, (struct str){b->raw, raw.len}, &b->out, &b->scratch, &b->err);
}

static void release(struct bench *b)
{
	shape_release(&b->shape);
	headers_release(&b->out.headers);
	buf_release(&b->scratch);
	err_clear(&b->err);
	free(b->raw);
}

static void set_key(struct bench *b, const char *text)
{
	assert_int_equal(shape_set_key(&b->shape, text, &b->err), 0);
}

static void add_header(struct bench *b, const char *text)
{
	assert_int_equal(shape_add_header(&b->shape, text, &b->err), 0);
}

/* NULL: null */
static void assert_is(struct str s, const char *want)
{
	if (!want)
		assert_null(s.ptr);
	else if (!str_is(s, want))
		fail_msg("'%.*s', not '%s'", (int)s.len, s.ptr ? s.ptr : "", want);
}

static void check_taken(struct bench *b, const char *raw, const char *key, const char *value)
{
	if (run(b, str_of(raw)))
		fail_msg("%s: %s", raw, b->err.text);
	assert_is(b->out.key, key);
	assert_is(b->out.value, value);
	assert_int_equal(b->out.partition, -1);
	assert_int_equal(b->out.offset, -1);
}

static void check_refused(struct bench *b, const char *raw, const char *why)
{
	if (run(b, str_of(raw)) != -1)
		fail_msg("%s was taken", raw);
	assert_int_equal(b->err.status, ST_FAIL);
	assert_string_equal(b->err.text, why);
}

/* All headers as "name=value name", the second for a null value. */
static void check_headers(const struct bench *b, const char *want)
{
	const struct headers *h = &b->out.headers;
	struct buf text = BUF_INIT;
	for (size_t i = 0; i < h->count; i++) {
		buf_puts(&text, i ? " " : "");
		buf_add_str(&text, h->list[i].name);
		buf_puts(&text, h->list[i].value.ptr ? "=" : "");
		buf_add_str(&text, h->list[i].value);
	}
	assert_string_equal(buf_text(&text), want);
	buf_release(&text);
}

static void test_shape_plain(void **state)
{
	(void)state;
	struct bench b = BENCH_INIT;
	check_taken(&b, "a line", NULL, "a line");
	assert_ptr_equal(b.out.value.ptr, b.raw); /* not copied */
	assert_int_equal(b.out.ts_ms, -1);
	check_headers(&b, "batchId= batchSeq=");
	check_taken(&b, "", NULL, "");
	assert_int_equal(run(&b, STR("\0\xff\n")), 0);
	assert_int_equal(b.out.value.len, 3);
	assert_memory_equal(b.out.value.ptr, "\0\xff\n", 3);
	release(&b);
}

/* --- keys */

static void test_shape_key_fixed(void **state)
{
	(void)state;
	struct bench b = BENCH_INIT;
	set_key(&b, "all/the/same");
	check_taken(&b, "{\"a\":1}", "all/the/same", "{\"a\":1}");
	check_taken(&b, "", "all/the/same", "");
	release(&b);
	b = (struct bench)BENCH_INIT;
	set_key(&b, "");
	check_taken(&b, "x", "", "x");
	release(&b);
}

static void test_shape_key_by_pointer(void **state)
{
	(void)state;
	static const char *const rows[][3] = {
	    {"/id", "{\"id\":\"k\"}", "k"},
	    {"/id", "{\"id\":\"\"}", ""},
	    {"/id", " {\"x\":[1],\"id\" : 17 } ", "17"},
	    {"/id", "{\"id\":-1.50e3}", "-1.50e3"},
	    {"/id", "{\"id\":true}", "true"},
	    {"/id", "{\"id\":\"null\"}", "null"},
	    {"/id", "{\"id\":\"[\\\"a\\\\\\/\\u00e4\\ud83d\\ude00\\n\"}",
		"[\"a\\/\xc3\xa4\xf0\x9f\x98\x80\n"},
	    {"/a~1b/1/c", "{\"a/b\":[0,{\"c\":\"deep\"}]}", "deep"},
	    {"/", "{\"\":\"empty name\"}", "empty name"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct bench b = BENCH_INIT;
		set_key(&b, rows[i][0]);
		check_taken(&b, rows[i][1], rows[i][2], rows[i][1]);
		release(&b);
	}
}

static void test_shape_key_by_pointer_refuses(void **state)
{
	(void)state;
	static const char nothing[] = "no key: nothing stands where --key points";
	static const char tree[] = "no key: --key points at an object or array";
	static const char *const rows[][2] = {
	    {"{}", nothing},
	    {"{\"a\":{\"id\":\"k\"}}", nothing},
	    {"{\"id\":null}", nothing},
	    {"[\"id\"]", nothing},
	    {"7", nothing},
	    {"{\"id\":{}}", tree},
	    {"{\"id\":[\"k\"]}", tree},
	    {"", "not JSON: byte 1: value expected"},
	    {"id", "not JSON: byte 1: value expected"},
	    {"{\"id\":\"k\"", "not JSON: byte 10: ',' or '}' expected"},
	    {"{\"id\":\"k\"}{}", "not JSON: byte 11: text after the end of the value"},
	    {"{\"id\":\"k\",\"id\":\"l\"}", "no key: --key points at two members"},
	    {"{\"id\":\"k\",\"x\":\"\xff\"}", "not JSON: byte 16: not UTF-8"},
	};
	struct bench b = BENCH_INIT;
	set_key(&b, "/id");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		check_refused(&b, rows[i][0], rows[i][1]);
		check_taken(&b, "{\"id\":\"k\"}", "k", "{\"id\":\"k\"}");
	}
	assert_int_equal(b.scratch.len, 1); /* nothing heaps up from record to record */
	release(&b);
	b = (struct bench)BENCH_INIT;
	assert_int_equal(shape_set_key(&b.shape, "/a~2", &b.err), -1);
	assert_int_equal(b.err.status, ST_USAGE);
	release(&b);
}

static void test_shape_key_before_delimiter(void **state)
{
	(void)state;
	static const char *const rows[][4] = {
	    {"\t", "k\tv", "k", "v"},
	    {"\t", "k\tv\tw", "k", "v\tw"},
	    {"\t", "\tv", "", "v"},
	    {"\t", "k\t", "k", ""},
	    {"\t", "\t", "", ""},
	    {"::", "k:::v", "k", ":v"},
	    {"::", ":k::v", ":k", "v"},
	};
	static const char none[] = "no key: the key delimiter is not in it";
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct bench b = BENCH_INIT;
		b.shape.key_delimiter = str_of(rows[i][0]);
		check_taken(&b, rows[i][1], rows[i][2], rows[i][3]);
		check_refused(&b, "", none);
		check_refused(&b, "k v", none);
		check_refused(&b, "k:", none);
		release(&b);
	}
}

/* --- headers */

static void test_shape_headers(void **state)
{
	(void)state;
	struct bench b = BENCH_INIT;
	add_header(&b, "a=1");
	add_header(&b, "b=");
	add_header(&b, "a=2=3");
	add_header(&b, "batchid=x"); /* names are case-sensitive: not ours */
	for (int i = 0; i < 3; i++) {
		check_taken(&b, "v", NULL, "v");
		check_headers(&b, "batchId= batchSeq= a=1 b= a=2=3 batchid=x");
	}
	release(&b);
}

static void test_shape_headers_refused(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
	    {"a", "header 'a': NAME=VALUE is wanted"},
	    {"", "header '': NAME=VALUE is wanted"},
	    {"=", "header '=': NAME=VALUE is wanted"},
	    {"=1", "header '=1': NAME=VALUE is wanted"},
	    {"batchId=b", "header 'batchId=b': batch-send sets this one itself"},
	    {"batchId=", "header 'batchId=': batch-send sets this one itself"},
	    {"batchSeq=s:1", "header 'batchSeq=s:1': batch-send sets this one itself"},
	};
	struct bench b = BENCH_INIT;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(shape_add_header(&b.shape, rows[i][0], &b.err), -1);
		assert_int_equal(b.err.status, ST_USAGE);
		assert_string_equal(b.err.text, rows[i][1]);
	}
	assert_int_equal(b.shape.headers.count, 0);
	release(&b);
}

/* --- envelopes */

static void test_shape_envelope(void **state)
{
	(void)state;
	struct bench b = BENCH_INIT;
	b.shape.envelope = true;
	check_taken(&b, "{\"value\":\"v\"}", NULL, "v");
	assert_int_equal(b.out.ts_ms, -1);
	check_headers(&b, "batchId= batchSeq=");
	b.shape.keep_time = true;
	check_taken(&b,
	    "{\"topic\":\"t\",\"partition\":3,\"offset\":17,\"ts\":1763719200000,"
	    "\"key\":\"k\\n\",\"value\":\"a\\\"b\",\"headers\":[[\"h\",\"1\"],[\"n\",null]]}",
	    "k\n", "a\"b");
	assert_true(b.out.ts_ms == INT64_C(1763719200000));
	check_headers(&b, "batchId= batchSeq= h=1 n");
	check_taken(&b, "{\"key\":\"\",\"value\":null}", "", NULL);
	check_headers(&b, "batchId= batchSeq=");
	check_taken(&b, "{\"key_b64\":\"/w==\",\"value_b64\":\"\\/w==\"}", "\xff", "\xff");
	check_refused(&b, "v", "not JSON: value expected at byte 1");
	check_refused(&b, "{}", "no \"value\" (null stands for a null value)");
	check_taken(&b, "{\"value\":\"v\"}", NULL, "v");
	release(&b);
}

/* A record that was taken out of another batch is not of that batch any more. */
static void test_shape_envelope_own_headers(void **state)
{
	(void)state;
	struct bench b = BENCH_INIT;
	b.shape.envelope = true;
	add_header(&b, "mine=1");
	for (int i = 0; i < 3; i++) {
		check_taken(&b,
		    "{\"value\":\"v\",\"headers\":[[\"batchId\",\"other\"],[\"h\",\"1\"],"
		    "[\"batchSeq\",\"other:7\"],[\"batch\\u0049d\",null],[\"BATCHID\",\"2\"]]}",
		    NULL, "v");
		check_headers(&b, "batchId= batchSeq= h=1 BATCHID=2 mine=1");
	}
	release(&b);
}

static void test_shape_envelope_key(void **state)
{
	(void)state;
	static const char line[] = "{\"key\":\"theirs\",\"value\":\"{\\\"id\\\":\\\"o\\\\u0075rs\\\"}\"}";
	struct bench b = BENCH_INIT;
	b.shape.envelope = true;
	check_taken(&b, line, "theirs", "{\"id\":\"o\\u0075rs\"}");
	set_key(&b, "/id");
	check_taken(&b, line, "ours", "{\"id\":\"o\\u0075rs\"}");
	check_refused(&b, "{\"key\":\"theirs\",\"value\":null}", "no key: the value is null");
	release(&b);
	b = (struct bench)BENCH_INIT;
	b.shape.envelope = true;
	set_key(&b, "fixed");
	check_taken(&b, line, "fixed", "{\"id\":\"o\\u0075rs\"}");
	release(&b);
}

/* Values and keys of every length up to some, all of them escaped: spans into scratch must hold. */
static void test_shape_envelope_lengths(void **state)
{
	(void)state;
	struct bench b = BENCH_INIT;
	struct buf line = BUF_INIT, key = BUF_INIT;
	b.shape.envelope = true;
	set_key(&b, "/k");
	for (int n = 0; n < 300; n++) {
		buf_clear(&line);
		buf_puts(&line, "{\"value\":\"{\\\"k\\\":\\\"");
		buf_add_str(&line, buf_str(&key));
		buf_puts(&line, "\\\"}\"}");
		if (run(&b, buf_str(&line)))
			fail_msg("%d: %s", n, b.err.text);
		assert_is(b.out.key, buf_text(&key));
		assert_int_equal(b.out.value.len, key.len + 8);
		assert_memory_equal(b.out.value.ptr, "{\"k\":\"", 6);
		assert_memory_equal(b.out.value.ptr + b.out.value.len - 2, "\"}", 2);
		buf_puts(&key, n % 3 ? "x" : "\xc3\xa4");
	}
	buf_release(&line);
	buf_release(&key);
	release(&b);
}

/* Base64 with an escape in it: its text, what it says, and the key stand in scratch then. */
static void test_shape_envelope_base64_lengths(void **state)
{
	(void)state;
	struct bench b = BENCH_INIT;
	struct buf line = BUF_INIT, key = BUF_INIT, value = BUF_INIT;
	b.shape.envelope = true;
	set_key(&b, "/k");
	for (int n = 0; n < 400; n++) {
		buf_clear(&value);
		buf_printf(&value, "{\"k\":\"%s\"}", buf_text(&key));
		buf_clear(&line);
		buf_puts(&line, "{\"value_b64\":\"");
		base64_encode(&line, buf_str(&value));
		buf_puts(&line, "\"}");
		struct buf escaped = BUF_INIT; /* the first letter of the base64 */
		buf_add(&escaped, line.data, 14);
		buf_printf(&escaped, "\\u%04x%s", (unsigned)line.data[14], line.data + 15);
		if (run(&b, buf_str(&escaped)))
			fail_msg("%d: %s", n, b.err.text);
		assert_is(b.out.key, buf_text(&key));
		assert_is(b.out.value, buf_text(&value));
		buf_release(&escaped);
		buf_puts(&key, n % 3 ? "xy" : "\xc3\xa4");
	}
	buf_release(&line);
	buf_release(&key);
	buf_release(&value);
	release(&b);
}

/* --- --json, -Z */

static void test_shape_json(void **state)
{
	(void)state;
	static const char *const good[] = {"{}", " [1] ", "null", "\"\"", "1e999", "{\"a\":1,\"a\":2}"};
	struct bench b = BENCH_INIT;
	b.shape.json = true;
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++)
		check_taken(&b, good[i], NULL, good[i]);
	check_refused(&b, "", "not JSON: byte 1: value expected");
	check_refused(&b, " ", "not JSON: byte 2: value expected");
	check_refused(&b, "{}{}", "not JSON: byte 3: text after the end of the value");
	check_refused(&b, "{\"a\":1,}", "not JSON: byte 8: member name expected");
	check_refused(&b, "\"\xff\"", "not JSON: byte 2: not UTF-8");
	check_refused(&b, "\xef\xbb\xbf{}", "not JSON: byte 1: byte order mark");
	assert_int_equal(run(&b, STR("1\0")), -1);
	b.shape.envelope = true;
	check_taken(&b, "{\"value\":\"{\\\"a\\\":1}\"}", NULL, "{\"a\":1}");
	check_taken(&b, "{\"value\":null}", NULL, NULL);
	check_refused(&b, "{\"value\":\"a\"}", "not JSON: byte 1: value expected");
	release(&b);
	b = (struct bench)BENCH_INIT; /* what is sent has to be JSON, not the key before it */
	b.shape.json = true;
	b.shape.key_delimiter = STR("\t");
	check_taken(&b, "k\t{\"a\":1}", "k", "{\"a\":1}");
	check_refused(&b, "{}\tv", "not JSON: byte 1: value expected");
	release(&b);
}

static void test_shape_empty_is_null(void **state)
{
	(void)state;
	struct bench b = BENCH_INIT;
	b.shape.empty_is_null = true;
	check_taken(&b, "", NULL, NULL);
	check_taken(&b, " ", NULL, " ");
	b.shape.key_delimiter = STR(":");
	check_taken(&b, "k:", "k", NULL);
	check_taken(&b, ":v", NULL, "v");
	check_taken(&b, ":", NULL, NULL);
	release(&b);
	b = (struct bench)BENCH_INIT;
	b.shape.empty_is_null = true;
	b.shape.envelope = true;
	check_taken(&b, "{\"key\":\"\",\"value\":\"\"}", NULL, NULL);
	release(&b);
	b = (struct bench)BENCH_INIT;
	b.shape.empty_is_null = true;
	set_key(&b, "/id");
	check_taken(&b, "{\"id\":\"\"}", NULL, "{\"id\":\"\"}");
	release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_shape_plain),
	    cmocka_unit_test(test_shape_key_fixed),
	    cmocka_unit_test(test_shape_key_by_pointer),
	    cmocka_unit_test(test_shape_key_by_pointer_refuses),
	    cmocka_unit_test(test_shape_key_before_delimiter),
	    cmocka_unit_test(test_shape_headers),
	    cmocka_unit_test(test_shape_headers_refused),
	    cmocka_unit_test(test_shape_envelope),
	    cmocka_unit_test(test_shape_envelope_own_headers),
	    cmocka_unit_test(test_shape_envelope_key),
	    cmocka_unit_test(test_shape_envelope_lengths),
	    cmocka_unit_test(test_shape_envelope_base64_lengths),
	    cmocka_unit_test(test_shape_json),
	    cmocka_unit_test(test_shape_empty_is_null),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
