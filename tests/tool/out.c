#include "tool/out.h"

#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/mem.h"
#include "dir.h"
#include "tool/clock.h"
#include "tool/file.h"
#include "tool/sig.h"

static void test_out_writes(void **state)
{
	struct out o;
	struct err err = ERR_INIT;
	struct buf wanted = BUF_INIT, got = BUF_INIT;
	const char *path = dir_path(state, "a");
	char *big = mem_zalloc(300000, 1);
	out_init(&o, open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), "a");
	for (int i = 0; i < 20000; i++) {
		buf_clear(&got);
		buf_printf(&got, "line %d\n", i);
		assert_int_equal(out_buf(&o, &got, &err), 0);
		buf_add_str(&wanted, buf_str(&got));
	}
	assert_int_equal(out_write(&o, big, 300000, &err), 0);
	assert_int_equal(out_puts(&o, "end", &err), 0);
	buf_add(&wanted, big, 300000);
	buf_puts(&wanted, "end");
	assert_int_equal(out_close(&o, &err), 0);
	buf_clear(&got);
	assert_int_equal(file_read(path, 1 << 20, &got, &err), 0);
	assert_true(str_eq(buf_str(&wanted), buf_str(&got)));
	buf_release(&wanted);
	buf_release(&got);
	free(big);
}

static void test_out_full_disk(void **state)
{
	struct out o;
	struct err err = ERR_INIT;
	(void)state;
	out_init(&o, open("/dev/full", O_WRONLY | O_CLOEXEC), "standard output");
	assert_int_equal(out_puts(&o, "x\n", &err), 0);
	assert_int_equal(out_flush(&o, &err), -1);
	assert_int_equal(err.status, ST_FAIL);
	assert_string_equal(err.text, "standard output: No space left on device");
	assert_int_equal(out_puts(&o, "x\n", &err), -1);
	assert_int_equal(out_close(&o, &err), -1);
	assert_false(o.pipe_closed);
	assert_int_equal(o.failed, ENOSPC);
	err_clear(&err);
}

static void test_out_closed_pipe(void **state)
{
	int fds[2];
	struct out o;
	struct err err = ERR_INIT;
	(void)state;
	struct sigaction ignore = {.sa_handler = SIG_IGN};
	sigaction(SIGPIPE, &ignore, NULL);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	close(fds[0]);
	out_init(&o, fds[1], "standard output");
	assert_int_equal(out_puts(&o, "x\n", &err), 0);
	assert_int_equal(out_close(&o, &err), -1);
	assert_true(o.pipe_closed);
	err_clear(&err);
}

enum { BIG = 1 << 20 };

static char *make_big(void)
{
	char *big = mem_alloc(BIG);
	for (size_t i = 0; i < BIG; i++)
		big[i] = (char)(i * 7 + i / 251);
	return big;
}

static int write_big(int fd)
{
	struct out o;
	struct err err = ERR_INIT;
	char *big = make_big();
	out_init(&o, fd, "pipe");
	int r = out_write(&o, big, BIG, &err);
	free(big);
	r = out_close(&o, &err) || r ? -1 : 0;
	err_clear(&err);
	return r;
}

