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

static struct fold *fold_of(struct map *folds, struct str id, bool adopts)
{
	struct fold *f = map_get(folds, id);
	if (f)
		return f;
	f = mem_zalloc(1, sizeof(*f));
	*f = (struct fold)FOLD_INIT;
	f->adopts = adopts;
	map_put(folds, id, f);
	return f;
}

static int late(struct klog *log, struct err *err)
{
	struct deadline over = deadline_start(0);
	return klog_late(log, &over, err);
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
		if (got && e->ts_ms <= q->at_ms &&
		    fold_event(fold_of(folds, buf_str(&e->id), q->since_ms == KLOG_BEGINNING), e) == FOLD_ELSEWHERE)
			klog_elsewhere(log, e);
		if (got)
			continue;
		if (sig_ended())
			return err_set(&t->err, ST_FAIL, "interrupted");
		/* The budget is for waiting: a long log that keeps coming is no reason to give up. */
		if (clock_mono_ms() - seen_ms > t->budget_ms)
			return late(log, &t->err);
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

struct listing {
	struct tool_ctx *t;
	const struct query *q;
	const char *stream;
	int64_t matched, printed;
};

static int print_one(struct listing *l, const struct batch *b)
{
	struct tool_ctx *t = l->t;
	struct buf text = BUF_INIT;
	l->printed++;
	if (l->q->ids)
		return print_id(t, batch_id(b));
	if (!l->q->list)
		return session_print(t, b);
	if (l->printed > 1)
		buf_putc(&text, ',');
	js_dump(b->doc, &text);
	int failed = out_buf(&t->out, &text, &t->err);
	buf_release(&text);
	return failed;
}

static bool is_full(const struct listing *l)
{
	return l->q->size >= 0 && l->printed >= l->q->size;
}

/* Documents are parsed only to be printed, or where the fold does not tell whether they match. */
static int list_one(struct listing *l, const struct fold *f)
{
	const struct query *q = l->q;
	struct batch b = BATCH_INIT;
	if (q->statuses && !(q->statuses & (1u << f->status)))
		return 0;
	bool counts_only = is_full(l) || l->matched < q->from;
	if (counts_only && !q->name && !q->metadata->count) {
		l->matched++;
		return 0;
	}
	if (fold_batch(f, &b, &l->t->err)) {
		msg_warn("partition %d, offset %lld: %s", f->partition, (long long)f->offset,
		    l->t->err.text);
		err_clear(&l->t->err);
		return 0;
	}
	batch_need_topic(&b, l->stream);
	bool matches = query_matches(q, &b);
	l->matched += matches;
	int failed = matches && !counts_only ? print_one(l, &b) : 0;
	batch_release(&b);
	return failed;
}

static int end_list(struct listing *l)
{
	struct tool_ctx *t = l->t;
	struct buf text = BUF_INIT;
	int64_t rest = l->matched - l->q->from - l->printed;
	if (l->q->tell_rest && !l->q->list && rest > 0)
		msg_note("%lld of %lld batches are printed: --size -1 prints all, --from %lld goes on",
		    (long long)l->printed, (long long)l->matched, (long long)(l->q->from + l->printed));
	if (!l->q->list)
		return 0;
	buf_printf(&text, "],\"total\":%lld}\n", (long long)l->matched);
	int failed = out_buf(&t->out, &text, &t->err);
	buf_release(&text);
	return failed;
}

static int print_list(struct tool_ctx *t, const char *stream, const struct query *q,
    const struct fold **list, size_t n)
{
	struct listing l = {.t = t, .stream = stream, .q = q};
	bool counts_all = q->list || q->tell_rest;
	if (q->list && out_puts(&t->out, "{\"results\":[", &t->err))
		return -1;
	for (size_t i = 0; i < n && (counts_all || !is_full(&l)); i++)
		if (list_one(&l, list[i]))
			return -1;
	return end_list(&l);
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
		failed = print_list(t, stream, q, list, sort(&folds, q, list));
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
