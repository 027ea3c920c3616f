#include "tool/sig.h"

#include <signal.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

/* Time in ms within which a second signal of the same number repeats the first wish: GNU timeout
 * and some shells signal the process and then its group. A person who insists takes longer. */
#define SAME_WISH_MS 500

static volatile sig_atomic_t end_signal;
static int64_t end_ms; /* monotonic, of the first one; only the handler uses it */
static volatile sig_atomic_t usr1;
static volatile sig_atomic_t groups[SIG_GROUPS]; /* 0: free */

static void set_action(int n, void (*handler)(int), const sigset_t *blocked)
{
	struct sigaction sa;
	memset(&sa, 0, sizeof(sa));
	sa.sa_handler = handler;
	if (blocked)
		sa.sa_mask = *blocked;
	sigaction(n, &sa, NULL);
}

void sig_reraise(int n)
{
	sigset_t only;
	set_action(n, SIG_DFL, NULL);
	sigemptyset(&only);
	sigaddset(&only, n);
	raise(n);
	sigprocmask(SIG_UNBLOCK, &only, NULL);
}

static void kill_groups(void)
{
	for (int i = 0; i < SIG_GROUPS; i++) {
		int group = groups[i];
		if (group > 0)
			kill(-group, SIGKILL);
	}
}

static void (*tell_no_memory)(void);

static void on_abort(int n)
{
	(void)n;
	kill_groups();
	tell_no_memory();
	_exit(1);
}

void sig_on_no_memory(void (*tell)(void))
{
	struct rlimit space;
	tell_no_memory = tell;
	if (getrlimit(RLIMIT_AS, &space) == 0 && space.rlim_cur != RLIM_INFINITY)
		set_action(SIGABRT, on_abort, NULL);
}

/* tool/clock.h may abort; clock_gettime is safe in a handler (POSIX). */
static int64_t now_ms(void)
{
	struct timespec t = {0, 0};
	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

static void on_end(int n)
{
	if (end_signal == n && now_ms() - end_ms < SAME_WISH_MS)
		return;
	if (end_signal) {
		kill_groups();
		sig_reraise(n);
		_exit(128 + n);
	}
	end_ms = now_ms();
	end_signal = n;
}

static void on_usr1(int n)
{
	(void)n;
	usr1 = 1;
}

static bool is_ignored(int n)
{
	struct sigaction sa;
	return sigaction(n, NULL, &sa) == 0 && sa.sa_handler == SIG_IGN;
}

void sig_setup(void)
{
	static const int ends[] = {SIGINT, SIGTERM, SIGHUP};
	sigset_t blocked;
	sigemptyset(&blocked);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		sigaddset(&blocked, ends[i]);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (!is_ignored(ends[i]))
			set_action(ends[i], on_end, &blocked);
	set_action(SIGUSR1, on_usr1, NULL);
	set_action(SIGPIPE, SIG_IGN, NULL);
	set_action(SIGXFSZ, SIG_IGN, NULL); /* a limit on files is an error of write(2), as a full disk */
	set_action(SIGCHLD, SIG_DFL, NULL); /* ignored, it would take away children's statuses */
}

bool sig_ended(void)
{
	return end_signal != 0;
}

int sig_number(void)
{
	return end_signal;
}

bool sig_take_usr1(void)
{
	if (!usr1)
		return false;
	usr1 = 0;
	return true;
}

/* Where it stands, SIG_GROUPS: nowhere. */
static int find_group(int group)
{
	int i = 0;
	while (i < SIG_GROUPS && groups[i] != group)
		i++;
	return i;
}

bool sig_has_room(void)
{
	return find_group(0) < SIG_GROUPS;
}

void sig_add_group(int group)
{
	int at = find_group(0);
	if (at < SIG_GROUPS)
		groups[at] = group;
}

void sig_remove_group(int group)
{
	int at = find_group(group);
	if (at < SIG_GROUPS)
		groups[at] = 0;
}

void sig_default_all(void)
{
	sigset_t none;
	for (int n = 1; n < NSIG; n++)
		if (n != SIGKILL && n != SIGSTOP)
			set_action(n, SIG_DFL, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}
