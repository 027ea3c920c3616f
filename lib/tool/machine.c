#include "tool/machine.h"

#include <stdbool.h>
#include <stdlib.h>
#include <sys/stat.h>

#include "base/buf.h"
#include "base/num.h"
#include "tool/file.h"

#define LONGEST ((size_t)64 << 10)

/* Where the two versions have it, below the root, and what they call it. */
static const struct version {
	const char *dir, *limit, *used, *cache, *events;
} versions[] = {
    {"/sys/fs/cgroup/memory", "memory.limit_in_bytes", "memory.usage_in_bytes",
	"total_inactive_file", "memory.oom_control"},
    {"/sys/fs/cgroup", "memory.max", "memory.current", "inactive_file", "memory.events"},
};

struct group {
	const struct version *version;
	struct buf path; /* its directory */
	size_t top;      /* length of the path that has no group above it */
};

static bool read_at(const char *dir, const char *name, struct buf *text)
{
	struct buf path = BUF_INIT;
	struct err ignored = ERR_INIT;
	buf_printf(&path, "%s/%s", dir, name);
	int r = file_read(buf_text(&path), LONGEST, text, &ignored);
	err_clear(&ignored);
	buf_release(&path);
	return r == 0;
}

static bool take_number(struct str s, int64_t *n)
{
	struct err ignored = ERR_INIT;
	struct str line, word;
	str_cut(s, '\n', &line);
	str_cut(str_trim(line), ' ', &word);
	int r = num_i64_str(word, 0, INT64_MAX, n, &ignored);
	err_clear(&ignored);
	return r == 0;
}

/* The number behind a name at the beginning of a line. */
static bool find_number(struct str text, const char *name, int64_t *n)
{
	struct str line, word;
	while (text.len) {
		text = str_cut(text, '\n', &line);
		struct str rest = str_cut(line, ' ', &word);
		if (rest.ptr && str_is(word, name))
			return take_number(rest, n);
	}
	return false;
}

static bool read_number(const char *dir, const char *name, int64_t *n)
{
	struct buf text = BUF_INIT;
	bool is = read_at(dir, name, &text) && take_number(buf_str(&text), n);
	buf_release(&text);
	return is;
}

static bool look_up(const char *dir, const char *file, const char *name, int64_t *n)
{
	struct buf text = BUF_INIT;
	bool is = read_at(dir, file, &text) && find_number(buf_str(&text), name, n);
	buf_release(&text);
	return is;
}

/* NUMBER:CONTROLLERS:PATH, of version 2 "0::PATH": the path of the group that counts memory. With both
 * mounted it is that of version 1, which stands first. */
static bool find_path(struct str text, const struct version **version, struct str *path)
{
	struct str line, word;
	while (text.len) {
		text = str_cut(text, '\n', &line);
		*path = str_cut(str_cut(line, ':', &word), ':', &word);
		*version = &versions[word.len == 0];
		if (path->ptr && (word.len == 0 || str_is(word, "memory")))
			return true;
	}
	return false;
}

/* In a container the path may be that outside of it; what is mounted is then our own group. */
static void set_path(struct group *g, const char *root, struct str path)
{
	struct stat st;
	buf_printf(&g->path, "%s%s", root, g->version->dir);
	g->top = g->path.len;
	if (path.len > 1)
		buf_add_str(&g->path, path);
	if (stat(buf_text(&g->path), &st)) {
		g->path.len = g->top;
		g->path.data[g->top] = '\0';
	}
}

static bool find_group(const char *root, struct group *g)
{
	struct buf text = BUF_INIT;
	struct str path;
	*g = (struct group){0};
	bool is = read_at(root, "proc/self/cgroup", &text) &&
	    find_path(buf_str(&text), &g->version, &path);
	if (is)
		set_path(g, root, path);
	buf_release(&text);
	return is;
}

static bool go_up(struct group *g)
{
	if (g->path.len <= g->top)
		return false;
	while (g->path.len > g->top && g->path.data[g->path.len - 1] != '/')
		g->path.len--;
	if (g->path.len > g->top)
		g->path.len--;
	g->path.data[g->path.len] = '\0';
	return true;
}

/* What this one still may have; INT64_MAX: it has no limit of its own. */
static int64_t left_in(const struct group *g)
{
	const char *dir = buf_text(&g->path);
	int64_t limit, used, cache = 0;
	if (!read_number(dir, g->version->limit, &limit) ||
	    !read_number(dir, g->version->used, &used))
		return INT64_MAX;
	look_up(dir, "memory.stat", g->version->cache, &cache);
	if (cache > used)
		cache = used;
	return limit > used - cache ? limit - (used - cache) : 0;
}

static int64_t least_in_groups(const char *root)
{
	struct group g;
	int64_t least = INT64_MAX;
	if (!find_group(root, &g))
		return least;
	do {
		int64_t left = left_in(&g);
		if (left < least)
			least = left;
	} while (go_up(&g));
	buf_release(&g.path);
	return least;
}

int64_t machine_memory(const char *root)
{
	int64_t free_kb, least = least_in_groups(root);
	if (!look_up(root, "proc/meminfo", "MemAvailable:", &free_kb))
		return least < INT64_MAX ? least : -1;
	return least < free_kb * 1024 ? least : free_kb * 1024;
}

int64_t machine_oom_kills(const char *root)
{
	struct group g;
	int64_t kills;
	if (!find_group(root, &g))
		return -1;
	bool is = look_up(buf_text(&g.path), g.version->events, "oom_kill", &kills);
	buf_release(&g.path);
	return is ? kills : -1;
}

double machine_load(const char *root)
{
	struct buf text = BUF_INIT;
	char *end = NULL;
	double load = -1;
	if (read_at(root, "proc/loadavg", &text))
		load = strtod(buf_text(&text), &end);
	bool is = end && end != text.data;
	buf_release(&text);
	return is ? load : -1;
}
