#include "batch/doneset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(const struct doneset *s, int64_t next, const char *ranges)
{
	struct buf text = BUF_INIT;
	for (size_t i = 0; i < s->count; i++)
		buf_printf(&text, "%s%lld-%lld%c", i ? " " : "", (long long)s->list[i].first,
		    (long long)s->list[i].last, "udis"[s->list[i].verdict]);
	assert_int_equal(s->next, next);
	assert_string_equal(buf_text(&text), ranges);
	buf_release(&text);
}

static void check_tally(struct tally t, int64_t done, int64_t invalid, int64_t skipped)
{
	assert_int_equal(t.done, done);
	assert_int_equal(t.invalid, invalid);
	assert_int_equal(t.skipped, skipped);
}

static void test_doneset_add(void **state)
{
	(void)state;
	static const struct {
		int64_t first, last;
		enum verdict verdict;
		int64_t next;
		const char *ranges;
	} rows[] = {
	    {12, 14, VERDICT_DONE, 10, "12-14d"},
	    {15, 15, VERDICT_INVALID, 10, "12-14d 15-15i"},
	    {16, 20, VERDICT_DONE, 10, "12-14d 15-15i 16-20d"},
	    {15, 15, VERDICT_DONE, 10, "12-14d 15-15i 16-20d"},
	    {30, 30, VERDICT_DONE, 10, "12-14d 15-15i 16-20d 30-30d"},
	    {19, 31, VERDICT_SKIPPED, 10, "12-14d 15-15i 16-20d 21-29s 30-30d 31-31s"},
	    {0, 9, VERDICT_DONE, 10, "12-14d 15-15i 16-20d 21-29s 30-30d 31-31s"},
	    {33, 33, VERDICT_DONE, 10, "12-14d 15-15i 16-20d 21-29s 30-30d 31-31s 33-33d"},
	    {5, 4, VERDICT_DONE, 10, "12-14d 15-15i 16-20d 21-29s 30-30d 31-31s 33-33d"},
	    {11, 11, VERDICT_DONE, 10, "11-14d 15-15i 16-20d 21-29s 30-30d 31-31s 33-33d"},
	    {8, 10, VERDICT_DONE, 32, "33-33d"},
	    {40, 49, VERDICT_DONE, 32, "33-33d 40-49d"},
	    {34, 39, VERDICT_DONE, 32, "33-49d"},
	    {32, 60, VERDICT_INVALID, 61, ""},
	};
	struct doneset s = {.next = 10};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		doneset_add(&s, rows[i].first, rows[i].last, rows[i].verdict);
		check(&s, rows[i].next, rows[i].ranges);
	}
	check_tally(s.below, 4 + 1 + 5 + 1 + 17, 1 + 1 + 11, 9 + 1);
	doneset_release(&s);
}

static void test_doneset_questions(void **state)
{
	(void)state;
	struct doneset s = {.next = 10, .below = {8, 1, 1}};
	assert_int_equal(doneset_top(&s), 9);
	assert_int_equal(doneset_undone(&s, 0), 10);
	assert_int_equal(doneset_undone(&s, 77), 77);
	doneset_add(&s, 12, 13, VERDICT_DONE);
	doneset_add(&s, 14, 14, VERDICT_INVALID);
	assert_int_equal(doneset_top(&s), 14);
	assert_int_equal(doneset_undone(&s, 11), 11);
	assert_int_equal(doneset_undone(&s, 12), 15);
	assert_int_equal(doneset_undone(&s, 14), 15);
	assert_int_equal(doneset_ended(&s, 9), 9);
	assert_int_equal(doneset_ended(&s, 10), 12);
	assert_int_equal(doneset_ended(&s, 13), 13);
	assert_int_equal(doneset_ended(&s, 15), DONESET_MOST);
	check_tally(doneset_tally(&s), 10, 2, 1);
	check_tally(s.below, 8, 1, 1);
	doneset_release(&s);
}

