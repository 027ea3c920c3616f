#include "tool/holder.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/num.h"
#include "base/utf8.h"

/* A message needs no more names than this. */
#define MOST_NAMES 3

/* The pipe's name as the links of /proc have it: "pipe:[12345]". */
struct link {
	char text[64];
};

static bool read_link(int dir, const char *name, struct link *l)
{
	ssize_t n = readlinkat(dir, name, l->text, sizeof(l->text) - 1);
	l->text[n > 0 ? n : 0] = '\0';
	return n > 0;
}

static bool holds(int pid, const char *pipe)
{
	char path[64];
	struct link l;
	struct dirent *e;
	bool found = false;
	snprintf(path, sizeof(path), "/proc/%d/fd", pid);
	DIR *dir = opendir(path);
	if (!dir)
		return false;
	while (!found && (e = readdir(dir)))
		found = read_link(dirfd(dir), e->d_name, &l) && strcmp(l.text, pipe) == 0;
	closedir(dir);
	return found;
}

static void add_name(int pid, struct buf *out)
{
	char path[64], name[64] = "";
	snprintf(path, sizeof(path), "/proc/%d/comm", pid);
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, name, sizeof(name));
	if (fd >= 0)
		close(fd);
	/* It ends with a newline. */
	utf8_escape(out, (struct str){name, n > 0 ? (size_t)n - 1 : 0}, 0);
	buf_printf(out, " (process %d)", pid);
}

/* 0: it is none. */
static int process_number(const char *name)
{
	int64_t n = 0;
	struct err ignored = ERR_INIT;
	num_i64(name, 1, INT32_MAX, &n, &ignored);
	err_clear(&ignored);
	return (int)n;
}

void holder_names(int fd, struct buf *out)
{
	char own[64];
	struct link pipe = {""};
	struct dirent *e;
	int names = 0;
	snprintf(own, sizeof(own), "/proc/self/fd/%d", fd);
	DIR *dir = opendir("/proc");
	bool known = dir && read_link(dirfd(dir), own, &pipe);
	while (known && names < MOST_NAMES && (e = readdir(dir))) {
		int pid = process_number(e->d_name);
		if (pid == 0 || pid == getpid() || !holds(pid, pipe.text))
			continue;
		buf_puts(out, names++ ? ", " : "");
		add_name(pid, out);
	}
	if (dir)
		closedir(dir);
	if (!names)
		buf_puts(out, "a process");
}
