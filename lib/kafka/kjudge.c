#include "kafka/kjudge.h"

#include <stdlib.h>

#include "base/id.h"
#include "base/map.h"
#include "base/mem.h"
#include "kafka/kbatch.h"

#define FRESH_MS 10000

struct kjudge {
	struct klog *log;
	struct map open;   /* id -> struct fold */
	struct fold last;  /* of the event judged last */

	/* a look-up under way: the batch as it was when this event came */
	const struct event *wanted;
	struct fold replay;
	bool found;
	enum fold_verdict verdict;
};

void kjudge_open(struct kjudge **out, struct klog *log, uint64_t seed)
{
	struct kjudge *j = mem_zalloc(1, sizeof(*j));
	j->log = log;
	j->last = (struct fold)FOLD_INIT;
	map_init(&j->open, seed);
	*out = j;
}

static void fold_copy(const struct fold *from, struct fold *to)
{
	fold_release(to);
	*to = *from;
	to->doc = to->progress = (struct buf)BUF_INIT;
	buf_add_str(&to->doc, buf_str(&from->doc));
	buf_add_str(&to->progress, buf_str(&from->progress));
}

static void on_seen(void *ctx, const struct event *e, enum fold_verdict v)
{
	struct kjudge *j = ctx;
	(void)v;
	if (!e) {
		fold_release(&j->replay);
		j->found = false;
		return;
	}
	if (j->found)
		return;
	enum fold_verdict mine = fold_event(&j->replay, e);
	if (e->partition == j->wanted->partition && e->offset == j->wanted->offset) {
		j->found = true;
		j->verdict = mine;
	}
}

/* Folds the log up to this event. */
static int look_up(struct kjudge *j, const struct event *e, struct fold *f,
    enum fold_verdict *verdict, const struct deadline *d, struct err *err)
{
	struct kbatch *b;
	struct kbatch_options options = {.until_ms = INT64_MAX, .seen = on_seen, .ctx = j};
	j->wanted = e;
	j->found = false;
	j->replay = (struct fold)FOLD_INIT;
	if (kbatch_open(&b, j->log, buf_str(&e->id), &options, d, err)) {
		fold_release(&j->replay);
		return -1;
	}
	kbatch_close(b);
	*verdict = j->found ? j->verdict : FOLD_ILLEGAL;
	fold_release(f);
	*f = j->replay;
	j->replay = (struct fold)FOLD_INIT;
	return 0;
}

/* The first event of a batch with an id made at that moment: nothing can be before it. */
static bool begins_now(const struct event *e)
{
	int64_t made_ms;
	return e->version == 1 && e->type == EVENT_STATUS && e->status == BATCH_STARTED &&
	    id_time(buf_str(&e->id), &made_ms) && e->ts_ms >= made_ms &&
	    e->ts_ms - made_ms < FRESH_MS;
}

static void forget(struct kjudge *j, struct str id)
{
	struct fold *f = map_remove(&j->open, id);
	if (f)
		fold_release(f);
	free(f);
}

int kjudge_event(struct kjudge *j, const struct event *e, enum fold_verdict *verdict,
    const struct deadline *d, struct err *err)
{
	struct str id = buf_str(&e->id);
	struct fold *f = map_get(&j->open, id);
	if (!f) {
		f = mem_zalloc(1, sizeof(*f));
		*f = (struct fold)FOLD_INIT;
		map_put(&j->open, id, f);
		if (begins_now(e))
			*verdict = fold_event(f, e);
		else if (look_up(j, e, f, verdict, d, err))
			return -1;
	} else {
		*verdict = fold_event(f, e);
	}
	if (*verdict == FOLD_COUNTED || *verdict == FOLD_PROGRESS)
		fold_copy(f, &j->last);
	if (batch_is_finished(f->status) || f->status == BATCH_NONE)
		forget(j, id);
	return 0;
}

const struct fold *kjudge_fold(const struct kjudge *j)
{
	return &j->last;
}

void kjudge_close(struct kjudge *j)
{
	if (!j)
		return;
	size_t at = 0;
	void *f;
	while (map_next(&j->open, &at, NULL, &f)) {
		fold_release(f);
		free(f);
	}
	map_release(&j->open);
	fold_release(&j->last);
	free(j);
}
