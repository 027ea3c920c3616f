#include "tool/process.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "tool/file.h"
#include "tool/sig.h"

/* What a command says on its descriptor 3, which here is number at. */
static void assert_said_on_3(int at)
{
	struct process_spec spec = {.shell = "echo hello >&3", .fds = PROCESS_NO_FDS};
	struct process_status status;
	struct err err = ERR_INIT;
	struct buf text = BUF_INIT;
	int fds[2], raw;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	int reader = fcntl(fds[0], F_DUPFD_CLOEXEC, 20);
	int writer = dup3(fds[1], 19, O_CLOEXEC);
	close(fds[0]);
	close(fds[1]);
	spec.fds[3] = dup3(writer, at, O_CLOEXEC);
	close(writer);
	pid_t pid = process_start(&spec, &status, &err);
	assert_true(pid > 0);
	close(at);
	assert_int_equal(file_read_fd(reader, "pipe", 100, &text, &err), 0);
	assert_string_equal(buf_text(&text), "hello\n");
	assert_int_equal(waitpid(pid, &raw, 0), pid);
	sig_remove_group(pid);
	assert_int_equal(process_status(raw).exit, 0);
	close(reader);
	buf_release(&text);
}

static void test_process_report(void **state)
{
	(void)state;
	for (int at = 3; at < 10; at++)
		assert_said_on_3(at);
}

/* No more than a second signal could end. */
static void test_process_too_many(void **state)
{
	struct process_spec spec = {.shell = "exit 0", .fds = PROCESS_NO_FDS};
	struct process_status status;
	struct err err = ERR_INIT;
	(void)state;
	for (int i = 0; i < SIG_GROUPS; i++)
		sig_add_group(INT32_MAX - i);
	assert_int_equal(process_start(&spec, &status, &err), -1);
	assert_string_equal(err.text, "command exit 0: more than 1024 at once");
	err_clear(&err);
	sig_remove_group(INT32_MAX - 7);
	pid_t pid = process_start(&spec, &status, &err);
	assert_true(pid > 0);
	assert_int_equal(waitpid(pid, NULL, 0), pid);
	sig_remove_group(pid);
	for (int i = 0; i < SIG_GROUPS; i++)
		sig_remove_group(INT32_MAX - i);
}

static void run_tool(int fd)
{
	char *argv[] = {"sleep", "1000", NULL};
	struct process_spec spec = {.argv = argv, .fds = {-1, fd, -1, -1}};
	struct process_status status;
	struct err err = ERR_INIT;
	if (process_start(&spec, &status, &err) < 0 || write(fd, "x", 1) != 1)
		_exit(1);
	close(fd);
	for (;;)
		pause();
}

/* kill -9 of the tool leaves no command behind. */
static void test_process_tool_killed(void **state)
{
	int fds[2];
	char byte;
	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t tool = fork();
	if (tool == 0)
		run_tool(fds[1]);
	close(fds[1]);
	assert_int_equal(read(fds[0], &byte, 1), 1);
	assert_int_equal(kill(tool, SIGKILL), 0);
	assert_int_equal(waitpid(tool, NULL, 0), tool);
	struct pollfd end = {.fd = fds[0], .events = POLLIN};
	assert_int_equal(poll(&end, 1, 10000), 1);
	assert_int_equal(read(fds[0], &byte, 1), 0);
	close(fds[0]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_process_report),
	    cmocka_unit_test(test_process_too_many),
	    cmocka_unit_test(test_process_tool_killed),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
