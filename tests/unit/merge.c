#include "batch/merge.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define LANES_MAX 9
#define TOTAL_MAX 2000

/* What each partition holds, and how far it was told to the merge. */
struct lane {
	int64_t n[2 * TOTAL_MAX];
	size_t count, told;
};

static uint64_t next_random(uint64_t *seed)
{
	*seed ^= *seed << 13;
	*seed ^= *seed >> 7;
	*seed ^= *seed << 17;
	return *seed;
}

static size_t below(uint64_t *seed, size_t limit)
{
	return (size_t)(next_random(seed) % limit);
}

static void tell(struct merge *m, struct lane *lanes, size_t lane)
{
	struct lane *l = &lanes[lane];
	if (l->told < l->count)
		merge_head(m, lane, l->n[l->told++]);
	else
		merge_finish(m, lane);
}

static void show(const char *what, size_t lane, struct buf *out)
{
	buf_printf(out, "%s%zu ", what, lane);
}

/* Tells what is asked for, and nothing before it is. */
static void run_lazily(struct merge *m, struct lane *lanes, struct buf *out)
{
	size_t lane;
	for (;;) {
		switch (merge_next(m, &lane)) {
		case MERGE_TAKE:
			show("t", lane, out);
			break;
		case MERGE_DROP:
			show("d", lane, out);
			break;
		case MERGE_WAIT:
			show("w", lane, out);
			tell(m, lanes, lane);
			break;
		case MERGE_END:
			return;
		}
	}
}

static void check(struct lane *lanes, size_t count, const char *steps, const char *missing)
{
	struct merge m;
	struct buf out = BUF_INIT;
	merge_start(&m, count);
	run_lazily(&m, lanes, &out);
	assert_string_equal(buf_text(&out), steps);
	buf_clear(&out);
	merge_missing_text(&m, &out);
	assert_string_equal(buf_text(&out), missing);
	buf_release(&out);
	merge_release(&m);
}

static void test_merge_one_lane(void **state)
{
	(void)state;
	struct lane lanes[1] = {{{1, 2, 3}, 3, 0}};
	check(lanes, 1, "w0 t0 w0 t0 w0 t0 w0 ", "");
	struct lane none[1] = {{{0}, 0, 0}};
	check(none, 1, "w0 ", "");
	check(none, 0, "", "");
}

static void test_merge_run_stays_in_lane(void **state)
{
	(void)state;
	struct lane lanes[2] = {{{1, 2, 5}, 3, 0}, {{3, 4, 6}, 3, 0}};
	check(lanes, 2, "w0 t0 w0 t0 w0 w1 t1 w1 t1 t0 w0 w1 t1 w1 ", "");
}

static void test_merge_gap(void **state)
{
	(void)state;
	struct lane lanes[2] = {{{1, 6}, 2, 0}, {{2, 4, 7, 9}, 4, 0}};
	check(lanes, 2, "w0 t0 w0 w1 t1 w1 t1 w1 t0 t1 w1 w0 t1 w1 ", "3, 5, 8");
}

static void test_merge_duplicates(void **state)
{
	(void)state;
	/* twice in one lane, in two lanes, and again after larger ones */
	struct lane lanes[2] = {{{1, 1, 2, 3, 2, 5}, 6, 0}, {{3, 4, 3, 4}, 4, 0}};
	struct merge m;
	struct buf out = BUF_INIT;
	merge_start(&m, 2);
	run_lazily(&m, lanes, &out);
	assert_int_equal(m.taken, 5);
	assert_int_equal(m.duplicates, 5);
	assert_int_equal(m.missing, 0);
	assert_int_equal(m.last, 5);
	buf_release(&out);
	merge_release(&m);
}

static void test_merge_finish_with_head(void **state)
{
	(void)state;
	struct merge m;
	size_t lane;
	merge_start(&m, 2);
	merge_head(&m, 1, 1);
	merge_finish(&m, 1);
	merge_finish(&m, 0);
	assert_int_equal(merge_next(&m, &lane), MERGE_TAKE);
	assert_int_equal(lane, 1);
	assert_int_equal(merge_next(&m, &lane), MERGE_END);
	assert_int_equal(merge_next(&m, &lane), MERGE_END);
	merge_release(&m);
}

static void test_merge_expect(void **state)
{
	(void)state;
	static const struct {
		int64_t total;
		const char *missing;
	} rows[] = {{4, "1"}, {3, "1"}, {5, "1, 5"}, {9, "1, 5-9"}, {0, "1"}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct lane lanes[1] = {{{2, 3, 4}, 3, 0}};
		struct merge m;
		struct buf out = BUF_INIT;
		merge_start(&m, 1);
		run_lazily(&m, lanes, &out);
		merge_expect(&m, rows[i].total);
		buf_clear(&out);
		merge_missing_text(&m, &out);
		assert_string_equal(buf_text(&out), rows[i].missing);
		buf_release(&out);
		merge_release(&m);
	}
}

static void test_merge_missing_is_bounded(void **state)
{
	(void)state;
	struct merge m;
	size_t lane;
	struct buf out = BUF_INIT;
	merge_start(&m, 1);
	for (int64_t n = 3; n <= 3 * 150; n += 3) {
		merge_head(&m, 0, n);
		assert_int_equal(merge_next(&m, &lane), MERGE_TAKE);
	}
	assert_int_equal(m.missing, 300);
	assert_int_equal(m.gap_count, MERGE_GAPS_MAX);
	merge_missing_text(&m, &out);
	assert_non_null(strstr(out.data, "1-2, 4-5, 7-8, "));
	assert_non_null(strstr(out.data, ", 298-299 and 100 more"));
	buf_release(&out);
	merge_release(&m);
}

