#include "batch/fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

/* Events are written as tokens. First what it says: s started, S sendCompleted, c completed,
 * t terminated, f failed, p progress, a part. Then its version, or '-': the writer knows none. */

static enum batch_status status_of(char letter)
{
	static const char letters[] = "?sSctf";
	const char *at = strchr(letters, letter);
	return at ? (enum batch_status)(at - letters) : BATCH_STARTED;
}

/* The n-th event of a log: its document says n, its place and time follow from it. */
static enum fold_verdict tell(struct fold *f, const char *token, int64_t n)
{
	struct buf doc = BUF_INIT;
	struct event e = {.partition = 3, .offset = 100 + n, .ts_ms = 1000 + n};
	e.type = *token == 'p' ? EVENT_PROGRESS : *token == 'a' ? EVENT_PART : EVENT_STATUS;
	e.status = status_of(*token);
	for (const char *digit = token + 1; *digit >= '0' && *digit <= '9'; digit++)
		e.version = e.version * 10 + *digit - '0';
	buf_printf(&doc, "{\"id\":\"b\",\"status\":\"%s\",\"n\":%lld", batch_status_name(e.status),
	    (long long)n);
	if (e.type != EVENT_STATUS)
		buf_printf(&doc, ",\"progress\":{\"done\":%lld}", (long long)n);
	buf_putc(&doc, '}');
	e.doc = buf_str(&doc);
	enum fold_verdict v = fold_event(f, &e);
	buf_release(&doc); /* the fold keeps copies */
	return v;
}

/* Appends a letter for each: + counted, p progress, o overtaken, x illegal. */
static void tell_all(struct fold *f, const char *log, struct buf *verdicts)
{
	static const char letters[] = {[FOLD_COUNTED] = '+', [FOLD_PROGRESS] = 'p',
	    [FOLD_OVERTAKEN] = 'o', [FOLD_ILLEGAL] = 'x'};
	int64_t n = 0;
	for (const char *p = log; *p; p += strcspn(p, " "), p += *p == ' ')
		buf_putc(verdicts, letters[tell(f, p, ++n)]);
}

static const struct {
	const char *name, *log, *verdicts, *status;
	int64_t version;
} rows[] = {
    {"nothing", "", "", "", 0},
    {"created", "s1", "+", "started", 1},
    {"completed at once", "s1 c2", "++", "completed", 2},
    {"by way of a worker", "s1 S2 c3", "+++", "completed", 3},
    {"terminated", "s1 t2", "++", "terminated", 2},
    {"failed", "s1 f2", "++", "failed", 2},
    {"failed at work", "s1 S2 f3", "+++", "failed", 3},
    {"failed after all", "s1 c2 f3", "+++", "failed", 3},
    {"the longest way", "s1 S2 c3 f4", "++++", "failed", 4},

    {"begun in the middle", "S2 c3", "oo", "", 0},
    {"the first is no creation", "c1 S1 t1 f1 c-", "xxxxx", "", 0},
    {"progress of nothing", "p1 a1 p-", "xxx", "", 0},
    {"created twice", "s1 s1", "+o", "started", 1},
    {"created again", "s1 s2", "+x", "started", 1},
    {"created again by another writer", "s1 s-", "+x", "started", 1},
    {"a stale version", "s1 S2 c2", "++o", "sendCompleted", 2},
    {"a skipped version", "s1 c3", "+o", "started", 1},
    {"and the right one after it", "s1 c3 c2", "+o+", "completed", 2},
    {"completed twice, each seeing the same", "s1 c2 c2", "++o", "completed", 2},
    {"completed twice, one after the other", "s1 c2 c3", "++x", "completed", 2},
    {"complete wins against terminate", "s1 c2 t2 t3", "++ox", "completed", 2},
    {"terminate wins against complete", "s1 t2 c2 c3", "++ox", "terminated", 2},
    {"fail loses and tries again", "s1 c2 f2 f3", "++o+", "failed", 3},
    {"no worker for a terminated batch", "s1 t2 S3 c3", "++xx", "terminated", 2},
    {"terminate comes too late", "s1 S2 t3", "++x", "sendCompleted", 2},
    {"terminated is never left", "s1 t2 s3 S3 c3 t3 f3 s- S- c- t- f- p3 a3", "++xxxxxxxxxxxx",
	"terminated", 2},
    {"failed is never left", "s1 f2 s3 S3 c3 t3 f3 s- S- c- t- f- p3 a3", "++xxxxxxxxxxxx", "failed",
	2},

    {"a writer without versions", "s- S- c-", "+++", "completed", 3},
    {"and its doubles", "s- s- c- c- s-", "+x+xx", "completed", 2},
    {"and what it may not", "c- s- c- S- t- f- c-", "x++xx+x", "failed", 3},
    {"ours after theirs", "s- c2", "++", "completed", 2},
    {"theirs after ours", "s1 S- c3", "+++", "completed", 3},
    {"theirs overtakes ours", "s1 S- c2 c3", "++o+", "completed", 3},
    {"ours overtakes theirs", "s1 t2 c-", "++x", "terminated", 2},

    {"progress", "s1 p1 a1 S2 p2 a1 c3", "+pp+pp+", "completed", 3},
    {"progress has no version to lose", "s1 p9 a9 p- c2", "+ppp+", "completed", 2},
    {"progress that comes too late", "s1 p1 c2 p1 a2", "+p+xx", "completed", 2},
};

