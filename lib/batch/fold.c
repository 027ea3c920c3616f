#include "batch/fold.h"

static enum fold_verdict fold_progress(struct fold *f, const struct event *e)
{
	if (f->status != BATCH_STARTED && f->status != BATCH_SENT)
		return FOLD_ILLEGAL;
	if (e->type == EVENT_PART)
		return FOLD_PROGRESS; /* it speaks of one part: batch/parts.h folds those */
	buf_clear(&f->progress);
	buf_add_str(&f->progress, e->doc);
	f->progress_is_newer = true;
	return FOLD_PROGRESS;
}

/* What no reader could show must not count for any: the scanner that decodes events lets pass what the
 * parser refuses, numbers out of range for one. */
static bool can_be_parsed(struct str doc)
{
	struct err ignored = ERR_INIT;
	struct json_t *tree = js_parse_lax(doc, &ignored);
	bool can = tree != NULL;
	js_free(tree);
	err_clear(&ignored);
	return can;
}

static void begin(struct fold *f, const struct event *e, bool headless)
{
	f->foreign = e->version == 0;
	f->headless = headless;
	f->created_ms = headless ? 0 : e->ts_ms;
	f->version = headless && e->version ? e->version - 1 : 0;
}

static enum fold_verdict fold_status(struct fold *f, const struct event *e)
{
	bool begins = f->status == BATCH_NONE;
	bool headless = begins && f->adopts && e->status != BATCH_STARTED;
	/* Who looks up a batch of ours reads its home partition only. */
	if (e->stray && (headless ? e->version > 0 : !begins && !f->foreign))
		return FOLD_ELSEWHERE;
	if (e->version && e->version != f->version + 1 && !headless)
		return FOLD_OVERTAKEN;
	if ((!batch_may(f->status, e->status) && !headless) || !can_be_parsed(e->doc))
		return FOLD_ILLEGAL;
	if (begins)
		begin(f, e, headless);
	f->status = e->status;
	f->version++;
	f->progress_is_newer = false;
	buf_clear(&f->doc);
	buf_add_str(&f->doc, e->doc);
	f->partition = e->partition;
	f->offset = e->offset;
	f->ts_ms = e->ts_ms;
	return FOLD_COUNTED;
}

static enum fold_verdict fold_standing(const struct fold *f, const struct event *e)
{
	return e->status == f->status && e->version == f->version ? FOLD_STANDING : FOLD_OVERTAKEN;
}

static enum fold_verdict verdict_of(struct fold *f, const struct event *e)
{
	switch (e->type) {
	case EVENT_STATUS:
		return fold_status(f, e);
	case EVENT_STANDING:
		return fold_standing(f, e);
	case EVENT_PROGRESS:
	case EVENT_PART:
		break;
	}
	return fold_progress(f, e);
}

enum fold_verdict fold_event(struct fold *f, const struct event *e)
{
	enum fold_verdict v = verdict_of(f, e);
	bool counts = v == FOLD_COUNTED || v == FOLD_PROGRESS || v == FOLD_STANDING;
	f->ignored += !counts;
	f->unsettled = f->status != BATCH_NONE && (!counts || e->status != f->status);
	return v;
}

int fold_batch(const struct fold *f, struct batch *out, struct err *err)
{
	if (batch_parse(buf_str(&f->doc), out, err))
		return -1;
	out->version = f->version;
	js_set_i64(out->doc, "version", f->version);
	struct batch late = BATCH_INIT;
	if (f->progress.len && batch_parse(buf_str(&f->progress), &late, err) == 0) {
		const struct json_t *progress = js_get(late.doc, "progress");
		if (progress && (f->progress_is_newer || !js_get(out->doc, "progress")))
			js_set(out->doc, "progress", js_copy(progress));
	}
	batch_release(&late);
	batch_end_progress(out);
	err_clear(err);
	return 0;
}

bool fold_tells_records(const struct fold *f, const struct batch *b, struct err *err)
{
	struct str id = batch_id(b);
	if (!f->headless || js_get(b->doc, "manifest") || batch_expected(b) >= 0)
		return true;
	err_set(err, ST_FAIL, "batch '%.*s': its beginning is gone (retention has deleted it), and neither a manifest "
	    "nor a count tells what its records are", (int)id.len, id.ptr);
	return false;
}

const char *fold_verdict_name(enum fold_verdict v)
{
	static const char *const names[] = {
	    [FOLD_COUNTED] = "counted",
	    [FOLD_PROGRESS] = "progress",
	    [FOLD_OVERTAKEN] = "overtaken",
	    [FOLD_ILLEGAL] = "illegal",
	    [FOLD_ELSEWHERE] = "elsewhere",
	    [FOLD_STANDING] = "standing",
	};
	return names[v];
}

void fold_release(struct fold *f)
{
	buf_release(&f->doc);
	buf_release(&f->progress);
	*f = (struct fold)FOLD_INIT;
}
