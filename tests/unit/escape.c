#include "base/escape.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_escape_read(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t len;
		char byte;
	} rows[] = {
	    {"\\n", 2, '\n'},
	    {"\\nx", 2, '\n'},
	    {"\\t", 2, '\t'},
	    {"\\r", 2, '\r'},
	    {"\\\\", 2, '\\'},
	    {"\\0", 2, '\0'},
	    {"\\012", 2, '\0'}, /* no octal */
	    {"\\x41", 4, 'A'},
	    {"\\xfF1", 4, (char)0xff},
	    {"\\x00", 4, '\0'},
	    {"\\x4", 0, 0},
	    {"\\x", 0, 0},
	    {"\\xg0", 0, 0},
	    {"\\q", 0, 0},
	    {"\\", 0, 0},
	    {"n", 0, 0},
	    {"", 0, 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		char byte = 0;
		assert_int_equal(escape_read(rows[i].text, &byte), rows[i].len);
		assert_int_equal(byte, rows[i].byte);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_escape_read),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
