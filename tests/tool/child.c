#include "tool/child.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "base/mem.h"
#include "dir.h"
#include "shell.h"
#include "tool/clock.h"
#include "tool/file.h"
#include "tool/msg.h"

#define PATIENCE_MS 30000

static struct loop loop;

static int open_loop(void **state)
{
	struct err err = ERR_INIT;
	(void)state;
	return loop_open(&loop, &err);
}

static int close_loop(void **state)
{
	(void)state;
	loop_close(&loop);
	return 0;
}

static void one_round(struct child *c, size_t count, size_t *running)
{
	loop_begin(&loop);
	for (size_t i = 0; i < count; i++)
		if (c[i].pid)
			child_watch(&c[i], &loop);
	loop_wait(&loop);
	for (size_t i = 0; i < count; i++)
		if (c[i].pid)
			*running -= (size_t)child_step(&c[i], &loop);
}

static void until_ended(struct child *c, size_t count)
{
	int64_t end_ms = clock_mono_ms() + PATIENCE_MS;
	size_t running = count;
	while (running) {
		one_round(c, count, &running);
		assert_true(clock_mono_ms() < end_ms);
	}
}

/* Until it said so much on its standard error. */
static void until_said(struct child *c, const char *text)
{
	int64_t end_ms = clock_mono_ms() + PATIENCE_MS;
	size_t running = 1;
	while (!str_is(talk_tail(&c->talk), text)) {
		one_round(c, 1, &running);
		assert_int_equal(running, 1);
		assert_true(clock_mono_ms() < end_ms);
	}
}

/* Nobody is there any more by this number; of a group: nobody in it. */
static void assert_gone(pid_t pid)
{
	int64_t end_ms = clock_mono_ms() + PATIENCE_MS;
	while (kill(pid, 0) == 0)
		assert_true(clock_mono_ms() < end_ms);
}

static void start(struct child *c, const struct child_spec *spec)
{
	struct err err = ERR_INIT;
	assert_int_equal(child_start(c, spec, &err), 0);
}

static void run(struct child *c, const struct child_spec *spec)
{
	start(c, spec);
	until_ended(c, 1);
	assert_int_equal(c->pid, 0);
}

static void assert_out(struct child *c, const char *text)
{
	struct str all;
	struct err err = ERR_INIT;
	assert_int_equal(capture_text(&c->out, &all, &err), 0);
	assert_int_equal(all.len, strlen(text));
	assert_memory_equal(all.ptr, text, all.len);
}

static void test_child_done(void **state)
{
	struct child_spec spec = {.argv = SHELL("tr a-z A-Z"), .in = STR("one\ntwo\n")};
	struct child c;
	struct err err = ERR_INIT;
	(void)state;
	run(&c, &spec);
	assert_int_equal(c.end.how, CHILD_DONE);
	assert_int_equal(child_verdict(&c, &err), 0);
	assert_out(&c, "ONE\nTWO\n");
	child_release(&c);
}

/* Much more than any pipe holds, both ways at once. */
static void test_child_much(void **state)
{
	enum { MUCH = 8 << 20 };
	struct str out;
	char *text = mem_alloc(MUCH);
	struct child_spec spec = {.argv = SHELL("cat"), .in = {text, MUCH}};
	struct child c;
	struct err err = ERR_INIT;
	(void)state;
	for (size_t i = 0; i < MUCH; i++)
		text[i] = (char)(i * 7 + i / 251);
	run(&c, &spec);
	assert_int_equal(c.end.how, CHILD_DONE);
	assert_int_equal(capture_text(&c.out, &out, &err), 0);
	assert_int_equal(out.len, MUCH);
	assert_memory_equal(out.ptr, text, MUCH);
	child_release(&c);
	free(text);
}

/* A slow one holds up none of the others. */
static void test_child_many(void **state)
{
	enum { COUNT = 60 };
	struct child *c = mem_zalloc(COUNT, sizeof(*c));
	struct child_spec spec = {.argv = SHELL("cat"), .in = STR("x\n")};
	struct child_spec slow = {.argv = SHELL("echo >&2; sleep 1000")};
	(void)state;
	start(&c[0], &slow);
	until_said(&c[0], "\n");
	for (size_t i = 1; i < COUNT; i++)
		start(&c[i], &spec);
	until_ended(c + 1, COUNT - 1);
	for (size_t i = 1; i < COUNT; i++) {
		assert_int_equal(c[i].end.how, CHILD_DONE);
		assert_out(&c[i], "x\n");
		child_release(&c[i]);
	}
	assert_true(c[0].pid > 0);
	pid_t group = c[0].pid;
	child_release(&c[0]);
	assert_gone(-group);
	free(c);
}

