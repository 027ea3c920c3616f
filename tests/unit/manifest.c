#include "batch/manifest.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/mem.h"

static void check_extents(const struct extents *x, const char *want)
{
	struct buf text = BUF_INIT;
	for (size_t i = 0; i < x->count; i++)
		buf_printf(&text, "%s%d:%lld-%lld/%lld", i ? " " : "", x->list[i].partition,
		    (long long)x->list[i].first, (long long)x->list[i].last,
		    (long long)x->list[i].count);
	assert_string_equal(buf_text(&text), want);
	buf_release(&text);
}

static void test_manifest_extents_add(void **state)
{
	(void)state;
	struct extents x = EXTENTS_INIT, y = EXTENTS_INIT;
	check_extents(&x, "");
	extents_add(&x, 5, 10, 19, 10);
	extents_add(&x, 0, 7, 7, 1);
	extents_add(&x, 3, 0, 0, 1);
	extents_add(&x, 5, 30, 31, 2);
	extents_add(&x, 5, 2, 2, 1);
	extents_add(&x, INT32_MAX, 1, 4, 2);
	check_extents(&x, "0:7-7/1 3:0-0/1 5:2-31/13 2147483647:1-4/2");
	extents_join(&x, &y);
	extents_add(&y, 3, 1, 1, 1);
	extents_add(&y, 4, 8, 9, 2);
	extents_join(&x, &y);
	check_extents(&x, "0:7-7/1 3:0-1/2 4:8-9/2 5:2-31/13 2147483647:1-4/2");
	check_extents(&y, "3:1-1/1 4:8-9/2");
	extents_release(&x);
	extents_release(&y);
	assert_null(x.list);
	extents_release(&x);
}

/* A sender of lines. Its digest is that of its id; its records lie from offset on in partition 0. */
static struct sender make(const char *id, int64_t records, int64_t offset)
{
	struct sender s = {.id = mem_strdup(id), .records = records, .bytes = 10 * records,
	    .rejected = 1, .framing = mem_strdup("delimiter"), .delimiter = mem_strdup("\\n")};
	digest_record(&s.digest, (struct str)STR_INIT, str_of(id));
	if (records)
		extents_add(&s.extents, 0, offset, offset + 2 * records - 2, records);
	return s;
}

static void add(struct manifest *m, struct sender s)
{
	struct err err = ERR_INIT;
	if (manifest_add(m, &s, &err))
		fail_msg("%s", err.text);
	assert_null(s.id);
	assert_null(s.framing);
	assert_null(s.extents.list);
}

static void check_json(const struct manifest *m, const char *want)
{
	struct buf text = BUF_INIT;
	struct json_t *o = manifest_json(m);
	js_dump(o, &text);
	assert_string_equal(buf_text(&text), want);
	js_free(o);
	buf_release(&text);
}

static void test_manifest_json(void **state)
{
	(void)state;
	struct manifest m = MANIFEST_INIT;
	check_json(&m, "{\"records\":0,\"bytes\":0,\"rejected\":0,"
		       "\"digest\":\"00000000000000000000000000000000\",\"partitions\":{},"
		       "\"senders\":[]}");
	struct sender s = {.id = mem_strdup("s-1"), .records = 3, .bytes = 40, .rejected = 2,
	    .digest = {.lo = 0xff, .hi = 1}, .framing = mem_strdup("delimiter"),
	    .delimiter = mem_strdup("\\r\\n"), .unterminated = true};
	extents_add(&s.extents, 10, 0, 0, 1);
	extents_add(&s.extents, 2, 5, 9, 2);
	add(&m, s);
	s = (struct sender){.id = mem_strdup("s-2"), .framing = mem_strdup("envelope")};
	add(&m, s);
	check_json(&m,
	    "{\"records\":3,\"bytes\":40,\"rejected\":2,"
	    "\"digest\":\"000000000000000100000000000000ff\","
	    "\"partitions\":{\"2\":{\"first\":5,\"last\":9,\"count\":2},"
	    "\"10\":{\"first\":0,\"last\":0,\"count\":1}},"
	    "\"senders\":[{\"sender\":\"s-1\",\"records\":3,\"bytes\":40,\"rejected\":2,"
	    "\"digest\":\"000000000000000100000000000000ff\",\"framing\":\"delimiter\","
	    "\"delimiter\":\"\\\\r\\\\n\",\"unterminated\":true,"
	    "\"partitions\":{\"2\":{\"first\":5,\"last\":9,\"count\":2},"
	    "\"10\":{\"first\":0,\"last\":0,\"count\":1}}},"
	    "{\"sender\":\"s-2\",\"records\":0,\"bytes\":0,\"rejected\":0,"
	    "\"digest\":\"00000000000000000000000000000000\",\"framing\":\"envelope\","
	    "\"unterminated\":false,\"partitions\":{}}]}");
	manifest_release(&m);
	assert_null(m.senders);
	manifest_release(&m);
}

