#include "tool/joblog.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "dir.h"
#include "tool/file.h"
#include "tool/who.h"

#define HEAD "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n"

static const struct joblog_line fine = {.start_ms = 1795282609322, .took_ms = 1, .sent = 20,
    .received = 3, .command = {"cat", 3}};

static const char *content(const char *path, struct buf *text)
{
	struct err err = ERR_INIT;
	buf_clear(text);
	assert_int_equal(file_read(path, 1 << 22, text, &err), 0);
	return buf_text(text);
}

/* The widths are those that parallel writes. */
static void test_joblog_lines(void **state)
{
	const char *path = dir_path(state, "log");
	struct joblog_line failed = {.start_ms = 5, .took_ms = 12345678, .status = {65, 0},
	    .command = STR("sh -c a\tb\n\033c")};
	struct joblog_line killed = {.status = {-1, 9}, .command = STR("x")};
	struct joblog j;
	struct err err = ERR_INIT;
	struct buf text = BUF_INIT, wanted = BUF_INIT, host = BUF_INIT;
	who_host(&host);
	for (int i = 0; i < 2; i++) {
		assert_int_equal(joblog_open(&j, path, &err), 0);
		assert_int_equal(joblog_add(&j, &fine, &err), 0);
		assert_int_equal(joblog_add(&j, &failed, &err), 0);
		assert_int_equal(joblog_add(&j, &killed, &err), 0);
		assert_int_equal(j.seq, 3);
		joblog_close(&j);
		const char *h = buf_text(&host);
		buf_printf(&wanted, "%s1\t%s\t1795282609.322\t     0.001\t20\t3\t0\t0\tcat\n"
		    "2\t%s\t     0.005\t 12345.678\t0\t0\t65\t0\tsh -c a\\x09b\\x0a\\x1bc\n"
		    "3\t%s\t     0.000\t     0.000\t0\t0\t0\t9\tx\n", i ? "" : HEAD, h, h, h);
		assert_string_equal(content(path, &text), buf_text(&wanted));
	}
	buf_release(&text);
	buf_release(&wanted);
	buf_release(&host);
}

static void add_many(const char *path, int number)
{
	struct joblog j;
	struct err err = ERR_INIT;
	struct joblog_line line = fine;
	char command[3000];
	memset(command, 'a' + number, sizeof(command));
	line.command = (struct str){command, sizeof(command)};
	if (joblog_open(&j, path, &err))
		_exit(1);
	for (int i = 0; i < 100; i++)
		if (joblog_add(&j, &line, &err))
			_exit(1);
	_exit(0);
}

/* Several at once: one head, and no line in another. */
static void test_joblog_writers(void **state)
{
	enum { WRITERS = 4 };
	const char *path = dir_path(state, "log");
	struct buf text = BUF_INIT;
	struct str line, rest;
	int status, lines = 0;
	for (int i = 0; i < WRITERS; i++)
		if (fork() == 0)
			add_many(path, i);
	for (int i = 0; i < WRITERS; i++) {
		assert_true(wait(&status) > 0);
		assert_int_equal(status, 0);
	}
	content(path, &text);
	rest = str_cut(buf_str(&text), '\n', &line);
	assert_int_equal(line.len, strlen(HEAD) - 1);
	for (; rest.len; lines++) {
		rest = str_cut(rest, '\n', &line);
		char last = line.ptr[line.len - 1];
		assert_in_range(last, 'a', 'a' + WRITERS - 1);
		for (size_t i = line.len - 3000; i < line.len; i++)
			assert_int_equal(line.ptr[i], last);
		assert_int_equal(line.ptr[line.len - 3001], '\t');
	}
	assert_int_equal(lines, WRITERS * 100);
	buf_release(&text);
}

static void assert_waits_for_lock(pid_t pid)
{
	struct buf locks = BUF_INIT;
	char line[64];
	int length = 0;
	do {
		assert_int_equal(waitpid(pid, NULL, WNOHANG), 0);
		content("/proc/locks", &locks);
		length = snprintf(line, sizeof(line), "-> FLOCK  ADVISORY  WRITE %d ", (int)pid);
	} while (!memmem(buf_text(&locks), locks.len, line, (size_t)length));
	buf_release(&locks);
}

/* Another has found it empty, too, and is about to write the head. */
static void test_joblog_head_once(void **state)
{
	const char *path = dir_puts(state, "log", "");
	struct joblog j;
	struct err err = ERR_INIT;
	struct buf text = BUF_INIT;
	int status, fd = open(path, O_WRONLY | O_CLOEXEC);
	assert_int_equal(flock(fd, LOCK_EX), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(joblog_open(&j, path, &err) ? 1 : 0);
	assert_waits_for_lock(pid);
	assert_int_equal(write(fd, HEAD, strlen(HEAD)), strlen(HEAD));
	flock(fd, LOCK_UN);
	close(fd);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	assert_string_equal(content(path, &text), HEAD);
	buf_release(&text);
}

/* The disk is full in the middle of a line: said, and the next line is on its own again. */
static void test_joblog_full(void **state)
{
	const char *path = dir_path(state, "log");
	struct joblog j;
	struct err err = ERR_INIT;
	struct buf text = BUF_INIT;
	struct rlimit before, small;
	assert_int_equal(joblog_open(&j, path, &err), 0);
	getrlimit(RLIMIT_FSIZE, &before);
	small = before;
	small.rlim_cur = strlen(HEAD) + 5;
	struct sigaction ignore = {.sa_handler = SIG_IGN}, old;
	sigaction(SIGXFSZ, &ignore, &old);
	setrlimit(RLIMIT_FSIZE, &small);
	assert_int_equal(joblog_add(&j, &fine, &err), -1);
	assert_int_equal(err.status, ST_FAIL);
	assert_non_null(strstr(err.text, path));
	assert_int_equal(joblog_add(&j, &fine, &err), -1);
	setrlimit(RLIMIT_FSIZE, &before);
	sigaction(SIGXFSZ, &old, NULL);
	assert_int_equal(joblog_add(&j, &fine, &err), 0);
	joblog_close(&j);
	content(path, &text);
	assert_int_equal(text.data[strlen(HEAD) + 5], '\n');
	assert_memory_equal(text.data + strlen(HEAD) + 6, "3\t", 2);
	err_clear(&err);
	buf_release(&text);
}

static void test_joblog_not_opened(void **state)
{
	struct joblog j;
	struct err err = ERR_INIT;
	assert_int_equal(joblog_open(&j, dir_path(state, "no/log"), &err), -1);
	assert_int_equal(err.status, ST_USAGE);
	assert_int_equal(j.fd, -1);
	err_clear(&err);
	assert_int_equal(joblog_open(&j, "/dev/full", &err), 0); /* not a file: no head */
	assert_int_equal(joblog_add(&j, &fine, &err), -1);
	joblog_close(&j);
	err_clear(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_joblog_lines, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_joblog_writers, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_joblog_head_once, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_joblog_full, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_joblog_not_opened, dir_setup, dir_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
