#include "batch/frame.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

static struct frame_style delim(const char *text)
{
	struct frame_style s;
	struct err err = ERR_INIT;
	assert_int_equal(frame_delim_parse(text, &s, &err), 0);
	return s;
}

static void show(struct buf *out, struct str record)
{
	buf_putc(out, '[');
	buf_add_str(out, record.ptr ? record : STR("null"));
	buf_putc(out, ']');
}

/* Cuts input that arrives in pieces of `step` bytes, each time in memory of its own. */
static void cut(struct frame *f, struct str input, size_t step, struct buf *out)
{
	struct err err = ERR_INIT;
	struct str record;
	size_t done = 0, seen = 0;
	while (seen < input.len) {
		seen = input.len - seen < step ? input.len : seen + step;
		char *window = mem_dup(input.ptr + done, seen - done);
		struct str rest = {window, seen - done};
		int r;
		while ((r = frame_next(f, &rest, &record, &err)) > 0)
			show(out, record);
		if (r < 0)
			buf_printf(out, "error: %s", err.text);
		done = seen - rest.len;
		free(window);
		if (r < 0) {
			err_clear(&err);
			return;
		}
	}
	int r = frame_end(f, (struct str){input.ptr + done, input.len - done}, &record, &err);
	if (r > 0)
		show(out, record);
	if (r < 0)
		buf_printf(out, "error: %s", err.text);
	err_clear(&err);
}

static void check_cut(
    struct frame_style style, size_t max, struct str input, const char *want, bool unterminated)
{
	for (size_t step = 1; step <= input.len + 1; step++) {
		struct frame f;
		struct buf out = BUF_INIT;
		frame_init(&f, &style, max);
		cut(&f, input, step, &out);
		assert_string_equal(buf_text(&out), want);
		assert_int_equal(f.unterminated, unterminated);
		buf_release(&out);
	}
}

