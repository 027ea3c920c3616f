#include "batch/header.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_headers_add(void **state)
{
	(void)state;
	struct headers h = HEADERS_INIT;
	for (size_t i = 0; i < 100; i++)
		headers_add(&h, STR("n"), STR("v"));
	assert_int_equal(h.count, 100);
	assert_true(str_is(h.list[99].name, "n"));
	headers_clear(&h);
	assert_int_equal(h.count, 0);
	assert_null(headers_find(&h, "n"));
	headers_release(&h);
	headers_release(&h);
	assert_null(h.list);
}

static void test_headers_find(void **state)
{
	(void)state;
	struct headers h = HEADERS_INIT;
	assert_null(headers_find(&h, HDR_BATCH_ID));
	headers_add(&h, STR("batchid"), STR("other"));
	headers_add(&h, STR("batchId"), STR("first"));
	headers_add(&h, STR("batchId"), STR("second"));
	headers_add(&h, STR("null"), (struct str)STR_INIT);
	headers_add(&h, STR(""), STR(""));
	assert_true(str_is(headers_find(&h, HDR_BATCH_ID)->value, "first"));
	assert_non_null(headers_find(&h, "null"));
	assert_null(headers_find(&h, "null")->value.ptr);
	assert_non_null(headers_find(&h, "")->value.ptr);
	assert_null(headers_find(&h, "batch"));
	headers_release(&h);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_headers_add),
	    cmocka_unit_test(test_headers_find),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
