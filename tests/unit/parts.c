#include "batch/parts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void fold(struct parts *p, const char *text)
{
	struct err err = ERR_INIT;
	struct json_t *json = js_parse(str_of(text), &err);
	assert_non_null(json);
	parts_fold(p, json);
	js_free(json);
}

/* "0 w5 4/0/1 host running;" for each part; "done 17-99" for the w of one that is done. */
static void check(const struct parts *p, const char *want)
{
	static const char *const states[] = {"running", "retrying", "blocked"};
	struct buf got = BUF_INIT;
	for (size_t i = 0; i < p->count; i++) {
		const struct part *one = &p->list[i];
		buf_printf(&got, "%d ", (int)one->partition);
		if (one->done)
			buf_printf(&got, "done %lld-%lld", (long long)one->first, (long long)one->last);
		else
			buf_printf(&got, "w%lld", (long long)one->w);
		buf_printf(&got, " %lld/%lld/%lld %s %s;", (long long)one->tally.done,
		    (long long)one->tally.invalid, (long long)one->tally.skipped,
		    one->worker ? one->worker : "-", states[one->state]);
	}
	assert_string_equal(buf_text(&got), want);
	buf_release(&got);
}

#define DONE_0                                                                                     \
	"{\"group\":\"g\",\"part\":{\"partition\":0,\"first\":17,\"last\":99,\"done\":80,"         \
	"\"invalid\":2,\"skipped\":0,\"worker\":\"a\"}}"
#define AGAIN_0                                                                                    \
	"{\"group\":\"g\",\"part\":{\"partition\":0,\"first\":17,\"last\":99,\"done\":79,"         \
	"\"invalid\":3,\"skipped\":0,\"worker\":\"b\"}}"
#define OPEN_0_AND_1                                                                               \
	"{\"group\":\"g\",\"state\":\"running\",\"done\":10,\"invalid\":0,\"skipped\":1,"          \
	"\"parts\":{\"0\":{\"w\":6,\"done\":6,\"invalid\":0,\"skipped\":0,\"worker\":\"a\","       \
	"\"state\":\"running\"},\"1\":{\"w\":5,\"done\":4,\"invalid\":0,\"skipped\":1,"            \
	"\"worker\":\"a\",\"state\":\"running\"}}}"
#define OPEN_1                                                                                     \
	"{\"group\":\"g\",\"parts\":{\"1\":{\"w\":9,\"done\":7,\"invalid\":1,\"skipped\":1,"       \
	"\"worker\":\"b\",\"state\":\"retrying\",\"lastError\":\"exit status 75\","                \
	"\"retryAt\":\"2026-11-21T10:30:00Z\"}}}"

#define ALL_FOLDED "0 done 17-99 80/2/0 a running;1 w9 7/1/1 b retrying;"

static void test_parts_without_records(void **state)
{
	struct parts p = {.group = STR("g")};
	struct err err = ERR_INIT;
	(void)state;
	fold(&p, "{\"group\":\"g\",\"part\":{\"partition\":0,\"done\":0,\"invalid\":0,\"skipped\":0}}");
	fold(&p, "{\"group\":\"g\",\"part\":{\"partition\":1,\"done\":1,\"invalid\":0,\"skipped\":0}}");
	fold(&p, "{\"group\":\"g\",\"part\":{\"partition\":2,\"first\":4,\"done\":0,\"invalid\":0,\"skipped\":0}}");
	fold(&p, "{\"group\":\"g\",\"part\":{\"partition\":3,\"first\":4,\"last\":6,\"done\":2,\"invalid\":1,"
	    "\"skipped\":0}}");
	check(&p, "0 done 0--1 0/0/0 - running;1 done 0--1 1/0/0 - running;3 done 4-6 2/1/0 - running;");
	struct json_t *json = part_json(&p, &p.list[0]);
	assert_null(js_get(js_get(json, "part"), "first"));
	js_free(json);
	assert_int_equal(parts_check_sum(&p, 4, &err), 0);
	assert_int_equal(parts_check_sum(&p, 5, &err), -1);
	assert_string_equal(err.text, "4 records were processed, and 5 were sent");
	err_clear(&err);
	parts_release(&p);
}

static void test_parts_that_were_not_counted(void **state)
{
	struct parts p = {.group = STR("g")};
	struct extents x = EXTENTS_INIT;
	struct err err = ERR_INIT;
	(void)state;
	extents_add(&x, 0, 0, -1, PARTS_UNCOUNTED);
	assert_false(parts_are_done(&p, &x));
	fold(&p, DONE_0);
	assert_true(parts_are_done(&p, &x));
	assert_int_equal(parts_check(&p, &x, &err), 0);
	extents_release(&x);
	assert_int_equal(parts_check(&p, &x, &err), -1);
	err_clear(&err);
	parts_release(&p);
}