static void test_fold_log(void **state)
{
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct fold f = FOLD_INIT;
		struct buf verdicts = BUF_INIT;
		int64_t ignored = 0;
		tell_all(&f, rows[i].log, &verdicts);
		if (strcmp(buf_text(&verdicts), rows[i].verdicts) != 0)
			fail_msg("%s: %s: %s", rows[i].name, rows[i].log, buf_text(&verdicts));
		assert_string_equal(batch_status_name(f.status), rows[i].status);
		assert_int_equal(f.version, rows[i].version);
		for (const char *v = rows[i].verdicts; *v; v++)
			ignored += *v == 'o' || *v == 'x';
		assert_int_equal(f.ignored, ignored);
		buf_release(&verdicts);
		fold_release(&f);
	}
}

/* Every change from every status, with the next version, one before, one beyond, and none. */
static void test_fold_every_change(void **state)
{
	(void)state;
	static const struct {
		const char *log, *next; /* how it gets there; where it may go */
		int64_t version;
	} from[BATCH_STATUS_COUNT] = {
	    [BATCH_NONE] = {"", "s", 0},
	    [BATCH_STARTED] = {"s1", "Sctf", 1},
	    [BATCH_SENT] = {"s1 S2", "cf", 2},
	    [BATCH_COMPLETED] = {"s1 S2 c3", "f", 3},
	    [BATCH_TERMINATED] = {"s1 t2", "", 2},
	    [BATCH_FAILED] = {"s1 f2", "", 2},
	};
	for (unsigned s = 0; s < BATCH_STATUS_COUNT; s++) {
		for (const char *to = "sSctf"; *to; to++) {
			for (int64_t v = 0; v < 10; v++) {
				struct fold f = FOLD_INIT;
				struct buf verdicts = BUF_INIT;
				const char token[] = {*to, v ? (char)('0' + v) : '-', '\0'};
				tell_all(&f, from[s].log, &verdicts);
				enum fold_verdict want = FOLD_COUNTED;
				if (v && v != from[s].version + 1)
					want = FOLD_OVERTAKEN;
				else if (!strchr(from[s].next, *to))
					want = FOLD_ILLEGAL;
				if (tell(&f, token, 9) != want)
					fail_msg("%s, then %s", from[s].log, token);
				bool counted = want == FOLD_COUNTED;
				assert_int_equal(f.status, counted ? status_of(*to) : s);
				assert_int_equal(f.version, from[s].version + counted);
				assert_int_equal(f.offset == 109, counted);
				assert_int_equal(f.ignored, !counted);
				buf_release(&verdicts);
				fold_release(&f);
			}
		}
	}
}

