#include "tool/source.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/file.h"
#include "tool/sig.h"

struct source_input {
	const char *name; /* for messages */
	const char *path; /* NULL: fd */
	int fd;
	struct file_state state; /* when it was added */
};

void source_init(struct source *s, struct pool *pool, const struct frame_style *style,
    size_t max_record)
{
	*s = (struct source){.pool = pool, .style = *style, .max_record = max_record, .fd = -1};
}

static void add(struct source *s, struct source_input input, int64_t bytes)
{
	s->inputs = mem_grow(s->inputs, &s->cap, s->count + 1, sizeof(*s->inputs));
	s->inputs[s->count++] = input;
	if (bytes < 0 || s->bytes_total < 0)
		s->bytes_total = -1;
	else
		s->bytes_total += bytes;
}

/* What a regular file holds from where it stands; -1: nobody knows. */
static int64_t bytes_ahead(int fd)
{
	struct stat st;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return -1;
	off_t at = lseek(fd, 0, SEEK_CUR);
	return at < 0 ? -1 : at < st.st_size ? st.st_size - at : 0;
}

void source_add_fd(struct source *s, int fd, const char *name)
{
	struct stat st;
	struct source_input input = {.name = name, .fd = fd};
	if (fstat(fd, &st) == 0)
		input.state = file_state(&st);
	add(s, input, bytes_ahead(fd));
}

int source_add_file(struct source *s, const char *name, struct err *err)
{
	struct stat st;
	if (strcmp(name, "-") == 0) {
		source_add_fd(s, STDIN_FILENO, "standard input");
		return 0;
	}
	if (stat(name, &st) || faccessat(AT_FDCWD, name, R_OK, AT_EACCESS))
		return err_errno(err, ST_USAGE, errno, "%s", name);
	if (S_ISDIR(st.st_mode))
		return err_errno(err, ST_USAGE, EISDIR, "%s", name);
	add(s, (struct source_input){name, name, -1, file_state(&st)}, S_ISREG(st.st_mode) ? st.st_size : -1);
	return 0;
}

static const char *input_name(const struct source *s)
{
	return s->inputs[s->at].name;
}

static int open_input(struct source *s, struct err *err)
{
	struct source_input *in = &s->inputs[s->at];
	s->fd = in->path ? open(in->path, O_RDONLY | O_CLOEXEC) : in->fd;
	in->fd = -1;
	if (s->fd < 0)
		return err_errno(err, ST_FAIL, errno, "%s", in->name);
	s->left = bytes_ahead(s->fd);
	if (s->left >= 0)
		posix_fadvise(s->fd, 0, 0, POSIX_FADV_SEQUENTIAL);
	frame_init(&s->frame, &s->style, s->max_record);
	s->consumed = 0;
	s->eof = false;
	return 0;
}

/* Numbers 0 to 2 stay taken, so that no socket gets them. */
static void close_fd(int fd)
{
	if (fd > STDERR_FILENO)
		close(fd);
}

static void close_input(struct source *s)
{
	close_fd(s->fd);
	s->fd = -1;
	s->at++;
}

static size_t room(const struct source *s)
{
	return s->block ? (size_t)(s->block->data + s->block->size - s->rest.ptr) - s->rest.len : 0;
}

/* A record that is larger than half a block gets twice the room each time, one that is a whole
 * file what the file holds, and the byte in which its end shows. */
static size_t size_wanted(const struct source *s)
{
	size_t size = s->rest.len > BLOCK_SIZE / 2 ? s->rest.len * 2 : BLOCK_SIZE;
	if (s->style.kind == FRAME_WHOLE && s->left > 0 && (size_t)s->left < s->max_record &&
	    size < s->rest.len + (size_t)s->left + 1)
		size = s->rest.len + (size_t)s->left + 1;
	return size;
}