static void test_parts_fold(void **state)
{
	(void)state;
	struct parts p = {.group = STR("g")};
	check(&p, "");
	fold(&p, OPEN_0_AND_1);
	check(&p, "0 w6 6/0/0 a running;1 w5 4/0/1 a running;");
	assert_null(parts_worst(&p));
	fold(&p, OPEN_1);
	check(&p, "0 w6 6/0/0 a running;1 w9 7/1/1 b retrying;");
	fold(&p, DONE_0);
	check(&p, ALL_FOLDED);
	fold(&p, AGAIN_0);
	fold(&p, OPEN_0_AND_1);
	fold(&p, "{\"group\":\"g\",\"parts\":{\"0\":{\"w\":999,\"done\":999,\"invalid\":0,"
	    "\"skipped\":0}}}");
	check(&p, ALL_FOLDED);
	struct tally sum = parts_tally(&p);
	assert_int_equal(sum.done, 87);
	assert_int_equal(sum.invalid, 3);
	assert_int_equal(sum.skipped, 1);
	const struct part *worst = parts_worst(&p);
	assert_int_equal(worst->partition, 1);
	assert_string_equal(worst->error, "exit status 75");
	assert_int_equal(worst->retry_ms, INT64_C(1795257000000));
	parts_release(&p);
	check(&p, "");
}

/* In any order, but that of two who did the same part. */
static void test_parts_commute(void **state)
{
	(void)state;
	static const char *const events[] = {DONE_0, OPEN_0_AND_1, OPEN_1};
	static const int orders[][3] = {
	    {0, 1, 2}, {0, 2, 1}, {1, 0, 2}, {1, 2, 0}, {2, 0, 1}, {2, 1, 0}};
	for (size_t i = 0; i < 6; i++) {
		struct parts p = {.group = STR("g")};
		for (size_t j = 0; j < 3; j++)
			fold(&p, events[orders[i][j]]);
		fold(&p, AGAIN_0);
		check(&p, ALL_FOLDED);
		parts_release(&p);
	}
	struct parts p = {.group = STR("g")};
	fold(&p, AGAIN_0);
	fold(&p, DONE_0);
	check(&p, "0 done 17-99 79/3/0 b running;");
	parts_release(&p);
}

static void test_parts_foreign(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "{}",
	    "[]",
	    "\"g\"",
	    "{\"percent\":7}",
	    "{\"group\":\"h\",\"part\":{\"partition\":0,\"first\":0,\"last\":0,\"done\":1,"
	    "\"invalid\":0,\"skipped\":0}}",
	    "{\"part\":{\"partition\":0,\"first\":0,\"last\":0,\"done\":1,\"invalid\":0,"
	    "\"skipped\":0}}",
	    "{\"group\":\"g\"}",
	    "{\"group\":\"g\",\"part\":0,\"parts\":[]}",
	    "{\"group\":\"g\",\"part\":{}}",
	    "{\"group\":\"g\",\"part\":{\"partition\":-1,\"first\":0,\"last\":0,\"done\":1,"
	    "\"invalid\":0,\"skipped\":0}}",
	    "{\"group\":\"g\",\"part\":{\"partition\":0,\"first\":1,\"last\":0,\"done\":1,"
	    "\"invalid\":0,\"skipped\":0}}",
	    "{\"group\":\"g\",\"part\":{\"partition\":0,\"first\":0,\"last\":0,\"done\":-1,"
	    "\"invalid\":0,\"skipped\":0}}",
	    "{\"group\":\"g\",\"part\":{\"partition\":0,\"first\":0,\"last\":0,"
	    "\"done\":999999999999999,\"invalid\":0,\"skipped\":0}}",
	    "{\"group\":\"g\",\"parts\":{\"x\":{\"w\":0,\"done\":0,\"invalid\":0,\"skipped\":0}}}",
	    "{\"group\":\"g\",\"parts\":{\"0\":5,\"1\":{\"w\":\"5\",\"done\":0,\"invalid\":0,"
	    "\"skipped\":0}}}",
	};
	struct parts p = {.group = STR("g")};
	parts_fold(&p, NULL);
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++)
		fold(&p, texts[i]);
	check(&p, "");
	fold(&p, "{\"group\":\"g\",\"more\":{},\"parts\":{\"x\":1,\"3\":{\"w\":1,\"done\":1,"
	    "\"invalid\":0,\"skipped\":0,\"state\":\"odd\",\"retryAt\":\"soon\",\"more\":[]}}}");
	check(&p, "3 w1 1/0/0 - running;");
	assert_int_equal(p.list[0].retry_ms, 0);
	parts_release(&p);
}

