#include "base/utf8.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

/* The definition, spelled out: which bytes may stand where. */
static size_t slow_len(const unsigned char *p, size_t len)
{
	static const struct {
		unsigned char from, to, second_from, second_to;
		size_t len;
	} rows[] = {
	    {0x00, 0x7f, 0, 0, 1},
	    {0xc2, 0xdf, 0x80, 0xbf, 2},
	    {0xe0, 0xe0, 0xa0, 0xbf, 3},
	    {0xe1, 0xec, 0x80, 0xbf, 3},
	    {0xed, 0xed, 0x80, 0x9f, 3},
	    {0xee, 0xef, 0x80, 0xbf, 3},
	    {0xf0, 0xf0, 0x90, 0xbf, 4},
	    {0xf1, 0xf3, 0x80, 0xbf, 4},
	    {0xf4, 0xf4, 0x80, 0x8f, 4},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		if (p[0] < rows[i].from || p[0] > rows[i].to || len < rows[i].len)
			continue;
		if (rows[i].len > 1 && (p[1] < rows[i].second_from || p[1] > rows[i].second_to))
			continue;
		bool good = true;
		for (size_t k = 2; k < rows[i].len; k++)
			good = good && p[k] >= 0x80 && p[k] <= 0xbf;
		if (good)
			return rows[i].len;
	}
	return 0;
}

static void test_utf8_char_definition(void **state)
{
	(void)state;
	uint32_t code;
	unsigned char p[4];
	for (unsigned i = 0; i < 0x10000; i++) {
		static const unsigned char thirds[] = {0x00, 0x7f, 0x80, 0xbf, 0xc0};
		p[0] = (unsigned char)(i >> 8);
		p[1] = (unsigned char)i;
		for (size_t k = 0; k < 25; k++) {
			p[2] = thirds[k / 5];
			p[3] = thirds[k % 5];
			for (size_t len = 1; len <= 4; len++) {
				struct str s = {(const char *)p, len};
				if (utf8_char(s, &code) != slow_len(p, len))
					fail_msg("%02x %02x %02x %02x", p[0], p[1], p[2], p[3]);
			}
		}
	}
	assert_int_equal(utf8_char(STR(""), &code), 0);
}

static void test_utf8_put_back(void **state)
{
	(void)state;
	for (uint32_t code = 0; code <= 0x10ffff; code++) {
		char bytes[4];
		uint32_t back = UINT32_MAX;
		size_t len = utf8_put(code, bytes);
		size_t read = utf8_char((struct str){bytes, len}, &back);
		if (code >= 0xd800 && code <= 0xdfff)
			assert_int_equal(read, 0);
		else if (read != len || back != code)
			fail_msg("U+%04X", (unsigned)code);
	}
}

static void test_utf8_valid_len(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		size_t len;
	} rows[] = {
	    {"", 0},
	    {"plain text, longer than a word of the machine", 45},
	    {"0123456\xff", 7},
	    {"01234567\xff", 8},
	    {"012345678\xc3\xa4\xff", 11},
	    {"\xc3\xa4", 2},
	    {"\xc3", 0},
	    {"a\xe2\x82", 1},
	    {"\xe2\x82\xac\xf0\x9f\x98\x80z", 8},
	    {"\xc0\x80", 0},
	    {"\xed\xa0\x80", 0},
	    {"\xf4\x90\x80\x80", 0},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		assert_int_equal(utf8_valid_len(str_of(rows[i].text)), rows[i].len);
	assert_int_equal(utf8_valid_len(STR("a\0b")), 3);
	assert_int_equal(utf8_valid_len((struct str)STR_INIT), 0);
}

static void test_utf8_repair(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
	    {"", ""},
	    {"Gr\xc3\xbc\xc3\x9f" "e", "Gr\xc3\xbc\xc3\x9f" "e"},
	    {"a\xff" "b", "a\xef\xbf\xbd" "b"},
	    {"\xff", "\xef\xbf\xbd"},
	    {"\xe2\x82", "\xef\xbf\xbd\xef\xbf\xbd"},
	};
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		buf_clear(&b);
		utf8_repair(&b, str_of(rows[i][0]));
		assert_string_equal(buf_text(&b), rows[i][1]);
	}
	buf_release(&b);
}

static void test_utf8_escape(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
	    {"", ""},
	    {"plain \\ \"text\"\t~", "plain \\ \"text\"\t~"},
	    {"a\nb\r", "a\\x0ab\\x0d"},
	    {"\033]0;x\a", "\\x1b]0;x\\x07"},
	    {"\033[2J", "\\x1b[2J"},
	    {"\x7f", "\\x7f"},
	    {"\xc2\x80\xc2\x9b\xc2\x9f\xc2\xa0", "\\xc2\\x80\\xc2\\x9b\\xc2\\x9f\xc2\xa0"},
	    {"\x9b" "31m", "\\x9b31m"},
	    {"\xe2\x80\x8d\xe2\x80\x8e\xe2\x80\x8f\xe2\x80\x90",
		"\xe2\x80\x8d\\xe2\\x80\\x8e\\xe2\\x80\\x8f\xe2\x80\x90"},
	    {"\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xae\xe2\x80\xaf",
		"\xe2\x80\xa7\\xe2\\x80\\xa8\\xe2\\x80\\xae\xe2\x80\xaf"},
	    {"\xe2\x81\xa5\xe2\x81\xa6\xe2\x81\xa9\xe2\x81\xaa",
		"\xe2\x81\xa5\\xe2\\x81\\xa6\\xe2\\x81\\xa9\xe2\x81\xaa"},
	    {"\xc3\xa4\xff\xc3", "\xc3\xa4\\xff\\xc3"},
	    {"\xed\xa0\x80", "\\xed\\xa0\\x80"},
	};
	struct buf b = BUF_INIT;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		buf_clear(&b);
		utf8_escape(&b, str_of(rows[i][0]), 0);
		assert_string_equal(buf_text(&b), rows[i][1]);
	}
	buf_clear(&b);
	utf8_escape(&b, STR("a\0\nb"), UTF8_KEEP_NEWLINE);
	assert_string_equal(buf_text(&b), "a\\x00\nb");
	utf8_escape(&b, (struct str)STR_INIT, 0);
	assert_string_equal(buf_text(&b), "a\\x00\nb");
	buf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_utf8_char_definition),
	    cmocka_unit_test(test_utf8_put_back),
	    cmocka_unit_test(test_utf8_valid_len),
	    cmocka_unit_test(test_utf8_repair),
	    cmocka_unit_test(test_utf8_escape),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