static void test_manifest_round_trip(void **state)
{
	(void)state;
	struct manifest m = MANIFEST_INIT, back = MANIFEST_INIT;
	struct err err = ERR_INIT;
	add(&m, make("s-1", 3, 100));
	add(&m, make("s-2", 0, 0));
	struct sender whole = {.id = mem_strdup("s-3"), .records = 1, .bytes = 0,
	    .framing = mem_strdup("whole")};
	extents_add(&whole.extents, 7, 0, 0, 1);
	add(&m, whole);
	m.senders[1].unterminated = true;
	struct json_t *o = manifest_json(&m);
	assert_int_equal(manifest_parse(o, &back, &err), 0);
	assert_int_equal(back.count, 3);
	for (size_t i = 0; i < 3; i++) {
		const struct sender *a = &m.senders[i], *b = &back.senders[i];
		assert_string_equal(a->id, b->id);
		assert_int_equal(a->records, b->records);
		assert_int_equal(a->bytes, b->bytes);
		assert_int_equal(a->rejected, b->rejected);
		assert_true(digest_equal(&a->digest, &b->digest));
		assert_string_equal(a->framing, b->framing);
		assert_int_equal(a->unterminated, b->unterminated);
	}
	assert_string_equal(back.senders[0].delimiter, "\\n");
	assert_null(back.senders[2].delimiter);
	struct json_t *again = manifest_json(&back);
	assert_true(json_equal(o, again));
	js_free(o);
	js_free(again);
	manifest_release(&m);
	manifest_release(&back);
}

static void test_manifest_adds_up(void **state)
{
	(void)state;
	struct manifest m = MANIFEST_INIT;
	struct extents x = EXTENTS_INIT;
	add(&m, make("s-1", 3, 100));
	add(&m, make("s-2", 4, 50));
	add(&m, make("s-3", 0, 0));
	assert_int_equal(manifest_records(&m), 7);
	assert_int_equal(manifest_bytes(&m), 70);
	struct digest sum = DIGEST_INIT, got = manifest_digest(&m);
	digest_record(&sum, (struct str)STR_INIT, STR("s-3"));
	digest_record(&sum, (struct str)STR_INIT, STR("s-1"));
	digest_record(&sum, (struct str)STR_INIT, STR("s-2"));
	assert_true(digest_equal(&sum, &got));
	manifest_extents(&m, &x);
	check_extents(&x, "0:50-104/7");
	extents_release(&x);
	manifest_release(&m);
}

static void test_manifest_same_sender(void **state)
{
	(void)state;
	struct manifest m = MANIFEST_INIT;
	struct err err = ERR_INIT;
	add(&m, make("s-1", 3, 100));
	add(&m, make("s-2", 1, 200));
	add(&m, make("s-1", 3, 100));
	assert_int_equal(m.count, 2);
	assert_int_equal(manifest_records(&m), 4);
	for (int what = 0; what < 3; what++) {
		struct sender s = make("s-1", 3, 100);
		s.records += what == 0;
		s.bytes += what == 1;
		s.digest.hi ^= what == 2;
		assert_int_equal(manifest_add(&m, &s, &err), -1);
		assert_int_equal(err.status, ST_FAIL);
		assert_string_equal(err.text, "two different manifests of sender s-1");
		assert_string_equal(s.id, "s-1"); /* still the caller's */
		sender_release(&s);
		err_clear(&err);
	}
	assert_int_equal(m.count, 2);
	assert_int_equal(manifest_records(&m), 4);
	manifest_release(&m);
}

