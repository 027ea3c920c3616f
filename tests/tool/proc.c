#include "tool/proc.h"

#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "dir.h"
#include "tool/clock.h"
#include "tool/file.h"
#include "tool/sig.h"

static struct deadline soon(void)
{
	return deadline_start(20000);
}

/* Runs it with a pipe from its output, and gives back what it said. */
static const char *said(struct proc *p, struct proc_spec *spec, struct buf *text)
{
	struct err err = ERR_INIT;
	struct deadline d = soon();
	buf_clear(text);
	spec->out = PROC_PIPE;
	assert_int_equal(proc_start(p, spec, &err), 0);
	assert_int_equal(file_read_fd(p->out, "pipe", 1 << 20, text, &err), 0);
	assert_int_equal(proc_wait(p, &d), 1);
	return buf_text(text);
}

static void test_proc_pipes(void **state)
{
	char *argv[] = {"tr", "a-z", "A-Z", NULL};
	struct proc_spec spec = {.argv = argv, .in = PROC_PIPE, .out = PROC_PIPE};
	struct proc p;
	struct err err = ERR_INIT;
	struct deadline d = soon();
	struct buf text = BUF_INIT;
	(void)state;
	assert_int_equal(proc_start(&p, &spec, &err), 0);
	assert_int_equal(write(p.in, "hello", 5), 5);
	close(p.in);
	p.in = -1;
	assert_int_equal(file_read_fd(p.out, "pipe", 100, &text, &err), 0);
	assert_string_equal(buf_text(&text), "HELLO");
	assert_int_equal(proc_wait(&p, &d), 1);
	assert_int_equal(proc_verdict(&p, &err), 0);
	buf_release(&text);
	proc_release(&p);
}

