#include "kafka/kfetch.h"

#include <stdlib.h>

#include "base/date.h"
#include "base/mem.h"
#include "batch/claims.h"
#include "batch/merge.h"
#include "batch/proof.h"
#include "batch/skim.h"
#include "kafka/kends.h"

/* So many records of others are passed over before the caller may look around again. */
#define PASS_AT_ONCE 8192

struct kfetch {
	struct kclient *client;
	struct kends ends;
	struct kread *read;
	char *topic;
	struct kfetch_options options;
	struct proof proof;
	size_t held; /* the lane whose head was given out; SIZE_MAX: none */

	/* in order: one sender after the other */
	size_t sender;
	struct merge merge;
	bool merging;
	struct skim *skims;  /* of the lanes, while they are read for one sender */
	struct record ahead; /* one that was looked at behind a head */
};

static int open_ranges(struct kfetch *f, const struct extents *x, struct err *err)
{
	struct kread_range *ranges = mem_zalloc(x->count, sizeof(*ranges));
	for (size_t i = 0; i < x->count; i++)
		ranges[i] = (struct kread_range){x->list[i].partition, x->list[i].first,
		    x->list[i].last + 1};
	int failed = kread_open(&f->read, f->client, f->topic, ranges, x->count, err);
	free(ranges);
	return failed;
}

static void start_skims(struct kfetch *f, const struct extents *x)
{
	free(f->skims);
	f->skims = mem_zalloc(x->count, sizeof(*f->skims));
	for (size_t i = 0; i < x->count && f->options.plain; i++)
		skim_start(&f->skims[i], &x->list[i]);
}

static int begin_sender(struct kfetch *f, struct err *err)
{
	const struct sender *s = &f->proof.manifest.senders[f->sender];
	kread_close(f->read);
	f->read = NULL;
	if (open_ranges(f, &s->extents, err))
		return -1;
	merge_start(&f->merge, s->extents.count);
	f->merging = true;
	start_skims(f, &s->extents);
	return 0;
}

static int open_manifest(struct kfetch *f, struct err *err)
{
	if (f->options.ordered && f->proof.manifest.count)
		return begin_sender(f, err);
	struct extents all = EXTENTS_INIT;
	manifest_extents(&f->proof.manifest, &all);
	int failed = open_ranges(f, &all, err);
	if (!failed && f->proof.manifest.count == 1)
		start_skims(f, &all);
	extents_release(&all);
	return failed;
}

/* By time, for want of a manifest: nothing of the batch is older than its first event. To the end that the
 * log has now: a stranger's record dated ahead would make an end by time come too early. */
static int open_by_time(struct kfetch *f, int32_t partitions, const struct deadline *d,
    struct err *err)
{
	size_t n = (size_t)partitions;
	int32_t *list = mem_zalloc(n, sizeof(*list));
	int64_t *starts = mem_zalloc(n, sizeof(*starts)), *ends = mem_zalloc(n, sizeof(*ends));
	struct kread_range *ranges = mem_zalloc(n, sizeof(*ranges));
	for (size_t i = 0; i < n; i++)
		list[i] = (int32_t)i;
	int64_t from_ms = f->options.created_ms - DATE_SLACK_MS;
	int failed = kclient_offsets(f->client, f->topic, list, n, from_ms, starts, d, err);
	if (!failed && !f->options.early)
		failed = kends_ask(&f->ends, list, n, ends, d, err);
	for (size_t i = 0; i < n; i++)
		ranges[i] = (struct kread_range){list[i], starts[i],
		    f->options.early ? INT64_MAX : ends[i]};
	if (!failed)
		failed = kread_open(&f->read, f->client, f->topic, ranges, n, err);
	free(list);
	free(starts);
	free(ends);
	free(ranges);
	return failed;
}

