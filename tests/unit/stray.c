#include "batch/stray.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>


#define PARTITIONS "{\"0\":{\"first\":10,\"last\":19,\"count\":10},\"1\":{\"first\":100,\"last\":109,\"count\":10}}"
#define DIGEST     "\"00000000000000000000000000000000\""
#define MANIFEST                                                                                    \
	"\"expectedRecordCount\":20,\"manifest\":{\"records\":20,\"bytes\":1,\"rejected\":0,"         \
	"\"digest\":" DIGEST ",\"partitions\":" PARTITIONS ",\"senders\":[{\"sender\":\"s1\","          \
	"\"records\":20,\"bytes\":1,\"rejected\":0,\"digest\":" DIGEST ",\"framing\":\"envelope\","     \
	"\"unterminated\":false,\"partitions\":" PARTITIONS "}]}"
#define NO_SENDERS(n)                                                                               \
	"\"manifest\":{\"records\":" n ",\"bytes\":0,\"rejected\":0,\"digest\":" DIGEST              \
	",\"partitions\":{},\"senders\":[]}"

static struct stray_batch batch(enum batch_status status, const char *members)
{
	struct stray_batch b;
	struct buf doc = BUF_INIT;
	buf_printf(&doc, "{\"id\":\"b\",\"status\":\"%s\"%s%s}", batch_status_name(status),
	    *members ? "," : "", members);
	stray_batch_init(&b, status, 1000, buf_str(&doc), STR("claims.in"));
	buf_release(&doc);
	return b;
}

struct place {
	const char *id, *seq; /* NULL: no such header */
	int32_t partition;
	int64_t offset, ts_ms;
};

static struct record record(struct place p)
{
	struct record r = RECORD_INIT;
	r.partition = p.partition;
	r.offset = p.offset;
	r.ts_ms = p.ts_ms;
	if (p.id)
		headers_add(&r.headers, STR(HDR_BATCH_ID), str_of(p.id));
	if (p.seq)
		headers_add(&r.headers, STR(HDR_BATCH_SEQ), str_of(p.seq));
	return r;
}

static void check(enum stray wanted, enum batch_status status, const char *members, struct place p)
{
	struct stray_batch b = batch(status, members);
	struct record r = record(p);
	assert_int_equal(stray_judge(&b, &r), wanted);
	headers_release(&r.headers);
	stray_batch_release(&b);
}

static const struct place here = {"b", "s1:3", 0, 12, 500};

static void test_stray_states(void **state)
{
	(void)state;
	check(STRAY_NONE, BATCH_STARTED, "", here);
	check(STRAY_GIVEN_UP, BATCH_TERMINATED, MANIFEST, here);
	check(STRAY_GIVEN_UP, BATCH_FAILED, MANIFEST, here);
	check(STRAY_NONE, BATCH_SENT, MANIFEST, here);
	check(STRAY_NONE, BATCH_COMPLETED, MANIFEST, here);
	struct stray_batch none = {.status = BATCH_NONE};
	struct record r = record(here);
	assert_int_equal(stray_judge(&none, &r), STRAY_UNKNOWN);
	headers_release(&r.headers);
}

static void test_stray_named(void **state)
{
	(void)state;
	static const struct place others[] = {
	    {"b", "s2:3", 0, 12, 500},
	    {"b", "s1", 0, 12, 500},
	    {"b", NULL, 0, 12, 500},
	    {"b", "s1:3", 0, 9, 500},
	    {"b", "s1:3", 0, 20, 500},
	    {"b", "s1:3", 1, 12, 500},
	    {"b", "s1:3", 2, 12, 500},
	};
	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		check(STRAY_LATE, BATCH_COMPLETED, MANIFEST, others[i]);
		check(STRAY_LATE, BATCH_SENT, MANIFEST, others[i]);
	}
	check(STRAY_NONE, BATCH_COMPLETED, MANIFEST, (struct place){"b", "s1:1", 0, 10, 5000});
	check(STRAY_NONE, BATCH_COMPLETED, MANIFEST, (struct place){"b", "s1:1", 0, 19, 5000});
	check(STRAY_NONE, BATCH_COMPLETED, MANIFEST, (struct place){"b", "s1:1", 1, 109, 5000});
}

static void test_stray_without_manifest(void **state)
{
	(void)state;
	static const char *const counts[] = {"", "\"expectedRecordCount\":3",
	    "\"expectedRecordCount\":3," NO_SENDERS("0")};
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++) {
		check(STRAY_NONE, BATCH_COMPLETED, counts[i], (struct place){"b", NULL, 0, 5, 1000});
		check(STRAY_LATE, BATCH_COMPLETED, counts[i], (struct place){"b", NULL, 0, 5, 1001});
		check(STRAY_NONE, BATCH_SENT, counts[i], (struct place){"b", NULL, 0, 5, 1001});
	}
	check(STRAY_LATE, BATCH_COMPLETED, NO_SENDERS("0"),
	    (struct place){"b", NULL, 0, 5, 500});
}

