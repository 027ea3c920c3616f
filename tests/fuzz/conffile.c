/* A configuration file with any content. What is taken is written again as a file, which must say the
 * same; settings refuse what they do not know, and no secret of an exposed file gets through. */
#include "fuzz.h"

#include <stdio.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tool/conffile.h"
#include "tool/settings.h"

#define PATH_SIZE 32

static int make_file(struct str content, char path[PATH_SIZE])
{
	int fd = memfd_create("conf", MFD_CLOEXEC);
	assert(fd >= 0 && fchmod(fd, 0600) == 0); /* what others can write is refused */
	assert(write(fd, content.ptr, content.len) == (ssize_t)content.len);
	snprintf(path, PATH_SIZE, "/proc/self/fd/%d", fd);
	return fd;
}

static void check_line(const struct conffile_line *line)
{
	struct str name = str_of(line->name), value = str_of(line->value);
	assert(name.len && !strpbrk(line->name, "=\n") && !strchr(line->value, '\n'));
	assert(str_eq(str_trim(name), name) && str_eq(str_trim(value), value));
	assert(line->number >= 1 && (!line->profile || *line->profile));
}

static void put_line(const struct conffile_line *line, struct buf *out)
{
	if (line->profile)
		buf_printf(out, "[profile %s]\n", line->profile);
	buf_printf(out, "%s=%s\n", line->name, line->value);
}

/* -1: it was refused somewhere; out has what stood before. */
static int read_file(struct str content, struct buf *out)
{
	struct conffile f;
	struct conffile_line line;
	struct err err = ERR_INIT;
	char path[PATH_SIZE];
	int fd = make_file(content, path), r;
	if (conffile_open(&f, path, &err)) {
		r = -1;
	} else {
		while ((r = conffile_next(&f, &line, &err)) > 0) {
			check_line(&line);
			put_line(&line, out);
		}
		conffile_release(&f);
	}
	assert((r < 0) == (err.status == ST_USAGE));
	err_clear(&err);
	close(fd);
	return r;
}

static bool is_known(const char *name)
{
	return strcmp(name, "acks") == 0 || strcmp(name, "sasl.password") == 0;
}

/* Names of files and variables are the user's own: what they hold is not looked at here. */
static void check_settings(struct str content)
{
	struct settings s = SETTINGS_INIT;
	struct common c = COMMON_INIT;
	struct err err = ERR_INIT;
	char path[PATH_SIZE];
	if (memmem(content.ptr, content.len, ".file", 5) ||
	    memmem(content.ptr, content.len, ".env", 4))
		return;
	int fd = make_file(content, path);
	c.config = path;
	if (settings_load(&s, &c, is_known, &err))
		assert(err.status == ST_USAGE && strstr(err.text, path));
	assert(!kv_get(&s.kv, "sasl.password"));
	for (size_t i = 0; i < kv_count(&s.kv); i++)
		assert(kv_at(&s.kv, i)->where[0]);
	err_clear(&err);
	settings_release(&s);
	close(fd);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf once = BUF_INIT, twice = BUF_INIT;
	struct str content = fuzz_input(data, size);
	/* An empty file has no profile that could be missing. */
	if (size == 0)
		return 0;
	/* A byte order mark is one in the first line only. */
	buf_puts(&once, "\n");
	buf_puts(&twice, "\n");
	read_file(content, &once);
	assert(read_file(buf_str(&once), &twice) == 0);
	assert(str_eq(buf_str(&once), buf_str(&twice)));
	check_settings(content);
	buf_release(&once);
	buf_release(&twice);
	return 0;
}
