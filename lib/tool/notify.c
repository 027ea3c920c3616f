#include "tool/notify.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/num.h"
#include "base/utf8.h"

/* Of a name in the abstract space the first character stands for NUL. */
static int connect_to(const char *name)
{
	struct sockaddr_un to = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	if ((*name != '/' && *name != '@') || len >= sizeof(to.sun_path))
		return -1;
	memcpy(to.sun_path, name, len);
	if (*name == '@')
		to.sun_path[0] = '\0';
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	socklen_t size = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len);
	if (fd >= 0 && connect(fd, (struct sockaddr *)&to, size)) {
		close(fd);
		return -1;
	}
	return fd;
}

static int64_t number_of(const char *name)
{
	struct err ignored = ERR_INIT;
	int64_t n = 0;
	const char *text = getenv(name);
	if (text)
		num_i64(text, 0, INT64_MAX, &n, &ignored);
	err_clear(&ignored);
	return n;
}

/* Half of what is allowed, as systemd asks. The process that is watched may be another. */
static int64_t watchdog_ms(void)
{
	int64_t pid = number_of("WATCHDOG_PID");
	return pid && pid != getpid() ? 0 : number_of("WATCHDOG_USEC") / 2000;
}

void notify_open(struct notify *n)
{
	static const char *const names[] = {"NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID"};
	const char *name = getenv("NOTIFY_SOCKET");
	*n = (struct notify){.fd = name ? connect_to(name) : -1};
	if (n->fd >= 0)
		n->watchdog_ms = watchdog_ms();
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		unsetenv(names[i]);
}

static void tell(const struct notify *n, const char *text, size_t len)
{
	if (n->fd >= 0)
		send(n->fd, text, len, MSG_NOSIGNAL);
}

void notify_ready(const struct notify *n)
{
	tell(n, "READY=1", strlen("READY=1"));
}

void notify_status(const struct notify *n, const char *text)
{
	struct buf line = BUF_INIT;
	buf_puts(&line, "STATUS=");
	utf8_escape(&line, str_of(text), 0);
	tell(n, line.data, line.len);
	buf_release(&line);
}

void notify_watchdog(const struct notify *n)
{
	tell(n, "WATCHDOG=1", strlen("WATCHDOG=1"));
}

void notify_stopping(const struct notify *n)
{
	tell(n, "STOPPING=1", strlen("STOPPING=1"));
}

void notify_close(struct notify *n)
{
	if (n->fd >= 0)
		close(n->fd);
	*n = (struct notify)NOTIFY_INIT;
}