static void test_child_ends(void **state)
{
	static const struct {
		const char *shell;
		enum child_how how;
		int exit, signal;
		const char *text;
	} rows[] = {
	    {"exit 0", CHILD_DONE, 0, 0, NULL},
	    {"exit 65", CHILD_EXIT, 65, 0, "command sh: exit status 65"},
	    {"kill -SEGV $$", CHILD_SIGNAL, -1, SIGSEGV,
		"command sh: killed by signal 11 (Segmentation fault)"},
	    {"kill -KILL $$", CHILD_MEMORY, -1, SIGKILL,
		"command sh: killed by signal 9 (Killed)"},
	    {"exit 137", CHILD_MEMORY, 137, 0, "command sh: exit status 137"},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct child_spec spec = {.argv = SHELL(rows[i].shell)};
		struct child c;
		struct err err = ERR_INIT;
		run(&c, &spec);
		assert_int_equal(c.end.how, rows[i].how);
		assert_int_equal(c.end.status.exit, rows[i].exit);
		assert_int_equal(c.end.status.signal, rows[i].signal);
		assert_int_equal(child_verdict(&c, &err), rows[i].text ? -1 : 0);
		if (rows[i].text)
			assert_string_equal(err.text, rows[i].text);
		err_clear(&err);
		child_release(&c);
	}
}

/* It failed by itself, and meanwhile the kernel has killed somebody in our group. */
static void test_child_oom_kills(void **state)
{
	struct child_spec killed = {.root = *state, .argv = SHELL("exit 1")};
	struct child_spec killing = {.root = *state, .argv = SHELL("echo oom_kill 4 >$BATCH_EVENTS; exit 1")};
	struct child_spec fine = {.root = *state, .argv = SHELL("echo oom_kill 5 >$BATCH_EVENTS")};
	const struct {
		const struct child_spec *spec;
		enum child_how how;
	} rows[] = {{&killed, CHILD_EXIT}, {&killing, CHILD_MEMORY}, {&killed, CHILD_EXIT},
	    {&fine, CHILD_DONE}};
	setenv("BATCH_EVENTS", dir_path(state, "sys/fs/cgroup/memory.events"), 1);
	dir_make(state, "proc/self");
	dir_make(state, "sys/fs/cgroup");
	dir_puts(state, "proc/self/cgroup", "0::/\n");
	dir_puts(state, "sys/fs/cgroup/memory.events", "oom 3\noom_kill 3\n");
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct child c;
		run(&c, rows[i].spec);
		assert_int_equal(c.end.how, rows[i].how);
		child_release(&c);
	}
}

