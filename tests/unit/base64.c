#include "base/base64.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_base64_encode(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
	    {"", ""},
	    {"f", "Zg=="},
	    {"fo", "Zm8="},
	    {"foo", "Zm9v"},
	    {"foob", "Zm9vYg=="},
	    {"fooba", "Zm9vYmE="},
	    {"foobar", "Zm9vYmFy"},
	    {"\xfb\xff\xbf", "+/+/"},
	};
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		buf_clear(&b);
		base64_encode(&b, str_of(rows[i][0]));
		assert_string_equal(buf_text(&b), rows[i][1]);
		buf_clear(&b);
		assert_int_equal(base64_decode(&b, str_of(rows[i][1])), 0);
		assert_string_equal(buf_text(&b), rows[i][0]);
	}
	buf_release(&b);
}

static void test_base64_decode_all_bytes(void **state)
{
	(void)state;
	unsigned char bytes[256];
	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 7);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		struct buf text = BUF_INIT, back = BUF_INIT;
		base64_encode(&text, (struct str){(const char *)bytes, len});
		assert_int_equal(base64_decode(&back, buf_str(&text)), 0);
		assert_int_equal(back.len, len);
		assert_memory_equal(buf_text(&back), bytes, len);
		buf_release(&text);
		buf_release(&back);
	}
}

static void test_base64_decode_refuses(void **state)
{
	(void)state;
	static const char *const rows[] = {
	    "Z", "Zg", "Zg=", "Zm9", "====", "=", "Z===", "Zg==Zg==", "Zm=v", "Zm9v ", " Zm9v",
	    "Zm9v\n", "Zm\n9v===", "Zh==", "Zm9=", "-_-_", "Zm9v*AAA", "Zm9vZg==\n", "Zm9\xc3",
	};
	struct buf b = BUF_INIT;
	buf_puts(&b, "kept");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		assert_int_equal(base64_decode(&b, str_of(rows[i])), -1);
		assert_string_equal(b.data, "kept");
	}
	assert_int_equal(base64_decode(&b, (struct str){"Zm9\0", 4}), -1);
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_base64_encode),
	    cmocka_unit_test(test_base64_decode_all_bytes),
	    cmocka_unit_test(test_base64_decode_refuses),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
