#include "tool/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/digest.h"
#include "base/mem.h"
#include "tool/clock.h"
#include "tool/use.h"

#define READ_SIZE ((size_t)64 << 10)
#define AWAIT_SLICE_MS 200
#define NAME_LIMIT ((size_t)180) /* of 255: a digest and the random part still have to fit */

struct file_state file_state(const struct stat *st)
{
	return (struct file_state){.regular = S_ISREG(st->st_mode), .size = st->st_size, .changed = st->st_mtim};
}

int file_check_state(int fd, const char *name, const struct file_state *then, struct err *err)
{
	struct stat st;
	if (!then->regular)
		return 0;
	if (fstat(fd, &st))
		return err_errno(err, ST_FAIL, errno, "%s", name);
	if (st.st_size < then->size)
		return err_set(err, ST_FAIL, "%s: the file was cut from %lld to %lld bytes while it was read", name,
		    (long long)then->size, (long long)st.st_size);
	if (st.st_size != then->size || st.st_mtim.tv_sec != then->changed.tv_sec ||
	    st.st_mtim.tv_nsec != then->changed.tv_nsec)
		return err_set(err, ST_FAIL, "%s: the file changed while it was read", name);
	return 0;
}

/* Waits in slices: a signal may fall between the question and the wait. */
static int await(int fd, const char *name, const struct deadline *d, struct err *err)
{
	struct pollfd p = {.fd = fd, .events = POLLIN};
	while (poll(&p, 1, deadline_slice_ms(d, AWAIT_SLICE_MS)) <= 0) {
		if (deadline_interrupted(d))
			return err_set(err, ST_FAIL, "interrupted while waiting for %s", name);
		if (deadline_left_ms(d) == 0)
			return err_set(err, ST_TIME, "time is up while waiting for %s", name);
	}
	return 0;
}

static int read_all(int fd, const char *name, size_t limit, const struct deadline *d, struct buf *out,
    struct err *err)
{
	size_t start = out->len;
	for (;;) {
		if (d && await(fd, name, d, err))
			return -1;
		char *to = buf_room(out, READ_SIZE);
		ssize_t n = read(fd, to, READ_SIZE);
		*(n > 0 ? to + n : to) = '\0';
		if (n == 0)
			return 0;
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, ST_FAIL, errno, "%s", name);
		out->len += (size_t)n;
		if (out->len - start > limit)
			return err_set(err, ST_FAIL, "%s: larger than %zu bytes", name, limit);
	}
}

int file_read_until(int fd, const char *name, size_t limit, const struct deadline *d, struct buf *out,
    struct err *err)
{
	struct stat st;
	if (fstat(fd, &st))
		return err_errno(err, ST_FAIL, errno, "%s", name);
	const struct file_state begin = file_state(&st);
	return read_all(fd, name, limit, d, out, err) || file_check_state(fd, name, &begin, err) ? -1 : 0;
}

int file_read_fd(int fd, const char *name, size_t limit, struct buf *out, struct err *err)
{
	return file_read_until(fd, name, limit, NULL, out, err);
}

bool file_is_exposed(int fd)
{
	struct stat st;
	if (fstat(fd, &st) || !S_ISREG(st.st_mode))
		return false;
	bool by_group = st.st_mode & S_IRGRP && (st.st_uid != 0 || geteuid() == 0);
	return by_group || st.st_mode & S_IROTH;
}

int file_check_writers(const struct stat *st, const char *path, struct err *err)
{
	if (!S_ISREG(st->st_mode) && !S_ISFIFO(st->st_mode))
		return 0;
	if (st->st_mode & (S_IWGRP | S_IWOTH))
		return err_set(err, ST_USAGE, "others can write %s: chmod go-w %s", path, path);
	if (st->st_uid != 0 && st->st_uid != geteuid())
		return err_set(err, ST_USAGE, "%s belongs to user %u, who is neither root nor the user of this process", path,
		    (unsigned)st->st_uid);
	return 0;
}

enum trust { ANY, TRUSTED, PRIVATE };

static int check_trust(int fd, const char *path, enum trust trust, struct err *err)
{
	struct stat st;
	if (trust == PRIVATE && file_is_exposed(fd))
		return err_set(err, ST_USAGE, "others can read %s: chmod 600 %s", path, path);
	if (trust == ANY)
		return 0;
	if (fstat(fd, &st))
		return err_errno(err, ST_FAIL, errno, "%s", path);
	return file_check_writers(&st, path, err);
}

static int read_path(const char *path, enum trust trust, size_t limit, struct buf *out, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ST_FAIL, errno, "%s", path);
	int r = check_trust(fd, path, trust, err) || file_read_fd(fd, path, limit, out, err) ? -1 : 0;
	close(fd);
	return r;
}

int file_read(const char *path, size_t limit, struct buf *out, struct err *err)
{
	return read_path(path, ANY, limit, out, err);
}

int file_read_trusted(const char *path, size_t limit, struct buf *out, struct err *err)
{
	return read_path(path, TRUSTED, limit, out, err);
}

int file_read_private(const char *path, size_t limit, struct buf *out, struct err *err)
{
	return read_path(path, PRIVATE, limit, out, err);
}

static const char *tmp_folder(void)
{
	const char *dir = getenv("TMPDIR");
	return dir && *dir ? dir : "/tmp";
}

