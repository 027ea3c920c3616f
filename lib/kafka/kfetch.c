#include "kafka/kfetch.h"

#include <stdlib.h>
#include <string.h>

#include "base/digest.h"
#include "base/mem.h"
#include "batch/merge.h"
#include "batch/seq.h"
#include "batch/strangers.h"

/* Clocks of the machines that stamped data and events may differ by this much. */
#define CLOCK_SLACK_MS (INT64_C(10) * 60 * 1000)

/* So many records of others are passed over before the caller may look around again. */
#define PASS_AT_ONCE 8192

struct kfetch {
	const struct kv *settings;
	struct kclient *client;
	struct kread *read;
	char *id, *topic;
	struct str id_str;
	struct kfetch_options options;
	struct manifest manifest;
	bool has_manifest;
	int64_t expected;
	struct kfetch_counts counts;
	struct digest digest;
	size_t held; /* the lane whose head was given out; SIZE_MAX: none */

	/* in order: one sender after the other */
	size_t sender;
	struct merge merge;
	bool merging;
	int64_t missing;
	struct buf missing_text;

	/* as they arrive */
	struct strangers strangers;
};

static bool is_ours(const struct kfetch *f, const struct record *r)
{
	const struct header *h = headers_find(&r->headers, HDR_BATCH_ID);
	return h && str_eq(h->value, f->id_str);
}

static bool seq_of(const struct record *r, struct str *sender, int64_t *n)
{
	const struct header *h = headers_find(&r->headers, HDR_BATCH_SEQ);
	return h && h->value.ptr && seq_parse(h->value, sender, n);
}

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

static int begin_sender(struct kfetch *f, struct err *err)
{
	const struct sender *s = &f->manifest.senders[f->sender];
	kread_close(f->read);
	f->read = NULL;
	if (open_ranges(f, &s->extents, err))
		return -1;
	merge_start(&f->merge, s->extents.count, 1);
	f->merging = true;
	return 0;
}

