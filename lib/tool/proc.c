#include "tool/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/clock.h"
#include "tool/sig.h"

#define WAIT_SLICE_MS 100 /* how late a signal that fell before the wait is seen at most */
#define POLL_MS       10  /* without pidfd */

enum { OURS, CHILDS };

/* What the child needs, made before the fork: after it, with threads about, nothing may allocate.
 */
struct launch {
	char *const *argv;
	char **env;
	int stream[3];  /* becomes 0, 1, 2; -1: inherited */
	int report[2];  /* errno of a failed exec; closed by a good one */
	pid_t parent;
};

static void close_pair(int pair[2])
{
	for (int i = 0; i < 2; i++)
		if (pair[i] >= 0)
			close(pair[i]);
}

/* A name without '=', or NAME=VALUE: is it the same variable? */
static bool same_variable(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");
	return len == strcspn(b, "=") && memcmp(a, b, len) == 0;
}

static bool is_among(const char *variable, const char *const *list)
{
	for (; list && *list; list++)
		if (same_variable(variable, *list))
			return true;
	return false;
}

static char **make_env(const struct proc_spec *spec)
{
	char **env = NULL;
	size_t count = 0, cap = 0;
	for (char **e = environ; e && *e; e++) {
		if (is_among(*e, spec->hide) || is_among(*e, spec->env))
			continue;
		env = mem_grow(env, &cap, count + 1, sizeof(*env));
		env[count++] = *e;
	}
	for (const char *const *e = spec->env; e && *e; e++) {
		env = mem_grow(env, &cap, count + 1, sizeof(*env));
		env[count++] = (char *)(uintptr_t)*e;
	}
	env = mem_grow(env, &cap, count + 1, sizeof(*env));
	env[count] = NULL;
	return env;
}