static void test_fold_place(void **state)
{
	(void)state;
	struct fold f = FOLD_INIT;
	struct buf verdicts = BUF_INIT;
	assert_int_equal(f.partition, -1);
	assert_int_equal(f.offset, -1);
	tell_all(&f, "c1 s1 s1 p1", &verdicts);
	assert_int_equal(f.created_ms, 1002);
	assert_int_equal(f.offset, 102);
	assert_false(f.foreign);
	tell(&f, "S2", 5);
	tell(&f, "t2", 6);
	tell(&f, "p2", 7);
	assert_int_equal(f.created_ms, 1002);
	assert_int_equal(f.partition, 3);
	assert_int_equal(f.offset, 105);
	assert_int_equal(f.ts_ms, 1005);
	fold_release(&f);
	assert_int_equal(f.offset, -1);
	assert_int_equal(f.version, 0);
	tell(&f, "s-", 1);
	tell(&f, "c2", 2);
	assert_true(f.foreign);
	buf_release(&verdicts);
	fold_release(&f);
}

/* --- fold_batch */

static void check_document(const char *log, const char *want)
{
	struct fold f = FOLD_INIT;
	struct buf text = BUF_INIT, verdicts = BUF_INIT;
	struct batch b = BATCH_INIT;
	struct err err = ERR_INIT;
	tell_all(&f, log, &verdicts);
	if (fold_batch(&f, &b, &err))
		fail_msg("%s: %s", log, err.text);
	js_dump(b.doc, &text);
	if (strcmp(buf_text(&text), want) != 0)
		fail_msg("%s: %s", log, buf_text(&text));
	assert_int_equal(b.status, f.status);
	assert_int_equal(b.version, f.version);
	assert_null(err.text);
	batch_release(&b);
	buf_release(&text);
	buf_release(&verdicts);
	fold_release(&f);
}

static void test_fold_batch(void **state)
{
	(void)state;
	check_document("s1", "{\"id\":\"b\",\"status\":\"started\",\"n\":1,\"version\":1}");
	check_document("s1 c2 t2 t3", "{\"id\":\"b\",\"status\":\"completed\",\"n\":2,\"version\":2}");
	check_document("s- S- c3", "{\"id\":\"b\",\"status\":\"completed\",\"n\":3,\"version\":3}");
	check_document("s1 p1", "{\"id\":\"b\",\"status\":\"started\",\"n\":1,\"version\":1,"
				"\"progress\":{\"done\":2}}");
	check_document("s1 p1 a1 p1 p9",
	    "{\"id\":\"b\",\"status\":\"started\",\"n\":1,\"version\":1,\"progress\":{\"done\":5}}");
	check_document("s1 p1 S2 c3 p3", "{\"id\":\"b\",\"status\":\"completed\",\"n\":4,"
					 "\"version\":3,\"progress\":{\"done\":2}}");
}

/* Wherever progress stands between changes of status, it neither wins nor loses a race. */
static void test_fold_progress_commutes(void **state)
{
	(void)state;
	static const char *const logs[] = {
	    "s1 p1 S2 c2 c3", "s1 S2 p1 c2 c3", "s1 S2 c2 p1 c3", "s1 S2 c2 p2 c3", "s1 S2 c2 p- c3"};
	for (size_t i = 0; i < sizeof(logs) / sizeof(*logs); i++) {
		struct fold f = FOLD_INIT;
		struct buf verdicts = BUF_INIT;
		struct batch b = BATCH_INIT;
		struct err err = ERR_INIT;
		tell_all(&f, logs[i], &verdicts);
		assert_int_equal(fold_batch(&f, &b, &err), 0);
		assert_int_equal(f.status, BATCH_COMPLETED);
		assert_int_equal(f.version, 3);
		assert_int_equal(f.ignored, 1);
		assert_int_equal(batch_number(&b, "n", 0), 5);
		assert_true(js_is_object(js_get(b.doc, "progress")));
		batch_release(&b);
		buf_release(&verdicts);
		fold_release(&f);
	}
}

