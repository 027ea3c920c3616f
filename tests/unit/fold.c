#include "batch/fold.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

/* Events are written as tokens. First what it says: s started, S sendCompleted, c completed,
 * t terminated, f failed, p progress, a part. Then its version, or '-': the writer knows none. Before it '=': it
 * says how the batch stands; '@': it is in another partition than the batch's. */

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
	bool stands = *token == '=';
	e.stray = *token == '@';
	token += stands || e.stray;
	e.type = stands ? EVENT_STANDING : *token == 'p' ? EVENT_PROGRESS : *token == 'a' ? EVENT_PART : EVENT_STATUS;
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

/* Appends a letter for each: + counted, p progress, o overtaken, x illegal, e elsewhere, = standing. */
static void tell_all(struct fold *f, const char *log, struct buf *verdicts)
{
	static const char letters[] = {[FOLD_COUNTED] = '+', [FOLD_PROGRESS] = 'p',
	    [FOLD_OVERTAKEN] = 'o', [FOLD_ILLEGAL] = 'x', [FOLD_ELSEWHERE] = 'e', [FOLD_STANDING] = '='};
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

    {"how it stands", "s1 =s1 S2 =S2 c3 =c3 =c3 f4", "+=+=+==+", "failed", 4},
    {"how it stood", "s1 S2 =s1 =s2 =S1 =S3 c3 =S2 f4 =c3", "++oooo+o+o", "failed", 4},
    {"nothing stands", "=s1 =s0", "oo", "", 0},
    {"a batch of ours is changed at home", "s1 @S- @c2 @t9 c2", "+eee+", "completed", 2},
    {"another's is changed anywhere", "s- @S- @c3", "+++", "completed", 3},
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
			ignored += *v == 'o' || *v == 'x' || *v == 'e';
		assert_int_equal(f.ignored, ignored);
		buf_release(&verdicts);
		fold_release(&f);
	}
}

/* After which events the last message of the batch is not the truth. */
static void test_fold_unsettled(void **state)
{
	(void)state;
	static const struct {
		const char *log;
		bool unsettled;
	} logs[] = {
	    {"", false}, {"c2", false}, {"s1", false}, {"s1 c2", false}, {"s1 p1", false}, {"s1 a1", false},
	    {"s1 c2 t2", true}, {"s1 t2 c2", true}, {"s1 c2 c-", true}, {"s1 c2 p2", true},
	    {"s1 S2 p2", true}, {"s1 S2 p2 c3", false}, {"s1 @c-", true}, {"s1 @c- =s1", false},
	    {"s1 c2 t2 =c2", false}, {"s1 c2 t2 =c2 =c2", false}, {"s1 c2 t2 =t2", true}, {"s1 c2 =c1", true},
	    {"s1 c2 t2 f3", false}, {"s1 c2 t2 f3 =c2", true}, {"s1 c2 t2 f3 =c2 =f3", false},
	};
	for (size_t i = 0; i < sizeof(logs) / sizeof(*logs); i++) {
		struct fold f = FOLD_INIT;
		struct buf ignored = BUF_INIT;
		tell_all(&f, logs[i].log, &ignored);
		if (f.unsettled != logs[i].unsettled)
			fail_msg("%s", logs[i].log);
		buf_release(&ignored);
		fold_release(&f);
	}
}

/* Writers that follow one log, each as far as it got, and answer what is unsettled there; what a writer sends lands
 * when it lands. */
#define WRITERS 4
#define ALIENS  12 /* events of others */

struct writer {
	struct fold fold;
	size_t read;
	char token[8]; /* on its way; empty: nothing is */
};

static uint32_t draw(uint32_t *seed, uint32_t below)
{
	*seed = *seed * 1664525 + 1013904223;
	return (*seed >> 8) % below;
}