static void test_frame_delim(void **state)
{
	(void)state;
	static const struct {
		const char *delim;
		struct str input;
		const char *want;
		bool unterminated;
	} rows[] = {
	    {"\\n", {"", 0}, "", false},
	    {"\\n", {"\n", 1}, "[]", false},
	    {"\\n", {"a\nb\n", 4}, "[a][b]", false},
	    {"\\n", {"a\n\n\nb", 5}, "[a][][][b]", true},
	    {"\\n", {"a\r\n", 3}, "[a\r]", false},
	    {"\\0", {"a\nb\0c", 5}, "[a\nb][c]", true},
	    {"\\r\\n", {"a\r\nb\r\r\n\n", 8}, "[a][b\r][\n]", true},
	    {"\\r\\n", {"a\r", 2}, "[a\r]", true},
	    {"aab", {"aaabaabaaab", 11}, "[a][][a]", false},
	    {"--x--", {"1--x2--x--3--x-", 15}, "[1--x2][3--x-]", true},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_cut(delim(rows[i].delim), SIZE_MAX, rows[i].input, rows[i].want,
		    rows[i].unterminated);
}

static void test_frame_length(void **state)
{
	(void)state;
	static const struct frame_style style = {.kind = FRAME_LENGTH};
	static const char two[] = "\0\0\0\3abc\0\0\0\0\xff\xff\xff\xff\0\0\0\1x";
	static const struct {
		struct str input;
		const char *want;
	} rows[] = {
	    {{two, sizeof(two) - 1}, "[abc][][null][x]"},
	    {{"", 0}, ""},
	    {{"\0\0\0\3abc\0\0", 9},
	        "[abc]error: the input ends inside the length of record 2: 2 of 4 bytes"},
	    {{"\0\0\0\3ab", 6}, "error: the input ends inside record 1: 2 of 3 bytes"},
	    {{"\0\0\0\0\xff\xff\xff\xfe", 8},
	        "[]error: record 2 is longer than 100 bytes (the setting message.max.bytes)"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		check_cut(style, 100, rows[i].input, rows[i].want, false);
}

static void test_frame_whole(void **state)
{
	(void)state;
	static const struct frame_style style = {.kind = FRAME_WHOLE};
	check_cut(style, 4, STR("a\nb\n"), "[a\nb\n]", false);
	check_cut(style, 4, STR(""), "[]", false);
	check_cut(style, 3, STR("a\nb\n"),
	    "error: record 1 is longer than 3 bytes (the setting message.max.bytes)", false);
}

static void test_frame_max_record(void **state)
{
	(void)state;
	const char *second =
	    "[123]error: record 2 is longer than 3 bytes (the setting message.max.bytes)";
	check_cut(delim("\\n"), 3, STR("123\n456\n"), "[123][456]", false);
	check_cut(delim("\\n"), 3, STR("123\n456"), "[123][456]", true);
	check_cut(delim("\\n"), 3, STR("123\n4567\n"), second, false);
	check_cut(delim("\\n"), 3, STR("123\n4567"), second, false);
	check_cut(delim("\\r\\n"), 3, STR("123\r\n456\r\n"), "[123][456]", false);
	check_cut(delim("\\r\\n"), 3, STR("123\r\n4567\r\n"), second, false);
	check_cut(delim("\\r\\n"), 3, STR("123\r\n456\r"), second, false);
	check_cut(delim("\\n"), 0, STR("\n\n"), "[][]", false);
}

/* With a window as small as the header promises, a long record is refused and never waited for. */
static void test_frame_max_record_window(void **state)
{
	(void)state;
	struct frame f;
	struct err err = ERR_INIT;
	struct frame_style style = delim("\\r\\n");
	frame_init(&f, &style, 5);
	struct str rest = STR("1234567"), record;
	assert_int_equal(frame_next(&f, &rest, &record, &err), -1);
	assert_int_equal(err.status, ST_FAIL);
	assert_int_equal(rest.len, 7);
	err_clear(&err);
}

static void test_frame_scans_once(void **state)
{
	(void)state;
	struct frame f;
	struct err err = ERR_INIT;
	struct frame_style style = delim("ab");
	frame_init(&f, &style, SIZE_MAX);
	char window[] = "xabxxxxa";
	struct str rest = {window + 3, 5}, record;
	assert_int_equal(frame_next(&f, &rest, &record, &err), 0);
	/* A delimiter that appears in bytes already searched is not seen: they are not read again.
	 */
	memcpy(window + 3, "ab", 2);
	assert_int_equal(frame_next(&f, &rest, &record, &err), 0);
	memcpy(window + 6, "ab", 2);
	assert_int_equal(frame_next(&f, &rest, &record, &err), 0);
	assert_int_equal(f.scanned, 4);
}

static void test_frame_several_inputs(void **state)
{
	(void)state;
	struct frame f;
	struct buf out = BUF_INIT;
	frame_init(&f, &(struct frame_style)FRAME_STYLE_LINES, SIZE_MAX);
	cut(&f, STR("a\nlong tail"), 4, &out);
	assert_true(f.unterminated);
	cut(&f, STR("b\n"), 4, &out);
	assert_false(f.unterminated);
	assert_string_equal(out.data, "[a][long tail][b]");
	assert_int_equal(f.records, 3);
	buf_release(&out);
}

static void test_frame_put_round_trip(void **state)
{
	(void)state;
	static const struct frame_style styles[] = {
	    FRAME_STYLE_LINES, {FRAME_DELIM, "", 1}, {FRAME_DELIM, "\r\n--", 4}, {.kind = FRAME_LENGTH}};
	srand48(7);
	for (int round = 0; round < 400; round++) {
		const struct frame_style *style = &styles[round % 4];
		struct buf in = BUF_INIT, out = BUF_INIT;
		for (int i = 0; i < 60; i++)
			buf_putc(&in, "ab\r\n-"[lrand48() % 5]);
		bool length = style->kind == FRAME_LENGTH;
		if (length) {
			struct str text = buf_str(&in);
			struct buf framed = BUF_INIT;
			for (size_t n = 0; text.len; n = (n + 3) % 7) {
				size_t len = n < text.len ? n : text.len;
				frame_put(style, &framed, (struct str){text.ptr, len}, false);
				text.ptr += len;
				text.len -= len;
			}
			frame_put(style, &framed, (struct str)STR_INIT, false);
			buf_release(&in);
			in = framed;
		}
		struct frame f;
		struct err err = ERR_INIT;
		struct str rest = buf_str(&in), record;
		frame_init(&f, style, SIZE_MAX);
		while (frame_next(&f, &rest, &record, &err) > 0)
			frame_put(style, &out, record, false);
		if (frame_end(&f, rest, &record, &err) > 0)
			frame_put(style, &out, record, f.unterminated);
		assert_int_equal(in.len, out.len);
		assert_memory_equal(in.data, out.data, in.len);
		buf_release(&in);
		buf_release(&out);
	}
}

static void test_frame_delim_parse(void **state)
{
	(void)state;
	static const struct {
		const char *text;
		struct str want; /* absent: refused */
		const char *error;
	} rows[] = {
	    {"\\n", {"\n", 1}, NULL},
	    {"\\0", {"\0", 1}, NULL},
	    {";\\t\\x1e\\\\", {";\t\x1e\\", 4}, NULL},
	    {"\xc3\xbc", {"\xc3\xbc", 2}, NULL},
	    {"12345678901234567890123456789012", {"12345678901234567890123456789012", 32}, NULL},
	    {"", STR_INIT, "empty"},
	    {"a\\q", STR_INIT, "unknown escape at '\\q'"},
	    {"\\x1", STR_INIT, "unknown escape at '\\x'"},
	    {"123456789012345678901234567890123", STR_INIT, "longer than 32 bytes"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct frame_style style = FRAME_STYLE_LINES;
		struct err err = ERR_INIT;
		int r = frame_delim_parse(rows[i].text, &style, &err);
		assert_int_equal(r, rows[i].want.ptr ? 0 : -1);
		if (r == 0) {
			assert_int_equal(style.kind, FRAME_DELIM);
			assert_int_equal(style.delim_len, rows[i].want.len);
			assert_memory_equal(style.delim, rows[i].want.ptr, rows[i].want.len);
		} else {
			assert_int_equal(err.status, ST_USAGE);
			assert_non_null(strstr(err.text, rows[i].error));
			assert_int_equal(style.delim_len, 1);
		}
		err_clear(&err);
	}
}

static void test_frame_kind_name(void **state)
{
	(void)state;
	for (int k = FRAME_DELIM; k <= FRAME_WHOLE; k++) {
		enum frame_kind back;
		assert_true(frame_kind_parse(str_of(frame_kind_name((enum frame_kind)k)), &back));
		assert_int_equal(back, k);
	}
	enum frame_kind kind;
	assert_false(frame_kind_parse(STR("lines"), &kind));
	assert_false(frame_kind_parse((struct str)STR_INIT, &kind));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_frame_delim),
	    cmocka_unit_test(test_frame_length),
	    cmocka_unit_test(test_frame_whole),
	    cmocka_unit_test(test_frame_max_record),
	    cmocka_unit_test(test_frame_max_record_window),
	    cmocka_unit_test(test_frame_scans_once),
	    cmocka_unit_test(test_frame_several_inputs),
	    cmocka_unit_test(test_frame_put_round_trip),
	    cmocka_unit_test(test_frame_delim_parse),
	    cmocka_unit_test(test_frame_kind_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
