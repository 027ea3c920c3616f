#include "batch/seqset.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void check_missing(const struct seqset *s, int64_t total, size_t most, const char *want)
{
	struct buf text = BUF_INIT;
	seqset_missing(s, total, most, &text);
	assert_string_equal(buf_text(&text), want);
	buf_release(&text);
}

static void check_ranges(const struct seqset *s, const char *want)
{
	struct buf text = BUF_INIT;
	for (size_t i = 0; i < s->count; i++)
		buf_printf(&text, "%s%lld-%lld", i ? " " : "", (long long)s->list[i].first,
		    (long long)s->list[i].last);
	assert_string_equal(buf_text(&text), want);
	buf_release(&text);
}

static void test_seqset_empty(void **state)
{
	(void)state;
	struct seqset s = SEQSET_INIT;
	assert_int_equal(seqset_last(&s), 0);
	check_missing(&s, 0, 5, "");
	check_missing(&s, 1, 5, "1");
	check_missing(&s, 9, 5, "1-9");
	seqset_release(&s);
}

/* Each number stands beside, between, or in what is there. */
static void test_seqset_add(void **state)
{
	(void)state;
	static const struct {
		int64_t n;
		const char *ranges;
	} rows[] = {
	    {5, "5-5"},
	    {5, "5-5"},
	    {9, "5-5 9-9"},
	    {7, "5-5 7-7 9-9"},
	    {8, "5-5 7-9"},
	    {8, "5-5 7-9"},
	    {6, "5-9"},
	    {1, "1-1 5-9"},
	    {10, "1-1 5-10"},
	    {4, "1-1 4-10"},
	    {5, "1-1 4-10"},
	    {10, "1-1 4-10"},
	    {2, "1-2 4-10"},
	    {12, "1-2 4-10 12-12"},
	    {3, "1-10 12-12"},
	    {11, "1-12"},
	    {INT64_MAX, "1-12 9223372036854775807-9223372036854775807"},
	};
	struct seqset s = SEQSET_INIT;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		seqset_add(&s, rows[i].n);
		check_ranges(&s, rows[i].ranges);
	}
	assert_true(seqset_last(&s) == INT64_MAX);
	seqset_release(&s);
	assert_null(s.list);
	seqset_release(&s);
}

static void test_seqset_missing(void **state)
{
	(void)state;
	static const int64_t numbers[] = {3, 4, 7, 8, 9, 20};
	struct seqset s = SEQSET_INIT;
	for (size_t i = 0; i < sizeof(numbers) / sizeof(*numbers); i++)
		seqset_add(&s, numbers[i]);
	assert_int_equal(seqset_last(&s), 20);
	check_missing(&s, 20, 9, "1-2, 5-6, 10-19");
	check_missing(&s, 21, 9, "1-2, 5-6, 10-19, 21");
	check_missing(&s, 30, 9, "1-2, 5-6, 10-19, 21-30");
	check_missing(&s, 30, 4, "1-2, 5-6, 10-19, 21-30");
	check_missing(&s, 30, 3, "1-2, 5-6, 10-19 and more");
	check_missing(&s, 30, 1, "1-2 and more");
	check_missing(&s, 20, 3, "1-2, 5-6, 10-19");
	check_missing(&s, 12, 9, "1-2, 5-6, 10-12");
	check_missing(&s, 5, 9, "1-2, 5");
	check_missing(&s, 4, 1, "1-2");
	check_missing(&s, 0, 0, "");
	seqset_add(&s, INT64_MAX);
	seqset_add(&s, INT64_MAX);
	check_missing(&s, 20, 9, "1-2, 5-6, 10-19");
	check_missing(&s, INT64_MAX, 9, "1-2, 5-6, 10-19, 21-9223372036854775806");
	seqset_add(&s, 2);
	check_missing(&s, 20, 9, "1, 5-6, 10-19");
	struct buf text = BUF_INIT;
	buf_puts(&text, "sender: ");
	seqset_missing(&s, 20, 9, &text);
	assert_string_equal(buf_text(&text), "sender: 1, 5-6, 10-19");
	buf_release(&text);
	seqset_release(&s);
}

