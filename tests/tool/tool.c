#include "tool/tool.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "dir.h"
#include "tool/clock.h"
#include "tool/file.h"
#include "tool/msg.h"
#include "tool/sig.h"

struct own {
	const char *say, *fail;
	bool wait;
};

static int run(struct tool_ctx *t)
{
	struct own *own = t->own;
	if (own->say && own->fail)
		return tool_usage(t, "say or fail");
	if (own->say && (out_puts(&t->out, own->say, &t->err) || out_puts(&t->out, "\n", &t->err)))
		return -1;
	if (own->fail)
		return err_set(&t->err, ST_STATE, "it was: %s", own->fail);
	if (own->wait)
		kill(getpid(), SIGTERM);
	while (own->wait && deadline_left_ms(&t->deadline) > 0)
		usleep(1000);
	msg_note("done");
	return 0;
}

static int example_main(int argc, char **argv)
{
	struct own own = {0};
	const struct opt rows[] = {
	    OPT_STR(0, "say", &own.say, "TEXT", COMPLETE_NONE, "print TEXT"),
	    OPT_STR(0, "fail", &own.fail, "WHY", COMPLETE_NONE, "fail"),
	    OPT_FLAG(0, "wait", &own.wait, "wait for a signal"),
	    OPT_END,
	};
	const struct tool tool = {
	    .name = "batch-example",
	    .summary = "Shows how a tool begins and ends.",
	    .usage = "-B ID [FILE ...]\n-B ID -- COMMAND [ARGUMENT ...]",
	    .takes = TOOL_STREAM | TOOL_BATCH | TOOL_FILES | TOOL_COMMAND,
	    .options = rows,
	    .run = run,
	    .own = &own,
	};
	return tool_main(argc, argv, &tool);
}

/* Where the child's descriptor fd goes: a path, or NULL: closed. */
static void redirect(int fd, const char *path)
{
	close(fd);
	if (path && open(path, O_RDWR | O_CREAT, 0600) != fd)
		_exit(99);
}

/* Runs the example with up to three words; its messages go to the file "err", its output to the
 * file out or to a device. Answers the status as a shell would tell it. */
