#include "tool/spool.h"

#include <errno.h>
#include <unistd.h>

#include "tool/file.h"

static const struct frame_style style = {.kind = FRAME_LENGTH};

int spool_open(struct spool *s, struct err *err)
{
	struct buf name = BUF_INIT;
	int fd = file_unnamed(&name, err);
	if (fd < 0)
		return -1;
	*s = (struct spool)SPOOL_INIT;
	out_init(&s->file, fd, buf_text(&name));
	buf_release(&name);
	return 0;
}

int spool_add(struct spool *s, struct str value, struct err *err)
{
	buf_clear(&s->frame);
	frame_put(&style, &s->frame, value, false);
	s->records++;
	s->bytes += (int64_t)value.len;
	return out_buf(&s->file, &s->frame, err);
}

int spool_read(struct spool *s, struct source *from, struct pool *pool, size_t max_record,
    struct err *err)
{
	if (out_flush(&s->file, err))
		return -1;
	int fd = s->file.fd;
	if (lseek(fd, 0, SEEK_SET) < 0)
		return err_errno(err, ST_FAIL, errno, "%s", s->file.name);
	s->file.fd = -1;
	source_init(from, pool, &style, max_record);
	source_add_fd(from, fd, "the spooled input");
	return 0;
}

void spool_close(struct spool *s)
{
	if (s->file.fd >= 0)
		close(s->file.fd);
	out_release(&s->file);
	buf_release(&s->frame);
}
