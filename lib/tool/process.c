#include "tool/process.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/sig.h"

enum { OURS, CHILDS };

/* What the child needs, made before it is there: after that, with threads about, nothing may
 * allocate. */
struct launch {
	char *const *argv;
	char **env;
	const int *fds;
	/* errno of a failed exec; closed by a good one. The child's end was opened after the other, so
	 * it is above 3, and none of fds is put in its place. */
	int report[2];
	pid_t parent;
};

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

static char **make_env(const struct process_spec *spec)
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
		if (!strchr(*e, '='))
			continue;
		env = mem_grow(env, &cap, count + 1, sizeof(*env));
		env[count++] = (char *)(uintptr_t)*e;
	}
	env = mem_grow(env, &cap, count + 1, sizeof(*env));
	env[count] = NULL;
	return env;
}

static void close_from(unsigned first)
{
	if (close_range(first, UINT_MAX, CLOSE_RANGE_CLOEXEC) == 0)
		return;
	long end = sysconf(_SC_OPEN_MAX);
	for (int fd = (int)first; fd < (end > 0 && end < 65536 ? end : 65536); fd++)
		fcntl(fd, F_SETFD, FD_CLOEXEC);
}

/* Those for 0 to 2 were opened above 2; the one for 3 is set last, so none is overwritten before its
 * turn. dup2 onto itself would leave it close-on-exec. */
static int set_fds(const int *fds)
{
	for (int i = 0; i < PROCESS_FDS; i++)
		if (fds[i] == i ? fcntl(i, F_SETFD, 0) : fds[i] >= 0 && dup2(fds[i], i) < 0)
			return -1;
	close_from(fds[PROCESS_FDS - 1] < 0 ? PROCESS_FDS - 1 : PROCESS_FDS);
	return 0;
}

__attribute__((noreturn)) static void run_child(const struct launch *l)
{
	setpgid(0, 0);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	if (getppid() != l->parent)
		_exit(127);
	if (set_fds(l->fds) == 0) {
		sig_default_all();
		execvpe(l->argv[0], l->argv, l->env);
	}
	int errnum = errno;
	ssize_t written = write(l->report[CHILDS], &errnum, sizeof(errnum));
	_exit(written == (ssize_t)sizeof(errnum) ? 127 : 126);
}

/* No handler of ours may run in the child, so signals wait until it has reset them. With vfork the
 * cost does not grow with our memory: at 200 MB a fork takes 8 ms, this half of one. */
static pid_t fork_blocked(const struct launch *l)
{
	sigset_t all, before;
	sigfillset(&all);
	sigprocmask(SIG_SETMASK, &all, &before);
	pid_t pid = vfork();
	if (pid == 0)
		run_child(l);
	int errnum = errno;
	if (pid > 0)
		sig_add_group(pid);
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

static void reap(pid_t pid)
{
	int raw;
	while (waitpid(pid, &raw, 0) < 0 && errno == EINTR)
		;
	sig_remove_group(pid);
}

/* Answers its process id, -1: errno, *executed says whether that is of the command itself. */
static pid_t launch(struct launch *l, bool *executed)
{
	*executed = false;
	if (pipe2(l->report, O_CLOEXEC))
		return -1;
	pid_t pid = fork_blocked(l);
	int errnum = errno;
	close(l->report[CHILDS]);
	if (pid > 0 && (errnum = read_report(l->report[OURS])) != 0) {
		reap(pid);
		pid = -1;
		*executed = true;
	}
	close(l->report[OURS]);
	errno = errnum;
	return pid;
}

const char *process_name(const struct process_spec *spec)
{
	return spec->shell ? spec->shell : spec->argv[0];
}

pid_t process_start(const struct process_spec *spec, struct process_status *status,
    struct err *err)
{
	char *by_shell[] = {"/bin/sh", "-c", (char *)(uintptr_t)spec->shell, NULL};
	struct launch l = {
	    .argv = spec->shell ? by_shell : spec->argv,
	    .fds = spec->fds,
	    .parent = getpid(),
	};
	bool executed;
	*status = (struct process_status){0, 0};
	if (!sig_has_room())
		return err_set(err, ST_FAIL, "command %s: more than %d at once",
		    process_name(spec), SIG_GROUPS);
	l.env = make_env(spec);
	pid_t pid = launch(&l, &executed);
	int errnum = errno;
	free(l.env);
	if (pid > 0)
		return pid;
	if (executed)
		status->exit = errnum == ENOENT ? 127 : 126;
	return err_errno(err, ST_FAIL, errnum, "command %s", process_name(spec));
}

struct process_status process_status(int raw)
{
	if (WIFSIGNALED(raw))
		return (struct process_status){-1, WTERMSIG(raw)};
	return (struct process_status){WEXITSTATUS(raw), 0};
}

int process_verdict(const char *name, const struct process_status *s, struct err *err)
{
	if (s->signal)
		return err_set(err, ST_FAIL, "command %s: killed by signal %d (%s)", name,
		    s->signal, strsignal(s->signal));
	if (s->exit)
		return err_set(err, ST_FAIL, "command %s: exit status %d", name, s->exit);
	return 0;
}