static int check_partitions(const struct kfetch *f, int32_t partitions, struct err *err)
{
	if (claims_check_partitions(&f->proof.manifest, f->topic, partitions, err) == 0)
		return 0;
	return err_wrap(err, "batch '%s'", f->proof.id);
}

static const struct extent *beyond(const struct extents *x, const int64_t *ends)
{
	for (size_t i = 0; i < x->count; i++)
		if (x->list[i].last >= ends[i])
			return &x->list[i];
	return NULL;
}

/* What the log does not hold would be waited for in vain. */
static int check_ends(struct kfetch *f, const struct deadline *d, struct err *err)
{
	struct extents all = EXTENTS_INIT;
	manifest_extents(&f->proof.manifest, &all);
	int32_t *partitions = mem_zalloc(all.count, sizeof(*partitions));
	int64_t *ends = mem_zalloc(all.count, sizeof(*ends));
	for (size_t i = 0; i < all.count; i++)
		partitions[i] = all.list[i].partition;
	int failed = kclient_offsets(f->client, f->topic, partitions, all.count, KOFFSET_END, ends,
	    d, err);
	if (!failed && beyond(&all, ends))
		failed = kends_ask(&f->ends, partitions, all.count, ends, d, err);
	const struct extent *x = failed ? NULL : beyond(&all, ends);
	if (x)
		failed = err_set(err, ST_FAIL, "batch '%s': its manifest goes to offset %lld of "
		    "partition %d, and the log of topic %s ends before it", f->proof.id,
		    (long long)x->last, x->partition, f->topic);
	free(partitions);
	free(ends);
	extents_release(&all);
	return failed ? -1 : 0;
}

static size_t most_lanes(const struct kfetch *f)
{
	size_t most = 4;
	for (size_t i = 0; i < f->proof.manifest.count; i++)
		if (f->proof.manifest.senders[i].extents.count > most)
			most = f->proof.manifest.senders[i].extents.count;
	return most;
}

static int connect_topic(struct kfetch *f, const struct kv *settings, int32_t *partitions,
    const struct deadline *d, struct err *err)
{
	struct kread_tuning tuning;
	kread_tune(&tuning, most_lanes(f), f->options.early ? KREAD_CALM_MS : KREAD_BRISK_MS);
	struct kclient_options co = {.settings = tuning.pairs, .log = f->options.log};
	if (kclient_open(&f->client, KCLIENT_READER, settings, &co, err))
		return -1;
	return kclient_topic(f->client, f->topic, partitions, d, err);
}

int kfetch_open(struct kfetch **out, const struct kv *settings, const struct batch *b,
    const struct kfetch_options *options, const struct deadline *d, struct err *err)
{
	struct str id = batch_id(b), topic = batch_member(b, "topic");
	if (topic.len == 0)
		return err_set(err, ST_FAIL, "batch '%.*s': its document names no topic",
		    (int)id.len, id.ptr);
	struct kfetch *f = mem_zalloc(1, sizeof(*f));
	int32_t partitions = 0;
	proof_init(&f->proof, id);
	f->topic = mem_strndup(topic.ptr, topic.len);
	f->options = *options;
	f->options.created_ms = batch_began_ms(b, options->created_ms);
	kends_init(&f->ends, settings, f->topic, options->log);
	f->held = SIZE_MAX;
	int failed = proof_take(&f->proof, b, err) || connect_topic(f, settings, &partitions, d, err) ||
	    check_partitions(f, partitions, err) || check_ends(f, d, err);
	if (!failed)
		failed = f->proof.has_manifest && !options->early ? open_manifest(f, err)
							    : open_by_time(f, partitions, d, err);
	if (failed) {
		kfetch_close(f);
		return -1;
	}
	*out = f;
	return 0;
}

void kfetch_close(struct kfetch *f)
{
	if (!f)
		return;
	kread_close(f->read);
	kclient_close(f->client);
	kends_release(&f->ends);
	merge_release(&f->merge);
	proof_release(&f->proof);
	headers_release(&f->ahead.headers);
	free(f->skims);
	free(f->topic);
	free(f);
}

