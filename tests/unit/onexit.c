#include "batch/onexit.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void add(struct onexit *t, const char *text)
{
	struct err err = ERR_INIT;
	assert_int_equal(onexit_add(t, text, &err), 0);
}

static void check_exit(const struct onexit *t, int code, enum onexit_action want)
{
	assert_string_equal(onexit_name(onexit_find(t, (struct ending){ENDING_EXIT, code})),
	    onexit_name(want));
}

static void check_how(enum ending_how how, int number, enum onexit_action want)
{
	struct onexit t = ONEXIT_INIT;
	assert_string_equal(onexit_name(onexit_find(&t, (struct ending){how, number})),
	    onexit_name(want));
}

static void test_onexit_defaults(void **state)
{
	(void)state;
	static const struct onexit_rule rows[] = {
	    {0, 0, ONEXIT_DONE},
	    {1, 64, ONEXIT_RETRY},
	    {65, 65, ONEXIT_ISOLATE},
	    {66, 68, ONEXIT_RETRY},
	    {69, 69, ONEXIT_OUTAGE},
	    {70, 74, ONEXIT_RETRY},
	    {75, 75, ONEXIT_OUTAGE},
	    {76, 76, ONEXIT_RETRY},
	    {77, 78, ONEXIT_STOP},
	    {79, 125, ONEXIT_RETRY},
	    {126, 127, ONEXIT_STOP},
	    {128, 136, ONEXIT_RETRY},
	    {137, 137, ONEXIT_HALVE},
	    {138, 254, ONEXIT_RETRY},
	    {255, 255, ONEXIT_STOP},
	};
	struct onexit t = ONEXIT_INIT;
	int next = 0;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		for (int code = rows[i].first; code <= rows[i].last; code++) {
			assert_int_equal(code, next++);
			check_exit(&t, code, rows[i].action);
		}
	assert_int_equal(next, 256);
}

static void test_onexit_not_by_status(void **state)
{
	(void)state;
	check_how(ENDING_SIGNAL, SIGKILL, ONEXIT_HALVE);
	check_how(ENDING_SIGNAL, SIGSEGV, ONEXIT_CRASH);
	check_how(ENDING_SIGNAL, SIGABRT, ONEXIT_CRASH);
	check_how(ENDING_SIGNAL, SIGBUS, ONEXIT_CRASH);
	check_how(ENDING_SIGNAL, SIGFPE, ONEXIT_CRASH);
	check_how(ENDING_SIGNAL, SIGTERM, ONEXIT_RETRY);
	check_how(ENDING_SIGNAL, SIGPIPE, ONEXIT_RETRY);
	check_how(ENDING_SIGNAL, 64, ONEXIT_RETRY);
	check_how(ENDING_TIMEOUT, 0, ONEXIT_HALVE);
	check_how(ENDING_MEMORY, SIGKILL, ONEXIT_HALVE);
}

static void test_onexit_first_rule_wins(void **state)
{
	(void)state;
	struct onexit t = ONEXIT_INIT;
	add(&t, "3=stop");
	add(&t, "1-9=isolate");
	add(&t, "9-65=outage");
	add(&t, "255=retry");
	add(&t, "4=done");
	check_exit(&t, 0, ONEXIT_DONE);
	check_exit(&t, 1, ONEXIT_ISOLATE);
	check_exit(&t, 3, ONEXIT_STOP);
	check_exit(&t, 4, ONEXIT_ISOLATE);
	check_exit(&t, 9, ONEXIT_ISOLATE);
	check_exit(&t, 10, ONEXIT_OUTAGE);
	check_exit(&t, 65, ONEXIT_OUTAGE);
	check_exit(&t, 66, ONEXIT_RETRY);
	check_exit(&t, 77, ONEXIT_STOP);
	check_exit(&t, 255, ONEXIT_RETRY);
	onexit_release(&t);
	check_exit(&t, 3, ONEXIT_RETRY);
}

static void test_onexit_refused(void **state)
{
	(void)state;
	static const char *const texts[] = {"", "3", "3=", "=retry", "3=Retry", "3=retry ", "0=retry",
	    "0-3=stop", "256=stop", "3-256=stop", "9-3=stop", "-3=stop", "3-=stop", "1-2-3=stop",
	    "x=stop", "3=retry=stop"};
	struct onexit t = ONEXIT_INIT;
	for (size_t i = 0; i < sizeof(texts) / sizeof(*texts); i++) {
		struct err err = ERR_INIT;
		assert_int_equal(onexit_add(&t, texts[i], &err), -1);
		assert_int_equal(err.status, ST_USAGE);
		assert_non_null(strstr(err.text, texts[i]));
		err_clear(&err);
	}
	assert_int_equal(t.count, 0);
}

static void test_onexit_text(void **state)
{
	(void)state;
	struct onexit t = ONEXIT_INIT;
	struct buf text = BUF_INIT;
	add(&t, "3=stop");
	add(&t, "79-255=isolate");
	onexit_text(&t, &text);
	assert_string_equal(buf_text(&text),
	    "exit 0: done\nexit 1-2: retry\nexit 3: stop\nexit 4-64: retry\nexit 65: isolate\n"
	    "exit 66-68: retry\nexit 69: outage\nexit 70-74: retry\nexit 75: outage\n"
	    "exit 76: retry\nexit 77-78: stop\nexit 79-255: isolate\n"
	    "SIGKILL: halve\nSIGSEGV: crash\nSIGABRT: crash\nSIGBUS: crash\nSIGFPE: crash\n"
	    "any other signal: retry\nout of time or memory: halve\n");
	buf_release(&text);
	onexit_release(&t);
}

static void test_onexit_ending(void **state)
{
	(void)state;
	struct buf text = BUF_INIT;
	ending_text((struct ending){ENDING_EXIT, 3}, &text);
	buf_puts(&text, ", ");
	ending_text((struct ending){ENDING_SIGNAL, SIGSEGV}, &text);
	buf_puts(&text, ", ");
	ending_text((struct ending){ENDING_SIGNAL, 64}, &text);
	buf_puts(&text, ", ");
	ending_text((struct ending){ENDING_TIMEOUT, 0}, &text);
	buf_puts(&text, ", ");
	ending_text((struct ending){ENDING_MEMORY, 9}, &text);
	buf_puts(&text, ", ");
	ending_text((struct ending){ENDING_NONE, 0}, &text);
	assert_string_equal(buf_text(&text), "exit status 3, killed by SIGSEGV, "
	    "killed by signal 64, out of time, out of memory, not run");
	buf_release(&text);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_onexit_defaults),
	    cmocka_unit_test(test_onexit_not_by_status),
	    cmocka_unit_test(test_onexit_first_rule_wins),
	    cmocka_unit_test(test_onexit_refused),
	    cmocka_unit_test(test_onexit_text),
	    cmocka_unit_test(test_onexit_ending),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