/* What the scanner of events takes and the parser of documents does not. */
static void test_fold_progress_unreadable(void **state)
{
	(void)state;
	struct event e = {.type = EVENT_PROGRESS, .status = BATCH_STARTED};
	struct fold f = FOLD_INIT;
	struct batch b = BATCH_INIT;
	struct err err = ERR_INIT;
	e.doc = STR("{\"id\":\"b\",\"status\":\"started\",\"progress\":1e999}");
	assert_int_equal(tell(&f, "s1", 1), FOLD_COUNTED);
	assert_int_equal(fold_event(&f, &e), FOLD_PROGRESS);
	assert_int_equal(fold_batch(&f, &b, &err), 0);
	assert_null(js_get(b.doc, "progress"));
	assert_null(err.text);
	batch_release(&b);
	fold_release(&f);
}

static void test_fold_batch_of_nothing(void **state)
{
	(void)state;
	struct fold f = FOLD_INIT;
	struct batch b = BATCH_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(fold_batch(&f, &b, &err), -1);
	assert_int_equal(err.status, ST_FAIL);
	assert_null(b.doc);
	err_clear(&err);
	fold_release(&f);
}

/* What travels in records is what was folded: events as they are written and read. */
static void test_fold_encoded(void **state)
{
	(void)state;
	const struct batch_new n = {.id = STR("b"), .name = STR("n"), .owner = STR("ann"),
	    .topic = STR("t.in"), .data_type = STR("d"), .now_ms = 1000};
	const struct batch_change c = {.action = BATCH_TERMINATE, .now_ms = 2000, .actual = -1,
	    .invalid = -1, .owner = STR("ann")};
	struct batch made[2] = {BATCH_INIT, BATCH_INIT}, folded = BATCH_INIT;
	struct err err = ERR_INIT;
	struct fold f = FOLD_INIT;
	struct event e = EVENT_INIT;
	const char *why;
	assert_int_equal(batch_create(&n, &made[0], &err), 0);
	assert_int_equal(batch_apply(&made[0], &c, &made[1], &err), 0);
	for (size_t i = 0; i < 3; i++) {
		struct event_out out;
		assert_int_equal(event_encode(&made[i > 0], EVENT_STATUS, STR("t"), STR("w"), 3000,
		    &out, &err), 0);
		assert_true(event_decode(&out.record, &e, &why));
		assert_int_equal(fold_event(&f, &e), i < 2 ? FOLD_COUNTED : FOLD_OVERTAKEN);
		event_out_release(&out);
	}
	assert_int_equal(fold_batch(&f, &folded, &err), 0);
	assert_true(json_equal(folded.doc, made[1].doc));
	batch_release(&folded);
	batch_release(&made[0]);
	batch_release(&made[1]);
	event_release(&e);
	fold_release(&f);
}

static void test_fold_verdict_name(void **state)
{
	(void)state;
	assert_string_equal(fold_verdict_name(FOLD_COUNTED), "counted");
	assert_string_equal(fold_verdict_name(FOLD_PROGRESS), "progress");
	assert_string_equal(fold_verdict_name(FOLD_OVERTAKEN), "overtaken");
	assert_string_equal(fold_verdict_name(FOLD_ILLEGAL), "illegal");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fold_log),
	    cmocka_unit_test(test_fold_every_change),
	    cmocka_unit_test(test_fold_place),
	    cmocka_unit_test(test_fold_batch),
	    cmocka_unit_test(test_fold_progress_commutes),
	    cmocka_unit_test(test_fold_progress_unreadable),
	    cmocka_unit_test(test_fold_batch_of_nothing),
	    cmocka_unit_test(test_fold_encoded),
	    cmocka_unit_test(test_fold_verdict_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