static void close_others(void)
{
	if (close_range(3, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	long end = sysconf(_SC_OPEN_MAX);
	for (int fd = 3; fd < (end > 0 && end < 65536 ? end : 65536); fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* All streams were opened above 2, so none is overwritten before its turn. */
static int set_streams(const struct launch *l)
{
	for (int i = 0; i < 3; i++)
		if (l->stream[i] >= 0 && dup2(l->stream[i], i) < 0)
			return -1;
	return 0;
}

__attribute__((noreturn)) static void run_child(const struct launch *l)
{
	int errnum = 0;
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != l->parent)
		_exit(127);
	if (set_streams(l) == 0) {
		close_others();
		sig_default_all();
		execvpe(l->argv[0], l->argv, l->env);
	}
	errnum = errno;
	ssize_t written = write(l->report[CHILDS], &errnum, sizeof(errnum));
	_exit(written == (ssize_t)sizeof(errnum) ? 127 : 126);
}

/* No handler of ours may run in the child, so signals wait until it has reset them. */
static pid_t fork_blocked(const struct launch *l)
{
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = fork();
	if (pid == 0)
		run_child(l);
	int errnum = errno;
	if (pid > 0) {
		setpgid(pid, pid); /* the child does it too: whoever is first */
		sig_command(pid);
	}
	sigprocmask(SIG_SETMASK, &before, NULL);
	errno = errnum;
	return pid;
}

/* 0: the command runs. Otherwise the errno of exec. */
static int read_report(int fd)
{
	int errnum = 0;
	ssize_t n;
	do
		n = read(fd, &errnum, sizeof(errnum));
	while (n < 0 && errno == EINTR);
	return n == (ssize_t)sizeof(errnum) ? errnum : 0;
}

static int open_stream(enum proc_stream kind, int number, int *ours, int *childs)
{
	int pair[2];
	if (kind == PROC_INHERIT)
		return 0;
	if (kind == PROC_NULL) {
		*childs = open("/dev/null", O_RDWR | O_CLOEXEC);
		return *childs < 0 ? -1 : 0;
	}
	if (pipe2(pair, O_CLOEXEC))
		return -1;
	*ours = pair[number == 0];
	*childs = pair[number != 0];
	return 0;
}

static int open_streams(struct proc *p, struct launch *l, const struct proc_spec *spec)
{
	if (open_stream(spec->in, 0, &p->in, &l->stream[0]) ||
	    open_stream(spec->out, 1, &p->out, &l->stream[1]) ||
	    open_stream(spec->errs, 2, &p->errs, &l->stream[2]))
		return -1;
	return pipe2(l->report, O_CLOEXEC);
}

static void reap(struct proc *p)
{
	int raw;
	while (waitpid(p->pid, &raw, 0) < 0 && errno == EINTR)
		;
}

static int launch(struct proc *p, struct launch *l, struct err *err)
{
	pid_t pid = fork_blocked(l);
	if (pid < 0)
		return err_errno(err, ST_FAIL, errno, "command %s", p->name);
	p->pid = pid;
	close(l->report[CHILDS]);
	l->report[CHILDS] = -1;
	int errnum = read_report(l->report[OURS]);
	if (errnum == 0) {
		p->pidfd = pidfd_open(pid, 0);
		return 0;
	}
	reap(p);
	sig_command(0);
	p->pid = 0;
	p->status.exit = errnum == ENOENT ? 127 : 126;
	return err_errno(err, ST_FAIL, errnum, "command %s", p->name);
}

int proc_start(struct proc *p, const struct proc_spec *spec, struct err *err)
{
	char *by_shell[] = {"/bin/sh", "-c", (char *)(uintptr_t)spec->shell, NULL};
	struct launch l = {
	    .argv = spec->shell ? by_shell : spec->argv,
	    .env = make_env(spec),
	    .stream = {-1, -1, -1},
	    .report = {-1, -1},
	    .parent = getpid(),
	};
	*p = (struct proc)PROC_INIT;
	p->name = mem_strdup(spec->shell ? spec->shell : spec->argv[0]);
	int r = open_streams(p, &l, spec);
	if (r)
		err_errno(err, ST_FAIL, errno, "command %s", p->name);
	else
		r = launch(p, &l, err);
	free(l.env);
	close_pair(l.report);
	for (int i = 0; i < 3; i++)
		if (l.stream[i] >= 0)
			close(l.stream[i]);
	if (r) {
		struct proc_status status = p->status;
		proc_release(p);
		p->status = status;
	}
	return r;
}

static void take_status(struct proc *p, int raw)
{
	p->status.signal = WIFSIGNALED(raw) ? WTERMSIG(raw) : 0;
	p->status.exit = WIFSIGNALED(raw) ? -1 : WEXITSTATUS(raw);
	p->pid = 0;
	sig_command(0);
}

static bool has_ended(struct proc *p)
{
	int raw;
	if (waitpid(p->pid, &raw, WNOHANG) != p->pid)
		return false;
	take_status(p, raw);
	return true;
}

int proc_wait(struct proc *p, const struct deadline *d)
{
	while (p->pid) {
		if (has_ended(p))
			break;
		int slice_ms = deadline_slice_ms(d, p->pidfd < 0 ? POLL_MS : WAIT_SLICE_MS);
		if (slice_ms == 0)
			return 0;
		struct pollfd end = {.fd = p->pidfd, .events = POLLIN};
		poll(&end, 1, slice_ms);
	}
	return 1;
}

void proc_kill(const struct proc *p, int signal)
{
	if (p->pid)
		kill(-p->pid, signal);
}

/* The group outlives its leader when a shell is gone before what it started. */
static void wait_for_group(pid_t group, const struct deadline *d)
{
	while (kill(-group, 0) == 0 && deadline_left_ms(d) > 0)
		poll(NULL, 0, POLL_MS);
}

void proc_end(struct proc *p, int grace_ms)
{
	pid_t group = p->pid;
	struct deadline grace = deadline_start(grace_ms), forever = deadline_start(-1);
	grace.interrupted = forever.interrupted = NULL;
	if (!group)
		return;
	proc_kill(p, SIGTERM);
	proc_kill(p, SIGCONT);
	if (proc_wait(p, &grace)) {
		sig_command(group);
		wait_for_group(group, &grace);
	}
	kill(-group, SIGKILL);
	proc_wait(p, &forever);
	sig_command(0);
}

int proc_verdict(const struct proc *p, struct err *err)
{
	const struct proc_status *s = &p->status;
	if (s->signal)
		return err_set(err, ST_FAIL, "command %s: killed by signal %d (%s)", p->name,
		    s->signal, strsignal(s->signal));
	if (s->exit)
		return err_set(err, ST_FAIL, "command %s: exit status %d", p->name, s->exit);
	return 0;
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void proc_close_in(struct proc *p)
{
	close_end(&p->in);
}

void proc_release(struct proc *p)
{
	close_end(&p->in);
	close_end(&p->out);
	close_end(&p->errs);
	proc_end(p, 0);
	close_end(&p->pidfd);
	free(p->name);
	*p = (struct proc)PROC_INIT;
}
