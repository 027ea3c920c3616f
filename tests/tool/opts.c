#include "tool/opts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct values {
	bool flag;
	int count, choice;
	const char *text;
	int64_t number, span_ms, size;
	struct opt_list list;
	struct operands rest;
	struct err err;
};

/* Parses a line of words with a table that has a row of each kind. */
static int parse(struct values *v, const char *line, bool command_wanted)
{
	static char copy[256];
	char *argv[32] = {"tool"}, *words = copy, *word;
	int argc = 1;
	const struct opt rows[] = {
	    OPT_FLAG('f', "flag", &v->flag, "a flag"),
	    OPT_COUNT('v', "verbose", &v->count, "more"),
	    OPT_STR('s', "text", &v->text, "TEXT", COMPLETE_STREAM, "a text"),
	    OPT_I64('n', "number", &v->number, -5, 100, "N", "a number"),
	    OPT_DUR('m', "span", &v->span_ms, "TIME", "a time"),
	    OPT_END,
	};
	const struct opt more[] = {
	    OPT_SIZE(0, "size", &v->size, 0, 1 << 20, "SIZE", "a size"),
	    OPT_CHOICE(0, "on-invalid", &v->choice, "stop|skip", "what then"),
	    OPT_LIST('X', "property", &v->list, "NAME=VALUE", COMPLETE_NONE, "a setting"),
	    OPT_END,
	};
	const struct opt_group groups[] = {{"Options", rows}, {"More", more}, {NULL, NULL}};
	*v = (struct values){.number = 7, .choice = -1};
	snprintf(copy, sizeof(copy), "%s", line);
	while ((word = strsep(&words, " ")))
		if (*word)
			argv[argc++] = word;
	return opts_parse(groups, argc, argv, command_wanted, &v->rest, &v->err);
}

static void release(struct values *v)
{
	opt_list_release(&v->list);
	operands_release(&v->rest);
	err_clear(&v->err);
}

static void test_opts_kinds(void **state)
{
	struct values v;
	(void)state;
	assert_int_equal(parse(&v, "-fvv -s a --number=-5 -m 1m30s --size 4k --on-invalid skip "
	    "-X a=1 --property b=2 -v", false), 0);
	assert_true(v.flag);
	assert_int_equal(v.count, 3);
	assert_string_equal(v.text, "a");
	assert_int_equal(v.number, -5);
	assert_int_equal(v.span_ms, 90000);
	assert_int_equal(v.size, 4096);
	assert_int_equal(v.choice, 1);
	assert_int_equal(v.list.count, 2);
	assert_string_equal(v.list.items[1], "b=2");
	release(&v);
	assert_int_equal(parse(&v, "", false), 0);
	assert_int_equal(v.number, 7);
	assert_null(v.text);
	assert_int_equal(v.rest.argc, 0);
	release(&v);
}

static void test_opts_given(void **state)
{
	struct values v;
	int64_t span_ms = 7, list = 0;
	const struct opt span = OPT_DUR('m', "span", &span_ms, "TIME", "a time");
	const struct opt other = OPT_I64('n', "number", &list, -5, 100, "N", "a number");
	const struct opt_group groups[] = {{"Options", (const struct opt[]){span, other, OPT_END}},
	    {NULL, NULL}};
	char *argv[] = {"tool", "-m", "1s"};
	(void)state;
	v = (struct values){0};
	assert_int_equal(opts_parse(groups, 3, argv, false, &v.rest, &v.err), 0);
	assert_true(opts_gave(&v.rest, &groups->rows[0]));
	assert_false(opts_gave(&v.rest, &groups->rows[1]));
	assert_int_equal(opts_set(&groups->rows[1], "100", &v.err), 0);
	assert_int_equal(list, 100);
	assert_int_equal(opts_set(&groups->rows[1], "101", &v.err), -1);
	assert_int_equal(list, 100);
	release(&v);
}

static void test_opts_operands(void **state)
{
	struct values v;
	(void)state;
	assert_int_equal(parse(&v, "a -f - b -- -x c", false), 0);
	assert_true(v.flag);
	assert_int_equal(v.rest.argc, 5);
	assert_string_equal(v.rest.argv[1], "-");
	assert_string_equal(v.rest.argv[3], "-x");
	assert_null(v.rest.command);
	release(&v);
	assert_int_equal(parse(&v, "a -s -- b -- cmd -f -- c", true), 0);
	assert_string_equal(v.text, "--");
	assert_false(v.flag);
	assert_int_equal(v.rest.argc, 2);
	assert_int_equal(v.rest.command_argc, 4);
	assert_string_equal(v.rest.command[0], "cmd");
	assert_null(v.rest.command[4]);
	release(&v);
	assert_int_equal(parse(&v, "-s --", true), 0);
	assert_null(v.rest.command);
	release(&v);
	assert_int_equal(parse(&v, "-f --", true), 0);
	assert_non_null(v.rest.command);
	assert_int_equal(v.rest.command_argc, 0);
	release(&v);
}