static void test_merge_largest_number(void **state)
{
	(void)state;
	struct lane lanes[2] = {{{1, INT64_MAX, INT64_MAX}, 3, 0}, {{INT64_MAX, 2}, 2, 0}};
	struct merge m;
	struct buf out = BUF_INIT;
	merge_start(&m, 2);
	run_lazily(&m, lanes, &out);
	assert_int_equal(m.taken, 2);
	assert_int_equal(m.duplicates, 3);
	assert_true(m.missing == INT64_MAX - 2);
	merge_expect(&m, INT64_MAX);
	buf_clear(&out);
	merge_missing_text(&m, &out);
	assert_string_equal(out.data, "2-9223372036854775806");
	buf_release(&out);
	merge_release(&m);
}

/* Spreads 1..total over lanes in runs, leaves some out, and writes some a second time later on. */
static int64_t deal(uint64_t *seed, struct lane *lanes, size_t count, int64_t total, bool *present)
{
	size_t lane = 0, run = 1 + below(seed, 20), faults = below(seed, 3);
	int64_t doubles = 0;
	for (int64_t n = 1; n <= total; n++) {
		if (below(seed, run) == 0)
			lane = below(seed, count);
		present[n] = faults == 0 || below(seed, 10) != 0;
		if (!present[n])
			continue;
		lanes[lane].n[lanes[lane].count++] = n;
		if (faults == 0 || below(seed, 8) != 0)
			continue;
		int64_t again = n - (int64_t)below(seed, (size_t)n);
		struct lane *other = &lanes[below(seed, count)];
		if (!present[again])
			continue;
		other->n[other->count++] = again;
		doubles++;
	}
	return doubles;
}

static void check_missing(const struct merge *m, int64_t total, const bool *present)
{
	int64_t missing = 0;
	for (int64_t n = 1; n <= total; n++)
		missing += !present[n];
	assert_int_equal(m->missing, missing);
	for (size_t i = 0; i < m->gap_count; i++) {
		for (int64_t n = m->gaps[i].from; n <= m->gaps[i].to; n++)
			assert_false(present[n]);
		assert_true(m->gaps[i].from == 1 || present[m->gaps[i].from - 1]);
		assert_true(m->gaps[i].to == total || present[m->gaps[i].to + 1]);
	}
}

/* Takes all; some lanes are told before they are asked for, as records arrive. */
static void run_randomly(
    struct merge *m, struct lane *lanes, size_t count, uint64_t *seed, const bool *present)
{
	bool waits[LANES_MAX], ended[LANES_MAX] = {0};
	size_t lane;
	int64_t last = 0;
	for (size_t i = 0; i < count; i++)
		waits[i] = true;
	for (;;) {
		size_t any = below(seed, count);
		enum merge_step step = merge_next(m, &lane);
		if (step == MERGE_END)
			break;
		if (step == MERGE_WAIT) {
			assert_true(waits[lane] && !ended[lane]);
			any = lane;
		} else {
			int64_t n = lanes[lane].n[lanes[lane].told - 1];
			assert_false(waits[lane]);
			assert_int_equal(step == MERGE_TAKE, n > last);
			for (int64_t gap = last + 1; gap < n; gap++)
				assert_false(present[gap]);
			last = n > last ? n : last;
			waits[lane] = true;
		}
		if (!waits[any] || ended[any])
			continue;
		ended[any] = lanes[any].told == lanes[any].count;
		waits[any] = ended[any];
		tell(m, lanes, any);
	}
	for (size_t i = 0; i < count; i++)
		assert_true(ended[i]);
}

static void test_merge_random(void **state)
{
	(void)state;
	static const int rounds = 400;
	uint64_t seed = 20261121;
	struct lane *lanes = calloc(LANES_MAX, sizeof(*lanes));
	bool *present = calloc(TOTAL_MAX + 2, sizeof(*present));
	assert_non_null(lanes);
	assert_non_null(present);
	for (int round = 0; round < rounds; round++) {
		struct merge m;
		size_t count = 1 + below(&seed, LANES_MAX);
		int64_t total = (int64_t)below(&seed, round % 8 ? 60 : TOTAL_MAX);
		for (size_t i = 0; i < LANES_MAX; i++)
			lanes[i].count = lanes[i].told = 0;
		int64_t doubles = deal(&seed, lanes, count, total, present);
		merge_start(&m, count);
		run_randomly(&m, lanes, count, &seed, present);
		merge_expect(&m, total);
		check_missing(&m, total, present);
		assert_int_equal(m.taken + m.missing, total);
		assert_int_equal(m.duplicates, doubles);
		merge_release(&m);
	}
	free(lanes);
	free(present);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_merge_one_lane),
	    cmocka_unit_test(test_merge_run_stays_in_lane),
	    cmocka_unit_test(test_merge_gap),
	    cmocka_unit_test(test_merge_duplicates),
	    cmocka_unit_test(test_merge_finish_with_head),
	    cmocka_unit_test(test_merge_expect),
	    cmocka_unit_test(test_merge_missing_is_bounded),
	    cmocka_unit_test(test_merge_largest_number),
	    cmocka_unit_test(test_merge_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
