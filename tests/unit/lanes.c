#include "batch/lanes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static struct lanes parse(const char *text)
{
	struct lanes l = LANES_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(lanes_parse(&l, text, &err), 0);
	return l;
}

static void test_lanes_parse(void **state)
{
	(void)state;
	struct lanes l = parse("urgent:1000,claims.in,b:2");
	assert_int_equal(l.count, 3);
	assert_string_equal(l.list[0].topic, "urgent");
	assert_int_equal(l.list[0].weight, 1000);
	assert_string_equal(l.list[1].topic, "claims.in");
	assert_int_equal(l.list[1].weight, 1);
	assert_int_equal(l.list[2].weight, 2);
	lanes_release(&l);
	static const char *const texts[] = {"", ",", "a,", "a,,b", "a:", "a:0", "a:1001", "a:x", "a:1:2",
	    ":1", "a b", "a,b,a", "a:1,a:2", "a/b"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct err err = ERR_INIT;
		assert_int_equal(lanes_parse(&l, texts[i], &err), -1);
		assert_int_equal(err.status, ST_USAGE);
		assert_int_equal(l.count, 0);
		err_clear(&err);
	}
}

/* Takes so many chunks, of sizes of their own; how many records each lane gave. */
static void take(struct lanes *l, int chunks, const int64_t *sizes, int64_t *records)
{
	for (; chunks > 0; chunks--) {
		struct lane *lane = lanes_choose(l);
		assert_non_null(lane);
		assert_true(lane->ready);
		assert_ptr_equal(lanes_choose(l), lane);
		size_t i = (size_t)(lane - l->list);
		records[i] += sizes[i];
		lanes_took(l, lane, sizes[i]);
	}
}

static void set_ready(struct lanes *l, const char *ready)
{
	for (size_t i = 0; i < l->count; i++)
		l->list[i].ready = ready[i] == 'y';
}

static void check_shares(const char *text, const char *ready, const int64_t *sizes)
{
	struct lanes l = parse(text);
	int64_t records[8] = {0}, sum = 0, weights = 0;
	set_ready(&l, ready);
	take(&l, 60000, sizes, records);
	for (size_t i = 0; i < l.count; i++) {
		sum += records[i];
		weights += l.list[i].ready ? l.list[i].weight : 0;
	}
	for (size_t i = 0; i < l.count; i++) {
		double share = (double)(l.list[i].ready ? l.list[i].weight : 0) / (double)weights;
		double got = (double)records[i] / (double)sum;
		assert_true(got > 0.98 * share - 1e-9 && got < 1.02 * share + 1e-9);
	}
	lanes_release(&l);
}

static void test_lanes_shares(void **state)
{
	(void)state;
	check_shares("a:4,b:2,c:1", "yyy", (int64_t[]){100, 100, 100});
	check_shares("a:4,b:2,c:1", "yyy", (int64_t[]){1, 100, 7});
	check_shares("a:4,b:2,c:1", "yyy", (int64_t[]){100, 3, 100});
	check_shares("a:4,b:2,c:1", "yny", (int64_t[]){10, 10, 10});
	check_shares("a:4,b:2,c:1", "nny", (int64_t[]){10, 10, 10});
	check_shares("a", "y", (int64_t[]){10});
}

static void test_lanes_none_ready(void **state)
{
	(void)state;
	struct lanes l = parse("a:4,b:2");
	assert_null(lanes_choose(&l));
	l.strict = true;
	assert_null(lanes_choose(&l));
	lanes_release(&l);
}

/* One that was empty for long gets its share from now on, and no more. */
static void test_lanes_nothing_saved_up(void **state)
{
	(void)state;
	struct lanes l = parse("a,b");
	int64_t records[2] = {0}, sizes[] = {10, 10};
	set_ready(&l, "yn");
	take(&l, 1000, sizes, records);
	set_ready(&l, "yy");
	memset(records, 0, sizeof(records));
	take(&l, 100, sizes, records);
	assert_in_range(records[1], 490, 510);
	lanes_release(&l);
}

static void test_lanes_strict(void **state)
{
	(void)state;
	struct lanes l = parse("a,b,c");
	int64_t records[3] = {0}, sizes[] = {1, 1, 1};
	l.strict = true;
	set_ready(&l, "yyy");
	take(&l, 1600, sizes, records);
	assert_in_range(records[1], 100, 130);
	assert_in_range(records[2], 100, 130);
	memset(records, 0, sizeof(records));
	set_ready(&l, "nyy");
	take(&l, 1600, sizes, records);
	assert_int_equal(records[0], 0);
	assert_in_range(records[2], 100, 130);
	lanes_release(&l);
}

/* In each stretch of sixteen chunks every lane is there. */
static void test_lanes_strict_floor(void **state)
{
	(void)state;
	struct lanes l = parse("a,b,c,d,e,f");
	int64_t last[6] = {0};
	l.strict = true;
	set_ready(&l, "yyyyyy");
	for (int64_t chunk = 1; chunk <= 1000; chunk++) {
		struct lane *lane = lanes_choose(&l);
		size_t i = (size_t)(lane - l.list);
		assert_in_range(chunk - last[i], 1, LANES_FLOOR);
		last[i] = chunk;
		lanes_took(&l, lane, 1);
	}
	for (size_t i = 0; i < 6; i++)
		assert_in_range(last[i], 1001 - LANES_FLOOR, 1000);
	lanes_release(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_lanes_parse),
	    cmocka_unit_test(test_lanes_shares),
	    cmocka_unit_test(test_lanes_none_ready),
	    cmocka_unit_test(test_lanes_nothing_saved_up),
	    cmocka_unit_test(test_lanes_strict),
	    cmocka_unit_test(test_lanes_strict_floor),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