/* Moves the record that the block's end cuts off to where there is more room. */
static bool make_room(struct source *s)
{
	size_t size = size_wanted(s);
	struct block *b = s->block;
	bool again = b && b->refs == 1 && b->size >= size;
	if (!again)
		b = pool_get(s->pool, size);
	if (!b)
		return false;
	if (s->rest.len)
		memmove(b->data, s->rest.ptr, s->rest.len);
	s->rest.ptr = b->data;
	if (!again)
		block_unref(s->block);
	s->block = b;
	return true;
}

static int wait_for(struct source *s, enum source_why why)
{
	s->why = why;
	return SOURCE_WAIT;
}

/* 1: there is something to read, or an end, or an error that read will tell. */
static int readable(const struct source *s, int wait_ms)
{
	struct pollfd p = {.fd = s->fd, .events = POLLIN};
	return s->left >= 0 ? 1 : poll(&p, 1, wait_ms);
}

/* A regular file is what it was when it was added, and does not end before its size then. */
static int check_file(const struct source *s, ssize_t n, struct err *err)
{
	if (file_check_state(s->fd, input_name(s), &s->inputs[s->at].state, err))
		return -1;
	if (n == 0 && s->left > 0)
		return err_set(err, ST_FAIL, "%s: the file ends %lld bytes before its size", input_name(s),
		    (long long)s->left);
	return 0;
}

/* Reads on: 0 when the window or s->eof has changed, SOURCE_WAIT, or -1. */
static int fill(struct source *s, int wait_ms, struct err *err)
{
	if (sig_ended())
		return wait_for(s, SOURCE_SIGNAL);
	if (room(s) == 0 && !make_room(s))
		return wait_for(s, SOURCE_NO_BLOCK);
	int ready = readable(s, wait_ms);
	if (ready == 0)
		return wait_for(s, SOURCE_NO_INPUT);
	char *to = s->block->data + (s->block->size - room(s));
	ssize_t n = ready < 0 ? -1 : read(s->fd, to, room(s));
	if (n < 0 && errno == EINTR)
		return wait_for(s, SOURCE_SIGNAL);
	if (n < 0 && errno == EAGAIN)
		return wait_for(s, SOURCE_NO_INPUT);
	if (n < 0)
		return err_errno(err, ST_FAIL, errno, "%s", input_name(s));
	if (check_file(s, n, err))
		return -1;
	s->eof = n == 0;
	s->rest.len += (size_t)n;
	s->bytes_read += n;
	if (s->left > 0)
		s->left = s->left > n ? s->left - n : 0;
	return 0;
}

/* The next record of what was read, or at the end of the input its last: 1, 0 or -1 as in
 * frame.h. */
static int cut(struct source *s, struct source_record *out, struct err *err)
{
	const char *from = s->rest.ptr;
	int r;
	if (s->eof) {
		r = frame_end(&s->frame, s->rest, &out->value, err);
		s->rest.ptr += s->rest.len;
		s->rest.len = 0;
	} else {
		r = frame_next(&s->frame, &s->rest, &out->value, err);
	}
	if (r < 0)
		return err_wrap(err, "%s", input_name(s));
	if (r == 0)
		return 0;
	const char *start = out->value.ptr ? out->value.ptr : s->rest.ptr;
	out->position = s->consumed + (start - from);
	s->consumed += s->rest.ptr - from;
	out->block = s->block;
	out->name = input_name(s);
	out->number = s->frame.records;
	out->unterminated = s->frame.unterminated;
	s->records++;
	return 1;
}

int source_next(struct source *s, struct source_record *out, int wait_ms, struct err *err)
{
	while (s->at < s->count) {
		if (s->fd < 0 && open_input(s, err))
			return -1;
		int r = cut(s, out, err);
		if (s->eof)
			close_input(s);
		else if (r == 0)
			r = fill(s, wait_ms, err);
		if (r)
			return r;
	}
	return SOURCE_END;
}

void source_release(struct source *s)
{
	for (size_t i = s->at; i < s->count; i++)
		close_fd(s->inputs[i].fd);
	close_fd(s->fd);
	block_unref(s->block);
	free(s->inputs);
	*s = (struct source){.fd = -1};
}
