#include "batch/report.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

/* Ten records; "INDEX ACTION-NUMBER REASON;" for each line. */
static void check(const char *text, const char *want)
{
	struct report r = REPORT_INIT;
	struct err err = ERR_INIT;
	struct buf got = BUF_INIT;
	assert_int_equal(report_parse(&r, str_of(text), 10, &err), 0);
	for (size_t i = 0; i < r.count; i++)
		buf_printf(&got, "%zu %d <%.*s>;", r.list[i].index, (int)r.list[i].action,
		    (int)r.list[i].reason.len, r.list[i].reason.ptr);
	assert_string_equal(buf_text(&got), want);
	buf_release(&got);
	report_release(&r);
}

static void test_report_lines(void **state)
{
	(void)state;
	check("", "");
	check("0 retry\n", "0 0 <>;");
	check("9 invalid no such code: X-1\n", "9 1 <no such code: X-1>;");
	check("3 skip", "3 2 <>;");
	check("7 invalid b\n2 retry  a \r\n5 skip", "2 0 <a>;5 2 <>;7 1 <b>;");
	check(" 4 skip \n", "4 2 <>;");
}

static void test_report_malformed(void **state)
{
	(void)state;
	static const struct {
		const char *text, *error;
	} rows[] = {
	    {"\n", "line 1"},
	    {"0 retry\n\n1 retry\n", "line 2"},
	    {"0\n", "line 1"},
	    {"0 done\n", "line 1"},
	    {"0 retr", "line 1"},
	    {"0\tretry\n", "line 1"},
	    {"0  retry\n", "line 1"},
	    {"retry 0\n", "line 1"},
	    {"0 retry\n10 retry\n", "line 2"},
	    {"-1 retry\n", "line 1"},
	    {"x retry\n", "line 1"},
	    {"99999999999999999999 retry\n", "line 1"},
	    {"3 retry\n1 retry\n3 skip\n", "record 3 is named twice"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct report r = REPORT_INIT;
		struct err err = ERR_INIT;
		assert_int_equal(report_parse(&r, str_of(rows[i].text), 10, &err), -1);
		assert_int_equal(err.status, ST_FAIL);
		assert_non_null(strstr(err.text, rows[i].error));
		assert_null(r.list);
		assert_int_equal(r.count, 0);
		err_clear(&err);
	}
}

/* A NUL is a byte of the reason like any other. */
static void test_report_bytes(void **state)
{
	(void)state;
	struct report r = REPORT_INIT;
	struct err err = ERR_INIT;
	char *text = malloc(14);
	memcpy(text, "0 invalid a\0b\n", 14);
	assert_int_equal(report_parse(&r, (struct str){text, 14}, 1, &err), 0);
	assert_int_equal(r.list[0].reason.len, 3);
	report_release(&r);
	free(text);
}

static void test_report_add(void **state)
{
	(void)state;
	struct report all = REPORT_INIT, r = REPORT_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(report_parse(&all, STR("1 skip\n"), 3, &err), 0);
	assert_int_equal(report_parse(&r, STR("0 invalid a\n2 retry\n"), 3, &err), 0);
	report_add(&all, &r, 3);
	assert_int_equal(all.count, 3);
	assert_int_equal(all.list[0].index, 1);
	assert_int_equal(all.list[1].index, 3);
	assert_int_equal(all.list[1].action, REPORT_INVALID);
	assert_int_equal(all.list[2].index, 5);
	report_release(&all);
	report_release(&r);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_report_lines),
	    cmocka_unit_test(test_report_malformed),
	    cmocka_unit_test(test_report_bytes),
	    cmocka_unit_test(test_report_add),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