static void check_json(struct json_t *json, const char *want)
{
	struct buf text = BUF_INIT;
	js_dump(json, &text);
	assert_string_equal(buf_text(&text), want);
	buf_release(&text);
	js_free(json);
}

static void test_parts_json(void **state)
{
	(void)state;
	struct parts p = {.group = STR("g")};
	check_json(parts_json(&p), "{\"group\":\"g\",\"done\":0,\"invalid\":0,\"skipped\":0,"
	    "\"state\":\"running\",\"parts\":{}}");
	fold(&p, OPEN_0_AND_1);
	fold(&p, OPEN_1);
	fold(&p, DONE_0);
	check_json(part_json(&p, &p.list[0]), DONE_0);
	check_json(parts_json(&p), "{\"group\":\"g\",\"done\":87,\"invalid\":3,\"skipped\":1,"
	    "\"state\":\"retrying\",\"lastError\":\"exit status 75\","
	    "\"retryAt\":\"2026-11-21T10:30:00Z\",\"parts\":{\"1\":{\"w\":9,\"done\":7,"
	    "\"invalid\":1,\"skipped\":1,\"worker\":\"b\",\"state\":\"retrying\","
	    "\"lastError\":\"exit status 75\",\"retryAt\":\"2026-11-21T10:30:00Z\"}}}");
	parts_release(&p);
}

/* What a worker writes is what others fold. */
static void test_parts_round_trip(void **state)
{
	(void)state;
	struct parts p = {.group = STR("g")}, back = {.group = STR("g")};
	struct part *one = parts_at(&p, 7);
	one->w = 3;
	one->tally = (struct tally){1, 1, 1};
	one->state = PART_BLOCKED;
	part_set_text(&one->worker, STR("host:1:2"));
	part_set_text(&one->error, STR("no \"service\""));
	one->expected = 9;
	one->rate = 12346;
	one = parts_at(&p, 2);
	one->done = true;
	one->first = 5;
	one->last = 5;
	one->tally.skipped = 1;
	struct json_t *done = part_json(&p, one), *open = parts_json(&p);
	parts_fold(&back, open);
	parts_fold(&back, done);
	check(&back, "2 done 5-5 0/0/1 - running;7 w3 1/1/1 host:1:2 blocked;");
	assert_string_equal(parts_worst(&back)->error, "no \"service\"");
	assert_int_equal(parts_find(&back, 7)->expected, 9);
	assert_int_equal(parts_find(&back, 7)->rate, 12346);
	js_free(done);
	js_free(open);
	parts_release(&p);
	parts_release(&back);
}

/* What two workers say of three parts, as one of them tells it. */
static void test_parts_report(void **state)
{
	(void)state;
	struct parts all = {.group = STR("g"), .expected = 182}, own = {.group = STR("g")};
	fold(&all, DONE_0);
	fold(&all, "{\"group\":\"g\",\"parts\":{\"2\":{\"w\":10,\"done\":10,\"invalid\":0,\"skipped\":0,"
	    "\"expected\":60,\"rate\":0.25}}}");
	struct part *one = parts_at(&own, 1);
	*one = (struct part){.partition = 1, .w = 30, .tally.done = 30, .expected = 40, .rate = 1500};
	part_set_text(&one->worker, STR("a"));
	parts_take(&all, &own);
	check(&all, "0 done 17-99 80/2/0 a running;1 w30 30/0/0 a running;2 w10 10/0/0 - running;");
	check_json(parts_report(&all, &own), "{\"group\":\"g\",\"done\":120,\"invalid\":2,\"skipped\":0,"
	    "\"expected\":182,\"rate\":1.75,\"etaSeconds\":200,\"state\":\"running\",\"parts\":{"
	    "\"1\":{\"w\":30,\"done\":30,\"invalid\":0,\"skipped\":0,\"expected\":40,\"rate\":1.5,"
	    "\"worker\":\"a\",\"state\":\"running\"}}}");
	part_set_text(&one->error, STR("no service"));
	one->state = PART_RETRYING;
	one->w = 29;
	parts_take(&all, &own);
	assert_null(parts_worst(&all));
	one->w = 30;
	one->rate = 0;
	parts_take(&all, &own);
	check_json(parts_report(&all, &own), "{\"group\":\"g\",\"done\":120,\"invalid\":2,\"skipped\":0,"
	    "\"expected\":182,\"rate\":0.25,\"state\":\"retrying\",\"lastError\":\"no service\",\"parts\":{"
	    "\"1\":{\"w\":30,\"done\":30,\"invalid\":0,\"skipped\":0,\"expected\":40,"
	    "\"worker\":\"a\",\"state\":\"retrying\",\"lastError\":\"no service\"}}}");
	parts_release(&all);
	parts_release(&own);
}

