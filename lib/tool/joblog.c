#include "tool/joblog.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/utf8.h"
#include "tool/who.h"

#define HEAD "Seq\tHost\tStarttime\tJobRuntime\tSend\tReceive\tExitval\tSignal\tCommand\n"

/* One write, so that it is whole, and nobody's stands in the middle of it. After one that was cut (a
 * full disk) the next begins a line of its own. */
static int append(struct joblog *j, struct buf *line, struct err *err)
{
	ssize_t n;
	do
		n = write(j->fd, line->data, line->len);
	while (n < 0 && errno == EINTR);
	if (n >= 0)
		j->cut = n < (ssize_t)line->len;
	if (n == (ssize_t)line->len)
		return 0;
	return err_errno(err, ST_FAIL, n < 0 ? errno : ENOSPC, "%s", j->path);
}

/* Two that begin at once: the second sees what the first wrote. */
static int write_head(struct joblog *j, struct err *err)
{
	struct stat st;
	struct buf head = BUF_INIT;
	int r = 0;
	buf_puts(&head, HEAD);
	flock(j->fd, LOCK_EX);
	if (fstat(j->fd, &st) == 0 && S_ISREG(st.st_mode) && st.st_size == 0)
		r = append(j, &head, err);
	flock(j->fd, LOCK_UN);
	buf_release(&head);
	return r;
}

int joblog_open(struct joblog *j, const char *path, struct err *err)
{
	struct buf host = BUF_INIT;
	*j = (struct joblog)JOBLOG_INIT;
	j->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
	if (j->fd < 0)
		return err_errno(err, ST_USAGE, errno, "%s", path);
	who_host(&host);
	j->host = buf_detach(&host);
	j->path = mem_strdup(path);
	if (write_head(j, err) == 0)
		return 0;
	joblog_close(j);
	return -1;
}

static void add_command(struct buf *out, struct str command)
{
	struct buf visible = BUF_INIT;
	utf8_escape(&visible, command, 0);
	for (size_t i = 0; i < visible.len; i++)
		if (visible.data[i] == '\t')
			buf_puts(out, "\\x09");
		else
			buf_putc(out, visible.data[i]);
	buf_release(&visible);
}

static void add_seconds(struct buf *out, int64_t ms)
{
	buf_printf(out, "%6" PRId64 ".%03d\t", ms / 1000, (int)(ms % 1000));
}

int joblog_add(struct joblog *j, const struct joblog_line *line, struct err *err)
{
	struct buf b = BUF_INIT;
	if (j->cut)
		buf_putc(&b, '\n');
	buf_printf(&b, "%" PRId64 "\t%s\t", ++j->seq, j->host);
	add_seconds(&b, line->start_ms);
	add_seconds(&b, line->took_ms);
	buf_printf(&b, "%" PRId64 "\t%" PRId64 "\t%d\t%d\t", line->sent, line->received,
	    line->status.signal ? 0 : line->status.exit, line->status.signal);
	add_command(&b, line->command);
	buf_putc(&b, '\n');
	int r = append(j, &b, err);
	buf_release(&b);
	return r;
}

void joblog_close(struct joblog *j)
{
	if (j->fd >= 0)
		close(j->fd);
	free(j->path);
	free(j->host);
	*j = (struct joblog)JOBLOG_INIT;
}
