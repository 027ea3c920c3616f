#include "batch/envelope.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/jscan.h"
#include "base/mem.h"

static void check_written(const struct record *r, const char *want)
{
	struct buf out = BUF_INIT;
	envelope_write(r, &out);
	assert_string_equal(buf_text(&out), want);
	buf_release(&out);
}

static void test_envelope_write(void **state)
{
	(void)state;
	struct record r = RECORD_INIT;
	check_written(&r, "{\"topic\":null,\"partition\":-1,\"offset\":-1,\"ts\":-1,\"key\":null,"
	                  "\"value\":null,\"headers\":[]}");
	r.topic = STR("claims.in");
	r.partition = 3;
	r.offset = 17;
	r.ts_ms = 1763719200000;
	r.key = STR("");
	r.value = STR("{\"a\":\"b\\n\"}\t\x01\x7f\xc3\xbc");
	headers_add(&r.headers, STR("n"), STR("v"));
	headers_add(&r.headers, STR("n"), (struct str)STR_INIT);
	headers_add(&r.headers, STR(""), STR("\xff"));
	headers_add(&r.headers, STR("\xfe"), STR(""));
	check_written(&r, "{\"topic\":\"claims.in\",\"partition\":3,\"offset\":17,\"ts\":"
	                  "1763719200000,\"key\":\"\","
	                  "\"value\":\"{\\\"a\\\":\\\"b\\\\n\\\"}\\t\\u0001\x7f\xc3\xbc\","
	                  "\"headers\":[[\"n\",\"v\"],[\"n\",null],[\"\",{\"b64\":\"/"
	                  "w==\"}],[{\"b64\":\"/g==\"},\"\"]]}");
	r.key = STR("\x80");
	r.value = STR("a\xff");
	headers_clear(&r.headers);
	check_written(&r,
	    "{\"topic\":\"claims.in\",\"partition\":3,\"offset\":17,\"ts\":1763719200000,"
	    "\"key_b64\":\"gA==\",\"value_b64\":\"Yf8=\",\"headers\":[]}");
	headers_release(&r.headers);
}

/* Each byte at each place within a word, so that none is missed or touched by a neighbour. */
static void test_envelope_write_quotes_every_byte(void **state)
{
	(void)state;
	struct buf out = BUF_INIT, scratch = BUF_INIT;
	struct record back = RECORD_INIT;
	struct err err = ERR_INIT;
	for (int c = 0; c < 128; c++) {
		for (size_t at = 0; at < 17; at++) {
			char text[17];
			memset(text, c == 'x' ? 'y' : 'x', sizeof(text));
			text[at] = (char)c;
			text[(at + 1) % 17] = (char)(c ^ 1);
			struct record r = RECORD_INIT;
			r.value = (struct str){text, sizeof(text)};
			buf_clear(&out);
			envelope_write(&r, &out);
			for (size_t i = 0; i < out.len; i++)
				assert_true((unsigned char)out.data[i] >= 0x20);
			assert_int_equal(envelope_read(buf_str(&out), &back, &scratch, &err), 0);
			assert_int_equal(back.value.len, sizeof(text));
			assert_memory_equal(back.value.ptr, text, sizeof(text));
		}
	}
	buf_release(&out);
	buf_release(&scratch);
}

static void assert_same(struct str a, struct str b)
{
	assert_int_equal(!a.ptr, !b.ptr);
	assert_true(str_eq(a, b));
}

static void assert_same_record(const struct record *a, const struct record *b)
{
	assert_same(a->topic, b->topic);
	assert_int_equal(a->partition, b->partition);
	assert_true(a->offset == b->offset && a->ts_ms == b->ts_ms);
	assert_same(a->key, b->key);
	assert_same(a->value, b->value);
	assert_int_equal(a->headers.count, b->headers.count);
	for (size_t i = 0; i < a->headers.count; i++) {
		assert_same(a->headers.list[i].name, b->headers.list[i].name);
		assert_same(a->headers.list[i].value, b->headers.list[i].value);
	}
}

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

