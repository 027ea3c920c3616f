#include "app/query.h"

#include <fnmatch.h>
#include <stdlib.h>

#include "base/date.h"
#include "base/map.h"
#include "base/mem.h"
#include "tool/clock.h"
#include "tool/msg.h"
#include "tool/sig.h"

#define SLICE_MS 200

static bool metadata_is(const struct json_t *metadata, const char *wanted)
{
	struct str name, value = str_cut(str_of(wanted), '=', &name);
	char *key = mem_strndup(name.ptr, name.len);
	const struct json_t *member = js_get(metadata, key);
	struct buf text = BUF_INIT;
	if (member)
		js_text(member, &text);
	bool is = member && (!value.ptr || str_eq(buf_str(&text), value));
	buf_release(&text);
	free(key);
	return is;
}

bool query_name_matches(const char *pattern, const struct batch *b)
{
	struct str name = batch_member(b, "name");
	char *text = mem_strndup(name.ptr, name.len);
	for (size_t i = 0; i < name.len; i++)
		if (!text[i])
			text[i] = 1; /* for fnmatch a NUL is the end of the text */
	bool matches = fnmatch(pattern, text, 0) == 0;
	free(text);
	return matches;
}

bool query_matches(const struct query *q, const struct batch *b)
{
	if (q->statuses && !(q->statuses & (1u << b->status)))
		return false;
	if (q->name && !query_name_matches(q->name, b))
		return false;
	for (size_t i = 0; q->metadata && i < q->metadata->count; i++)
		if (!metadata_is(js_get(b->doc, "metadata"), q->metadata->items[i]))
			return false;
	return true;
}

int query_statuses(struct tool_ctx *t, const char *text, unsigned *out)
{
	struct str word, rest = str_of(text);
	*out = 0;
	while (rest.ptr) {
		enum batch_status s;
		rest = str_cut(rest, ',', &word);
		if (!batch_status_parse(word, &s))
			return tool_usage(t, "'%.*s' is no status: started, sendCompleted, "
			    "completed, terminated or failed", (int)word.len, word.ptr);
		*out |= 1u << s;
	}
	return 0;
}

static struct fold *fold_of(struct map *folds, struct str id)
{
	struct fold *f = map_get(folds, id);
	if (f)
		return f;
	f = mem_zalloc(1, sizeof(*f));
	*f = (struct fold)FOLD_INIT;
	map_put(folds, id, f);
	return f;
}

static int read_all(struct tool_ctx *t, struct klog *log, const struct query *q,
    struct map *folds)
{
	const struct event *e;
	int64_t from_ms = q->since_ms == KLOG_BEGINNING ? KLOG_BEGINNING
							: q->since_ms - DATE_SLACK_MS;
	if (klog_scan(log, from_ms, &t->deadline, &t->err))
		return -1;
	int64_t seen_ms = clock_mono_ms();
	while (!klog_caught_up(log)) {
		int got = klog_next(log, SLICE_MS, &e, &t->err);
		if (got < 0)
			return -1;
		if (got)
			seen_ms = clock_mono_ms();
		if (got && e->ts_ms <= q->at_ms)
			fold_event(fold_of(folds, buf_str(&e->id)), e);
		if (got)
			continue;
		if (sig_ended())
			return err_set(&t->err, ST_FAIL, "interrupted");
		/* The budget is for waiting: a long log that keeps coming is no reason to give up. */
		if (clock_mono_ms() - seen_ms > t->budget_ms)
			return err_set(&t->err, ST_TIME, "time is up while reading the log");
	}
	return 0;
}

static int younger_first(const void *a, const void *b)
{
	const struct fold *x = *(const struct fold *const *)a, *y = *(const struct fold *const *)b;
	return (x->created_ms < y->created_ms) - (x->created_ms > y->created_ms);
}

static size_t sort(const struct map *folds, const struct query *q, const struct fold **list)
{
	size_t n = 0, at = 0;
	void *value;
	while (map_next(folds, &at, NULL, &value)) {
		const struct fold *f = value;
		if (f->status != BATCH_NONE && f->created_ms >= q->since_ms &&
		    f->created_ms < q->until_ms)
			list[n++] = f;
	}
	if (n)
		qsort(list, n, sizeof(*list), younger_first);
	return n;
}

/* One a line, for scripts: another writer's id must not look like two. */
static int print_id(struct tool_ctx *t, struct str id)
{
	if (memchr(id.ptr, '\n', id.len)) {
		msg_warn("batch '%.*s' is left out: there is a line break in its id", (int)id.len,
		    id.ptr);
		return 0;
	}
	return out_str(&t->out, id, &t->err) || out_puts(&t->out, "\n", &t->err) ? -1 : 0;
}

static int print_one(struct tool_ctx *t, const struct query *q, const struct batch *b)
{
	return q->ids ? print_id(t, batch_id(b)) : session_print(t, b);
}

static int print_list(struct tool_ctx *t, const struct query *q, const struct fold **list,
    size_t n)
{
	int64_t matched = 0, printed = 0;
	for (size_t i = 0; i < n && (q->size < 0 || printed < q->size); i++) {
		struct batch b = BATCH_INIT;
		if (fold_batch(list[i], &b, &t->err)) {
			msg_warn("partition %d, offset %lld: %s", list[i]->partition,
			    (long long)list[i]->offset, t->err.text);
			err_clear(&t->err);
			continue;
		}
		bool wanted = query_matches(q, &b) && matched++ >= q->from;
		int failed = wanted ? print_one(t, q, &b) : 0;
		printed += wanted;
		batch_release(&b);
		if (failed)
			return -1;
	}
	return 0;
}

static void release_all(struct map *folds)
{
	size_t at = 0;
	void *value;
	while (map_next(folds, &at, NULL, &value)) {
		fold_release(value);
		free(value);
	}
	map_release(folds);
}

int query_run(struct tool_ctx *t, const char *stream, const struct query *q)
{
	struct klog *log = NULL;
	struct map folds = MAP_INIT;
	uint64_t seed;
	clock_random(&seed, sizeof(seed));
	map_init(&folds, seed);
	int failed = session_log(t, stream, false, &log) || read_all(t, log, q, &folds);
	if (!failed) {
		const struct fold **list = mem_zalloc(folds.count, sizeof(*list));
		failed = print_list(t, q, list, sort(&folds, q, list));
		free(list);
	}
	release_all(&folds);
	klog_close(log);
	return failed ? -1 : 0;
}

static void print_stream(void *ctx, const char *topic)
{
	struct buf *out = ctx;
	struct str s = str_of(topic);
	if (!str_has_suffix(s, ".notification"))
		return;
	s.len -= sizeof(".notification") - 1;
	buf_add_str(out, s);
	buf_putc(out, '\n');
}

int query_streams(struct tool_ctx *t)
{
	struct kclient *c = NULL;
	struct buf text = BUF_INIT;
	const struct kclient_options options = {.log = msg_library};
	int failed = settings_need_brokers(&t->settings, &t->err) ||
	    kclient_open(&c, KCLIENT_ADMIN, &t->settings.kv, &options, &t->err) ||
	    kclient_topics(c, print_stream, &text, &t->deadline, &t->err) ||
	    out_buf(&t->out, &text, &t->err);
	buf_release(&text);
	kclient_close(c);
	return failed ? -1 : 0;
}