static int open_manifest(struct kfetch *f, struct err *err)
{
	if (f->options.ordered && f->manifest.count)
		return begin_sender(f, err);
	struct extents all = EXTENTS_INIT;
	manifest_extents(&f->manifest, &all);
	int failed = open_ranges(f, &all, err);
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
	int64_t from_ms = f->options.created_ms - CLOCK_SLACK_MS;
	int failed = kclient_offsets(f->client, f->topic, list, n, from_ms > 0 ? from_ms : 0,
	    starts, d, err);
	if (!failed && !f->options.early)
		failed =
		    kclient_offsets(f->client, f->topic, list, n, KOFFSET_END, ends, d, err);
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

static int read_manifest(struct kfetch *f, const struct batch *b, struct err *err)
{
	const struct json_t *m = js_get(b->doc, "manifest");
	if (m && manifest_parse(m, &f->manifest, err))
		return -1;
	f->expected = batch_expected(b);
	/* No senders and records expected: somebody gave a count by hand. */
	f->has_manifest = m && (f->manifest.count > 0 || f->expected == 0);
	return 0;
}

static int check_partitions(const struct kfetch *f, int32_t partitions, struct err *err)
{
	struct extents all = EXTENTS_INIT;
	manifest_extents(&f->manifest, &all);
	int32_t last = all.count ? all.list[all.count - 1].partition : -1;
	extents_release(&all);
	if (last >= partitions)
		return err_set(err, ST_FAIL, "batch '%s': its manifest names partition %d, and topic "
		    "%s has %d", f->id, last, f->topic, partitions);
	return 0;
}

/* For readers of what is committed the log ends before the first open transaction; here it does not. */
static int ends_of_all(const struct kfetch *f, const int32_t *partitions, size_t n, int64_t *ends,
    const struct deadline *d, struct err *err)
{
	struct kclient *c;
	int32_t ignored;
	const char *const all[] = {"isolation.level", "read_uncommitted", NULL};
	struct kclient_options co = {.settings = all, .log = f->options.log};
	if (kclient_open(&c, KCLIENT_READER, f->settings, &co, err))
		return -1;
	int failed = kclient_topic(c, f->topic, &ignored, d, err) ||
	    kclient_offsets(c, f->topic, partitions, n, KOFFSET_END, ends, d, err);
	kclient_close(c);
	return failed ? -1 : 0;
}

static const struct extent *beyond(const struct extents *x, const int64_t *ends)
{
	for (size_t i = 0; i < x->count; i++)
		if (x->list[i].last >= ends[i])
			return &x->list[i];
	return NULL;
}

/* What the log does not hold would be waited for in vain. */
static int check_ends(const struct kfetch *f, const struct deadline *d, struct err *err)
{
	struct extents all = EXTENTS_INIT;
	manifest_extents(&f->manifest, &all);
	int32_t *partitions = mem_zalloc(all.count, sizeof(*partitions));
	int64_t *ends = mem_zalloc(all.count, sizeof(*ends));
	for (size_t i = 0; i < all.count; i++)
		partitions[i] = all.list[i].partition;
	int failed = kclient_offsets(f->client, f->topic, partitions, all.count, KOFFSET_END, ends,
	    d, err);
	if (!failed && beyond(&all, ends))
		failed = ends_of_all(f, partitions, all.count, ends, d, err);
	const struct extent *x = failed ? NULL : beyond(&all, ends);
	if (x)
		failed = err_set(err, ST_FAIL, "batch '%s': its manifest goes to offset %lld of "
		    "partition %d, and the log of topic %s ends before it", f->id,
		    (long long)x->last, x->partition, f->topic);
	free(partitions);
	free(ends);
	extents_release(&all);
	return failed ? -1 : 0;
}

static size_t most_lanes(const struct kfetch *f)
{
	size_t most = 4;
	for (size_t i = 0; i < f->manifest.count; i++)
		if (f->manifest.senders[i].extents.count > most)
			most = f->manifest.senders[i].extents.count;
	return most;
}

static int connect_topic(struct kfetch *f, const struct kv *settings, int32_t *partitions,
    const struct deadline *d, struct err *err)
{
	struct kread_tuning tuning;
	kread_tune(&tuning, most_lanes(f), f->options.early);
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
	f->id = mem_strndup(id.ptr, id.len);
	f->id_str = (struct str){f->id, id.len};
	f->topic = mem_strndup(topic.ptr, topic.len);
	f->settings = settings;
	f->options = *options;
	f->held = SIZE_MAX;
	int failed = read_manifest(f, b, err) || connect_topic(f, settings, &partitions, d, err) ||
	    check_partitions(f, partitions, err) || check_ends(f, d, err);
	if (!failed)
		failed = f->has_manifest && !options->early ? open_manifest(f, err)
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
	strangers_release(&f->strangers);
	kread_close(f->read);
	kclient_close(f->client);
	merge_release(&f->merge);
	manifest_release(&f->manifest);
	buf_release(&f->missing_text);
	free(f->id);
	free(f->topic);
	free(f);
}

static enum kread_state give(struct kfetch *f, size_t lane, const struct record *r,
    const struct record **out)
{
	f->held = lane;
	f->counts.records++;
	f->counts.bytes += (int64_t)(r->key.len + r->value.len);
	digest_record(&f->digest, r->key, r->value);
	*out = r;
	return KREAD_RECORD;
}

/* The lane's head is a record of this sender, passing over all others. */
static enum kread_state sender_head(struct kfetch *f, size_t lane, const struct record **out,
    int64_t *n, struct err *err)
{
	struct str sender, wanted = str_of(f->manifest.senders[f->sender].id);
	for (int i = 0; i < PASS_AT_ONCE; i++) {
		enum kread_state s = kread_head(f->read, lane, out, err);
		if (s != KREAD_RECORD)
			return s;
		if (is_ours(f, *out) && seq_of(*out, &sender, n) && str_eq(sender, wanted))
			return s;
		f->counts.passed++;
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
	const struct sender *s = &f->manifest.senders[f->sender];
	merge_expect(&f->merge, s->records);
	if (f->merge.missing) {
		if (f->missing_text.len)
			buf_puts(&f->missing_text, "; ");
		buf_printf(&f->missing_text, "%s:", s->id);
		merge_missing_text(&f->merge, &f->missing_text);
	}
	f->missing += f->merge.missing;
	f->counts.duplicates += f->merge.duplicates;
	merge_release(&f->merge);
	f->merging = false;
	if (f->sender + 1 == f->manifest.count)
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

static bool in_manifest(const struct kfetch *f, struct str sender)
{
	for (size_t i = 0; i < f->manifest.count; i++)
		if (str_is(sender, f->manifest.senders[i].id))
			return true;
	return false;
}

static bool is_wanted(struct kfetch *f, size_t lane, const struct record *r)
{
	struct str sender;
	int64_t n;
	bool numbered = seq_of(r, &sender, &n);
	if (!is_ours(f, r) || (f->has_manifest && !(numbered && in_manifest(f, sender)))) {
		f->counts.passed++;
		return false;
	}
	if (!numbered || strangers_take(&f->strangers, sender, n, lane, kread_lanes(f->read)))
		return true;
	f->counts.duplicates++;
	return false;
}

static enum kread_state next_as_it_comes(struct kfetch *f, int wait_ms,
    const struct record **out, struct err *err)
{
	size_t lane;
	for (int i = 0; i < PASS_AT_ONCE; i++) {
		enum kread_state s = kread_any(f->read, wait_ms, &lane, out, err);
		if (s != KREAD_RECORD)
			return s;
		if (is_wanted(f, lane, *out))
			return give(f, lane, *out, out);
		kread_pop(f->read, lane);
	}
	return KREAD_EMPTY;
}

static bool in_order(const struct kfetch *f)
{
	return f->options.ordered && f->manifest.count && !f->options.early;
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

static int64_t manifest_end(const struct manifest *m, int32_t partition)
{
	int64_t end = 0;
	for (size_t i = 0; i < m->count; i++) {
		const struct extents *x = &m->senders[i].extents;
		for (size_t j = 0; j < x->count; j++)
			if (x->list[j].partition == partition && x->list[j].last + 1 > end)
				end = x->list[j].last + 1;
	}
	return end;
}

int kfetch_finish(struct kfetch *f, const struct batch *b, const struct deadline *d,
    struct err *err)
{
	size_t n = kread_lanes(f->read);
	if (read_manifest(f, b, err) || check_ends(f, d, err))
		return -1;
	int64_t *ends = mem_zalloc(n, sizeof(*ends));
	int32_t *partitions = mem_zalloc(n, sizeof(*partitions));
	for (size_t i = 0; i < n; i++)
		partitions[i] = kread_partition(f->read, i);
	int failed = 0;
	if (!f->has_manifest)
		failed = kclient_offsets(f->client, f->topic, partitions, n, KOFFSET_END, ends, d,
		    err);
	for (size_t i = 0; i < n && !failed; i++)
		kread_set_end(f->read, i,
		    f->has_manifest ? manifest_end(&f->manifest, partitions[i]) : ends[i]);
	free(ends);
	free(partitions);
	return failed;
}

static int verify_count(const struct kfetch *f, struct err *err)
{
	long long got = f->counts.records, want = f->expected;
	if (f->expected < 0 || (got == want && f->missing == 0))
		return 0;
	if (got > want)
		return err_set(err, ST_FAIL, "batch '%s': %lld records, %lld more than the %lld that "
		    "were announced", f->id, got, got - want, want);
	struct buf names = BUF_INIT;
	buf_add_str(&names, buf_str(&f->missing_text));
	strangers_missing(&f->strangers, f->expected, &names);
	err_set(err, ST_FAIL, "batch '%s': %lld of %lld records are missing%s%s", f->id,
	    want > got ? want - got : (long long)f->missing, want,
	    names.len ? ": sequence numbers " : "", buf_text(&names));
	buf_release(&names);
	return -1;
}

int kfetch_verify(const struct kfetch *f, struct err *err)
{
	if (verify_count(f, err))
		return -1;
	if (!f->has_manifest)
		return 0;
	struct digest want = manifest_digest(&f->manifest);
	if (!digest_equal(&want, &f->digest))
		return err_set(err, ST_FAIL, "batch '%s': the digest of its %lld records is not that "
		    "of its manifest: they are not what was sent", f->id,
		    (long long)f->counts.records);
	return 0;
}

const struct manifest *kfetch_manifest(const struct kfetch *f)
{
	return f->has_manifest ? &f->manifest : NULL;
}

static bool cut_alike(const struct sender *a, const struct sender *b)
{
	return strcmp(a->framing, b->framing) == 0 && !a->delimiter == !b->delimiter &&
	    (!a->delimiter || strcmp(a->delimiter, b->delimiter) == 0);
}

const struct sender *kfetch_sender(const struct kfetch *f)
{
	const struct manifest *m = &f->manifest;
	if (in_order(f))
		return &m->senders[f->sender];
	for (size_t i = 1; i < m->count; i++)
		if (!cut_alike(&m->senders[0], &m->senders[i]))
			return NULL;
	return m->count ? &m->senders[0] : NULL;
}

bool kfetch_at_last(const struct kfetch *f)
{
	return in_order(f) && f->sender + 1 == f->manifest.count &&
	    f->counts.records == manifest_records(&f->manifest);
}

int64_t kfetch_expected(const struct kfetch *f)
{
	return f->expected;
}

struct kfetch_counts kfetch_counts(const struct kfetch *f)
{
	return f->counts;
}