/* Pieces that hurt: what JSON escapes, characters of all lengths, and what is no UTF-8. */
static struct str hostile(uint64_t *seed, struct buf *bytes)
{
	static const struct str pieces[] = {
	    {"plain text", 10},
	    {"\"", 1},
	    {"\\", 1},
	    {"\\u0000", 6},
	    {"\0", 1},
	    {"\n", 1},
	    {"\x1f", 1},
	    {"\x7f", 1},
	    {"/", 1},
	    {"{\"b64\":\"", 8},
	    {"\xc3\xbc", 2},
	    {"\xe2\x80\xa8", 3},
	    {"\xf0\x9f\x98\x80", 4},
	    {"]]", 2},
	    {"null", 4},
	    {"\xff", 1},
	    {"\xed\xa0\x80", 3},
	    {"\xc0\x80", 2},
	    {"\xe2\x80", 2},
	    {"\xef\xbb\xbf", 3},
	};
	size_t valid = next_random(seed) % 4 ? 15 : sizeof(pieces) / sizeof(*pieces);
	size_t count = next_random(seed) % 8;
	if (next_random(seed) % 9 == 0)
		return (struct str)STR_INIT;
	if (next_random(seed) % 50 == 0)
		count = 3000;
	size_t start = bytes->len;
	for (size_t i = 0; i < count; i++)
		buf_add_str(bytes, pieces[next_random(seed) % valid]);
	return (struct str){mem_dup(bytes->data + start, bytes->len - start), bytes->len - start};
}

static void free_str(struct str s)
{
	free((void *)(uintptr_t)s.ptr);
}

static struct record hostile_record(uint64_t *seed, struct buf *bytes)
{
	struct record r = RECORD_INIT;
	buf_add(bytes, "", 0);
	r.topic = hostile(seed, bytes);
	r.partition = (int32_t)(next_random(seed) % 100) - 1;
	r.offset = (int64_t)(next_random(seed) >> 1);
	r.ts_ms = next_random(seed) % 2 ? -1 : INT64_MAX;
	r.key = hostile(seed, bytes);
	r.value = hostile(seed, bytes);
	for (size_t i = next_random(seed) % 4; i; i--) {
		struct str name = hostile(seed, bytes);
		if (!name.ptr)
			name = (struct str){mem_dup("", 0), 0};
		headers_add(&r.headers, name, hostile(seed, bytes));
	}
	return r;
}

static void test_envelope_round_trip(void **state)
{
	(void)state;
	uint64_t seed = 20261121;
	struct buf bytes = BUF_INIT, scratch = BUF_INIT;
	struct record back = RECORD_INIT;
	for (int round = 0; round < 3000; round++) {
		struct err err = ERR_INIT;
		struct buf line = BUF_INIT;
		size_t at;
		const char *why;
		buf_clear(&bytes);
		struct record r = hostile_record(&seed, &bytes);
		envelope_write(&r, &line);
		assert_null(memchr(line.data, '\n', line.len));
		assert_int_equal(jscan_check(buf_str(&line), &at, &why), 0);
		/* of exactly its size and without a NUL, so that reading over its end shows */
		char *exact = mem_dup(line.data, line.len);
		buf_release(&scratch);
		if (envelope_read((struct str){exact, line.len}, &back, &scratch, &err))
			fail_msg("%s: %s", err.text, line.data);
		assert_same_record(&r, &back);
		free(exact);
		buf_release(&line);
		free_str(r.topic);
		free_str(r.key);
		free_str(r.value);
		for (size_t i = 0; i < r.headers.count; i++) {
			free_str(r.headers.list[i].name);
			free_str(r.headers.list[i].value);
		}
		headers_release(&r.headers);
	}
	headers_release(&back.headers);
	buf_release(&bytes);
	buf_release(&scratch);
}