static void test_manifest_join(void **state)
{
	(void)state;
	struct manifest m = MANIFEST_INIT, other = MANIFEST_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(manifest_join(&m, &other, &err), 0);
	add(&m, make("s-1", 3, 100));
	add(&other, make("s-2", 4, 200));
	add(&other, make("s-1", 3, 100));
	assert_int_equal(manifest_join(&m, &other, &err), 0);
	assert_null(other.senders);
	assert_int_equal(m.count, 2);
	assert_int_equal(manifest_records(&m), 7);
	add(&other, make("s-3", 5, 300));
	add(&other, make("s-1", 4, 100));
	assert_int_equal(manifest_join(&m, &other, &err), -1);
	assert_string_equal(err.text, "two different manifests of sender s-1");
	err_clear(&err);
	manifest_release(&m);
	manifest_release(&other);
}

/* --- manifest_parse */

static struct json_t *tree(const char *text)
{
	struct err err = ERR_INIT;
	struct json_t *t = js_parse(str_of(text), &err);
	if (!t)
		fail_msg("%s: %s", text, err.text);
	return t;
}

/* A good sender, but for one member; value NULL: without it. */
static struct json_t *with_member(const char *name, const char *value)
{
	struct json_t *o = js_object(), *senders = js_array();
	struct json_t *s = tree("{\"sender\":\"s-1\",\"records\":3,\"bytes\":40,\"rejected\":0,"
				"\"digest\":\"00112233445566778899aabbccddeeff\","
				"\"framing\":\"delimiter\",\"delimiter\":\"\\\\n\","
				"\"unterminated\":false,"
				"\"partitions\":{\"0\":{\"first\":5,\"last\":9,\"count\":3}}}");
	if (value)
		js_set(s, name, tree(value));
	else
		js_remove(s, name);
	js_append(senders, s);
	js_set(o, "senders", senders);
	return o;
}

static void check_parse(struct json_t *o, const char *name, const char *value, bool good)
{
	struct manifest m = MANIFEST_INIT;
	struct err err = ERR_INIT;
	int r = manifest_parse(o, &m, &err);
	if (r != (good ? 0 : -1))
		fail_msg("%s %s: %s", name, value ? value : "", r ? err.text : "was taken");
	if (!good) {
		assert_int_equal(err.status, ST_FAIL);
		assert_string_equal(err.text, "manifest: sender 1 does not make sense");
		assert_null(m.senders);
	}
	err_clear(&err);
	manifest_release(&m);
	js_free(o);
}

