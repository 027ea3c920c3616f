#include "kafka/kjudge.h"

#include <stdlib.h>

#include "base/id.h"
#include "base/map.h"
#include "base/mem.h"
#include "base/sieve.h"
#include "kafka/kbatch.h"

#define FRESH_MS 10000
#define SLICE_MS 200

/* So many of those that are not open are remembered, lest each event of one costs a look-up. */
#define RECENT_MOST 4096

/* What is known of a partition. */
struct part {
	int64_t start;       /* the first event that is judged; -1: none came yet */
	bool known;          /* what lies before that has been read */
	int64_t failed_upto; /* failures below this offset are in the sieve; 0: not looked for */
};

struct kjudge {
	struct klog *log;
	bool everywhere;      /* all partitions' events come */
	struct part *parts;
	struct map open;      /* id -> struct fold */
	struct map recent;    /* the same of some that are over or never began, without documents */
	struct sieve closed;  /* ids that were seen and are not in there */
	struct sieve failed;  /* ids of events that say "failed" */
	struct fold last;     /* of the event judged last */
	bool unsettled;       /* its batch, see batch/fold.h */
};

void kjudge_open(struct kjudge **out, struct klog *log, const int64_t *starts, uint64_t seed)
{
	struct kjudge *j = mem_zalloc(1, sizeof(*j));
	j->log = log;
	j->everywhere = starts != NULL;
	j->parts = mem_zalloc((size_t)klog_partitions(log), sizeof(*j->parts));
	for (int32_t p = 0; p < klog_partitions(log); p++)
		j->parts[p].start = starts ? starts[p] : -1;
	j->last = (struct fold)FOLD_INIT;
	map_init(&j->open, seed);
	map_init(&j->recent, seed);
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

static void forget(struct map *folds, struct str id)
{
	struct fold *f = map_remove(folds, id);
	if (f)
		fold_release(f);
	free(f);
}

static void forget_all(struct map *folds)
{
	size_t at = 0;
	struct str id;
	void *ignored;
	while (map_next(folds, &at, &id, &ignored))
		forget(folds, id);
	map_release(folds);
}

static struct fold *begin(struct kjudge *j, struct str id)
{
	struct fold *f = mem_zalloc(1, sizeof(*f));
	*f = (struct fold)FOLD_INIT;
	f->adopts = true;
	map_put(&j->open, id, f);
	return f;
}

/* May partitions that we do not see hold events of a foreign batch? */
static bool is_blind(const struct kjudge *j)
{
	return !j->everywhere && klog_partitions(j->log) > 1;
}

/* Of a batch that is over its status is enough to judge by, if every event of it will come. */
static void remember(struct kjudge *j, struct str id, const struct fold *f)
{
	if (is_blind(j) && (f->foreign || f->status == BATCH_NONE))
		return;
	if (j->recent.count >= RECENT_MOST)
		forget_all(&j->recent);
	struct fold *bare = mem_zalloc(1, sizeof(*bare));
	*bare = *f;
	bare->doc = bare->progress = (struct buf)BUF_INIT;
	map_put(&j->recent, id, bare);
}

static struct fold *recall(struct kjudge *j, struct str id)
{
	struct fold *f = map_remove(&j->recent, id);
	if (f)
		map_put(&j->open, id, f);
	return f;
}

/* Only open batches stay, and of them those of which every event will come. */
static void settle(struct kjudge *j, struct str id, const struct fold *f)
{
	bool closed = batch_is_finished(f->status) || (f->foreign && is_blind(j));
	if (closed)
		sieve_add(&j->closed, id);
	if (closed || f->status == BATCH_NONE)
		forget(&j->open, id);
}

struct look_up {
	const struct event *wanted;
	bool found;
	enum fold_verdict verdict;
};

static void on_seen(void *ctx, const struct event *e, enum fold_verdict v)
{
	struct look_up *l = ctx;
	bool is_it = e && e->partition == l->wanted->partition && e->offset == l->wanted->offset;
	l->found = is_it || (l->found && e);
	if (is_it)
		l->verdict = v;
}

/* Folds the log up to this event. */
static int look_up(struct kjudge *j, const struct event *e, enum fold_verdict *verdict,
    const struct deadline *d, struct err *err)
{
	struct kbatch *b;
	struct look_up l = {.wanted = e};
	struct kbatch_options options = KBATCH_OPTIONS_INIT;
	options.last = e;
	options.seen = on_seen;
	options.ctx = &l;
	if (kbatch_open(&b, j->log, buf_str(&e->id), &options, d, err))
		return -1;
	if (l.found)
		fold_copy(kbatch_fold(b), begin(j, buf_str(&e->id)));
	else
		sieve_add(&j->closed, buf_str(&e->id));
	bool elsewhere = e->stray && kbatch_fold(b)->status != BATCH_NONE;
	*verdict = l.found ? l.verdict : elsewhere ? FOLD_ELSEWHERE : FOLD_ILLEGAL;
	kbatch_close(b);
	return 0;
}

static bool is_partly_seen(const struct kjudge *j, const struct event *e)
{
	return is_blind(j) && (e->stray || e->version == 0);
}

/* An event from before the reader's time. */
static void take_past(struct kjudge *j, const struct event *e)
{
	struct str id = buf_str(&e->id);
	struct fold *f = map_get(&j->open, id);
	if (!f && is_partly_seen(j, e))
		sieve_add(&j->closed, id);
	if (sieve_has(&j->closed, id)) {
		forget(&j->open, id);
		return;
	}
	if (!f)
		f = begin(j, id);
	fold_event(f, e);
	settle(j, id, f);
}

static int scan_past(struct kjudge *j, int32_t partition, const struct deadline *d, struct err *err)
{
	int64_t beginning;
	if (j->everywhere)
		return klog_scan(j->log, KLOG_BEGINNING, d, err);
	return kclient_offsets(klog_client(j->log), klog_topic(j->log), &partition, 1,
		   KOFFSET_BEGINNING, &beginning, d, err) ||
	    klog_scan_partition(j->log, partition, beginning, d, err);
}

static bool past_is_read(const struct kjudge *j)
{
	for (int32_t p = 0; p < klog_partitions(j->log); p++) {
		int64_t at = klog_position(j->log, p);
		if (at >= 0 && at < j->parts[p].start)
			return false;
	}
	return true;
}

/* Reads what lies before the events that are judged: of this partition, or of all. */
static int read_past(struct kjudge *j, int32_t partition, const struct deadline *d, struct err *err)
{
	const struct event *e;
	if (scan_past(j, partition, d, err))
		return -1;
	while (!past_is_read(j)) {
		int got = klog_next(j->log, deadline_slice_ms(d, SLICE_MS), &e, err);
		if (got < 0)
			return -1;
		if (got && e->offset < j->parts[e->partition].start)
			take_past(j, e);
		if (!got && deadline_left_ms(d) == 0)
			return klog_late(j->log, d, err);
	}
	return 0;
}

/* What was looked up meanwhile is right as it is. */
static void keep_known(struct kjudge *j, struct map *known)
{
	size_t at = 0;
	struct str id;
	void *f;
	while (map_next(known, &at, &id, &f)) {
		forget(&j->open, id);
		map_put(&j->open, id, f);
	}
	map_release(known);
}

static int learn_past(struct kjudge *j, int32_t partition, const struct deadline *d,
    struct err *err)
{
	struct map known = j->open;
	map_init(&j->open, known.seed);
	int failed = read_past(j, partition, d, err);
	keep_known(j, &known);
	for (int32_t p = 0; p < klog_partitions(j->log) && !failed; p++)
		j->parts[p].known |= j->everywhere || p == partition;
	return failed;
}

/* The first event of a batch with an id made at that moment: nothing can be before it. */
static bool begins_now(const struct event *e)
{
	int64_t made_ms;
	return e->version == 1 && e->type == EVENT_STATUS && e->status == BATCH_STARTED &&
	    id_time(buf_str(&e->id), &made_ms) && e->ts_ms >= made_ms &&
	    e->ts_ms - made_ms < FRESH_MS;
}

/* Of a batch that is not open as far as we know. */
static int judge_unknown(struct kjudge *j, const struct event *e, enum fold_verdict *verdict,
    const struct deadline *d, struct err *err)
{
	int64_t made_ms;
	struct str id = buf_str(&e->id);
	if (begins_now(e)) {
		*verdict = fold_event(begin(j, id), e);
		return 0;
	}
	if (id_time(id, &made_ms) || is_partly_seen(j, e))
		return look_up(j, e, verdict, d, err);
	if (!j->parts[e->partition].known && learn_past(j, e->partition, d, err))
		return -1;
	struct fold *f = map_get(&j->open, id);
	if (!f && sieve_has(&j->closed, id))
		return look_up(j, e, verdict, d, err);
	*verdict = fold_event(f ? f : begin(j, id), e);
	return 0;
}

int kjudge_event(struct kjudge *j, const struct event *e, enum fold_verdict *verdict,
    const struct deadline *d, struct err *err)
{
	struct str id = buf_str(&e->id);
	if (j->parts[e->partition].start < 0)
		j->parts[e->partition].start = e->offset;
	struct fold *f = map_get(&j->open, id);
	f = f ? f : recall(j, id);
	if (f)
		*verdict = fold_event(f, e);
	else if (judge_unknown(j, e, verdict, d, err))
		return -1;
	f = map_get(&j->open, id);
	if (*verdict == FOLD_COUNTED || *verdict == FOLD_PROGRESS)
		fold_copy(f, &j->last);
	j->unsettled = f && f->unsettled;
	if (!f)
		return 0;
	if (batch_is_finished(f->status) || f->status == BATCH_NONE)
		remember(j, id, f);
	settle(j, id, f);
	return 0;
}

int kjudge_pass(struct kjudge *j, const struct event *e, const struct deadline *d,
    struct err *err)
{
	int64_t made_ms;
	enum fold_verdict ignored;
	struct str id = buf_str(&e->id);
	bool later = !map_get(&j->open, id) && !begins_now(e) &&
	    (id_time(id, &made_ms) || is_partly_seen(j, e));
	if (!later)
		return kjudge_event(j, e, &ignored, d, err);
	forget(&j->recent, id);
	sieve_add(&j->closed, id);
	return 0;
}

const struct fold *kjudge_fold(const struct kjudge *j)
{
	return &j->last;
}

bool kjudge_is_unsettled(const struct kjudge *j)
{
	return j->unsettled;
}

const struct fold *kjudge_open_fold(const struct kjudge *j, struct str id)
{
	return map_get(&j->open, id);
}

/* Notes the batches that failed, from an offset to the present end of a partition. */
static int note_failures(struct kjudge *j, int32_t partition, int64_t from,
    const struct deadline *d, struct err *err)
{
	const struct event *e;
	if (klog_scan_partition(j->log, partition, from, d, err))
		return -1;
	while (!klog_caught_up(j->log)) {
		int got = klog_next(j->log, deadline_slice_ms(d, SLICE_MS), &e, err);
		if (got < 0)
			return -1;
		if (got && e->type == EVENT_STATUS && e->status == BATCH_FAILED)
			sieve_add(&j->failed, buf_str(&e->id));
		if (!got && deadline_left_ms(d) == 0)
			return klog_late(j->log, d, err);
	}
	j->parts[partition].failed_upto = klog_position(j->log, partition);
	return 0;
}

int kjudge_may_have_changed(struct kjudge *j, const struct event *e, const struct deadline *d,
    struct err *err)
{
	struct part *p = &j->parts[e->partition];
	if (j->last.foreign && is_blind(j))
		return 1;
	int64_t from = p->failed_upto > e->offset ? p->failed_upto : e->offset + 1;
	if (note_failures(j, e->partition, from, d, err))
		return -1;
	return sieve_has(&j->failed, buf_str(&e->id));
}

void kjudge_restart(struct kjudge *j)
{
	forget_all(&j->open);
	forget_all(&j->recent);
	sieve_release(&j->closed);
	for (int32_t p = 0; p < klog_partitions(j->log); p++)
		j->parts[p] = (struct part){.start = -1};
}

void kjudge_close(struct kjudge *j)
{
	if (!j)
		return;
	forget_all(&j->open);
	forget_all(&j->recent);
	sieve_release(&j->closed);
	sieve_release(&j->failed);
	fold_release(&j->last);
	free(j->parts);
	free(j);
}
