#include "batch/seqlast.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_seqlast_is_of_each_sender(void **state)
{
	struct seqlast s;
	(void)state;
	seqlast_init(&s, 1);
	assert_null(seqlast_of(&s, str_of("a")));
	*seqlast_add(&s, str_of("a")) = 7;
	assert_int_equal(*seqlast_add(&s, str_of("b")), 0);
	assert_int_equal(*seqlast_of(&s, str_of("a")), 7);
	assert_int_equal(*seqlast_add(&s, str_of("a")), 7);
	seqlast_release(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_seqlast_is_of_each_sender),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
