#include "batch/slots.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static struct slots parse(const char *text)
{
	struct slots s;
	struct err err = ERR_INIT;
	assert_int_equal(slots_parse(&s, text, &err), 0);
	return s;
}

static void test_slots_parse(void **state)
{
	(void)state;
	struct slots s = parse("3");
	assert_int_equal(s.now, 3);
	assert_int_equal(s.max, 3);
	s = parse("2..1024");
	assert_int_equal(s.now, 2);
	assert_int_equal(s.min, 2);
	assert_int_equal(s.max, 1024);
	static const char *const texts[] = {"", "0", "x", "1025", "2..", "..3", "3..2", "2.3", "2...3",
	    "2..1025", "2..3..4"};
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct err err = ERR_INIT;
		assert_int_equal(slots_parse(&s, texts[i], &err), -1);
		assert_int_equal(err.status, ST_USAGE);
		assert_int_equal(s.now, 2);
		err_clear(&err);
	}
}

/* All busy but for moments, or not, without or with pressure, looked at each second. */
static int64_t look(struct slots *s, int64_t from_s, int64_t to_s, bool idle, double pressure)
{
	for (int64_t now = from_s; now < to_s; now++) {
		slots_look(s, idle ? 0.85 : 0.95, pressure, now * 1000);
		assert_in_range(s->now, s->min, s->max);
	}
	return s->now;
}

static void test_slots_grow(void **state)
{
	(void)state;
	struct slots s = parse("2..4");
	assert_int_equal(look(&s, 100, 110, 0, 0), 2);
	assert_int_equal(look(&s, 110, 120, 0, 0), 3);
	assert_int_equal(look(&s, 120, 150, 0, 0), 4);
}

static void test_slots_not_all_busy(void **state)
{
	(void)state;
	struct slots s = parse("2..4");
	assert_int_equal(look(&s, 100, 200, 1, 0), 2);
	assert_int_equal(look(&s, 200, 210, 0, 0), 2);
	assert_int_equal(look(&s, 210, 211, 1, 0), 2);
	assert_int_equal(look(&s, 211, 221, 0, 0), 2);
	assert_int_equal(look(&s, 221, 222, 0, 0), 3);
	assert_int_equal(look(&s, 222, 230, 0, 0), 3);
	assert_int_equal(look(&s, 230, 231, 0, 2), 2);
	assert_int_equal(look(&s, 231, 241, 0, 0), 2);
	assert_int_equal(look(&s, 241, 242, 0, 0), 3);
}

static void test_slots_pressure(void **state)
{
	(void)state;
	struct slots s = parse("1..64");
	s.now = 64;
	assert_int_equal(look(&s, 0, 1, 0, 1.1), 32);
	assert_int_equal(look(&s, 1, 10, 0, 1.1), 32);
	assert_int_equal(look(&s, 10, 11, 0, 1.1), 16);
	assert_int_equal(look(&s, 11, 21, 0, 1.0), 16);
	assert_int_equal(look(&s, 21, 22, 0, 1.0), 17);
	assert_false(slots_are_low(&s));
	assert_int_equal(look(&s, 22, 100, 0, 2), 1);
	assert_true(slots_are_low(&s));
}

static void test_slots_fixed(void **state)
{
	(void)state;
	struct slots s = parse("5");
	assert_int_equal(look(&s, 0, 100, 0, 0), 5);
	assert_int_equal(look(&s, 100, 200, 0, 9), 5);
	assert_true(slots_are_low(&s));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_slots_parse),
	    cmocka_unit_test(test_slots_grow),
	    cmocka_unit_test(test_slots_not_all_busy),
	    cmocka_unit_test(test_slots_pressure),
	    cmocka_unit_test(test_slots_fixed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
