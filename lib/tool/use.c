#include "tool/use.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"

#define STANDARD_ERROR "standard error"

enum use_kind { USE_INPUT, USE_ARGUMENT, USE_STANDARD_OUTPUT, USE_OUTPUT };

struct use {
	enum use_kind kind;
	char *what; /* "standard output", "--rejects" */
	char *path; /* NULL: `what` says it all */
	dev_t device;
	ino_t inode;
};

static struct {
	struct use *list;
	size_t count, cap;
	char *stdin_use; /* NULL: none so far */
} uses;

/* True if two users of the file get in each other's way. */
static bool is_shared_badly(const struct stat *st)
{
	return S_ISREG(st->st_mode) || S_ISFIFO(st->st_mode) || S_ISBLK(st->st_mode);
}

static void add(enum use_kind kind, const char *what, const char *path, const struct stat *st)
{
	uses.list = mem_grow(uses.list, &uses.cap, uses.count + 1, sizeof(*uses.list));
	uses.list[uses.count++] = (struct use){kind, mem_strdup(what), path ? mem_strdup(path) : NULL,
	    st ? st->st_dev : 0, st ? st->st_ino : 0};
}

static const struct use *find(const struct stat *st, bool (*clashes)(enum use_kind kind))
{
	if (!is_shared_badly(st))
		return NULL;
	for (size_t i = 0; i < uses.count; i++)
		if (uses.list[i].device == st->st_dev && uses.list[i].inode == st->st_ino &&
		    clashes(uses.list[i].kind))
			return &uses.list[i];
	return NULL;
}

static bool clashes_with_input(enum use_kind kind)
{
	return kind == USE_STANDARD_OUTPUT || kind == USE_OUTPUT;
}

static bool clashes_with_output(enum use_kind kind)
{
	(void)kind;
	return true;
}

static bool clashes_with_replaced(enum use_kind kind)
{
	return kind != USE_OUTPUT;
}

static int refuse(const char *what, const char *path, const struct use *other, struct err *err)
{
	return err_set(err, ST_USAGE, "%s%s%s is the same file as %s%s%s: an output needs a file of its own", what,
	    path ? " " : "", path ? path : "", other->what, other->path ? " " : "", other->path ? other->path : "");
}

static void add_standard(int fd, const char *what, bool regular_only)
{
	struct stat st;
	if (fstat(fd, &st) == 0 && (S_ISREG(st.st_mode) || !regular_only))
		add(USE_STANDARD_OUTPUT, what, NULL, &st);
}

void use_standard_outputs(void)
{
	add_standard(STDOUT_FILENO, "standard output", false);
	add_standard(STDERR_FILENO, STANDARD_ERROR, true);
}

/* The message about it would be written into the input. */
static void mute_standard_error(void)
{
	int null = open("/dev/null", O_WRONLY | O_CLOEXEC);
	if (null >= 0)
		dup2(null, STDERR_FILENO);
	if (null > STDERR_FILENO)
		close(null);
}

static int add_input(const char *what, const char *path, const struct stat *st, struct err *err)
{
	const struct use *other = find(st, clashes_with_input);
	if (other && strcmp(other->what, STANDARD_ERROR) == 0)
		mute_standard_error();
	if (other)
		return refuse(what, path, other, err);
	add(USE_INPUT, what, path, st);
	return 0;
}

/* /dev/null can be read twice, a terminal cannot. */
static bool is_stdin(const struct stat *st)
{
	struct stat in;
	if (fstat(STDIN_FILENO, &in) || (S_ISCHR(in.st_mode) && isatty(STDIN_FILENO) != 1))
		return false;
	return in.st_dev == st->st_dev && in.st_ino == st->st_ino;
}

bool use_is_stdin(const char *path)
{
	struct stat st;
	return strcmp(path, "-") == 0 || (stat(path, &st) == 0 && is_stdin(&st));
}

int use_stdin(const char *what, struct err *err)
{
	struct stat st;
	if (uses.stdin_use)
		return err_set(err, ST_USAGE, "standard input is read as %s and cannot be read as %s, too", uses.stdin_use,
		    what);
	uses.stdin_use = mem_strdup(what);
	return fstat(STDIN_FILENO, &st) ? 0 : add_input("standard input", NULL, &st, err);
}

int use_input(const char *what, const char *path, struct err *err)
{
	struct stat st;
	if (stat(path, &st))
		return 0;
	return is_stdin(&st) ? use_stdin(what, err) : add_input(what, path, &st, err);
}

void use_argument(const char *path)
{
	struct stat st;
	if (stat(path, &st) == 0 && S_ISREG(st.st_mode))
		add(USE_ARGUMENT, "the command's argument", path, &st);
}

/* An output that is not there yet has no inode. */
static const struct use *find_output(const char *path)
{
	for (size_t i = 0; i < uses.count; i++)
		if (uses.list[i].kind == USE_OUTPUT && strcmp(uses.list[i].path, path) == 0)
			return &uses.list[i];
	return NULL;
}

int use_output(const char *option, const char *path, struct err *err)
{
	struct stat st;
	if (strcmp(path, "-") == 0)
		return err_set(err, ST_USAGE, "%s -: standard output has another use; a file of that name is ./-", option);
	bool is_there = stat(path, &st) == 0;
	const struct use *other = is_there ? find(&st, clashes_with_output) : find_output(path);
	if (other)
		return refuse(option, path, other, err);
	add(USE_OUTPUT, option, path, is_there ? &st : NULL);
	return 0;
}

int use_check_at(int dir, const char *name, const char *path, struct err *err)
{
	struct stat st;
	if (fstatat(dir, name, &st, 0))
		return 0;
	const struct use *other = find(&st, clashes_with_replaced);
	return other ? refuse("the output", path, other, err) : 0;
}

void use_release(void)
{
	for (size_t i = 0; i < uses.count; i++) {
		free(uses.list[i].what);
		free(uses.list[i].path);
	}
	free(uses.list);
	free(uses.stdin_use);
	memset(&uses, 0, sizeof(uses));
}
