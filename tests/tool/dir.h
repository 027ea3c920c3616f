/* dir: a folder of its own for a test, gone afterwards. */
#ifndef TESTS_TOOL_DIR_H
#define TESTS_TOOL_DIR_H

#include <dirent.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* *state becomes its path. */
static inline int dir_setup(void **state)
{
	char template[] = "/tmp/batchutils-test.XXXXXX";
	if (!mkdtemp(template))
		return -1;
	*state = strdup(template);
	return *state ? 0 : -1;
}

/* DIR/NAME, in one of a few buffers in turn. */
static inline const char *dir_path(void **state, const char *name)
{
	static char paths[8][512];
	static int at;
	at = (at + 1) % 8;
	snprintf(paths[at], sizeof(paths[at]), "%s/%s", (const char *)*state, name);
	return paths[at];
}

static inline const char *dir_write(void **state, const char *name, const void *p, size_t len,
    mode_t mode)
{
	const char *path = dir_path(state, name);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, mode);
	if (fd < 0 || write(fd, p, len) != (ssize_t)len || fchmod(fd, mode) || close(fd))
		abort();
	return path;
}

static inline const char *dir_puts(void **state, const char *name, const char *text)
{
	return dir_write(state, name, text, strlen(text), 0600);
}

/* Folders within it, those above the last one too. */
static inline void dir_make(void **state, const char *name)
{
	char path[512];
	for (const char *at = name; at; at = strchr(at + 1, '/')) {
		if (at > name) {
			snprintf(path, sizeof(path), "%s/%.*s", (const char *)*state,
			    (int)(at - name), name);
			mkdir(path, 0700);
		}
	}
	if (mkdir(dir_path(state, name), 0700))
		abort();
}

/* How many entries; the last one's name in name, if that is not NULL. */
static inline int dir_count(void **state, char *name, size_t size)
{
	DIR *d = opendir(*state);
	struct dirent *e;
	int count = 0;
	while (d && (e = readdir(d))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		count++;
		if (name)
			snprintf(name, size, "%s", e->d_name);
	}
	if (d)
		closedir(d);
	return count;
}

static inline int dir_remove(const char *path, const struct stat *st, int type, struct FTW *at)
{
	(void)st;
	(void)type;
	(void)at;
	return remove(path);
}

static inline int dir_teardown(void **state)
{
	int r = nftw(*state, dir_remove, 8, FTW_DEPTH | FTW_PHYS);
	free(*state);
	return r;
}

#endif