static void check_text(const struct doneset *s, size_t most, const char *want)
{
	struct buf text = BUF_INIT;
	doneset_encode(s, most, &text);
	assert_string_equal(buf_text(&text), want);
	buf_release(&text);
}

/* As others may have written it: the form must not change. */
static void test_doneset_text(void **state)
{
	(void)state;
	struct doneset s = {.next = 100};
	check_text(&s, 9, "");
	doneset_add(&s, 101, 101, VERDICT_DONE);
	check_text(&s, 9, "AQ");
	doneset_add(&s, 104, 200, VERDICT_DONE);
	check_text(&s, 9, "~AQECYQ");
	doneset_add(&s, 103, 103, VERDICT_SKIPPED);
	check_text(&s, 99, "~AQEBYg..BA");
	doneset_add(&s, 202, 202, VERDICT_INVALID);
	check_text(&s, 99, "~AQEBYgEB.~ZgE.BA");
	doneset_add(&s, 1000000, 1999999, VERDICT_DONE);
	check_text(&s, 99, "~AQEBYgEB9YI9wIQ9.~ZgE.BA");
	check_text(&s, 24, "~AQEBYgEB9YI9/38.~ZgE.BA");
	check_text(&s, 22, "~AQEBYgEB.~ZgE.BA");
	check_text(&s, 16, "~AQEBYg..BA");
	check_text(&s, 10, "/f///w..BA");
	check_text(&s, 1, "");
	check_text(&s, 0, "");
	doneset_release(&s);
}

static void check_round_trip(const struct doneset *s)
{
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	struct doneset back = {.next = s->next, .below = s->below};
	doneset_encode(s, SIZE_MAX, &text);
	assert_int_equal(doneset_decode(&back, buf_str(&text), &err), 0);
	assert_int_equal(back.count, s->count);
	for (size_t i = 0; i < s->count; i++) {
		assert_int_equal(back.list[i].first, s->list[i].first);
		assert_int_equal(back.list[i].last, s->list[i].last);
		assert_int_equal(back.list[i].verdict, s->list[i].verdict);
	}
	assert_memory_equal(&back.below, &s->below, sizeof(s->below));
	doneset_release(&back);
	buf_release(&text);
}

static uint32_t draw(uint64_t *random, uint32_t below)
{
	*random = *random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(*random >> 33) % below;
}

/* Every second one of the window: what bitmaps are for. */
static void test_doneset_worst_case(void **state)
{
	(void)state;
	struct doneset s = {.next = 7};
	struct buf text = BUF_INIT;
	for (int64_t n = 8; n < s.next + DONESET_WINDOW; n += 2)
		doneset_add(&s, n, n, VERDICT_DONE);
	doneset_encode(&s, SIZE_MAX, &text);
	assert_in_range(text.len, DONESET_TEXT - 1, DONESET_TEXT);
	check_round_trip(&s);
	uint64_t random = 20261121;
	for (int64_t n = 8; n < s.next + DONESET_WINDOW; n++)
		if (draw(&random, 2))
			doneset_add(&s, n, n, VERDICT_DONE);
	buf_clear(&text);
	doneset_encode(&s, SIZE_MAX, &text);
	assert_in_range(text.len, 0, DONESET_TEXT);
	check_round_trip(&s);
	buf_release(&text);
	doneset_release(&s);
}

/* Cut or not, what comes back was done, and with the same verdict. */
static void check_cut(const struct doneset *s, size_t most)
{
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	struct doneset back = {.next = s->next};
	doneset_encode(s, most, &text);
	assert_in_range(text.len, 0, most);
	assert_int_equal(doneset_decode(&back, buf_str(&text), &err), 0);
	for (size_t i = 0, j = 0; i < back.count; i++) {
		while (s->list[j].last < back.list[i].first)
			j++;
		assert_int_equal(back.list[i].first, s->list[j].first);
		assert_int_equal(back.list[i].verdict, s->list[j].verdict);
		assert_true(back.list[i].last == s->list[j].last || i == back.count - 1);
	}
	doneset_release(&back);
	buf_release(&text);
}

