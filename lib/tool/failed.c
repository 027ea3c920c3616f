#include "tool/failed.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/date.h"
#include "base/json.h"
#include "base/mem.h"
#include "tool/file.h"
#include "tool/out.h"

enum { FILES = 3 };

/* The last one is what a run is known by. */
static const char *const endings[FILES] = {".in", ".err", ".json"};

struct kept {
	char *stem;
	struct timespec since;
};

int failed_open(const char *dir, struct err *err)
{
	if (mkdir(dir, 0700) && errno != EEXIST)
		return err_errno(err, ST_USAGE, errno, "%s", dir);
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 || faccessat(fd, ".", W_OK | X_OK, AT_EACCESS))
		err_errno(err, ST_USAGE, errno, "%s", dir);
	if (fd >= 0)
		close(fd);
	return err->text ? -1 : 0;
}

/* --- writing */

static int write_text(struct file_tmp *f, struct str text, struct err *err)
{
	struct out o;
	if (fchmod(f->fd, 0600))
		return err_errno(err, ST_FAIL, errno, "%s", f->path);
	out_init(&o, f->fd, f->path);
	int failed = out_str(&o, text, err) || out_flush(&o, err);
	out_release(&o);
	return failed ? -1 : 0;
}

static int put(const char *dir, const char *stem, const char *ending, struct str text,
    struct err *err)
{
	struct file_tmp f;
	struct buf name = BUF_INIT;
	buf_printf(&name, "%s%s", stem, ending);
	int r = file_tmp_open(&f, dir, buf_text(&name), err);
	if (r == 0)
		r = write_text(&f, text, err) ? -1 : file_tmp_publish(&f, err);
	file_tmp_abandon(&f);
	buf_release(&name);
	return r;
}

static void describe(const struct failed_run *run, struct buf *text)
{
	const struct child_end *end = &run->child->end;
	struct json_t *doc = js_object();
	struct err why = ERR_INIT;
	struct buf start = BUF_INIT;
	date_format_ms(end->start_ms, &start);
	child_verdict(run->child, &why);
	js_set_str(doc, "chunk", str_of(run->token));
	js_set_i64(doc, "attempt", run->attempt);
	js_set_str(doc, "how", str_of(child_how_name(end->how)));
	if (end->status.signal)
		js_set_i64(doc, "signal", end->status.signal);
	else
		js_set_i64(doc, "exit", end->status.exit);
	js_set_str(doc, "message", str_of(why.text ? why.text : ""));
	js_set_str(doc, "startedAt", buf_str(&start));
	js_set_i64(doc, "tookMs", end->took_ms);
	js_set_i64(doc, "userMs", end->user_ms);
	js_set_i64(doc, "systemMs", end->system_ms);
	js_set_i64(doc, "rssBytes", end->rss_bytes);
	js_set_i64(doc, "unreadBytes", (int64_t)end->unread);
	js_dump(doc, text);
	buf_putc(text, '\n');
	js_free(doc);
	err_clear(&why);
	buf_release(&start);
}

/* --- the oldest go */

static void file_of(struct buf *path, const char *dir, const char *stem, const char *ending)
{
	buf_clear(path);
	buf_printf(path, "%s/%s%s", dir, stem, ending);
}

static bool is_whole(const char *dir, const char *stem, struct timespec *since)
{
	struct buf path = BUF_INIT;
	struct stat st = {0};
	bool is = true;
	for (int i = 0; i < FILES && is; i++) {
		file_of(&path, dir, stem, endings[i]);
		is = stat(buf_text(&path), &st) == 0 && S_ISREG(st.st_mode);
	}
	buf_release(&path);
	*since = st.st_mtim;
	return is;
}

static size_t list(const char *dir, struct kept **runs)
{
	size_t count = 0, cap = 0;
	const char *ending = endings[FILES - 1];
	DIR *d = opendir(dir);
	struct dirent *e;
	*runs = NULL;
	while (d && (e = readdir(d))) {
		struct str name = str_of(e->d_name);
		struct kept k;
		if (*name.ptr == '.' || !str_has_suffix(name, ending))
			continue;
		k.stem = mem_strndup(name.ptr, name.len - strlen(ending));
		if (!is_whole(dir, k.stem, &k.since)) {
			free(k.stem);
			continue;
		}
		*runs = mem_grow(*runs, &cap, count + 1, sizeof(**runs));
		(*runs)[count++] = k;
	}
	if (d)
		closedir(d);
	return count;
}

static int by_age(const void *a, const void *b)
{
	const struct kept *x = a, *y = b;
	if (x->since.tv_sec != y->since.tv_sec)
		return x->since.tv_sec < y->since.tv_sec ? -1 : 1;
	if (x->since.tv_nsec != y->since.tv_nsec)
		return x->since.tv_nsec < y->since.tv_nsec ? -1 : 1;
	return strcmp(x->stem, y->stem);
}

static void remove_run(const char *dir, const char *stem)
{
	struct buf path = BUF_INIT;
	for (int i = 0; i < FILES; i++) {
		file_of(&path, dir, stem, endings[i]);
		unlink(buf_text(&path));
	}
	buf_release(&path);
}

static void trim(const char *dir)
{
	struct kept *runs;
	size_t count = list(dir, &runs);
	if (count > FAILED_MOST)
		qsort(runs, count, sizeof(*runs), by_age);
	for (size_t i = 0; i < count; i++) {
		if (i + FAILED_MOST < count)
			remove_run(dir, runs[i].stem);
		free(runs[i].stem);
	}
	free(runs);
}

int failed_keep(const char *dir, const struct failed_run *run, struct err *err)
{
	struct buf stem = BUF_INIT, text = BUF_INIT;
	struct str said = talk_tail(&run->child->talk);
	file_name(&stem, str_of(run->token));
	buf_printf(&stem, "-%d", run->attempt);
	describe(run, &text);
	int r = put(dir, buf_text(&stem), endings[0], run->in, err) ||
	    put(dir, buf_text(&stem), endings[1], said, err) ||
	    put(dir, buf_text(&stem), endings[2], buf_str(&text), err);
	if (!r)
		trim(dir);
	buf_release(&stem);
	buf_release(&text);
	return r ? -1 : 0;
}