static void test_manifest_parse_members(void **state)
{
	(void)state;
	static const struct {
		const char *name, *value;
		bool good;
	} rows[] = {
	    {"x-unknown", "{}", true},
	    {"rejected", NULL, true},
	    {"delimiter", NULL, true},
	    {"unterminated", NULL, true},
	    {"unterminated", "true", true},
	    {"records", "140737488355328", true},
	    {"records", NULL, false},
	    {"records", "-1", false},
	    {"records", "\"3\"", false},
	    {"records", "3.0", false},
	    {"records", "null", false},
	    {"records", "[3]", false},
	    {"records", "140737488355329", false},
	    {"records", "1000000000000000000", false},
	    {"records", "1e18", false},
	    {"records", "9223372036854775807", false},
	    {"records", "-9223372036854775808", false},
	    {"bytes", "1125899906842624", true},
	    {"bytes", NULL, false},
	    {"bytes", "-1", false},
	    {"bytes", "1125899906842625", false},
	    {"bytes", "1000000000000000000", false},
	    {"bytes", "9223372036854775807", false},
	    {"rejected", "140737488355328", true},
	    {"rejected", "-1", false},
	    {"rejected", "9223372036854775807", false},
	    {"sender", NULL, false},
	    {"sender", "7", false},
	    {"framing", NULL, false},
	    {"framing", "{}", false},
	    {"digest", NULL, false},
	    {"digest", "\"\"", false},
	    {"digest", "\"00112233445566778899aabbccddeef\"", false},
	    {"digest", "\"00112233445566778899aabbccddeeff0\"", false},
	    {"digest", "\"00112233445566778899aabbccddeefg\"", false},
	    {"digest", "\"00112233445566778899AABBCCDDEEFF\"", false},
	    {"digest", "0", false},
	    {"partitions", NULL, false},
	    {"partitions", "[]", false},
	    {"partitions", "null", false},
	    {"partitions", "\"0\"", false},
	    {"partitions", "{\"0\":null}", false},
	    {"partitions", "{\"0\":[5,9,3]}", false},
	    {"partitions", "{\"0\":{}}", false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_parse(with_member(rows[i].name, rows[i].value), rows[i].name, rows[i].value,
		    rows[i].good);
}

static void test_manifest_parse_partitions(void **state)
{
	(void)state;
	static const struct {
		const char *partition, *first, *last, *count;
		bool good;
	} rows[] = {
	    {"0", "0", "0", "1", true},
	    {"2147483647", "0", "2", "3", true},
	    {"1", "5", "9", "1", true},
	    {"0", "0", "9223372036854775806", "140737488355328", true},
	    {"0", "9223372036854775806", "9223372036854775806", "1", true},
	    {"-1", "0", "0", "1", false},
	    {"2147483648", "0", "0", "1", false},
	    {"", "0", "0", "1", false},
	    {"a", "0", "0", "1", false},
	    {"0 ", "0", "0", "1", false},
	    {"08", "0", "0", "1", false}, /* 8 is there already */
	    {"0", "-1", "0", "1", false},
	    {"0", "-9223372036854775808", "9223372036854775806", "1", false},
	    {"0", "9", "5", "1", false},
	    {"0", "5", "-9223372036854775808", "1", false},
	    {"0", "0", "9223372036854775807", "1", false},
	    {"0", "9223372036854775807", "9223372036854775807", "1", false},
	    {"0", "5", "9", "0", false},
	    {"0", "5", "9", "-1", false},
	    {"0", "5", "9", "6", false},
	    {"0", "5", "5", "2", false},
	    {"0", "0", "9223372036854775806", "140737488355329", false},
	    {"0", "0", "9223372036854775806", "1000000000000000000", false},
	    {"0", "0", "9223372036854775806", "9223372036854775807", false},
	    {"0", "\"5\"", "9", "1", false},
	    {"0", "5", "9.0", "1", false},
	    {"0", "5", "1e18", "1", false},
	    {"0", "5", "9", "null", false},
	    {"0", "5", "9", "{}", false},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf text = BUF_INIT;
		/* a good one before and behind it */
		buf_printf(&text,
		    "{\"8\":{\"first\":1,\"last\":2,\"count\":2},"
		    "\"%s\":{\"first\":%s,\"last\":%s,\"count\":%s},"
		    "\"9\":{\"first\":1,\"last\":2,\"count\":2}}",
		    rows[i].partition, rows[i].first, rows[i].last, rows[i].count);
		check_parse(with_member("partitions", buf_text(&text)), "partitions",
		    buf_text(&text), rows[i].good);
		buf_release(&text);
	}
}

static void test_manifest_parse_non_objects(void **state)
{
	(void)state;
	static const char *const bad[] = {"null", "7", "\"s-1\"", "[]", "{}", "[{}]", "true"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct json_t *o = js_object(), *senders = js_array();
		js_append(senders, tree(bad[i]));
		js_set(o, "senders", senders);
		check_parse(o, "sender", bad[i], false);
	}
}

static void test_manifest_parse_no_manifest(void **state)
{
	(void)state;
	static const char *const bad[] = {"[]", "7", "null", "\"x\"", "{\"senders\":7}",
	    "{\"senders\":{}}", "{\"senders\":null}"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct manifest m = MANIFEST_INIT;
		struct err err = ERR_INIT;
		struct json_t *o = tree(bad[i]);
		if (manifest_parse(o, &m, &err) != -1)
			fail_msg("%s was taken", bad[i]);
		assert_int_equal(err.status, ST_FAIL);
		err_clear(&err);
		js_free(o);
	}
}

/* A count that somebody gave by hand. */
static void test_manifest_parse_without_senders(void **state)
{
	(void)state;
	static const char *const rows[] = {"{}", "{\"records\":5}", "{\"records\":5,\"senders\":[]}"};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct manifest m = MANIFEST_INIT;
		struct err err = ERR_INIT;
		struct json_t *o = tree(rows[i]);
		assert_int_equal(manifest_parse(o, &m, &err), 0);
		assert_int_equal(m.count, 0);
		assert_int_equal(manifest_records(&m), 0);
		js_free(o);
		manifest_release(&m);
	}
}

static struct json_t *many_senders(size_t count, int64_t records)
{
	struct json_t *o = js_object(), *senders = js_array();
	for (size_t i = 0; i < count; i++) {
		struct json_t *s = tree("{\"digest\":\"ffffffffffffffffffffffffffffffff\","
					"\"framing\":\"whole\",\"partitions\":{}}");
		struct buf id = BUF_INIT;
		buf_add_i64(&id, (int64_t)i);
		js_set_str(s, "sender", buf_str(&id));
		js_set_i64(s, "records", records);
		js_set_i64(s, "bytes", INT64_C(1) << 50);
		js_set(s, "partitions", tree("{\"0\":{\"first\":0,\"last\":9223372036854775806,"
					     "\"count\":140737488355328}}"));
		js_append(senders, s);
		buf_release(&id);
	}
	js_set(o, "senders", senders);
	return o;
}

/* As many, of as much, as is taken: no sum overflows. */
static void test_manifest_parse_most_senders(void **state)
{
	(void)state;
	struct manifest m = MANIFEST_INIT;
	struct err err = ERR_INIT;
	struct json_t *o = many_senders(4096, INT64_C(1) << 47);
	assert_int_equal(manifest_parse(o, &m, &err), 0);
	assert_true(manifest_records(&m) == INT64_C(1) << 59);
	assert_true(manifest_bytes(&m) == INT64_C(1) << 62);
	struct extents x = EXTENTS_INIT;
	manifest_extents(&m, &x);
	check_extents(&x, "0:0-9223372036854775806/576460752303423488");
	extents_release(&x);
	js_free(o);
	manifest_release(&m);
	static const size_t too_many[] = {4097, 5000};
	for (size_t i = 0; i < 2; i++) {
		o = many_senders(too_many[i], 1);
		assert_int_equal(manifest_parse(o, &m, &err), -1);
		assert_int_equal(err.status, ST_FAIL);
		assert_string_equal(err.text, "manifest: more than 4096 senders");
		assert_null(m.senders);
		err_clear(&err);
		js_free(o);
	}
}

static void test_manifest_parse_same_sender(void **state)
{
	(void)state;
	struct manifest m = MANIFEST_INIT;
	struct err err = ERR_INIT;
	struct json_t *o = many_senders(3, 5);
	/* js_at borrows from o, which is ours to change */
	struct json_t *second = (struct json_t *)(uintptr_t)js_at(js_get(o, "senders"), 1);
	js_set_str(second, "sender", STR("0"));
	assert_int_equal(manifest_parse(o, &m, &err), 0);
	assert_int_equal(m.count, 2);
	assert_int_equal(manifest_records(&m), 10);
	manifest_release(&m);
	js_set_i64(second, "records", 6);
	assert_int_equal(manifest_parse(o, &m, &err), -1);
	assert_string_equal(err.text, "two different manifests of sender 0");
	assert_null(m.senders);
	err_clear(&err);
	js_free(o);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_manifest_extents_add),
	    cmocka_unit_test(test_manifest_json),
	    cmocka_unit_test(test_manifest_round_trip),
	    cmocka_unit_test(test_manifest_adds_up),
	    cmocka_unit_test(test_manifest_same_sender),
	    cmocka_unit_test(test_manifest_join),
	    cmocka_unit_test(test_manifest_parse_members),
	    cmocka_unit_test(test_manifest_parse_partitions),
	    cmocka_unit_test(test_manifest_parse_non_objects),
	    cmocka_unit_test(test_manifest_parse_no_manifest),
	    cmocka_unit_test(test_manifest_parse_without_senders),
	    cmocka_unit_test(test_manifest_parse_most_senders),
	    cmocka_unit_test(test_manifest_parse_same_sender),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