static void test_doneset_random(void **state)
{
	(void)state;
	uint64_t random = 20261121;
	for (int round = getenv("BATCH_UNIT_QUICK") ? 50 : 1000; round > 0; round--) {
		enum verdict plain[400] = {VERDICT_UNDONE};
		struct doneset s = DONESET_INIT;
		struct tally sum = {0, 0, 0};
		int64_t next = 0;
		for (uint32_t adds = draw(&random, 100); adds > 0; adds--) {
			uint32_t first = draw(&random, 390), last = first + draw(&random, 10);
			enum verdict verdict = (enum verdict)(1 + draw(&random, 3));
			doneset_add(&s, first, last, verdict);
			for (uint32_t n = first; n <= last; n++)
				plain[n] = plain[n] ? plain[n] : verdict;
		}
		while (plain[next])
			next++;
		assert_int_equal(s.next, next);
		for (int64_t n = 0; n < 400; n++) {
			assert_int_equal(doneset_undone(&s, n) != n, plain[n] != VERDICT_UNDONE);
			tally_add(&sum, plain[n], 1);
		}
		check_tally(doneset_tally(&s), sum.done, sum.invalid, sum.skipped);
		check_round_trip(&s);
		check_cut(&s, draw(&random, 60));
		doneset_release(&s);
	}
}

static void test_doneset_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {
	    "~",        /* empty runs */
	    "~AQECYQ==",
	    "~AQEC",    /* half a pair */
	    "~AAE",     /* the next one is done */
	    "~AQA",     /* nothing is done */
	    "~AQEAAQ",  /* no gap */
	    "~gQAB",    /* a number longer than it must be */
	    "~AQE",     /* the bitmap is shorter */
	    "AQA",      /* a zero at the end */
	    "A",
	    "A Q",
	    "{}",
	    "AQ.",
	    "..",
	    ".AQ",      /* an invalid one that is not done */
	    "AQ.AQ.AQ", /* invalid, and skipped */
	    "AQ.AQ..",
	    "AQ.AQ.AQ.",
	    "~AQECYQ.~AQECYg",
	    "~Af//////////fwE",
	    "~Af//////////fw",
	    "~Af////////////8B",
	};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct doneset s = {.next = 100, .below = {90, 6, 4}};
		struct err err = ERR_INIT;
		assert_int_equal(doneset_decode(&s, str_of(texts[i]), &err), -1);
		assert_int_equal(err.status, ST_FAIL);
		check(&s, 100, "");
		check_tally(s.below, 90, 6, 4);
		assert_null(s.list);
		err_clear(&err);
	}
}

/* Bytes that nobody wrote: no harm, and what is taken is written the same again. */
static void test_doneset_noise(void **state)
{
	(void)state;
	static const char letters[] = "AAAABQf/+gE~..";
	uint64_t random = 20261121;
	for (int round = getenv("BATCH_UNIT_QUICK") ? 500 : 50000; round > 0; round--) {
		char text[16];
		struct doneset s = {.next = DONESET_MOST - draw(&random, 50)};
		struct err err = ERR_INIT;
		size_t len = draw(&random, sizeof(text));
		for (size_t i = 0; i < len; i++)
			text[i] = letters[draw(&random, sizeof(letters) - 1)];
		if (doneset_decode(&s, (struct str){text, len}, &err) == 0)
			check_round_trip(&s);
		assert_true(doneset_top(&s) <= DONESET_MOST);
		err_clear(&err);
		doneset_release(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_doneset_add),
	    cmocka_unit_test(test_doneset_questions),
	    cmocka_unit_test(test_doneset_text),
	    cmocka_unit_test(test_doneset_worst_case),
	    cmocka_unit_test(test_doneset_random),
	    cmocka_unit_test(test_doneset_refused),
	    cmocka_unit_test(test_doneset_noise),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
