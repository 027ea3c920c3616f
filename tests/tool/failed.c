#include "tool/failed.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"
#include "dir.h"
#include "shell.h"
#include "tool/file.h"

static struct child ended(const char *shell)
{
	struct child_spec spec = {.argv = SHELL(shell), .in = STR("x")};
	struct loop l;
	struct child c;
	struct err err = ERR_INIT;
	assert_int_equal(loop_open(&l, &err), 0);
	assert_int_equal(child_start(&c, &spec, &err), 0);
	do {
		loop_begin(&l);
		child_watch(&c, &l);
		loop_wait(&l);
	} while (!child_step(&c, &l));
	loop_close(&l);
	return c;
}

static void assert_file(void **state, const char *name, const char *content)
{
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	struct stat st;
	assert_int_equal(file_read(dir_path(state, name), 1 << 20, &text, &err), 0);
	if (content)
		assert_string_equal(buf_text(&text), content);
	assert_int_equal(stat(dir_path(state, name), &st), 0);
	assert_int_equal(st.st_mode & 07777, 0600);
	buf_release(&text);
}

static void test_failed_keep(void **state)
{
	static const char name[] = "claims.in%2F..%2F2-17-36-9c-3";
	struct child c = ended("cat >/dev/null; echo why >&2; exit 65");
	struct failed_run run = {.token = "claims.in/../2-17-36-9c", .attempt = 3,
	    .in = STR("{\"a\":1}\ntwo\n"), .child = &c};
	struct err err = ERR_INIT;
	char file[64];
	mode_t before = umask(0);
	for (int again = 0; again < 2; again++)
		assert_int_equal(failed_keep(*state, &run, &err), 0);
	umask(before);
	assert_int_equal(dir_count(state, NULL, 0), 3);
	snprintf(file, sizeof(file), "%s.in", name);
	assert_file(state, file, "{\"a\":1}\ntwo\n");
	snprintf(file, sizeof(file), "%s.err", name);
	assert_file(state, file, "why\n");
	snprintf(file, sizeof(file), "%s.json", name);
	assert_file(state, file, NULL);
	child_release(&c);
}

static struct json_t *described(void **state, const char *shell)
{
	struct child c = ended(shell);
	struct failed_run run = {.token = "t", .attempt = 1, .child = &c};
	struct err err = ERR_INIT;
	struct buf text = BUF_INIT;
	assert_int_equal(failed_keep(*state, &run, &err), 0);
	assert_int_equal(file_read(dir_path(state, "t-1.json"), 1 << 20, &text, &err), 0);
	struct json_t *doc = js_parse(buf_str(&text), &err);
	assert_non_null(doc);
	buf_release(&text);
	child_release(&c);
	return doc;
}

static void test_failed_how(void **state)
{
	static const struct {
		const char *shell, *how, *message;
		int64_t exit, signal; /* -1: absent */
	} rows[] = {
	    {"cat >/dev/null; exit 3", "exit", "command sh: exit status 3", 3, -1},
	    {"kill -9 $$", "memory", "command sh: killed by signal 9 (Killed)", -1, 9},
	    {"exit 0", "unread", "command sh: did not read 1 bytes of its input", 0, -1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct json_t *doc = described(state, rows[i].shell);
		struct str text;
		int64_t n = -1;
		assert_true(js_get_str(doc, "how", &text) && str_is(text, rows[i].how));
		assert_true(js_get_str(doc, "message", &text) && str_is(text, rows[i].message));
		assert_int_equal(js_get_i64(doc, "exit", &n), rows[i].exit >= 0);
		assert_int_equal(n, rows[i].exit);
		n = -1;
		assert_int_equal(js_get_i64(doc, "signal", &n), rows[i].signal >= 0);
		assert_int_equal(n, rows[i].signal);
		assert_true(js_get_i64(doc, "attempt", &n) && n == 1);
		assert_true(js_get_i64(doc, "tookMs", &n) && n >= 0);
		js_free(doc);
	}
}

/* More than may stay: the oldest go, and what is not a run stays, however old. */
static void test_failed_most(void **state)
{
	static const char *const others[] = {"report-1.json", "data-2.in", "data-2.json"};
	struct child c = ended("exit 1");
	struct failed_run run = {.token = "t", .child = &c};
	struct err err = ERR_INIT;
	const struct timespec long_ago[2] = {{1000, 0}, {1000, 0}};
	for (size_t i = 0; i < 3; i++) {
		dir_puts(state, others[i], "mine");
		utimensat(AT_FDCWD, dir_path(state, others[i]), long_ago, 0);
	}
	for (run.attempt = 1; run.attempt <= FAILED_MOST + 5; run.attempt++) {
		char name[32];
		struct timespec since[2] = {{2000 - run.attempt, 0}, {2000 - run.attempt, 0}};
		assert_int_equal(failed_keep(*state, &run, &err), 0);
		snprintf(name, sizeof(name), "t-%d.json", run.attempt);
		if (run.attempt <= 3) /* the third is the oldest */
			utimensat(AT_FDCWD, dir_path(state, name), since, 0);
	}
	assert_int_equal(dir_count(state, NULL, 0), 3 * FAILED_MOST + 3);
	for (int i = 1; i <= FAILED_MOST + 5; i++) {
		char name[32];
		snprintf(name, sizeof(name), "t-%d.in", i);
		assert_int_equal(access(dir_path(state, name), F_OK), i <= 5 ? -1 : 0);
	}
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(access(dir_path(state, others[i]), F_OK), 0);
	child_release(&c);
}

static void test_failed_open(void **state)
{
	struct err err = ERR_INIT;
	struct stat st;
	const char *dir = dir_path(state, "new");
	assert_int_equal(failed_open(dir, &err), 0);
	assert_int_equal(failed_open(dir, &err), 0);
	assert_int_equal(stat(dir, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0700);
	assert_int_equal(failed_open(dir_path(state, "no/new"), &err), -1);
	assert_int_equal(err.status, ST_USAGE);
	err_clear(&err);
	assert_int_equal(failed_open(dir_puts(state, "file", "x"), &err), -1);
	assert_non_null(strstr(err.text, "Not a directory"));
	err_clear(&err);
}

static void test_failed_no_directory(void **state)
{
	struct child c = ended("exit 1");
	struct failed_run run = {.token = "t", .child = &c};
	struct err err = ERR_INIT;
	assert_int_equal(failed_keep(dir_path(state, "no"), &run, &err), -1);
	assert_int_equal(err.status, ST_FAIL);
	err_clear(&err);
	child_release(&c);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_failed_keep, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_failed_how, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_failed_most, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_failed_open, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_failed_no_directory, dir_setup, dir_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
