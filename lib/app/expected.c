#include "app/expected.h"

#include <stdlib.h>

#include "base/date.h"
#include "base/mem.h"

struct expected_batch {
	enum batch_status status;
	int64_t since_ms, turn; /* since when, and with which event, it has been so */
	struct buf text;        /* its document */
};

void expected_init(struct expected *x, uint64_t seed)
{
	*x = (struct expected){0};
	map_init(&x->batches, seed);
}

void expected_release(struct expected *x)
{
	size_t at = 0;
	void *value;
	while (map_next(&x->batches, &at, NULL, &value)) {
		struct expected_batch *e = value;
		buf_release(&e->text);
		free(e);
	}
	map_release(&x->batches);
}

void expected_hear(struct expected *x, const struct batch *b, int64_t ts_ms)
{
	struct expected_batch *e = map_get(&x->batches, batch_id(b));
	if (!e) {
		e = mem_zalloc(1, sizeof(*e));
		map_put(&x->batches, batch_id(b), e);
	}
	x->turn++;
	if (e->status != b->status) {
		e->since_ms = ts_ms;
		e->turn = x->turn;
	}
	e->status = b->status;
	buf_clear(&e->text);
	js_dump(b->doc, &e->text);
}

struct str expected_completed(const struct expected *x)
{
	const struct expected_batch *first = NULL;
	size_t at = 0;
	void *value;
	while (map_next(&x->batches, &at, NULL, &value)) {
		const struct expected_batch *e = value;
		if (e->status == BATCH_COMPLETED && (!first || e->turn < first->turn))
			first = e;
	}
	return first ? buf_str(&first->text) : (struct str)STR_INIT;
}

static const struct expected_batch *changed_last(const struct expected *x)
{
	const struct expected_batch *last = NULL;
	size_t at = 0;
	void *value;
	while (map_next(&x->batches, &at, NULL, &value)) {
		const struct expected_batch *e = value;
		if (!last || e->turn > last->turn)
			last = e;
	}
	return last;
}

/* Behind "was sent at T and": some worker has told how far it is, or none has begun. */
static void add_work(const struct batch *b, struct buf *out)
{
	const struct json_t *progress = js_get(b->doc, "progress");
	int64_t done = 0, invalid = 0, skipped = 0;
	if (!progress) {
		buf_puts(out, "waits for a worker");
		return;
	}
	js_get_i64(progress, "done", &done);
	js_get_i64(progress, "invalid", &invalid);
	js_get_i64(progress, "skipped", &skipped);
	buf_printf(out, "is being processed (%lld records so far)",
	    (long long)(done + invalid + skipped));
}

static void add_state(const struct batch *b, const struct expected_batch *e, struct buf *out)
{
	static const char *const verbs[BATCH_STATUS_COUNT] = {
	    [BATCH_STARTED] = "began at ",
	    [BATCH_SENT] = "was sent at ",
	    [BATCH_COMPLETED] = "was completed at ",
	    [BATCH_TERMINATED] = "was terminated at ",
	    [BATCH_FAILED] = "failed at ",
	};
	struct str id = batch_id(b), name = batch_member(b, "name");
	buf_printf(out, "batch '%.*s' (%.*s) %s", (int)name.len, name.ptr, (int)id.len, id.ptr,
	    verbs[e->status]);
	date_format_s(e->since_ms, out);
	if (e->status == BATCH_STARTED)
		buf_puts(out, " and is still being sent");
	if (e->status == BATCH_SENT) {
		buf_puts(out, " and ");
		add_work(b, out);
	}
	if (e->status == BATCH_FAILED) {
		buf_puts(out, ": ");
		buf_add_str(out, batch_member(b, "failureMessage"));
	}
}

void expected_why(const struct expected *x, struct buf *out)
{
	struct err ignored = ERR_INIT;
	struct batch b = BATCH_INIT;
	const struct expected_batch *last = changed_last(x);
	if (!last) {
		buf_puts(out, "none began");
		return;
	}
	if (batch_parse(buf_str(&last->text), &b, &ignored) == 0)
		add_state(&b, last, out);
	if (x->batches.count > 1)
		buf_printf(out, "; of that name are %zu, and none is completed", x->batches.count);
	batch_release(&b);
	err_clear(&ignored);
}