static int example(void **state, const char *out, const char *a, const char *b, const char *c)
{
	char *argv[] = {"batch-example", (char *)(uintptr_t)a, (char *)(uintptr_t)b,
	    (char *)(uintptr_t)c, NULL};
	int argc = !a ? 1 : !b ? 2 : !c ? 3 : 4, status;
	const char *err = dir_puts(state, "err", "");
	dir_puts(state, "out", "");
	pid_t pid = fork();
	if (pid == 0) {
		redirect(2, err);
		redirect(1, out && !strchr(out, '/') ? dir_path(state, out) : out);
		_exit(example_main(argc, argv));
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
}

static void check(void **state, const char *name, const char *wanted)
{
	struct buf got = BUF_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(file_read(dir_path(state, name), 1 << 20, &got, &err), 0);
	assert_string_equal(buf_text(&got), wanted);
	buf_release(&got);
}

static bool holds(void **state, const char *name, const char *part)
{
	struct buf got = BUF_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(file_read(dir_path(state, name), 1 << 20, &got, &err), 0);
	bool there = strstr(buf_text(&got), part);
	buf_release(&got);
	return there;
}

static void test_tool_statuses(void **state)
{
	assert_int_equal(example(state, "out", "--say", "hello", NULL), 0);
	check(state, "out", "hello\n");
	check(state, "err", "batch-example: done\n");
	assert_int_equal(example(state, "out", "--say", "hello", "-q"), 0);
	check(state, "err", "");
	assert_int_equal(example(state, "out", "--fail", "a\n\033[2Jb", NULL), ST_STATE);
	check(state, "err", "batch-example: it was: a \\x1b[2Jb\n");
	assert_int_equal(example(state, "out", "--zoo", NULL, NULL), ST_USAGE);
	check(state, "err",
	    "batch-example: unknown option --zoo (try batch-example --help)\n");
	assert_int_equal(example(state, "out", "a", "--", NULL), ST_USAGE);
	assert_int_equal(example(state, "out", "a", "--", "b"), ST_USAGE);
	assert_int_equal(example(state, "out", "--say=x", "--fail=y", NULL), ST_USAGE);
	check(state, "err", "batch-example: say or fail (try batch-example --help)\n");
	assert_int_equal(example(state, "out", "-B", "", NULL), ST_USAGE);
	check(state, "err", "batch-example: -B: the batch's id is empty (try batch-example --help)\n");
	assert_int_equal(example(state, "out", "-X", "x", NULL), ST_USAGE);
	assert_int_equal(example(state, "out", "-m", "soon", NULL), ST_USAGE);
}

static void test_tool_json_messages(void **state)
{
	assert_int_equal(example(state, "out", "--log=json", "--fail", "\"x\"\033"),
	    ST_STATE);
	assert_true(holds(state, "err", "\"tool\":\"batch-example\",\"level\":\"error\","
	    "\"message\":\"it was: \\\"x\\\"\\\\x1b\",\"status\":6}\n"));
	assert_true(holds(state, "err", "{\"time\":\"20"));
	assert_int_equal(example(state, "out", "--log=json", "--zoo", NULL), ST_USAGE);
	assert_true(holds(state, "err", "\"status\":2}\n"));
}

static void test_tool_answers(void **state)
{
	assert_int_equal(example(state, "out", "-h", "operand", NULL), 0);
	assert_true(holds(state, "out", "Usage: batch-example [OPTION ...] -B ID [FILE ...]\n"
	    "       batch-example [OPTION ...] -B ID -- COMMAND"));
	assert_true(holds(state, "out", "\nOptions:\n      --say TEXT"));
	assert_true(holds(state, "out", "\nCommon options:\n  -s, --stream STREAM"));
	assert_true(holds(state, "out", "\n  4      time is up\n"));
	assert_int_equal(example(state, "out", "-V", NULL, NULL), 0);
	check(state, "out", "batch-example (batchutils) " BATCH_VERSION "\n");
	assert_int_equal(example(state, "out", "--list-options", NULL, NULL), 0);
	assert_true(holds(state, "out", "\nB\tbatch\tID\tbatch\tthe batch\n"));
	assert_int_equal(example(state, "out", "-X", "list", NULL), 0);
	assert_true(holds(state, "out", "\nowner "));
	assert_int_equal(example(state, "out", "-X", "dump", "-Xstream=s"), 0);
	check(state, "out", "stream=s\n");
}

static void test_tool_bad_output(void **state)
{
	assert_int_equal(example(state, "/dev/full", "--say", "x", NULL), ST_FAIL);
	check(state, "err", "batch-example: done\n"
	    "batch-example: standard output: No space left on device\n");
	assert_int_equal(example(state, NULL, "--say", "x", NULL), ST_FAIL);
	check(state, "err", "batch-example: done\n"
	    "batch-example: standard output: Bad file descriptor\n");
	assert_int_equal(example(state, "/dev/full", "--help", NULL, NULL), ST_FAIL);
}

static void test_tool_closed_pipe(void **state)
{
	int fds[2];
	assert_int_equal(pipe(fds), 0);
	close(fds[0]); /* before it writes, not at the same time */
	pid_t pid = fork();
	int status;
	if (pid == 0) {
		char *argv[] = {"batch-example", "--say", "x", NULL};
		dup2(fds[1], 1);
		close(fds[1]);
		redirect(2, dir_path(state, "err"));
		_exit(example_main(3, argv));
	}
	close(fds[1]);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_int_equal(WEXITSTATUS(status), 141);
	check(state, "err",
	    "batch-example: done\nbatch-example: standard output: Broken pipe\n");
}

static void test_tool_signal(void **state)
{
	assert_int_equal(example(state, "out", "--wait", "--say", "x"), 128 + SIGTERM);
	check(state, "out", "x\n");
	check(state, "err", "batch-example: done\n");
}

static void test_tool_second_signal(void **state)
{
	int status;
	(void)state;
	pid_t pid = fork();
	if (pid == 0) {
		sig_setup();
		raise(SIGTERM);
		if (sig_number() != SIGTERM)
			_exit(1);
		raise(SIGINT);
		_exit(2);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGINT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_tool_statuses, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_tool_json_messages, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_tool_answers, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_tool_bad_output, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_tool_closed_pipe, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_tool_signal, dir_setup, dir_teardown),
	    cmocka_unit_test(test_tool_second_signal),
	};
	setenv("HOME", "/nonexistent", 1);
	unsetenv("BATCH_CONFIG");
	unsetenv("XDG_CONFIG_HOME");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