static void test_child_not_run(void **state)
{
	char *missing[] = {"no-such-command-here", NULL};
	char *denied[] = {(char *)(uintptr_t)dir_write(state, "x", "x", 1, 0600), NULL};
	struct {
		char **argv;
		int exit;
		const char *text;
	} rows[] = {
	    {missing, 127, "command no-such-command-here: No such file or directory"},
	    {denied, 126, "Permission denied"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct child_spec spec = {.argv = rows[i].argv};
		struct child c;
		struct err err = ERR_INIT;
		int before = dup(0), after;
		assert_int_equal(child_start(&c, &spec, &err), -1);
		assert_int_equal(c.end.status.exit, rows[i].exit);
		assert_non_null(strstr(err.text, rows[i].text));
		close(before);
		after = dup(0); /* the lowest free number: nothing stayed open */
		assert_int_equal(before, after);
		close(after);
		err_clear(&err);
	}
}

/* As little as one byte, which the pipe took, is seen. */
static void test_child_unread(void **state)
{
	char *text = mem_zalloc(1, 300000);
	static const struct {
		const char *shell;
		size_t input, unread;
	} rows[] = {
	    {"exit 0", 2, 2},
	    {"dd bs=1 count=1 status=none >/dev/null", 2, 1},
	    {"dd bs=1 count=1 status=none >/dev/null; exec <&-", 300000, 299999},
	    {"cat >/dev/null", 300000, 0},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct child_spec spec = {.argv = SHELL(rows[i].shell), .in = {text, rows[i].input}};
		struct child c;
		for (int may = 0; may < 2; may++) {
			spec.may_leave_input = may;
			run(&c, &spec);
			assert_int_equal(c.end.unread, rows[i].unread);
			assert_int_equal(c.end.how, may || !c.end.unread ? CHILD_DONE : CHILD_UNREAD);
			child_release(&c);
		}
	}
	free(text);
}

/* Output and descriptors as the command finds them; the report's may be any number here. */
static void test_child_clean_start(void **state)
{
	static const char *const env[] = {"BATCH_ID=7", NULL};
	static const char *const hide[] = {"BATCH_SASL_PASSWORD", NULL};
	struct child_spec spec = {.env = env, .hide = hide,
	    .argv = SHELL("ls -m /proc/$$/fd; echo $BATCH_ID ${BATCH_SASL_PASSWORD-none};"
		     "echo line >&$BATCH_REPORT_FD; grep SigIgn /proc/self/status |"
		     " sed 's/180000000/000000000/'")};
	struct child c;
	(void)state;
	setenv("BATCH_SASL_PASSWORD", "secret", 1);
	for (int taken = 0; taken < 12; taken++) {
		int fds[12];
		for (int i = 0; i < taken; i++)
			fds[i] = dup(0);
		run(&c, &spec);
		assert_int_equal(c.end.how, CHILD_DONE);
		assert_out(&c, "0, 1, 2, 3\n7 none\nSigIgn:\t0000000000000000\n");
		assert_string_equal(buf_text(&c.report), "line\n");
		child_release(&c);
		for (int i = 0; i < taken; i++)
			close(fds[i]);
	}
	unsetenv("BATCH_SASL_PASSWORD");
}

static void test_child_report_bounded(void **state)
{
	struct child_spec spec = {.argv = SHELL("head -c $((1 << 20)) /dev/zero >&3")};
	struct child_spec more = {.argv = SHELL("head -c $((1 << 20 | 1)) /dev/zero >&3")};
	struct child c;
	(void)state;
	run(&c, &spec);
	assert_int_equal(c.report.len, CHILD_REPORT);
	assert_false(c.report_cut);
	child_release(&c);
	run(&c, &more);
	assert_int_equal(c.report.len, CHILD_REPORT);
	assert_true(c.report_cut);
	child_release(&c);
}

static void test_child_drop_out(void **state)
{
	struct child_spec spec = {.argv = SHELL("echo x; to=$(readlink /proc/$$/fd/1); echo $to >&2"), .drop_out = true};
	struct child c;
	(void)state;
	run(&c, &spec);
	assert_int_equal(c.end.how, CHILD_DONE);
	assert_int_equal(c.out.len, 0);
	assert_true(str_is(talk_tail(&c.talk), "/dev/null\n"));
	child_release(&c);
}

/* TERM is heard by one and not by the other, and by neither's child. */
static void test_child_timeout(void **state)
{
	static const struct {
		const char *shell;
		int grace_ms, exit, signal;
	} rows[] = {
	    {"trap 'exit 0' TERM; sleep 1000 & wait", 20000, 0, 0},
	    {"trap '' TERM; sleep 1000 & wait", 100, -1, SIGKILL},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct child_spec spec = {.argv = SHELL(rows[i].shell), .timeout_ms = 1000,
		    .grace_ms = rows[i].grace_ms};
		struct child c;
		struct err err = ERR_INIT;
		run(&c, &spec);
		assert_int_equal(c.end.how, CHILD_TIMEOUT);
		assert_int_equal(c.end.status.exit, rows[i].exit);
		assert_int_equal(c.end.status.signal, rows[i].signal);
		assert_in_range(c.end.took_ms, i ? 1100 : 1000, 20000);
		assert_int_equal(child_verdict(&c, &err), -1);
		assert_non_null(strstr(err.text, ": not done in time"));
		err_clear(&err);
		child_release(&c);
	}
}

static void test_child_stop(void **state)
{
	struct child_spec spec = {.argv = SHELL("trap 'exit 3' TERM; echo >&2; sleep 1000 & wait"),
	    .grace_ms = PATIENCE_MS};
	struct child c;
	(void)state;
	start(&c, &spec);
	until_said(&c, "\n");
	child_stop(&c);
	until_ended(&c, 1);
	assert_int_equal(c.end.how, CHILD_STOPPED);
	assert_int_equal(c.end.status.exit, 3);
	child_release(&c);
	start(&c, &spec);
	until_said(&c, "\n");
	child_kill(&c);
	until_ended(&c, 1);
	assert_int_equal(c.end.how, CHILD_STOPPED);
	assert_int_equal(c.end.status.signal, SIGKILL);
	child_release(&c);
}

/* One that stands still hears it, too. */
static void test_child_stop_suspended(void **state)
{
	struct child_spec spec = {.argv = SHELL("kill -STOP $$"), .grace_ms = PATIENCE_MS};
	struct child c;
	siginfo_t info;
	(void)state;
	start(&c, &spec);
	assert_int_equal(waitid(P_PID, (id_t)c.pid, &info, WSTOPPED), 0);
	child_stop(&c);
	until_ended(&c, 1);
	assert_int_equal(c.end.how, CHILD_STOPPED);
	assert_int_equal(c.end.status.signal, SIGTERM);
	child_release(&c);
}

/* What is late still counts, if it comes soon; what never ends is ended. */
static void test_child_left_behind(void **state)
{
	struct child_spec late = {.argv = SHELL("{ sleep 0.2; echo late; } & echo early")};
	struct child_spec never = {.argv = SHELL("sleep 1000 & echo early")};
	struct err err = ERR_INIT;
	struct child_spec silent = {.argv = SHELL("sleep 1000 >/dev/null 2>&1 & echo early; echo $! >&3")};
	struct child c;
	(void)state;
	run(&c, &late);
	assert_int_equal(c.end.how, CHILD_DONE);
	assert_out(&c, "early\nlate\n");
	child_release(&c);
	run(&c, &never);
	assert_int_equal(c.end.how, CHILD_CUT);
	assert_out(&c, "early\n");
	assert_int_equal(child_verdict(&c, &err), -1);
	assert_non_null(strstr(err.text, "held open by sleep (process "));
	err_clear(&err);
	child_release(&c);
	run(&c, &silent);
	assert_int_equal(c.end.how, CHILD_DONE);
	assert_gone(atoi(buf_text(&c.report)));
	child_release(&c);
}

/* A kernel without pidfd; and what was said between the wait and the look at its end counts. */
static void test_child_no_pidfd(void **state)
{
	struct child_spec spec = {.argv = SHELL("echo 3 retry >&3; echo why >&2"), .drop_out = true};
	struct child c;
	siginfo_t info;
	(void)state;
	start(&c, &spec);
	close(c.pidfd);
	c.pidfd = -1;
	assert_int_equal(waitid(P_PID, (id_t)c.pid, &info, WEXITED | WNOWAIT), 0);
	loop_begin(&loop);
	assert_int_equal(child_step(&c, &loop), 1);
	assert_int_equal(c.end.how, CHILD_DONE);
	assert_string_equal(buf_text(&c.report), "3 retry\n");
	assert_true(str_is(talk_tail(&c.talk), "why\n"));
	child_release(&c);
	start(&c, &spec);
	close(c.pidfd);
	c.pidfd = -1;
	until_ended(&c, 1);
	assert_int_equal(c.end.how, CHILD_DONE);
	child_release(&c);
}

/* No room for what it says: it is ended, and nothing of it counts. A little needs no room. */
static void test_child_lost(void **state)
{
	struct child_spec spec = {.argv = SHELL("cat /dev/zero")};
	struct child_spec little = {.argv = SHELL("head -c $((1 << 20)) /dev/zero")};
	struct child c;
	struct err err = ERR_INIT;
	const char *before = getenv("TMPDIR");
	(void)state;
	setenv("TMPDIR", "/no/such/dir", 1);
	run(&c, &little);
	assert_int_equal(c.end.how, CHILD_DONE);
	assert_int_equal(c.out.len, CAPTURE_MEMORY);
	child_release(&c);
	run(&c, &spec);
	assert_int_equal(c.end.how, CHILD_LOST);
	assert_int_equal(child_verdict(&c, &err), -1);
	assert_string_equal(err.text, "command sh: temporary file in /no/such/dir: "
	    "No such file or directory");
	err_clear(&err);
	child_release(&c);
	if (before)
		setenv("TMPDIR", before, 1);
	else
		unsetenv("TMPDIR");
}

static void test_child_usage(void **state)
{
	struct child_spec spec = {.argv = SHELL("i=0; while [ $i -lt 100000 ]; do i=$((i + 1)); done")};
	int64_t before_ms = clock_wall_ms();
	struct child c;
	(void)state;
	run(&c, &spec);
	assert_in_range(c.end.start_ms, before_ms, clock_wall_ms());
	assert_true(c.end.took_ms > 0);
	assert_true(c.end.user_ms > 0);
	assert_in_range(c.end.rss_bytes, 100 << 10, 1 << 30);
	child_release(&c);
}

/* What the child says on standard error, as it stands on ours. */
static const char *passed_on(void **state, const struct child_spec *spec, struct buf *text)
{
	const char *path = dir_puts(state, "stderr", "");
	struct err err = ERR_INIT;
	struct child c;
	int ours = dup(2), file = open(path, O_WRONLY | O_CLOEXEC);
	dup2(file, 2);
	run(&c, spec);
	dup2(ours, 2);
	close(ours);
	close(file);
	child_release(&c);
	buf_clear(text);
	assert_int_equal(file_read(path, 1 << 20, text, &err), 0);
	return buf_text(text);
}

static void test_child_talk(void **state)
{
	struct child_spec spec = {.prefix = "chunk 7",
	    .argv = SHELL("printf 'one\\n\\033[2Jtwo\\n' >&2; printf 'thr' >&2; sleep 0.05; printf 'ee' >&2")};
	struct child_spec longer = {.prefix = "c", .argv = SHELL("head -c 5000 /dev/zero | tr '\\0' x >&2;"
		     "echo >&2; echo next >&2")};
	struct buf text = BUF_INIT;
	struct child c;
	msg_init("tool");
	assert_string_equal(passed_on(state, &spec, &text), "tool: chunk 7: one\n"
	    "tool: chunk 7: \\x1b[2Jtwo\ntool: chunk 7: three\n");
	passed_on(state, &longer, &text);
	assert_int_equal(text.len, strlen("tool: c: " " (and 904 bytes)\n" "tool: c: next\n") + 4096);
	assert_non_null(strstr(text.data, "xxx (and 904 bytes)\ntool: c: next\n"));
	longer.prefix = NULL;
	assert_string_equal(passed_on(state, &longer, &text), "");
	run(&c, &longer);
	assert_int_equal(talk_tail(&c.talk).len, TALK_TAIL);
	assert_true(str_has_prefix(talk_tail(&c.talk), "xxxx"));
	assert_true(str_has_suffix(talk_tail(&c.talk), "xxxx\nnext\n"));
	child_release(&c);
	buf_release(&text);
}

/* However long it talks, what is kept of it is short. */
static void test_child_talk_bounded(void **state)
{
	struct talk t = {0};
	char text[100];
	(void)state;
	memset(text, 'a', sizeof(text));
	for (int i = 0; i < 1000; i++) {
		talk_add(&t, (struct str){text, sizeof(text)});
		assert_true(t.tail.len <= 2 * TALK_TAIL);
	}
	talk_add(&t, STR("end"));
	assert_int_equal(talk_tail(&t).len, TALK_TAIL);
	assert_true(str_has_suffix(talk_tail(&t), "aaaend"));
	talk_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_child_done),
	    cmocka_unit_test(test_child_much),
	    cmocka_unit_test(test_child_many),
	    cmocka_unit_test(test_child_ends),
	    cmocka_unit_test_setup_teardown(test_child_oom_kills, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_child_not_run, dir_setup, dir_teardown),
	    cmocka_unit_test(test_child_unread),
	    cmocka_unit_test(test_child_clean_start),
	    cmocka_unit_test(test_child_report_bounded),
	    cmocka_unit_test(test_child_drop_out),
	    cmocka_unit_test(test_child_timeout),
	    cmocka_unit_test(test_child_stop),
	    cmocka_unit_test(test_child_stop_suspended),
	    cmocka_unit_test(test_child_left_behind),
	    cmocka_unit_test(test_child_no_pidfd),
	    cmocka_unit_test(test_child_lost),
	    cmocka_unit_test(test_child_usage),
	    cmocka_unit_test_setup_teardown(test_child_talk, dir_setup, dir_teardown),
	    cmocka_unit_test(test_child_talk_bounded),
	};
	return cmocka_run_group_tests(tests, open_loop, close_loop);
}
