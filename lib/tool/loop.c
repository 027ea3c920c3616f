#include "tool/loop.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/clock.h"

int loop_open(struct loop *l, struct err *err)
{
	int pair[2];
	*l = (struct loop)LOOP_INIT;
	if (pipe2(pair, O_CLOEXEC | O_NONBLOCK))
		return err_errno(err, ST_FAIL, errno, "pipe");
	l->woken = pair[0];
	l->wake = pair[1];
	return 0;
}

void loop_begin(struct loop *l)
{
	l->count = 0;
	l->until_ms = clock_mono_ms() + LOOP_MS;
	loop_add(l, l->woken, POLLIN);
}

size_t loop_add(struct loop *l, int fd, short events)
{
	l->fds = mem_grow(l->fds, &l->cap, l->count + 1, sizeof(*l->fds));
	l->fds[l->count] = (struct pollfd){.fd = fd, .events = events};
	return l->count++;
}

void loop_until(struct loop *l, int64_t mono_ms)
{
	if (mono_ms < l->until_ms)
		l->until_ms = mono_ms;
}

static void empty_pipe(int fd)
{
	char bytes[512];
	while (read(fd, bytes, sizeof(bytes)) == (ssize_t)sizeof(bytes))
		;
}

void loop_wait(struct loop *l)
{
	int64_t left_ms = l->until_ms - clock_mono_ms();
	int n = poll(l->fds, l->count, left_ms > 0 ? (int)left_ms : 0);
	if (n < 0)
		l->count = 0;
	if (loop_ready(l, 0))
		empty_pipe(l->woken);
}

short loop_ready(const struct loop *l, size_t number)
{
	return number < l->count ? l->fds[number].revents : 0;
}

void loop_close(struct loop *l)
{
	if (l->wake >= 0) {
		close(l->wake);
		close(l->woken);
	}
	free(l->fds);
	*l = (struct loop)LOOP_INIT;
}
