#include "tool/child.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/clock.h"
#include "tool/holder.h"
#include "tool/machine.h"
#include "tool/sig.h"

#define PIECE   ((size_t)64 << 10) /* a pipe holds no more, usually */
#define POLL_MS 10                 /* without pidfd */
#define OOM_EXIT (128 + SIGKILL)   /* how a shell says it of its command */

enum { WATCH_IN, WATCH_OUT, WATCH_ERRS, WATCH_REPORT, WATCH_END };

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

/* --- input */

/* All that the pipe takes now; at the end of the input the end of the pipe. */
static void write_input(struct child *c)
{
	ssize_t n;
	while (c->todo.len && (n = write(c->in, c->todo.ptr, c->todo.len)) > 0) {
		c->todo.ptr += n;
		c->todo.len -= (size_t)n;
	}
	if (!c->todo.len)
		close_end(&c->in);
}

static size_t input_left(const struct child *c)
{
	int in_pipe = 0;
	ioctl(c->in_read, FIONREAD, &in_pipe);
	return c->todo.len + (size_t)in_pipe;
}

/* --- start */

/* Only our end never blocks. */
static int open_pipe(int *read_end, int *write_end, int *ours)
{
	int pair[2];
	if (pipe2(pair, O_CLOEXEC))
		return -1;
	*read_end = pair[0];
	*write_end = pair[1];
	return fcntl(*ours, F_SETFL, O_NONBLOCK);
}

static int open_pipes(struct child *c, int *childs, bool drop_out)
{
	if (open_pipe(&c->in_read, &c->in, &c->in))
		return -1;
	childs[0] = c->in_read; /* stays open here: it tells how much was not read */
	if (drop_out)
		childs[1] = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (drop_out ? childs[1] < 0 : open_pipe(&c->outs, &childs[1], &c->outs))
		return -1;
	return open_pipe(&c->errs, &childs[2], &c->errs) ||
	    open_pipe(&c->reports, &childs[3], &c->reports);
}

static const char **add_report_fd(const char *const *env)
{
	size_t count = 0;
	while (env && env[count])
		count++;
	const char **all = mem_zalloc(count + 2, sizeof(*all));
	for (size_t i = 0; i < count; i++)
		all[i] = env[i];
	all[count] = "BATCH_REPORT_FD=3";
	return all;
}

static int64_t after(int64_t now_ms, int64_t ms)
{
	int64_t at_ms;
	return ms <= 0 || __builtin_add_overflow(now_ms, ms, &at_ms) ? INT64_MAX : at_ms;
}

static void set_up(struct child *c, const struct child_spec *spec)
{
	*c = (struct child){.in = -1, .in_read = -1, .outs = -1, .errs = -1, .reports = -1,
	    .pidfd = -1, .todo = spec->in, .may_leave_input = spec->may_leave_input,
	    .grace_ms = spec->grace_ms, .kill_ms = INT64_MAX, .left_ms = INT64_MAX,
	    .talk = {.prefix = spec->prefix}};
	c->root = spec->root;
	c->oom_kills = spec->root ? machine_oom_kills(spec->root) : 0;
	c->began_ms = clock_mono_ms();
	c->end.start_ms = clock_wall_ms();
	c->timeout_ms = after(c->began_ms, spec->timeout_ms);
}

/* Nothing is to be given back of one that did not start, but its status stays. */
static int give_up(struct child *c)
{
	struct process_status status = c->end.status;
	child_release(c);
	c->end.status = status;
	return -1;
}

int child_start(struct child *c, const struct child_spec *spec, struct err *err)
{
	struct process_spec command = {.argv = spec->argv, .hide = spec->hide, .fds = PROCESS_NO_FDS};
	set_up(c, spec);
	c->name = mem_strdup(process_name(&command));
	const char **env = add_report_fd(spec->env);
	command.env = env;
	pid_t pid = -1;
	if (open_pipes(c, command.fds, spec->drop_out))
		err_errno(err, ST_FAIL, errno, "command %s", c->name);
	else
		pid = process_start(&command, &c->end.status, err);
	free(env);
	for (int i = 1; i < PROCESS_FDS; i++)
		close_end(&command.fds[i]);
	if (pid < 0)
		return give_up(c);
	c->pid = pid;
	c->pidfd = pidfd_open(pid, 0);
	write_input(c);
	return 0;
}