static enum kread_state give(struct kfetch *f, size_t lane, const struct record *r,
    const struct record **out)
{
	f->held = lane;
	proof_add(&f->proof, r);
	*out = r;
	return KREAD_RECORD;
}

/* The lane's head has number n: are those after it just the next ones? */
static void look_ahead(struct kfetch *f, size_t lane, const struct record *head, int64_t n)
{
	struct skim *skim = &f->skims[lane];
	int64_t later = 0;
	size_t ahead = kread_ahead(f->read, lane, skim_ahead(skim), &f->ahead);
	if (!ahead)
		return;
	if (!proof_is_of(&f->proof, f->sender, &f->ahead, &later))
		later = 0;
	skim_learn(skim, head->offset, n, f->ahead.offset, later);
	kread_plain(f->read, lane, skim->until);
}

/* The lane's head is a record of this sender, passing over all others. */
static enum kread_state sender_head(struct kfetch *f, size_t lane, const struct record **out,
    int64_t *n, struct err *err)
{
	for (int i = 0; i < PASS_AT_ONCE; i++) {
		enum kread_state s = kread_head(f->read, lane, out, err);
		if (s != KREAD_RECORD)
			return s;
		if (skim_knows(&f->skims[lane], (*out)->offset, n))
			return s;
		if (proof_is_of(&f->proof, f->sender, *out, n)) {
			look_ahead(f, lane, *out, *n);
			return s;
		}
		f->proof.passed++;
		kread_pop(f->read, lane);
	}
	return KREAD_EMPTY;
}

/* Tells the merge the lane's next number. KREAD_EMPTY: there is none yet. */
static enum kread_state fill_lane(struct kfetch *f, size_t lane, int wait_ms, struct err *err)
{
	const struct record *r;
	int64_t n;
	enum kread_state s = sender_head(f, lane, &r, &n, err);
	if (s == KREAD_EMPTY) {
		kread_wait(f->read, lane, wait_ms);
		s = sender_head(f, lane, &r, &n, err);
	}
	if (s == KREAD_RECORD)
		merge_head(&f->merge, lane, n);
	else if (s == KREAD_DONE)
		merge_finish(&f->merge, lane);
	return s;
}

/* The books of one sender are closed; the next one's are opened. */
static int end_sender(struct kfetch *f, struct err *err)
{
	proof_end_sender(&f->proof, f->sender, &f->merge);
	merge_release(&f->merge);
	f->merging = false;
	if (f->sender + 1 == f->proof.manifest.count)
		return 0;
	f->sender++;
	return begin_sender(f, err);
}

static enum kread_state next_in_order(struct kfetch *f, int wait_ms, const struct record **out,
    struct err *err)
{
	while (f->merging) {
		size_t lane;
		enum kread_state s;
		switch (merge_next(&f->merge, &lane)) {
		case MERGE_TAKE:
			s = kread_head(f->read, lane, out, err);
			return s == KREAD_RECORD ? give(f, lane, *out, out) : s;
		case MERGE_DROP:
			kread_pop(f->read, lane);
			break;
		case MERGE_WAIT:
			s = fill_lane(f, lane, wait_ms, err);
			if (s == KREAD_EMPTY && kclient_alive(f->client, err))
				return KREAD_ERROR;
			if (s == KREAD_ERROR || s == KREAD_EMPTY)
				return s;
			break;
		case MERGE_END:
			if (end_sender(f, err))
				return KREAD_ERROR;
			break;
		}
	}
	return KREAD_DONE;
}

/* Numbers of a single sender are known as in order. */
static bool wants(struct kfetch *f, size_t lane, const struct record *r)
{
	int64_t n;
	size_t lanes = kread_lanes(f->read);
	if (f->skims && skim_knows(&f->skims[lane], r->offset, &n))
		return proof_wants_number(&f->proof, n, lane, lanes);
	if (f->skims && proof_is_of(&f->proof, 0, r, &n))
		look_ahead(f, lane, r, n);
	return proof_wants(&f->proof, r, lane, lanes);
}

