#include "tool/proc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/clock.h"
#include "tool/sig.h"

#define WAIT_SLICE_MS 100 /* how late a signal that fell before the wait is seen at most */
#define POLL_MS       10  /* without pidfd */

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

int proc_start(struct proc *p, const struct proc_spec *spec, struct err *err)
{
	struct process_spec command = {.argv = spec->argv, .shell = spec->shell, .env = spec->env,
	    .hide = spec->hide, .fds = PROCESS_NO_FDS};
	*p = (struct proc)PROC_INIT;
	p->name = mem_strdup(process_name(&command));
	pid_t pid = -1;
	if (open_stream(spec->in, 0, &p->in, &command.fds[0]) ||
	    open_stream(spec->out, 1, &p->out, &command.fds[1]))
		err_errno(err, ST_FAIL, errno, "command %s", p->name);
	else
		pid = process_start(&command, &p->status, err);
	if (spec->in == PROC_PIPE) {
		p->in_read = command.fds[0];
		command.fds[0] = -1;
	}
	for (int i = 0; i < PROCESS_FDS; i++)
		if (command.fds[i] >= 0)
			close(command.fds[i]);
	if (pid < 0) {
		struct process_status status = p->status;
		proc_release(p);
		p->status = status;
		return -1;
	}
	p->pid = pid;
	p->pidfd = pidfd_open(pid, 0);
	return 0;
}

static bool has_ended(struct proc *p)
{
	int raw;
	if (waitpid(p->pid, &raw, WNOHANG) != p->pid)
		return false;
	sig_remove_group(p->pid);
	p->status = process_status(raw);
	p->pid = 0;
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
	kill(-group, SIGTERM);
	kill(-group, SIGCONT);
	if (proc_wait(p, &grace)) {
		sig_add_group(group);
		wait_for_group(group, &grace);
		sig_remove_group(group);
	}
	kill(-group, SIGKILL);
	proc_wait(p, &forever);
}

size_t proc_unread(const struct proc *p)
{
	int in_pipe = 0;
	if (p->in_read >= 0)
		ioctl(p->in_read, FIONREAD, &in_pipe);
	return (size_t)in_pipe;
}

int proc_verdict(const struct proc *p, struct err *err)
{
	return process_verdict(p->name, &p->status, err);
}

static void close_end(int *fd)
{
	if (*fd >= 0)
		close(*fd);
	*fd = -1;
}

void proc_release(struct proc *p)
{
	close_end(&p->in);
	close_end(&p->in_read);
	close_end(&p->out);
	proc_end(p, 0);
	close_end(&p->pidfd);
	free(p->name);
	*p = (struct proc)PROC_INIT;
}
