#include "kafka/kfind.h"

#include <stdlib.h>

#include "base/id.h"
#include "base/mem.h"
#include "base/sieve.h"
#include "kafka/kbatch.h"

#define SLICE_MS 200

struct kfind {
	struct klog *log;
	struct sieve ids;   /* of all events below: */
	int64_t *positions; /* owned; of each partition, -1: its beginning */
	bool current;       /* nothing need be read before the sieve is asked */
	bool missed;        /* one was not there */
};

int kfind_open(struct kfind **out, const struct kv *settings, const char *stream,
    const struct klog_options *options, const struct deadline *d, struct err *err)
{
	struct kfind *f = mem_zalloc(1, sizeof(*f));
	if (klog_open(&f->log, settings, stream, options, d, err)) {
		kfind_close(f);
		return -1;
	}
	f->positions = mem_zalloc((size_t)klog_partitions(f->log), sizeof(*f->positions));
	for (int32_t p = 0; p < klog_partitions(f->log); p++)
		f->positions[p] = -1;
	*out = f;
	return 0;
}

void kfind_close(struct kfind *f)
{
	if (!f)
		return;
	klog_close(f->log);
	sieve_release(&f->ids);
	free(f->positions);
	free(f);
}

void kfind_renew(struct kfind *f)
{
	f->current = false;
}

/* Takes in the ids up to the log's present end. */
static int read_on(struct kfind *f, const struct deadline *d, struct err *err)
{
	const struct event *e;
	if (klog_scan_from(f->log, f->positions, d, err))
		return -1;
	while (!klog_caught_up(f->log)) {
		int got = klog_next(f->log, deadline_slice_ms(d, SLICE_MS), &e, err);
		if (got < 0)
			return -1;
		if (got)
			sieve_add(&f->ids, buf_str(&e->id));
		else if (deadline_left_ms(d) == 0)
			return klog_late(f->log, d, err);
	}
	for (int32_t p = 0; p < klog_partitions(f->log); p++)
		f->positions[p] = klog_position(f->log, p);
	f->current = true;
	return 0;
}

static int look_up(struct kfind *f, struct str id, struct fold *out, const struct deadline *d,
    struct err *err)
{
	struct kbatch *b;
	const struct kbatch_options options = KBATCH_OPTIONS_INIT;
	if (kbatch_open(&b, f->log, id, &options, d, err))
		return -1;
	const struct fold *found = kbatch_fold(b);
	*out = *found;
	out->doc = out->progress = (struct buf)BUF_INIT;
	buf_add_str(&out->doc, buf_str(&found->doc));
	kbatch_close(b);
	return 0;
}

int kfind_batch(struct kfind *f, struct str id, struct fold *out, const struct deadline *d,
    struct err *err)
{
	int64_t made_ms;
	*out = (struct fold)FOLD_INIT;
	if (f->missed || !id_time(id, &made_ms)) {
		if (!f->current && read_on(f, d, err))
			return -1;
		if (!sieve_has(&f->ids, id))
			return 0;
	}
	int failed = look_up(f, id, out, d, err);
	f->missed |= out->status == BATCH_NONE;
	return failed;
}
