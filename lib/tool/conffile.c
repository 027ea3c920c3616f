#include "tool/conffile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/mem.h"
#include "base/str.h"
#include "tool/file.h"
#include "tool/use.h"

#define SIZE_LIMIT ((size_t)1 << 20)
#define SYSTEM_PATH "/etc/batch/batch.conf"

static const char *env_text(const char *name)
{
	const char *value = getenv(name);
	return value && *value ? value : NULL;
}

static char *user_path(void)
{
	struct buf b = BUF_INIT;
	const char *config = env_text("XDG_CONFIG_HOME"), *home = env_text("HOME");
	if (config)
		buf_printf(&b, "%s/batch/batch.conf", config);
	else if (home)
		buf_printf(&b, "%s/.config/batch/batch.conf", home);
	else
		return NULL;
	return buf_detach(&b);
}

/* Not there, or in somebody else's home where we may not even look. */
static bool is_there(const char *path)
{
	struct stat st;
	return path && stat(path, &st) == 0;
}

static char *find(const char *given)
{
	if (!given)
		given = env_text("BATCH_CONFIG");
	if (given)
		return mem_strdup(given);
	char *path = user_path();
	if (is_there(path))
		return path;
	free(path);
	return is_there(SYSTEM_PATH) ? mem_strdup(SYSTEM_PATH) : NULL;
}

static int read_config(struct conffile *f, struct err *err)
{
	if (use_input("the configuration", f->path, err))
		return -1;
	int fd = open(f->path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return err_errno(err, ST_USAGE, errno, "%s", f->path);
	struct stat st;
	f->exposed = file_is_exposed(fd);
	int r = fstat(fd, &st) ? err_errno(err, ST_USAGE, errno, "%s", f->path) : file_check_writers(&st, f->path, err);
	if (r == 0)
		r = file_read_fd(fd, f->path, SIZE_LIMIT, &f->text, err);
	close(fd);
	if (r)
		err->status = ST_USAGE;
	return r;
}

int conffile_open(struct conffile *f, const char *given, struct err *err)
{
	*f = (struct conffile){.path = find(given)};
	if (!f->path || read_config(f, err) == 0)
		return 0;
	conffile_release(f);
	return -1;
}

static int bad_line(const struct conffile *f, const char *why, struct err *err)
{
	return err_set(err, ST_USAGE, "%s:%d: %s", f->path, f->line, why);
}

/* A span of the text as a string: what follows it, a newline or a blank, is not needed any more. */
static char *cut(struct conffile *f, struct str s)
{
	char *p = f->text.data + (s.ptr - f->text.data);
	p[s.len] = '\0';
	return p;
}

static int open_section(struct conffile *f, struct str line, struct err *err)
{
	struct str word;
	if (!str_has_suffix(line, "]"))
		return bad_line(f, "']' is missing", err);
	struct str name = str_cut(str_trim((struct str){line.ptr + 1, line.len - 2}), ' ', &word);
	name = str_trim(name);
	if (!str_is(word, "profile") || name.len == 0)
		return bad_line(f, "unknown section; known are [profile NAME]", err);
	free(f->profile);
	f->profile = mem_strndup(name.ptr, name.len);
	return 0;
}

static int take_setting(struct conffile *f, struct str line, struct conffile_line *out,
    struct err *err)
{
	struct str name, value = str_cut(line, '=', &name);
	if (!value.ptr)
		return bad_line(f, "no '=': settings are NAME=VALUE", err);
	name = str_trim(name);
	if (name.len == 0)
		return bad_line(f, "no name before '='", err);
	*out = (struct conffile_line){
	    .value = cut(f, str_trim(value)),
	    .name = cut(f, name),
	    .profile = f->profile,
	    .number = f->line,
	};
	return 1;
}

int conffile_next(struct conffile *f, struct conffile_line *out, struct err *err)
{
	while (f->at < f->text.len) {
		struct str line, text = {f->text.data + f->at, f->text.len - f->at};
		struct str rest = str_cut(text, '\n', &line);
		f->at = f->text.len - rest.len;
		f->line++;
		if (f->line == 1 && str_has_prefix(line, "\xef\xbb\xbf"))
			return bad_line(f, "a byte order mark", err);
		if (line.len && memchr(line.ptr, '\0', line.len))
			return bad_line(f, "a NUL byte", err);
		line = str_trim(line);
		if (line.len == 0 || line.ptr[0] == '#')
			continue;
		if (line.ptr[0] != '[')
			return take_setting(f, line, out, err);
		if (open_section(f, line, err))
			return -1;
	}
	return 0;
}

void conffile_release(struct conffile *f)
{
	free(f->path);
	free(f->profile);
	if (f->text.data)
		explicit_bzero(f->text.data, f->text.cap);
	buf_release(&f->text);
	*f = (struct conffile){0};
}