static void test_seqset_missing_nothing(void **state)
{
	(void)state;
	struct seqset s = SEQSET_INIT;
	for (int64_t n = 100; n > 0; n--)
		seqset_add(&s, n);
	check_ranges(&s, "1-100");
	check_missing(&s, 100, 1, "");
	check_missing(&s, 0, 1, "");
	seqset_release(&s);
}

/* One range short of the bound it still names all; then nothing any more. */
static void test_seqset_gives_up(void **state)
{
	(void)state;
	struct seqset s = SEQSET_INIT;
	for (int64_t i = 1; i <= SEQSET_MOST; i++)
		seqset_add(&s, 2 * i);
	assert_int_equal(s.count, SEQSET_MOST);
	assert_false(s.gave_up);
	check_missing(&s, 8, 2, "1, 3 and more");
	/* what joins a range needs no new one */
	seqset_add(&s, 2);
	seqset_add(&s, 2 * SEQSET_MOST + 1);
	assert_false(s.gave_up);
	seqset_add(&s, 3);
	assert_int_equal(s.count, SEQSET_MOST - 1);
	seqset_add(&s, 3 * SEQSET_MOST);
	assert_int_equal(s.count, SEQSET_MOST);
	assert_false(s.gave_up);
	seqset_add(&s, 4 * SEQSET_MOST);
	assert_true(s.gave_up);
	check_missing(&s, 5 * SEQSET_MOST, 9, "");
	seqset_add(&s, 1);
	check_missing(&s, 5 * SEQSET_MOST, 9, "");
	seqset_release(&s);
	assert_false(s.gave_up);
}

/* --- against a plain array */

#define SPACE 300

static uint32_t draw(uint64_t *random, uint32_t below)
{
	*random = *random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(*random >> 33) % below;
}

static void put(struct buf *out, int64_t first, int64_t last)
{
	buf_printf(out, first < last ? "%s%lld-%lld" : "%s%lld", out->len ? ", " : "",
	    (long long)first, (long long)last);
}

static void name_missing(const bool *present, int64_t total, struct buf *out)
{
	int64_t first = 0;
	for (int64_t n = 1; n <= total + 1; n++) {
		bool missing = n <= total && !present[n];
		if (missing && !first)
			first = n;
		if (!missing && first) {
			put(out, first, n - 1);
			first = 0;
		}
	}
}

static void check_order(const struct seqset *s)
{
	for (size_t i = 0; i < s->count; i++) {
		assert_true(s->list[i].first <= s->list[i].last);
		assert_true(i == 0 || s->list[i - 1].last + 1 < s->list[i].first);
	}
}

static void test_seqset_random(void **state)
{
	(void)state;
	uint64_t random = 20261121;
	for (int round = 0; round < 200; round++) {
		struct seqset s = SEQSET_INIT;
		struct buf want = BUF_INIT, got = BUF_INIT;
		bool present[SPACE + 2] = {0};
		uint32_t size = draw(&random, SPACE) + 1, adds = draw(&random, 2 * size);
		int64_t last = 0;
		for (uint32_t i = 0; i < adds; i++) {
			int64_t n = draw(&random, size) + 1;
			seqset_add(&s, n);
			present[n] = true;
			last = n > last ? n : last;
			check_order(&s);
		}
		int64_t total = last + draw(&random, 2) * (SPACE - last);
		name_missing(present, total, &want);
		seqset_missing(&s, total, SPACE, &got);
		assert_string_equal(buf_text(&got), buf_text(&want));
		assert_int_equal(seqset_last(&s), last);
		buf_release(&want);
		buf_release(&got);
		seqset_release(&s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_seqset_empty),
	    cmocka_unit_test(test_seqset_add),
	    cmocka_unit_test(test_seqset_missing),
	    cmocka_unit_test(test_seqset_missing_nothing),
	    cmocka_unit_test(test_seqset_gives_up),
	    cmocka_unit_test(test_seqset_random),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