static void test_proc_ends(void **state)
{
	static const struct {
		const char *shell;
		int exit, signal;
		const char *text;
	} rows[] = {
	    {"exit 3", 3, 0, "command exit 3: exit status 3"},
	    {"kill -9 $$", -1, 9, "command kill -9 $$: killed by signal 9 (Killed)"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct proc_spec spec = {.shell = rows[i].shell};
		struct proc p;
		struct err err = ERR_INIT;
		struct deadline d = soon();
		assert_int_equal(proc_start(&p, &spec, &err), 0);
		assert_int_equal(proc_wait(&p, &d), 1);
		assert_int_equal(p.status.exit, rows[i].exit);
		assert_int_equal(p.status.signal, rows[i].signal);
		assert_int_equal(proc_verdict(&p, &err), -1);
		assert_int_equal(err.status, ST_FAIL);
		assert_string_equal(err.text, rows[i].text);
		err_clear(&err);
		proc_release(&p);
	}
}

static void test_proc_not_run(void **state)
{
	char *missing[] = {"no-such-command-here", NULL};
	char *denied[] = {(char *)(uintptr_t)dir_write(state, "x", "x", 1, 0600), NULL};
	char *dir[] = {*state, NULL};
	struct {
		char **argv;
		int exit;
		const char *text;
	} rows[] = {
	    {missing, 127, "command no-such-command-here: No such file or directory"},
	    {denied, 126, "Permission denied"},
	    {dir, 126, "Permission denied"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct proc_spec spec = {.argv = rows[i].argv, .in = PROC_PIPE};
		struct proc p;
		struct err err = ERR_INIT;
		assert_int_equal(proc_start(&p, &spec, &err), -1);
		assert_int_equal(p.status.exit, rows[i].exit);
		assert_int_equal(err.status, ST_FAIL);
		assert_non_null(strstr(err.text, rows[i].text));
		assert_int_equal(p.in, -1);
		err_clear(&err);
	}
}

static void test_proc_environment(void **state)
{
	static const char *const more[] = {"BATCH_ID=new", "EMPTY=", NULL};
	static const char *const hide[] = {"BATCH_SASL_PASSWORD", NULL};
	struct proc_spec spec = {.env = more, .hide = hide,
	    .shell = "echo $BATCH_ID ${BATCH_SASL_PASSWORD-none} ${EMPTY-none} $KEPT"};
	struct proc p;
	struct buf text = BUF_INIT;
	(void)state;
	setenv("BATCH_ID", "old", 1);
	setenv("BATCH_SASL_PASSWORD", "secret", 1);
	setenv("KEPT", "kept", 1);
	assert_string_equal(said(&p, &spec, &text), "new none kept\n");
	proc_release(&p);
	buf_release(&text);
}

/* Whatever the tool has done to signals and descriptors, a command begins clean. */
static void test_proc_clean_start(void **state)
{
	struct proc_spec spec = {.in = PROC_NULL,
	    /* 32 and 33 are glibc's own, and ignored in whatever its posix_spawn started */
	    .shell = "ls /proc/self/fd | wc -l; grep -E '^Sig(Blk|Ign)' /proc/self/status |"
		     " sed 's/0000000180000000/0000000000000000/'"};
	struct sigaction ignore = {.sa_handler = SIG_IGN}, before;
	struct proc p;
	struct buf text = BUF_INIT;
	sigset_t blocked, old;
	(void)state;
	int leak = dup(1);
	sigemptyset(&blocked);
	sigaddset(&blocked, SIGTERM);
	sigprocmask(SIG_BLOCK, &blocked, &old);
	sigaction(SIGPIPE, &ignore, &before);
	assert_string_equal(said(&p, &spec, &text), "4\nSigBlk:\t0000000000000000\n"
	    "SigIgn:\t0000000000000000\n");
	sigaction(SIGPIPE, &before, NULL);
	sigprocmask(SIG_SETMASK, &old, NULL);
	close(leak);
	proc_release(&p);
	buf_release(&text);
}

enum { DEAF = 3 };

/* A tool with commands that hear no signal, and whose own children hold the descriptor, too. One
 * before them has ended. */
static void run_deaf_commands(int out)
{
	struct proc_spec spec = {.shell = "trap '' TERM INT; sleep 1000 & echo ready; wait"};
	struct proc_spec brief = {.shell = "exit 0"};
	struct proc first, p[DEAF];
	struct err err = ERR_INIT;
	struct deadline d = soon();
	dup2(out, 1);
	close(out);
	sig_default_all(); /* where the tests run in the background SIGINT is ignored */
	sig_setup();
	if (proc_start(&first, &brief, &err))
		_exit(1);
	for (int i = 0; i < DEAF; i++)
		if (proc_start(&p[i], &spec, &err) || (i == 1 && !proc_wait(&first, &d)))
			_exit(1);
	close(1);
	for (;;)
		pause();
}

/* The second signal does not wait for them, and still leaves nobody behind. */
static void test_proc_second_signal(void **state)
{
	int fds[2], status;
	char ready[6];
	(void)state;
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	pid_t tool = fork();
	if (tool == 0)
		run_deaf_commands(fds[1]);
	close(fds[1]);
	for (int i = 0; i < DEAF; i++)
		assert_int_equal(read(fds[0], ready, 6), 6);
	assert_int_equal(kill(tool, SIGINT), 0);
	assert_int_equal(kill(tool, SIGTERM), 0);
	assert_int_equal(waitpid(tool, &status, 0), tool);
	assert_true(WIFSIGNALED(status));
	struct pollfd end = {.fd = fds[0], .events = POLLIN};
	assert_int_equal(poll(&end, 1, 10000), 1);
	assert_int_equal(read(fds[0], ready, 1), 0);
	close(fds[0]);
}

/* The time is up, TERM is not heard, and what the command started goes with it. */
static void test_proc_end(void **state)
{
	struct proc_spec spec = {.out = PROC_PIPE,
	    .shell = "trap '' TERM; sleep 1000 & echo ready; wait; sleep 1000"};
	struct proc p;
	struct err err = ERR_INIT;
	struct deadline d = deadline_start(20);
	struct buf text = BUF_INIT;
	char ready[6];
	(void)state;
	assert_int_equal(proc_start(&p, &spec, &err), 0);
	assert_int_equal(read(p.out, ready, 6), 6);
	pid_t group = p.pid;
	assert_int_equal(proc_wait(&p, &d), 0);
	proc_end(&p, 50);
	assert_int_equal(p.status.signal, SIGKILL);
	/* The pipe's end says that nobody of the group has it any more. */
	assert_int_equal(file_read_fd(p.out, "pipe", 100, &text, &err), 0);
	assert_int_equal(p.pid, 0);
	assert_true(group > 0);
	buf_release(&text);
	proc_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_proc_pipes),
	    cmocka_unit_test(test_proc_ends),
	    cmocka_unit_test_setup_teardown(test_proc_not_run, dir_setup, dir_teardown),
	    cmocka_unit_test(test_proc_environment),
	    cmocka_unit_test(test_proc_clean_start),
	    cmocka_unit_test(test_proc_end),
	    cmocka_unit_test(test_proc_second_signal),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