static void check_read(const char *line, const struct record *want)
{
	struct record r = RECORD_INIT;
	struct buf scratch = BUF_INIT;
	struct err err = ERR_INIT;
	if (envelope_read(str_of(line), &r, &scratch, &err))
		fail_msg("%s: %s", err.text, line);
	assert_same_record(&r, want);
	headers_release(&r.headers);
	buf_release(&scratch);
}

static void test_envelope_read_optional(void **state)
{
	(void)state;
	struct record want = RECORD_INIT;
	check_read("{\"value\":null}", &want);
	check_read(" { \"other\" : [ {} ] , \"value\" : null , \"headers\" : [ ] } ", &want);
	check_read("{\"value\":null,\"topic\":null,\"partition\":null,\"offset\":null,\"ts\":null,"
	           "\"key\":null,\"headers\":null}",
	    &want);
	want.value = STR("");
	check_read("{\"value\":\"\"}", &want);
	check_read("{\"value_b64\":\"\"}", &want);
	want.value = STR("\xff/\0\xc3\xbc");
	check_read("{\"value_b64\":\"/y8Aw7w=\"}", &want);
	check_read("{\"value_b64\":\"\\/y8\\u0041w7w=\"}", &want);
	want.value = STR("/\0\xc3\xbc\xf0\x9f\x98\x80");
	check_read("{\"v\\u0061lue\":\"\\/\\u0000\\u00fc\\ud83d\\ude00\"}", &want);
}

static void test_envelope_read_kcat(void **state)
{
	(void)state;
	struct record want = RECORD_INIT;
	want.topic = STR("t");
	want.partition = 0;
	want.offset = 5;
	want.ts_ms = 1763719200000;
	want.key = STR("k");
	want.value = STR("v");
	headers_add(&want.headers, STR("a"), STR("1"));
	headers_add(&want.headers, STR("b"), (struct str)STR_INIT);
	headers_add(&want.headers, STR("c\n"), STR("]"));
	check_read(
	    "{\"topic\":\"t\",\"partition\":0,\"offset\":5,\"tstype\":\"create\","
	    "\"ts\":1763719200000,\"broker\":1,\"headers\":[\"a\",\"1\",\"b\",null,\"c\\n\",\"]\"],"
	    "\"key\":\"k\",\"payload\":\"v\"}",
	    &want);
	check_read(
	    "{\"topic\":\"t\",\"partition\":0,\"offset\":5,\"ts\":1763719200000,"
	    "\"headers\": [ [ \"a\" , {\"b64\" : \"MQ==\"} ] , [\"b\", null],[\"c\\n\",\"]\"]\n],"
	    "\"key\":\"k\",\"value\":\"v\"}",
	    &want);
	headers_release(&want.headers);
}

