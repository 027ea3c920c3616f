#include "tool/capture.h"

#include <errno.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tool/file.h"

static int write_all(struct capture *c, struct str s, struct err *err)
{
	while (s.len) {
		ssize_t n = write(c->fd, s.ptr, s.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return err_errno(err, ST_FAIL, errno, "%s", buf_text(&c->memory));
		s.ptr += n;
		s.len -= (size_t)n;
	}
	return 0;
}

static int move_to_file(struct capture *c, struct err *err)
{
	struct buf name = BUF_INIT, bytes = c->memory;
	int fd = file_unnamed(&name, err);
	if (fd < 0)
		return -1;
	c->fd = fd;
	c->in_file = true;
	c->memory = name;
	int r = write_all(c, buf_str(&bytes), err);
	buf_release(&bytes);
	return r;
}

int capture_add(struct capture *c, struct str bytes, struct err *err)
{
	if (!c->in_file && bytes.len > CAPTURE_MEMORY - c->len && move_to_file(c, err))
		return -1;
	c->len += bytes.len;
	if (c->in_file)
		return write_all(c, bytes, err);
	buf_add_str(&c->memory, bytes);
	return 0;
}

int capture_text(struct capture *c, struct str *all, struct err *err)
{
	*all = buf_str(&c->memory);
	if (!c->in_file)
		return 0;
	void *map = mmap(NULL, c->len, PROT_READ, MAP_PRIVATE, c->fd, 0);
	if (map == MAP_FAILED)
		return err_errno(err, ST_FAIL, errno, "%s", buf_text(&c->memory));
	madvise(map, c->len, MADV_SEQUENTIAL);
	c->map = map;
	*all = (struct str){map, c->len};
	return 0;
}

void capture_release(struct capture *c)
{
	if (c->map)
		munmap(c->map, c->len);
	if (c->in_file)
		close(c->fd);
	buf_release(&c->memory);
	*c = (struct capture)CAPTURE_INIT;
}