/* A pipe that takes only a part at a time: nothing is lost or doubled. */
static void test_out_slow_pipe(void **state)
{
	int fds[2], status;
	size_t at = 0;
	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	assert_int_equal(fcntl(fds[1], F_SETFL, O_NONBLOCK), 0);
	pid_t pid = fork();
	if (pid == 0)
		_exit(write_big(fds[1]));
	close(fds[1]);
	char *big = make_big(), *got = mem_alloc(BIG);
	for (ssize_t n; (n = read(fds[0], got + at, 3000 < BIG - at ? 3000 : BIG - at)) > 0;)
		at += (size_t)n;
	assert_int_equal(at, BIG);
	assert_memory_equal(big, got, BIG);
	close(fds[0]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(status, 0);
	free(big);
	free(got);
}

/* A reader that takes nothing: the first signal ends the waiting, soon. */
static void test_out_signal(void **state)
{
	int fds[2], status;
	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t writer = fork();
	if (writer == 0) {
		sig_setup();
		_exit(write_big(fds[1]) == -1 ? 7 : 0);
	}
	close(fds[1]);
	struct pollfd full = {.fd = fds[0], .events = POLLIN};
	assert_int_equal(poll(&full, 1, 10000), 1);
	usleep(20000);
	int64_t start_ms = clock_mono_ms();
	assert_int_equal(kill(writer, SIGTERM), 0);
	assert_int_equal(waitpid(writer, &status, 0), writer);
	assert_int_equal(WEXITSTATUS(status), 7);
	assert_true(clock_mono_ms() - start_ms < 20 * OUT_GRACE_MS);
	close(fds[0]);
}

struct reader {
	int fd, asked, limit;
	struct buf got;
};

/* Reads a little only when it was asked for the third time, and the sixth... */
static int read_late(void *ctx, struct err *err)
{
	struct reader *r = ctx;
	char part[50000];
	if (++r->asked == r->limit)
		return err_set(err, ST_CONNECT, "enough");
	if (r->asked % 3)
		return 0;
	ssize_t n = read(r->fd, part, sizeof(part));
	assert_true(n > 0);
	buf_add(&r->got, part, (size_t)n);
	return 0;
}

/* Whoever waits for a reader can do something else meanwhile, in the same thread. */
static void test_out_waiting(void **state)
{
	int fds[2];
	struct reader r = {.limit = -1};
	struct out o;
	struct err err = ERR_INIT;
	char *big = make_big();
	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	r.fd = fds[0];
	out_init(&o, fds[1], "pipe");
	o.waiting = read_late;
	o.ctx = &r;
	assert_int_equal(out_write(&o, big, BIG, &err), 0);
	assert_int_equal(out_close(&o, &err), 0);
	assert_true(r.asked > 3);
	assert_int_equal(file_read_fd(r.fd, "pipe", BIG, &r.got, &err), 0);
	assert_int_equal(r.got.len, BIG);
	assert_memory_equal(big, r.got.data, BIG);
	close(fds[0]);
	buf_release(&r.got);
	free(big);
}

/* It may give up, and nothing is written after that. */
static void test_out_waiting_ends(void **state)
{
	int fds[2];
	struct reader r = {.limit = 2};
	struct out o;
	struct err err = ERR_INIT;
	char *big = make_big();
	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	r.fd = fds[0];
	out_init(&o, fds[1], "pipe");
	o.waiting = read_late;
	o.ctx = &r;
	assert_int_equal(out_write(&o, big, BIG, &err), -1);
	assert_int_equal(err.status, ST_CONNECT);
	assert_string_equal(err.text, "enough");
	assert_int_equal(out_close(&o, &err), -1);
	assert_int_equal(r.asked, 2);
	close(fds[0]);
	free(big);
	err_clear(&err);
}

static void test_out_escape(void **state)
{
	struct out o;
	struct err err = ERR_INIT;
	struct buf got = BUF_INIT;
	const char *path = dir_path(state, "a");
	out_init(&o, open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600), "a");
	o.escape = true;
	assert_int_equal(out_puts(&o, "a\tb\033[2J\x9b\n", &err), 0);
	assert_int_equal(out_close(&o, &err), 0);
	assert_int_equal(file_read(path, 100, &got, &err), 0);
	assert_string_equal(buf_text(&got), "a\tb\\x1b[2J\\x9b\n");
	buf_release(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_out_writes, dir_setup, dir_teardown),
	    cmocka_unit_test(test_out_full_disk),
	    cmocka_unit_test(test_out_closed_pipe),
	    cmocka_unit_test(test_out_slow_pipe),
	    cmocka_unit_test(test_out_signal),
	    cmocka_unit_test(test_out_waiting),
	    cmocka_unit_test(test_out_waiting_ends),
	    cmocka_unit_test_setup_teardown(test_out_escape, dir_setup, dir_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