/* --- what it says */

static void add_report(struct child *c, struct str s)
{
	size_t room = CHILD_REPORT - c->report.len;
	c->report_cut = c->report_cut || s.len > room;
	buf_add(&c->report, s.ptr, s.len < room ? s.len : room);
}

static void keep_out(struct child *c, struct str s)
{
	if (!c->lost.text && capture_add(&c->out, s, &c->lost))
		child_kill(c);
}

static void keep(struct child *c, const int *fd, struct str s)
{
	if (fd == &c->outs)
		keep_out(c, s);
	else if (fd == &c->errs)
		talk_add(&c->talk, s);
	else
		add_report(c, s);
}

/* What is there now, as much as a pipe holds. */
static void read_some(struct child *c, int *fd)
{
	char piece[PIECE];
	if (*fd < 0)
		return;
	ssize_t n = read(*fd, piece, sizeof(piece));
	if (n > 0)
		keep(c, fd, (struct str){piece, (size_t)n});
	else if (n == 0 || (errno != EAGAIN && errno != EINTR))
		close_end(fd);
}

/* --- its end */

static void stop(struct child *c, enum child_how why, int signal)
{
	if (!c->pid || c->exited)
		return;
	if (!c->stopped)
		c->why_stopped = why;
	c->stopped = true;
	kill(-c->pid, signal);
	kill(-c->pid, SIGCONT);
	c->timeout_ms = INT64_MAX;
	if (signal == SIGKILL)
		c->kill_ms = INT64_MAX;
	else if (c->kill_ms == INT64_MAX)
		c->kill_ms = clock_mono_ms() + c->grace_ms;
}

void child_stop(struct child *c)
{
	stop(c, CHILD_STOPPED, SIGTERM);
}

void child_kill(struct child *c)
{
	stop(c, CHILD_STOPPED, SIGKILL);
}

/* It is not waited for yet: as long as it is not, nobody else gets its number or its group's. */
static void look_for_exit(struct child *c)
{
	siginfo_t info = {0};
	if (waitid(P_PID, (id_t)c->pid, &info, WEXITED | WNOHANG | WNOWAIT) || !info.si_pid)
		return;
	int64_t now_ms = clock_mono_ms();
	c->exited = true;
	c->end.took_ms = now_ms - c->began_ms;
	c->timeout_ms = c->kill_ms = INT64_MAX;
	c->left_ms = now_ms + HOLDER_PATIENCE_MS;
	close_end(&c->in);
}

static enum child_how how_failed(const struct child *c)
{
	const struct process_status *s = &c->end.status;
	if (s->signal == SIGKILL || s->exit == OOM_EXIT)
		return CHILD_MEMORY;
	if (c->root && machine_oom_kills(c->root) > c->oom_kills)
		return CHILD_MEMORY;
	return s->signal ? CHILD_SIGNAL : CHILD_EXIT;
}

static enum child_how how_ended(const struct child *c)
{
	const struct process_status *s = &c->end.status;
	if (c->lost.text)
		return CHILD_LOST;
	if (c->stopped)
		return c->why_stopped;
	if (s->signal || s->exit)
		return how_failed(c);
	if (c->end.unread && !c->may_leave_input)
		return CHILD_UNREAD;
	return c->outs >= 0 ? CHILD_CUT : CHILD_DONE;
}

static int64_t to_ms(struct timeval t)
{
	return (int64_t)t.tv_sec * 1000 + t.tv_usec / 1000;
}

static void reap(struct child *c)
{
	int raw = 0;
	struct rusage used = {0};
	kill(-c->pid, SIGKILL);
	while (wait4(c->pid, &raw, 0, &used) < 0 && errno == EINTR)
		;
	sig_remove_group(c->pid);
	c->pid = 0;
	c->end.status = process_status(raw);
	c->end.user_ms = to_ms(used.ru_utime);
	c->end.system_ms = to_ms(used.ru_stime);
	c->end.rss_bytes = (int64_t)used.ru_maxrss * 1024;
}

