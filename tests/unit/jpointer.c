#include "base/jpointer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_jpointer_parse(void **state)
{
	(void)state;
	struct jpointer ptr = JPOINTER_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(jpointer_parse("", &ptr, &err), 0);
	assert_int_equal(ptr.count, 0);
	assert_int_equal(jpointer_parse("/", &ptr, &err), 0);
	assert_int_equal(ptr.count, 1);
	assert_string_equal(ptr.tokens[0].name, "");
	assert_int_equal(jpointer_parse("/a~1b~0c~01/0//-/01/12", &ptr, &err), 0);
	assert_int_equal(ptr.count, 6);
	assert_string_equal(ptr.tokens[0].name, "a/b~c~1");
	assert_true(ptr.tokens[0].index == SIZE_MAX);
	assert_int_equal(ptr.tokens[1].index, 0);
	assert_string_equal(ptr.tokens[2].name, "");
	assert_true(ptr.tokens[3].index == SIZE_MAX);
	assert_true(ptr.tokens[4].index == SIZE_MAX);
	assert_int_equal(ptr.tokens[5].index, 12);
	static const char *const bad[] = {"a", "a/b", "/~", "/a~", "/~2", "/ok/~a"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(jpointer_parse(bad[i], &ptr, &err), -1);
		assert_int_equal(err.status, ST_USAGE);
		assert_int_equal(ptr.count, 0);
	}
	err_clear(&err);
	jpointer_release(&ptr);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_jpointer_parse),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