static enum kread_state next_as_it_comes(struct kfetch *f, int wait_ms,
    const struct record **out, struct err *err)
{
	size_t lane;
	for (int i = 0; i < PASS_AT_ONCE; i++) {
		enum kread_state s = kread_any(f->read, wait_ms, &lane, out, err);
		if (s != KREAD_RECORD)
			return s;
		if (wants(f, lane, *out))
			return give(f, lane, *out, out);
		kread_pop(f->read, lane);
	}
	return KREAD_EMPTY;
}

static bool in_order(const struct kfetch *f)
{
	return f->options.ordered && f->proof.manifest.count && !f->options.early;
}

enum kread_state kfetch_next(struct kfetch *f, int wait_ms, const struct record **out,
    struct err *err)
{
	if (f->held != SIZE_MAX)
		kread_pop(f->read, f->held);
	f->held = SIZE_MAX;
	return in_order(f) ? next_in_order(f, wait_ms, out, err)
			: next_as_it_comes(f, wait_ms, out, err);
}

int kfetch_finish(struct kfetch *f, const struct batch *b, const struct deadline *d,
    struct err *err)
{
	size_t n = kread_lanes(f->read);
	if (proof_take(&f->proof, b, err) || check_partitions(f, (int32_t)kread_lanes(f->read), err) || check_ends(f, d, err))
		return -1;
	int64_t *ends = mem_zalloc(n, sizeof(*ends));
	int32_t *partitions = mem_zalloc(n, sizeof(*partitions));
	for (size_t i = 0; i < n; i++)
		partitions[i] = kread_partition(f->read, i);
	int failed = 0;
	if (!f->proof.has_manifest)
		failed = kends_ask(&f->ends, partitions, n, ends, d, err);
	for (size_t i = 0; i < n && !failed; i++)
		kread_set_end(f->read, i,
		    f->proof.has_manifest ? proof_end(&f->proof, partitions[i]) : ends[i]);
	free(ends);
	free(partitions);
	return failed;
}

int kfetch_late(struct kfetch *f, const struct deadline *over, struct err *err)
{
	size_t n = kread_lanes(f->read), waiting = 0;
	int32_t *partitions = mem_zalloc(n, sizeof(*partitions));
	int64_t *at = mem_zalloc(n, sizeof(*at));
	for (size_t i = 0; i < n; i++)
		if (!kread_is_done(f->read, i)) {
			partitions[waiting] = kread_partition(f->read, i);
			at[waiting++] = kread_position(f->read, i);
		}
	if (!kends_blames(&f->ends, f->client, partitions, at, waiting, over, err))
		err_set(err, ST_TIME, "no record came in time, after %lld records",
		    (long long)f->proof.records);
	free(partitions);
	free(at);
	return -1;
}

int kfetch_verify(const struct kfetch *f, struct err *err)
{
	return proof_verify(&f->proof, err);
}

const struct manifest *kfetch_manifest(const struct kfetch *f)
{
	return f->proof.has_manifest ? &f->proof.manifest : NULL;
}

const struct sender *kfetch_sender(const struct kfetch *f)
{
	return in_order(f) ? &f->proof.manifest.senders[f->sender] : proof_framing(&f->proof);
}

bool kfetch_at_last(const struct kfetch *f)
{
	return in_order(f) && f->sender + 1 == f->proof.manifest.count &&
	    f->proof.records == manifest_records(&f->proof.manifest);
}

struct kfetch_counts kfetch_counts(const struct kfetch *f)
{
	return (struct kfetch_counts){f->proof.records, f->proof.bytes, f->proof.duplicates,
	    f->proof.passed};
}