#define RANGES "\"progress\":{\"ranges\":{\"0\":{\"first\":10,\"last\":19},\"x\":{\"first\":1,\"last\":2}}}"

static void test_stray_ranges(void **state)
{
	(void)state;
	check(STRAY_LATE, BATCH_COMPLETED, RANGES, (struct place){"b", NULL, 0, 9, 500});
	check(STRAY_NONE, BATCH_COMPLETED, RANGES, (struct place){"b", NULL, 0, 10, 500});
	check(STRAY_NONE, BATCH_COMPLETED, RANGES, (struct place){"b", NULL, 0, 19, 5000});
	check(STRAY_LATE, BATCH_COMPLETED, RANGES, (struct place){"b", NULL, 0, 20, 500});
	check(STRAY_LATE, BATCH_COMPLETED, RANGES, (struct place){"b", NULL, 1, 12, 500});
	check(STRAY_NONE, BATCH_SENT, RANGES, (struct place){"b", NULL, 0, 20, 500});
	check(STRAY_NONE, BATCH_COMPLETED, MANIFEST "," RANGES, (struct place){"b", "s1:3", 1, 105, 500});
}

static void test_stray_first_id_counts(void **state)
{
	(void)state;
	struct record r = record(here);
	headers_add(&r.headers, STR(HDR_BATCH_ID), STR("other"));
	assert_true(str_is(stray_id(&r), "b"));
	headers_clear(&r.headers);
	headers_add(&r.headers, STR(HDR_BATCH_ID), (struct str)STR_INIT);
	headers_add(&r.headers, STR(HDR_BATCH_ID), STR("b"));
	assert_int_equal(stray_id(&r).len, 0);
	assert_int_equal(stray_judge(NULL, &r), STRAY_NO_ID);
	headers_clear(&r.headers);
	assert_int_equal(stray_judge(NULL, &r), STRAY_NO_ID);
	headers_release(&r.headers);
}

static void check_reason(enum stray kind, const char *id, size_t len, const char *wanted)
{
	struct buf why = BUF_INIT;
	struct record r = RECORD_INIT;
	headers_add(&r.headers, STR(HDR_BATCH_ID), (struct str){id, len});
	stray_reason(kind, &r, &why);
	assert_string_equal(buf_text(&why), wanted);
	headers_release(&r.headers);
	buf_release(&why);
}

static void test_stray_reason(void **state)
{
	(void)state;
	struct buf why = BUF_INIT;
	struct record bare = RECORD_INIT;
	stray_reason(STRAY_NO_ID, &bare, &why);
	assert_string_equal(buf_text(&why), "it has no batchId");
	buf_clear(&why);
	check_reason(STRAY_UNKNOWN, "x", 1, "batch 'x' is unknown");
	check_reason(STRAY_LATE, "x", 1, "batch 'x' was completed without it");
	check_reason(STRAY_UNKNOWN, "\0\xff\n", 3, "batch '\\x00\\xff\\x0a' is unknown");
	char *id = memset(test_malloc(100000), 0xff, 100000);
	headers_add(&bare.headers, STR(HDR_BATCH_ID), (struct str){id, 100000});
	stray_reason(STRAY_UNKNOWN, &bare, &why);
	assert_in_range(why.len, 400, 450);
	assert_non_null(strstr(why.data, "...' is unknown"));
	headers_release(&bare.headers);
	test_free(id);
	buf_release(&why);
}

static void test_stray_verdict(void **state)
{
	(void)state;
	assert_int_equal(stray_verdict(STRAY_NONE), VERDICT_DONE);
	assert_int_equal(stray_verdict(STRAY_NO_ID), VERDICT_INVALID);
	assert_int_equal(stray_verdict(STRAY_UNKNOWN), VERDICT_INVALID);
	assert_int_equal(stray_verdict(STRAY_LATE), VERDICT_INVALID);
	assert_int_equal(stray_verdict(STRAY_GIVEN_UP), VERDICT_SKIPPED);
}

static void test_stray_bad_document(void **state)
{
	(void)state;
	check(STRAY_NONE, BATCH_SENT, "\"manifest\":3", here);
	check(STRAY_NONE, BATCH_COMPLETED, "\"manifest\":3", here);
	struct stray_batch b;
	stray_batch_init(&b, BATCH_COMPLETED, 0, STR("{"), STR("claims.in"));
	assert_false(b.manifested);
	stray_batch_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_stray_states),
	    cmocka_unit_test(test_stray_named),
	    cmocka_unit_test(test_stray_without_manifest),
	    cmocka_unit_test(test_stray_ranges),
	    cmocka_unit_test(test_stray_first_id_counts),
	    cmocka_unit_test(test_stray_reason),
	    cmocka_unit_test(test_stray_verdict),
	    cmocka_unit_test(test_stray_bad_document),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
