#include "batch/seq.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define LONGEST "abcdefghijabcdefghijabcdefghijabcdefghijabcdefghijabcdefghij-_Z9"

static void test_seq_round_trip(void **state)
{
	(void)state;
	static const struct {
		const char *text, *sender;
		int64_t n;
	} rows[] = {
	    {"s:1", "s", 1},
	    {"0198-ab_C:10", "0198-ab_C", 10},
	    {"s:1000000", "s", 1000000},
	    {LONGEST ":9223372036854775807", LONGEST, INT64_MAX},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char out[SEQ_SIZE];
		struct str sender;
		int64_t n;
		assert_int_equal(seq_format(out, rows[i].sender, rows[i].n), strlen(rows[i].text));
		assert_string_equal(out, rows[i].text);
		assert_true(seq_parse(str_of(out), &sender, &n));
		assert_true(str_is(sender, rows[i].sender));
		assert_true(n == rows[i].n);
	}
}

static void test_seq_refuses(void **state)
{
	(void)state;
	static const struct str rows[] = {
	    STR_INIT,
	    {"", 0},
	    {"s", 1},
	    {"s:", 2},
	    {":1", 2},
	    {"s:0", 3},
	    {"s:01", 4},
	    {"s:-1", 4},
	    {"s:+1", 4},
	    {"s: 1", 4},
	    {"s:1 ", 4},
	    {"s:1x", 4},
	    {"s:1\0", 4},
	    {"s:1:2", 5},
	    {"s\0:1", 4},
	    {"a b:1", 5},
	    {"\xc3\xbc:1", 4},
	    {"s:9223372036854775808", 21},
	    {"s:99999999999999999999", 22},
	    {LONGEST "x:1", 67},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct str sender;
		int64_t n;
		assert_false(seq_parse(rows[i], &sender, &n));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_seq_round_trip),
	    cmocka_unit_test(test_seq_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