static void test_envelope_read_refuses(void **state)
{
	(void)state;
	static const struct {
		const char *line;
		const char *error;
	} rows[] = {
	    {"", "not JSON: value expected at byte 1"},
	    {"{\"value\":", "not JSON: "},
	    {"{\"value\":\"a\"}}", "not JSON: "},
	    {"{\"value\":\"\xff\"}", "not JSON: not UTF-8 at byte 11"},
	    {"{\"value\":\"\\ud800\"}", "not JSON: "},
	    {" [1]", "not a JSON object"},
	    {"\"value\"", "not a JSON object"},
	    {"{\"value\":\"a\",\"value\":\"b\"}", "twice"},
	    {"{}", "no \"value\""},
	    {"{\"key\":\"k\"}", "no \"value\""},
	    {"{\"value\":1}", "\"value\" is neither"},
	    {"{\"value\":{\"a\":1}}", "\"value\" is neither"},
	    {"{\"value\":true}", "\"value\" is neither"},
	    {"{\"payload\":[]}", "\"payload\" is neither"},
	    {"{\"value\":\"a\",\"payload\":\"a\"}", "both \"value\" and \"payload\""},
	    {"{\"value\":null,\"payload\":null}", "both \"value\" and \"payload\""},
	    {"{\"value_b64\":\"\",\"payload\":\"a\"}", "both \"value\" and \"payload\""},
	    {"{\"value\":\"a\",\"value_b64\":\"\"}", "both \"value\" and \"value_b64\""},
	    {"{\"value_b64\":null}", "\"value_b64\" is not"},
	    {"{\"value_b64\":\"a\"}", "\"value_b64\" is not"},
	    {"{\"value_b64\":\"YQ\"}", "\"value_b64\" is not"},
	    {"{\"value\":\"\",\"key\":7}", "\"key\" is neither"},
	    {"{\"value\":\"\",\"key_b64\":7}", "\"key_b64\" is not"},
	    {"{\"value\":\"\",\"topic\":7}", "\"topic\" is neither"},
	    {"{\"value\":\"\",\"partition\":\"0\"}", "\"partition\" is not an integer"},
	    {"{\"value\":\"\",\"partition\":2147483648}", "\"partition\" is not an integer"},
	    {"{\"value\":\"\",\"partition\":-2}", "\"partition\" is not an integer"},
	    {"{\"value\":\"\",\"offset\":1.0}", "\"offset\" is not an integer"},
	    {"{\"value\":\"\",\"offset\":1e3}", "\"offset\" is not an integer"},
	    {"{\"value\":\"\",\"ts\":9223372036854775808}", "\"ts\" is not an integer"},
	    {"{\"value\":\"\",\"headers\":{}}", "\"headers\" is not"},
	    {"{\"value\":\"\",\"headers\":\"a\"}", "\"headers\" is not"},
	    {"{\"value\":\"\",\"headers\":[\"a\"]}", "\"headers\" is not"},
	    {"{\"value\":\"\",\"headers\":[\"a\",1]}", "\"headers\" is not"},
	    {"{\"value\":\"\",\"headers\":[null,\"a\"]}", "\"headers\" is not"},
	    {"{\"value\":\"\",\"headers\":[[]]}", "\"headers\" is not"},
	    {"{\"value\":\"\",\"headers\":[[\"a\"]]}", "\"headers\" is not"},
	    {"{\"value\":\"\",\"headers\":[[\"a\",\"b\",\"c\"]]}", "\"headers\" is not"},
	    {"{\"value\":\"\",\"headers\":[[\"a\",[]]]}", "\"headers\" is not"},
	    {"{\"value\":\"\",\"headers\":[[\"a\",{}]]}", "\"headers\" is not"},
	    {"{\"value\":\"\",\"headers\":[[\"a\",{\"b64\":\"?\"}]]}", "\"headers\" is not"},
	    {"{\"value\":\"\",\"headers\":[[[\"a\"],\"b\"]]}", "\"headers\" is not"},
	};
	struct record r = RECORD_INIT;
	struct buf scratch = BUF_INIT;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct err err = ERR_INIT;
		size_t len = strlen(rows[i].line);
		char *exact = mem_dup(rows[i].line, len);
		if (envelope_read((struct str){exact, len}, &r, &scratch, &err) == 0)
			fail_msg("taken: %s", rows[i].line);
		assert_int_equal(err.status, ST_FAIL);
		if (!strstr(err.text, rows[i].error))
			fail_msg("%s: %s", rows[i].line, err.text);
		err_clear(&err);
		free(exact);
	}
	headers_release(&r.headers);
	buf_release(&scratch);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_envelope_write),
	    cmocka_unit_test(test_envelope_write_quotes_every_byte),
	    cmocka_unit_test(test_envelope_round_trip),
	    cmocka_unit_test(test_envelope_read_optional),
	    cmocka_unit_test(test_envelope_read_kcat),
	    cmocka_unit_test(test_envelope_read_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
