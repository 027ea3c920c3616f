/* A history of one batch as strangers could have written it: a line for each record, its ce_type,
 * ce_batchversion, key and value between tabs. Every reader must come to the same end, and what our
 * own writers add must count. */
#include "fuzz.h"

#include <jansson.h>

#include "batch/event.h"
#include "batch/fold.h"

#define MOST 64

struct history {
	struct record records[MOST];
	bool counted[MOST];
	size_t count;
	struct buf id; /* of the first event: the batch that is folded */
};

static void add_record(struct history *h, struct str line)
{
	struct record *r = &h->records[h->count];
	*r = (struct record){.offset = (int64_t)h->count, .ts_ms = 1};
	struct str type = fuzz_cut(&line, '\t'), version = fuzz_cut(&line, '\t');
	r->key = fuzz_cut(&line, '\t');
	r->value = fuzz_exact(line);
	if (type.ptr)
		headers_add(&r->headers, STR("ce_type"), type);
	if (version.ptr)
		headers_add(&r->headers, STR("ce_batchversion"), version);
	h->count++;
}

static bool is_ours(struct history *h, const struct event *e)
{
	if (!h->id.len)
		buf_add_str(&h->id, buf_str(&e->id));
	return str_eq(buf_str(&h->id), buf_str(&e->id));
}

static void check_step(enum batch_status status, int64_t version, const struct event *e,
    const struct fold *f, enum fold_verdict v)
{
	if (v == FOLD_COUNTED) {
		assert(batch_may(status, e->status) && f->status == e->status);
		assert(f->version == version + 1);
		assert(e->version == 0 || e->version == f->version);
	} else {
		assert(f->status == status && f->version == version);
	}
}

/* Folds what was counted before, or everything and notes what counts. */
static void fold(struct history *h, struct fold *f, bool only_counted)
{
	struct event e = EVENT_INIT;
	for (size_t i = 0; i < h->count; i++) {
		const char *why = NULL;
		if (only_counted && !h->counted[i])
			continue;
		if (!event_decode(&h->records[i], &e, &why)) {
			assert(why && *why);
			continue;
		}
		assert(!h->records[i].key.ptr || str_eq(h->records[i].key, buf_str(&e.id)));
		if (!is_ours(h, &e))
			continue;
		enum batch_status status = f->status;
		int64_t version = f->version;
		enum fold_verdict v = fold_event(f, &e);
		check_step(status, version, &e, f, v);
		h->counted[i] = v == FOLD_COUNTED || v == FOLD_PROGRESS;
	}
	event_release(&e);
}

static void check_same(const struct fold *a, const struct fold *b)
{
	assert(a->status == b->status && a->version == b->version && a->offset == b->offset);
	assert(str_eq(buf_str(&a->doc), buf_str(&b->doc)));
	assert(str_eq(buf_str(&a->progress), buf_str(&b->progress)));
}

/* What a writer of ours adds to this history counts, and its document is what readers see. */
static void check_change(struct fold *f, const struct batch *b, const struct batch_change *c)
{
	struct batch to = BATCH_INIT, seen = BATCH_INIT;
	struct err err = ERR_INIT;
	if (batch_apply(b, c, &to, &err) == 0) {
		struct event_out out;
		struct event e = EVENT_INIT;
		const char *why;
		assert(event_encode(&to, EVENT_STATUS, STR("s"), STR("w"), 1, &out, &err) == 0);
		assert(event_decode(&out.record, &e, &why));
		assert(e.version == b->version + 1);
		assert(fold_event(f, &e) == FOLD_COUNTED);
		assert(fold_batch(f, &seen, &err) == 0);
		assert(json_equal(seen.doc, to.doc));
		event_release(&e);
		event_out_release(&out);
	}
	batch_release(&to);
	batch_release(&seen);
	err_clear(&err);
}

static void check_result(struct history *h, struct fold *f)
{
	struct err err = ERR_INIT;
	struct batch b = BATCH_INIT;
	assert(fold_batch(f, &b, &err) == 0);
	assert(b.status == f->status && b.version == f->version);
	assert(str_eq(batch_id(&b), buf_str(&h->id)));
	for (int action = BATCH_COMPLETE; action <= BATCH_FAIL; action++) {
		struct batch_change c = {.action = (enum batch_action)action, .now_ms = 1,
		    .force = true, .expected = 1, .actual = 1, .message = STR("m")};
		struct fold again = FOLD_INIT;
		fold(h, &again, true);
		check_same(f, &again);
		check_change(&again, &b, &c);
		fold_release(&again);
	}
	batch_release(&b);
}

static void release(struct history *h)
{
	for (size_t i = 0; i < h->count; i++) {
		headers_release(&h->records[i].headers);
		fuzz_free(h->records[i].value);
	}
	buf_release(&h->id);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = fuzz_input(data, size);
	struct history h = {0};
	struct fold f = FOLD_INIT;
	while (rest.len && h.count < MOST)
		add_record(&h, fuzz_cut(&rest, '\n'));
	fold(&h, &f, false);
	if (f.status != BATCH_NONE) {
		check_result(&h, &f);
		/* The same events once more change no status. */
		enum batch_status status = f.status;
		fold(&h, &f, true);
		assert(f.status == status);
	}
	fold_release(&f);
	release(&h);
	return 0;
}
