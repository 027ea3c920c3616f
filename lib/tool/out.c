#include "tool/out.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "tool/sig.h"

#define OUT_SIZE ((size_t)128 << 10)
#define SLICE_MS 200

void out_init(struct out *o, int fd, const char *name)
{
	*o = (struct out){.fd = fd, .name = mem_strdup(name)};
	buf_room(&o->data, OUT_SIZE);
}

void out_init_stdout(struct out *o)
{
	out_init(o, STDOUT_FILENO, "standard output");
	o->escape = isatty(STDOUT_FILENO) == 1;
}

int out_create(struct out *o, const char *path, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0)
		return err_errno(err, ST_USAGE, errno, "%s", path);
	out_init(o, fd, path);
	return 0;
}

static int fail(struct out *o, int errnum, struct err *err)
{
	o->failed = errnum;
	o->pipe_closed = errnum == EPIPE;
	buf_clear(&o->data);
	return err_errno(err, ST_FAIL, errnum, "%s", o->name);
}

/* Waits until a little can be written: 1; 0: a signal came before that; -1 with errno. */
static int wait_for_reader(int fd, int wait_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	int ready = poll(&p, 1, wait_ms);
	if (ready > 0)
		return 1;
	if (ready < 0 && errno == EINTR)
		return 0;
	errno = EINTR;
	return -1;
}

/* At most so much that a pipe which can be written to takes it without blocking. */
static ssize_t write_a_little(int fd, const struct iovec *v)
{
	const struct iovec *first = v[0].iov_len ? &v[0] : &v[1];
	int ready = wait_for_reader(fd, OUT_GRACE_MS);
	if (ready <= 0)
		return ready; /* a write to a full pipe would block, and nobody may be there to read */
	return write(fd, first->iov_base, first->iov_len < PIPE_BUF ? first->iov_len : PIPE_BUF);
}

static bool may_block(int fd)
{
	struct stat st;
	return fstat(fd, &st) || !S_ISREG(st.st_mode);
}

/* Bytes written, 0: call again, -1: errno. Who shares a terminal or a pipe with us may have made it
 * non-blocking. */
static ssize_t write_some(const struct out *o, const struct iovec *v)
{
	bool ending = sig_ended();
	bool little = ending || (o->waiting && may_block(o->fd));
	ssize_t n = little ? write_a_little(o->fd, v) : writev(o->fd, v, 2);
	if (n >= 0 || (errno == EINTR && !ending))
		return n < 0 ? 0 : n;
	return errno == EAGAIN && wait_for_reader(o->fd, ending ? OUT_GRACE_MS : -1) >= 0 ? 0 : -1;
}

static bool has_room(int fd, int wait_ms)
{
	struct pollfd p = {.fd = fd, .events = POLLOUT};
	return poll(&p, 1, wait_ms) > 0;
}

/* Until the reader takes something, or a signal ends the patience with it. */
static int keep_waiting(struct out *o, struct err *err)
{
	while (o->waiting && !sig_ended() && !has_room(o->fd, 0)) {
		if (o->waiting(o->ctx, err)) {
			o->failed = ECANCELED;
			return -1;
		}
		has_room(o->fd, SLICE_MS);
	}
	return 0;
}

static void advance(struct iovec *v, size_t written)
{
	for (int i = 0; i < 2; i++) {
		size_t part = written < v[i].iov_len ? written : v[i].iov_len;
		if (part) /* an empty one may have no base */
			v[i].iov_base = (char *)v[i].iov_base + part;
		v[i].iov_len -= part;
		written -= part;
	}
}

/* The buffer, and behind it what does not fit there. */
static int write_all(struct out *o, struct str more, struct err *err)
{
	struct iovec v[2] = {{o->data.data, o->data.len}, {(void *)(uintptr_t)more.ptr, more.len}};
	while (v[0].iov_len + v[1].iov_len) {
		if (keep_waiting(o, err))
			return -1;
		ssize_t n = write_some(o, v);
		if (n < 0)
			return fail(o, errno, err);
		advance(v, (size_t)n);
	}
	buf_clear(&o->data);
	return 0;
}

static int put(struct out *o, struct str s, struct err *err)
{
	if (o->failed)
		return fail(o, o->failed, err);
	if (s.len > OUT_SIZE - o->data.len)
		return write_all(o, s, err);
	buf_add_str(&o->data, s);
	return 0;
}

int out_str(struct out *o, struct str s, struct err *err)
{
	if (!o->escape)
		return put(o, s, err);
	struct buf visible = BUF_INIT;
	utf8_escape(&visible, s, UTF8_KEEP_NEWLINE);
	int r = put(o, buf_str(&visible), err);
	buf_release(&visible);
	return r;
}

int out_write(struct out *o, const void *p, size_t len, struct err *err)
{
	return out_str(o, (struct str){p, len}, err);
}

int out_puts(struct out *o, const char *s, struct err *err)
{
	return out_str(o, str_of(s), err);
}

int out_buf(struct out *o, const struct buf *b, struct err *err)
{
	return out_str(o, buf_str(b), err);
}

int out_flush(struct out *o, struct err *err)
{
	if (o->failed)
		return fail(o, o->failed, err);
	return write_all(o, (struct str)STR_INIT, err);
}

int out_close(struct out *o, struct err *err)
{
	int r = out_flush(o, err);
	/* After EINTR the descriptor is gone all the same on Linux, and nothing is known to be
	 * lost. */
	if (close(o->fd) && errno != EINTR && r == 0)
		r = fail(o, errno, err);
	o->fd = -1;
	out_release(o);
	return r;
}

void out_release(struct out *o)
{
	buf_release(&o->data);
	free(o->name);
	o->name = NULL;
}
