#include "base/buf.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_buf_empty(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	assert_string_equal(buf_text(&b), "");
	assert_non_null(buf_str(&b).ptr);
	assert_int_equal(buf_str(&b).len, 0);
	buf_clear(&b);
	buf_add(&b, NULL, 0);
	buf_add_str(&b, (struct str)STR_INIT);
	assert_int_equal(b.len, 0);
	buf_release(&b);
	buf_release(&b);
}

static void test_buf_add(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	buf_add(&b, "a\0b", 3);
	buf_add_str(&b, STR("cd"));
	buf_puts(&b, "ef");
	buf_putc(&b, 'g');
	assert_int_equal(b.len, 8);
	assert_memory_equal(b.data, "a\0bcdefg", 9);
	buf_clear(&b);
	assert_int_equal(b.len, 0);
	assert_string_equal(buf_text(&b), "");
	buf_release(&b);
	assert_null(b.data);
}

static void test_buf_add_grows(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < 10000; i++)
		buf_putc(&b, (char)('a' + i % 26));
	assert_int_equal(b.len, 10000);
	for (size_t i = 0; i < 10000; i++)
		assert_int_equal(b.data[i], 'a' + i % 26);
	assert_int_equal(b.data[b.len], '\0');
	buf_release(&b);
}

static void test_buf_printf(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	buf_printf(&b, "%s-%d", "x", 7);
	buf_printf(&b, "%s", "");
	buf_printf(&b, "%0200d", 1);
	assert_int_equal(b.len, 203);
	assert_memory_equal(b.data, "x-7000", 6);
	assert_int_equal(b.data[202], '1');
	buf_release(&b);
}

static void test_buf_add_i64(void **state)
{
	(void)state;
	static const struct {
		long long n;
		const char *text;
	} rows[] = {
	    {0, "0"},
	    {-1, "-1"},
	    {1234567890, "1234567890"},
	    {INT64_MAX, "9223372036854775807"},
	    {INT64_MIN, "-9223372036854775808"},
	};
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		buf_clear(&b);
		buf_add_i64(&b, rows[i].n);
		assert_string_equal(b.data, rows[i].text);
	}
	buf_release(&b);
}

static void test_buf_room(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	buf_puts(&b, "ab");
	memcpy(buf_room(&b, 1000), "cd", 3);
	b.len += 2;
	assert_string_equal(b.data, "abcd");
	assert_true(b.cap >= 1003);
	buf_release(&b);
}

static void test_buf_detach(void **state)
{
	(void)state;
	struct buf b = BUF_INIT;
	char *text = buf_detach(&b);
	assert_string_equal(text, "");
	free(text);
	buf_puts(&b, "abc");
	text = buf_detach(&b);
	assert_string_equal(text, "abc");
	assert_null(b.data);
	assert_int_equal(b.len, 0);
	buf_puts(&b, "again");
	assert_string_equal(b.data, "again");
	assert_string_equal(text, "abc");
	free(text);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_buf_empty),
	    cmocka_unit_test(test_buf_add),
	    cmocka_unit_test(test_buf_add_grows),
	    cmocka_unit_test(test_buf_printf),
	    cmocka_unit_test(test_buf_add_i64),
	    cmocka_unit_test(test_buf_room),
	    cmocka_unit_test(test_buf_detach),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