static void test_opts_posixly_correct(void **state)
{
	struct values v;
	(void)state;
	setenv("POSIXLY_CORRECT", "1", 1);
	assert_int_equal(parse(&v, "a -f b", false), 0);
	unsetenv("POSIXLY_CORRECT");
	assert_true(v.flag);
	assert_int_equal(v.rest.argc, 2);
	release(&v);
}

static void test_opts_refused(void **state)
{
	static const struct {
		const char *line, *text;
	} rows[] = {
	    {"-z", "unknown option -z"},
	    {"-fz", "unknown option -z"},
	    {"--zoo", "unknown option --zoo"},
	    {"--zoo=1", "unknown option --zoo"},
	    {"--zfag", "unknown option --zfag"},
	    {"--falg", "unknown option --falg: did you mean --flag?"},
	    {"--nunber=3", "unknown option --nunber: did you mean --number?"},
	    {"--numb 3", "unknown option --numb; --number has to be written out"},
	    {"--numb=3", "unknown option --numb; --number has to be written out"},
	    {"--fla=3", "unknown option --fla; --flag has to be written out"},
	    {"--flag=3", "option --flag takes no argument"},
	    {"-s", "option -s needs an argument: TEXT"},
	    {"-f --text", "option --text needs an argument: TEXT"},
	    {"-s a --text b", "option --text is given twice"},
	    {"-s a -s a", "option -s is given twice"},
	    {"-n 1 -n 1", "option -n is given twice"},
	    {"--on-invalid sto", "option --on-invalid: 'sto' is none of stop|skip"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct values v;
		assert_int_equal(parse(&v, rows[i].line, true), -1);
		assert_int_equal(v.err.status, ST_USAGE);
		assert_string_equal(v.err.text, rows[i].text);
		release(&v);
	}
}

static void test_opts_bad_numbers(void **state)
{
	static const char *const lines[] = {"-n 12x", "-n 101", "-n -6", "-n +5", "-n 0x10",
	    "--number=", "-n 99999999999999999999", "-m 5x", "-m -1", "--size 2M", "--size -1"};
	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++) {
		struct values v;
		assert_int_equal(parse(&v, lines[i], false), -1);
		assert_int_equal(v.err.status, ST_USAGE);
		assert_non_null(strstr(v.err.text, lines[i][1] == '-' ? "option --" : "option -"));
		assert_int_equal(v.number, 7);
		release(&v);
	}
}

static void test_opts_printed(void **state)
{
	bool flag = false;
	const char *text = NULL;
	const struct opt rows[] = {
	    OPT_FLAG('f', "flag", &flag, "a flag"),
	    OPT_STR(0, "text", &text, "A-VERY-LONG-ARGUMENT-NAME", COMPLETE_TOPIC, "a text"),
	    OPT_END,
	};
	const struct opt none[] = {OPT_END};
	const struct opt_group groups[] = {{"Options", rows}, {"None", none}, {NULL, NULL}};
	struct buf out = BUF_INIT;
	(void)state;
	opts_help(groups, &out);
	assert_string_equal(buf_text(&out), "\nOptions:\n"
	    "  -f, --flag                    a flag\n"
	    "      --text A-VERY-LONG-ARGUMENT-NAME\n"
	    "                                a text\n");
	buf_clear(&out);
	opts_list(groups, &out);
	assert_string_equal(buf_text(&out), "f\tflag\t-\tnone\ta flag\n"
	    "-\ttext\tA-VERY-LONG-ARGUMENT-NAME\ttopic\ta text\n");
	buf_release(&out);
}

static void assert_folds(size_t column, const char *text, const char *want)
{
	struct buf out = BUF_INIT;
	opts_fold(&out, column, text);
	assert_string_equal(buf_text(&out), want);
	buf_release(&out);
}

#define TEN_BLANKS     "          "
#define SEVENTY_BLANKS TEN_BLANKS TEN_BLANKS TEN_BLANKS TEN_BLANKS TEN_BLANKS TEN_BLANKS TEN_BLANKS

static void test_fold(void **state)
{
	(void)state;
	assert_folds(70, "", "\n");
	assert_folds(70, "just right", "just right\n");
	assert_folds(70, "just a bit more", "just a bit\n" SEVENTY_BLANKS "more\n");
	assert_folds(70, "longer-than-that a", "longer-than-that\n" SEVENTY_BLANKS "a\n");
	assert_folds(70, "a [b c ...] d", "a\n" SEVENTY_BLANKS "[b c ...]\n" SEVENTY_BLANKS "d\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_opts_kinds),
	    cmocka_unit_test(test_opts_given),
	    cmocka_unit_test(test_opts_operands),
	    cmocka_unit_test(test_opts_posixly_correct),
	    cmocka_unit_test(test_opts_refused),
	    cmocka_unit_test(test_opts_bad_numbers),
	    cmocka_unit_test(test_opts_printed),
	    cmocka_unit_test(test_fold),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
