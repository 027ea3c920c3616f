#include "tool/settings_files.h"

#include <string.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "tool/file.h"
#include "tool/use.h"

/* A file that the library reads or loads by itself. One that is not there is the library's to complain about. */
static int check_file(const struct kv_entry *e, const char *path, struct err *err)
{
	struct stat st;
	if (stat(path, &st))
		return 0;
	if (file_check_writers(&st, path, err))
		return err_wrap(err, "%s: %s", e->where, e->name);
	return use_input(e->name, path, err);
}

/* PATH;PATH..., each with or without its .so. A name without a slash is sought where the system has its libraries. */
static int check_plugins(const struct kv_entry *e, struct err *err)
{
	struct str one, rest = str_of(e->value);
	int failed = 0;
	while (rest.ptr && !failed) {
		struct buf path = BUF_INIT;
		rest = str_cut(rest, ';', &one);
		buf_add_str(&path, str_trim(one));
		if (strchr(buf_text(&path), '/')) {
			failed = check_file(e, buf_text(&path), err);
			buf_puts(&path, ".so");
			failed = failed || check_file(e, buf_text(&path), err);
		}
		buf_release(&path);
	}
	return failed ? -1 : 0;
}

int settings_files_check(const struct kv *settings, struct err *err)
{
	for (size_t i = 0; i < kv_count(settings); i++) {
		const struct kv_entry *e = kv_at(settings, i);
		struct str name = str_of(e->name);
		if (str_is(name, "plugin.library.paths") ? check_plugins(e, err) :
			str_has_suffix(name, ".location") && check_file(e, e->value, err))
			return -1;
	}
	return 0;
}
