#include "batch/suspects.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* A failure from 100 to 200 that is accused, then a success, then perhaps another failure. */
static bool is_condemned(bool by_data, int64_t began_ms, int64_t ended_ms, int64_t again_ms)
{
	struct suspects s = SUSPECTS_INIT;
	suspects_fail(&s, 7, by_data, 100, 200);
	suspects_find(&s, 7)->accused = true;
	assert_false(suspect_is_condemned(&s.list[0]));
	suspects_success(&s, began_ms, ended_ms);
	if (again_ms)
		suspects_fail(&s, 7, by_data, again_ms, again_ms + 100);
	bool condemned = suspect_is_condemned(&s.list[0]);
	suspects_release(&s);
	return condemned;
}

static void test_suspects_blamed_by_the_command(void **state)
{
	(void)state;
	assert_true(is_condemned(true, 200, 300, 0));
	assert_false(is_condemned(true, 199, 300, 0));
	assert_false(is_condemned(true, 50, 150, 0));
	assert_false(is_condemned(true, 50, 150, 400));
}

/* What began before the failure may have used a service before it went away. */
static void test_suspects_not_blamed(void **state)
{
	(void)state;
	assert_false(is_condemned(false, 200, 300, 0));
	assert_true(is_condemned(false, 200, 300, 300));
	assert_false(is_condemned(false, 200, 300, 299));
	assert_false(is_condemned(false, 199, 300, 300));
}

static void test_suspects_not_accused(void **state)
{
	(void)state;
	struct suspects s = SUSPECTS_INIT;
	suspects_fail(&s, 7, false, 100, 200);
	suspects_success(&s, 200, 300);
	assert_true(suspect_has_contrast(&s.list[0]));
	suspects_fail(&s, 7, false, 300, 400);
	assert_false(suspect_is_condemned(&s.list[0]));
	s.list[0].accused = true;
	assert_true(suspect_is_condemned(&s.list[0]));
	suspects_release(&s);
}

static void test_suspects_list(void **state)
{
	(void)state;
	struct suspects s = SUSPECTS_INIT;
	static const size_t order[] = {5, 1, 9, 5, 3};
	for (size_t i = 0; i < 5; i++)
		suspects_fail(&s, order[i], false, 1, 2);
	assert_int_equal(s.count, 4);
	assert_int_equal(s.list[0].index, 1);
	assert_int_equal(s.list[1].index, 3);
	assert_int_equal(s.list[3].index, 9);
	assert_null(suspects_find(&s, 4));
	assert_null(suspects_find(&s, 10));
	suspects_forget(&s, 3, 9);
	assert_int_equal(s.count, 2);
	assert_ptr_equal(suspects_find(&s, 9), &s.list[1]);
	suspects_release(&s);
	assert_null(suspects_find(&s, 1));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_suspects_blamed_by_the_command),
	    cmocka_unit_test(test_suspects_not_blamed),
	    cmocka_unit_test(test_suspects_not_accused),
	    cmocka_unit_test(test_suspects_list),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