static void close_all(struct child *c)
{
	close_end(&c->in);
	close_end(&c->in_read);
	close_end(&c->outs);
	close_end(&c->errs);
	close_end(&c->reports);
	close_end(&c->pidfd);
}

static void finish(struct child *c)
{
	reap(c);
	read_some(c, &c->errs);
	read_some(c, &c->reports);
	talk_end(&c->talk);
	c->end.unread = input_left(c);
	c->end.how = how_ended(c);
	close_all(c);
}

/* --- in the loop */

void child_watch(struct child *c, struct loop *l)
{
	c->watched = loop_add(l, c->in, POLLOUT);
	loop_add(l, c->outs, POLLIN);
	loop_add(l, c->errs, POLLIN);
	loop_add(l, c->reports, POLLIN);
	loop_add(l, c->exited ? -1 : c->pidfd, POLLIN);
	loop_until(l, c->timeout_ms);
	loop_until(l, c->kill_ms);
	loop_until(l, c->left_ms);
	if (c->pidfd < 0)
		loop_until(l, clock_mono_ms() + POLL_MS);
}

static void look_at_clock(struct child *c)
{
	int64_t now_ms = clock_mono_ms();
	if (now_ms >= c->timeout_ms)
		stop(c, CHILD_TIMEOUT, SIGTERM);
	if (now_ms >= c->kill_ms)
		stop(c, CHILD_STOPPED, SIGKILL);
}

int child_step(struct child *c, const struct loop *l)
{
	int *const streams[] = {&c->outs, &c->errs, &c->reports};
	if (loop_ready(l, c->watched + WATCH_IN))
		write_input(c);
	for (size_t i = 0; i < sizeof(streams) / sizeof(*streams); i++)
		if (loop_ready(l, c->watched + WATCH_OUT + i))
			read_some(c, streams[i]);
	if (!c->exited && (c->pidfd < 0 || loop_ready(l, c->watched + WATCH_END)))
		look_for_exit(c);
	look_at_clock(c);
	if (!c->exited || (c->outs >= 0 && clock_mono_ms() < c->left_ms))
		return 0;
	if (c->outs >= 0)
		holder_names(c->outs, &c->holders); /* before it is killed with the rest of the group */
	finish(c);
	return 1;
}

const char *child_how_name(enum child_how how)
{
	static const char *const names[] = {
	    [CHILD_DONE] = "done",       [CHILD_EXIT] = "exit",       [CHILD_SIGNAL] = "signal",
	    [CHILD_MEMORY] = "memory",   [CHILD_TIMEOUT] = "timeout", [CHILD_STOPPED] = "stopped",
	    [CHILD_UNREAD] = "unread",   [CHILD_CUT] = "cut",         [CHILD_LOST] = "lost",
	};
	return names[how];
}

int child_verdict(const struct child *c, struct err *err)
{
	switch (c->end.how) {
	case CHILD_TIMEOUT:
		return err_set(err, ST_FAIL, "command %s: not done in time", c->name);
	case CHILD_STOPPED:
		return err_set(err, ST_FAIL, "command %s: stopped", c->name);
	case CHILD_UNREAD:
		return err_set(err, ST_FAIL, "command %s: did not read %zu bytes of its input",
		    c->name, c->end.unread);
	case CHILD_CUT:
		return err_set(err, ST_FAIL, "command %s: after its end its output is still held open "
		    "by %s", c->name, buf_text(&c->holders));
	case CHILD_LOST:
		return err_set(err, ST_FAIL, "command %s: %s", c->name, c->lost.text);
	default:
		return process_verdict(c->name, &c->end.status, err);
	}
}

void child_release(struct child *c)
{
	if (c->pid)
		reap(c);
	if (c->name)
		close_all(c);
	capture_release(&c->out);
	buf_release(&c->report);
	talk_release(&c->talk);
	buf_release(&c->holders);
	err_clear(&c->lost);
	free(c->name);
	*c = (struct child)CHILD_INIT;
}