/* Said only when each part is known, runs and gets on. */
static void test_parts_eta(void **state)
{
	(void)state;
	struct parts p = {.group = STR("g"), .expected = 100};
	const struct part begun = {.w = 1, .expected = 100, .rate = 30000};
	struct part others[] = {begun, begun, begun, begun, begun};
	others[1].expected = 99;
	others[2].rate = 0;
	others[3].state = PART_RETRYING;
	others[4].w = 101;
	for (size_t i = 0; i < 5; i++) {
		*parts_at(&p, 0) = others[i];
		struct json_t *o = parts_report(&p, &p);
		int64_t eta = -1;
		assert_int_equal(js_get_i64(o, "etaSeconds", &eta), i == 0);
		assert_int_equal(eta, i == 0 ? 4 : -1);
		js_free(o);
	}
	*parts_at(&p, 0) = begun;
	p.expected = 0;
	struct json_t *o = parts_report(&p, &p);
	assert_null(js_get(o, "etaSeconds"));
	assert_null(js_get(o, "expected"));
	js_free(o);
	parts_release(&p);
}

static void test_parts_outlook_foreign(void **state)
{
	(void)state;
	static const char *const texts[] = {"\"expected\":-1,\"rate\":-1", "\"expected\":\"9\",\"rate\":\"9\"",
	    "\"expected\":999999999999999,\"rate\":1e300", "\"expected\":1.5,\"rate\":null"};
	struct parts p = {.group = STR("g")};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct buf text = BUF_INIT;
		buf_printf(&text, "{\"group\":\"g\",\"parts\":{\"0\":{\"w\":1,\"done\":1,\"invalid\":0,"
		    "\"skipped\":0,%s}}}", texts[i]);
		fold(&p, buf_text(&text));
		buf_release(&text);
		check(&p, "0 w1 1/0/0 - running;");
		assert_int_equal(p.list[0].expected, 0);
		assert_int_equal(p.list[0].rate, 0);
	}
	parts_release(&p);
}

static void test_parts_worst(void **state)
{
	(void)state;
	struct parts p = {.group = STR("g")};
	for (int32_t i = 0; i < 4; i++)
		parts_at(&p, i)->state = (enum part_state)(i % 3);
	assert_int_equal(parts_worst(&p)->partition, 2);
	p.list[2].done = true;
	assert_int_equal(parts_worst(&p)->partition, 1);
	p.list[1].done = true;
	assert_null(parts_worst(&p));
	part_set_text(&p.list[3].error, STR("x"));
	assert_int_equal(parts_worst(&p)->partition, 3);
	parts_release(&p);
}

/* --- complete? */

static void test_parts_complete(void **state)
{
	(void)state;
	struct extents manifest = EXTENTS_INIT;
	struct parts p = {.group = STR("g")};
	struct err err = ERR_INIT;
	assert_true(parts_are_done(&p, &manifest));
	extents_add(&manifest, 0, 17, 99, 82);
	extents_add(&manifest, 3, 0, 0, 1);
	assert_false(parts_are_done(&p, &manifest));
	fold(&p, DONE_0);
	assert_false(parts_are_done(&p, &manifest));
	struct part *one = parts_at(&p, 3);
	one->tally.done = 1;
	assert_false(parts_are_done(&p, &manifest));
	one->done = true;
	assert_true(parts_are_done(&p, &manifest));
	assert_int_equal(parts_check(&p, &manifest, &err), 0);
	one->tally.invalid = 1;
	assert_int_equal(parts_check(&p, &manifest, &err), -1);
	assert_int_equal(err.status, ST_FAIL);
	assert_string_equal(err.text, "partition 3: 2 records were processed, and 1 were sent");
	one->tally = (struct tally){0, 0, 0};
	assert_int_equal(parts_check(&p, &manifest, &err), -1);
	one->tally.skipped = 1;
	assert_int_equal(parts_check(&p, &manifest, &err), 0);
	one = parts_at(&p, 5);
	one->done = true;
	one->tally.done = 4;
	assert_int_equal(parts_check(&p, &manifest, &err), -1);
	assert_string_equal(err.text, "partition 5: 4 records were processed, and 0 were sent");
	err_clear(&err);
	extents_release(&manifest);
	parts_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_parts_without_records),
	    cmocka_unit_test(test_parts_that_were_not_counted),
	    cmocka_unit_test(test_parts_fold),
	    cmocka_unit_test(test_parts_commute),
	    cmocka_unit_test(test_parts_foreign),
	    cmocka_unit_test(test_parts_json),
	    cmocka_unit_test(test_parts_round_trip),
	    cmocka_unit_test(test_parts_report),
	    cmocka_unit_test(test_parts_eta),
	    cmocka_unit_test(test_parts_outlook_foreign),
	    cmocka_unit_test(test_parts_worst),
	    cmocka_unit_test(test_parts_complete),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