/* False: there is nothing for it to do. */
static bool act(struct writer *w, char (*log)[8], size_t *count)
{
	static const char letters[] = "?sSctf";
	if (*w->token) {
		memcpy(log[(*count)++], w->token, sizeof(w->token));
		*w->token = '\0';
	} else if (w->read < *count) {
		tell(&w->fold, log[w->read], (int64_t)w->read);
		w->read++;
	} else if (w->fold.unsettled) {
		snprintf(w->token, sizeof(w->token), "=%c%d", letters[w->fold.status], (int)w->fold.version);
	} else {
		return false;
	}
	return true;
}

/* Whatever others write, and in whatever order it all lands: the answers come to an end, and then the last event
 * is the truth. */
static void test_fold_answers_end(void **state)
{
	(void)state;
	static const char *const aliens[] = {"s1", "S2", "c2", "c3", "t2", "f3", "f4", "c-", "t-", "p1", "a2",
	    "@c-", "=s1", "=c2"};
	enum { MOST = 1 + ALIENS + WRITERS * (ALIENS + 5 * WRITERS) };
	for (uint32_t seed = 1; seed <= 2000; seed++) {
		uint32_t random = seed;
		char log[MOST + WRITERS][8] = {"s1"};
		size_t count = 1, left = ALIENS;
		struct writer writers[WRITERS] = {0};
		bool busy = true;
		for (size_t i = 0; i < WRITERS; i++)
			writers[i].fold = (struct fold)FOLD_INIT;
		while (busy || left) {
			if (left && draw(&random, 8) == 0) {
				strcpy(log[count++], aliens[draw(&random, sizeof(aliens) / sizeof(*aliens))]);
				left--;
			}
			for (size_t i = 0; i < WRITERS * 2; i++)
				act(&writers[draw(&random, WRITERS)], log, &count);
			busy = false;
			for (size_t i = 0; i < WRITERS; i++)
				busy |= *writers[i].token || writers[i].read < count || writers[i].fold.unsettled;
			assert_true(count <= MOST);
		}
		for (size_t i = 1; i < WRITERS; i++)
			assert_int_equal(writers[i].fold.version, writers[0].fold.version);
		for (size_t i = 0; i < WRITERS; i++)
			fold_release(&writers[i].fold);
	}
}

/* For a reader of all that the log holds of a batch the first event that is left begins it. */
static void test_fold_headless(void **state)
{
	(void)state;
	static const struct {
		const char *log, *verdicts, *status;
		int64_t version;
	} without[] = {
	    {"c2", "+", "completed", 2},
	    {"c-", "+", "completed", 1},
	    {"S2 c3", "++", "completed", 3},
	    {"S2 c2", "+o", "sendCompleted", 2},
	    {"c2 c3 t3", "+xx", "completed", 2},
	    {"p c2", "x+", "completed", 2},
	    {"t- c-", "+x", "terminated", 1},
	    {"f5", "+", "failed", 5},
	};
	for (size_t i = 0; i < sizeof(without) / sizeof(*without); i++) {
		struct fold f = FOLD_INIT;
		struct buf verdicts = BUF_INIT;
		f.adopts = true;
		tell_all(&f, without[i].log, &verdicts);
		assert_string_equal(buf_text(&verdicts), without[i].verdicts);
		assert_string_equal(batch_status_name(f.status), without[i].status);
		assert_int_equal(f.version, without[i].version);
		assert_true(f.headless && f.created_ms == 0);
		buf_release(&verdicts);
		fold_release(&f);
	}
	struct fold whole = FOLD_INIT;
	whole.adopts = true;
	tell(&whole, "s1", 1);
	assert_false(whole.headless);
	assert_int_equal(whole.created_ms, 1001);
	fold_release(&whole);
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
	assert_string_equal(fold_verdict_name(FOLD_ELSEWHERE), "elsewhere");
	assert_string_equal(fold_verdict_name(FOLD_STANDING), "standing");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_fold_log),
	    cmocka_unit_test(test_fold_unsettled),
	    cmocka_unit_test(test_fold_answers_end),
	    cmocka_unit_test(test_fold_headless),
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
