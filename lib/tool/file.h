/* file: whole files in, files that appear under their name only when they are complete, and files
 * that never have one. */
#ifndef TOOL_FILE_H
#define TOOL_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>
#include <time.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/str.h"

/* Appends the whole content to out. ST_FAIL "PATH: why" when it cannot be read, is a directory or
 * is longer than limit bytes; status may be changed by the caller. */
int file_read(const char *path, size_t limit, struct buf *out, struct err *err);

/* Can others read it, or a group that its owner gave it to? Not so a file of root's that we can read
 * only by our group: such secrets are given to services. */
bool file_is_exposed(int fd);

/* -1, ST_USAGE: others can write the file that st is of: its mode lets its group or everybody do so, or it belongs to
 * somebody who is neither root nor the user. A device or a directory is not looked at. */
int file_check_writers(const struct stat *st, const char *path, struct err *err);

/* As file_read; one that others can write is refused with ST_USAGE. */
int file_read_trusted(const char *path, size_t limit, struct buf *out, struct err *err);

/* As file_read_trusted; one that is exposed is refused with ST_USAGE, too. */
int file_read_private(const char *path, size_t limit, struct buf *out, struct err *err);

/* What a regular file was like when somebody began to rely on it. */
struct file_state {
	bool regular; /* false: a pipe, a device and so on, which has no state */
	int64_t size;
	struct timespec changed;
};

struct file_state file_state(const struct stat *st);

/* 0: the file is as it was then. -1: its size or its time of modification differs, or it was cut, and ST_FAIL says so. */
int file_check_state(int fd, const char *name, const struct file_state *then, struct err *err);

/* As file_read from an open descriptor, which stays open. name is for messages. A file that changes meanwhile
 * is a failed read. */
int file_read_fd(int fd, const char *name, size_t limit, struct buf *out, struct err *err);

/* As file_read_fd for a pipe or a terminal: a signal ends the wait for more input (ST_FAIL), and the deadline
 * does (ST_TIME). */
int file_read_until(int fd, const char *name, size_t limit, const struct deadline *d, struct buf *out,
    struct err *err);

/* A file without a name in TMPDIR, or /tmp: nothing is left of it however the process ends. Answers
 * its descriptor and appends what messages call it; -1: ST_FAIL. */
int file_unnamed(struct buf *name, struct err *err);

/* The same in memory, with this content. path: by this name our commands can read it, as long as it is
 * open here; appended. */
int file_in_memory(struct str content, struct buf *path, struct err *err);

/* A file on its way into a directory: written under a hidden name of its own (".NAME.RANDOM"),
 * and on commit synced and renamed to its name, over an older one. A process that is killed
 * leaves the hidden file, never half of the real one. Usage: open, write to fd (by out.h,
 * flushed), commit, publish or abandon. */
struct file_tmp {
	int fd, dir;
	char *path; /* DIR/NAME, for messages */
	char *tmp, *name;
};

#define FILE_TMP_INIT {-1, -1, 0, 0, 0}

/* name must be one file name, as file_name makes them. ST_USAGE when DIR/NAME is a file that is read (use.h). */
int file_tmp_open(struct file_tmp *f, const char *dir, const char *name, struct err *err);

/* 0: the file is under its name and on the disk. -1: count on nothing; f is released all the
 * same. */
int file_tmp_commit(struct file_tmp *f, struct err *err);

/* As commit, but nothing waits for the disk: for what is of use only while the machine runs. */
int file_tmp_publish(struct file_tmp *f, struct err *err);

void file_tmp_abandon(struct file_tmp *f); /* nothing to do after commit, or on FILE_TMP_INIT */

/* Appends a file name made of any text: letters, digits and "_-+=@,." stay, other bytes become
 * %XX, and so does a first '.' or '-'. Different texts give different names; a long one is cut
 * and ends in "~" and a digest. The empty text gives "%". */
void file_name(struct buf *out, struct str text);

#endif