/* For file systems without nameless files. */
static int open_and_unlink(void)
{
	struct buf path = BUF_INIT;
	buf_printf(&path, "%s/batch-spool.XXXXXX", tmp_folder());
	int fd = mkostemp(path.data, O_CLOEXEC);
	if (fd >= 0)
		unlink(path.data);
	buf_release(&path);
	return fd;
}

int file_unnamed(struct buf *name, struct err *err)
{
	int fd = open(tmp_folder(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600);
	if (fd < 0 && (errno == EOPNOTSUPP || errno == EISDIR))
		fd = open_and_unlink();
	if (fd < 0)
		return err_errno(err, ST_FAIL, errno, "temporary file in %s", tmp_folder());
	buf_printf(name, "temporary file in %s", tmp_folder());
	return fd;
}

static int write_whole(int fd, struct str s)
{
	while (s.len) {
		ssize_t n = write(fd, s.ptr, s.len);
		if (n < 0 && errno != EINTR)
			return -1;
		s.ptr += n > 0 ? n : 0;
		s.len -= n > 0 ? (size_t)n : 0;
	}
	return 0;
}

int file_in_memory(struct str content, struct buf *path, struct err *err)
{
	int fd = memfd_create("batch", MFD_CLOEXEC);
	if (fd < 0 || write_whole(fd, content)) {
		err_errno(err, ST_FAIL, errno, "a file in memory");
		if (fd >= 0)
			close(fd);
		return -1;
	}
	buf_printf(path, "/proc/%ld/fd/%d", (long)getpid(), fd);
	return fd;
}

static char *tmp_name(const char *name)
{
	uint64_t unique;
	struct buf b = BUF_INIT;
	clock_random(&unique, sizeof(unique));
	buf_printf(&b, ".%s.%016" PRIx64, name, unique);
	return buf_detach(&b);
}

int file_tmp_open(struct file_tmp *f, const char *dir, const char *name, struct err *err)
{
	*f = (struct file_tmp)FILE_TMP_INIT;
	f->dir = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (f->dir < 0)
		return err_errno(err, ST_FAIL, errno, "%s/%s", dir, name);
	struct buf path = BUF_INIT;
	buf_printf(&path, "%s/%s", dir, name);
	f->path = buf_detach(&path);
	f->name = mem_strdup(name);
	if (use_check_at(f->dir, name, f->path, err)) {
		file_tmp_abandon(f);
		return -1;
	}
	f->tmp = tmp_name(name);
	f->fd = openat(f->dir, f->tmp, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0666);
	if (f->fd >= 0)
		return 0;
	err_errno(err, ST_FAIL, errno, "%s", f->path);
	file_tmp_abandon(f);
	return -1;
}

static void file_tmp_release(struct file_tmp *f)
{
	if (f->fd >= 0)
		close(f->fd);
	if (f->dir >= 0)
		close(f->dir);
	free(f->path);
	free(f->tmp);
	free(f->name);
	*f = (struct file_tmp)FILE_TMP_INIT;
}

/* Some file systems cannot sync a directory, and then there is nothing to wait for. */
static int sync_dir(int dir)
{
	return fsync(dir) && errno != EINVAL && errno != EROFS ? -1 : 0;
}

static int put_in_place(struct file_tmp *f)
{
	int fd = f->fd;
	f->fd = -1;
	if (close(fd) && errno != EINTR)
		return -1;
	return renameat(f->dir, f->tmp, f->dir, f->name);
}

int file_tmp_publish(struct file_tmp *f, struct err *err)
{
	int r = put_in_place(f);
	if (r) {
		err_errno(err, ST_FAIL, errno, "%s", f->path);
		file_tmp_abandon(f);
	}
	file_tmp_release(f);
	return r;
}

int file_tmp_commit(struct file_tmp *f, struct err *err)
{
	if ((fsync(f->fd) && errno != EINVAL) || put_in_place(f)) {
		err_errno(err, ST_FAIL, errno, "%s", f->path);
		file_tmp_abandon(f);
		return -1;
	}
	int r = sync_dir(f->dir);
	if (r)
		err_errno(err, ST_FAIL, errno, "%s", f->path);
	file_tmp_release(f);
	return r;
}

void file_tmp_abandon(struct file_tmp *f)
{
	if (f->tmp)
		unlinkat(f->dir, f->tmp, 0);
	file_tmp_release(f);
}

static bool is_plain(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	    (c && strchr("_-+=@,.", c));
}

/* Tells apart long names whose beginnings are the same. */
static void add_digest(struct buf *out, struct str text)
{
	struct digest d = DIGEST_INIT;
	char hex[DIGEST_HEX];
	digest_record(&d, (struct str)STR_INIT, text);
	digest_hex(&d, hex);
	buf_printf(out, "~%s", hex);
}

void file_name(struct buf *out, struct str text)
{
	size_t start = out->len;
	if (text.len == 0)
		buf_putc(out, '%');
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (is_plain(c) && (i || (c != '.' && c != '-')))
			buf_putc(out, c);
		else
			buf_printf(out, "%%%02X", (unsigned char)c);
	}
	if (out->len - start <= NAME_LIMIT)
		return;
	out->len = start + NAME_LIMIT;
	add_digest(out, text);
}
