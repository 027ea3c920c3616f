#include "kafka/klog.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/murmur2.h"
#include "kafka/kends.h"
#include "kafka/kread.h"

#define PASSED_AT_ONCE 10000

struct klog {
	struct kclient *client;
	char *stream, *topic;
	int32_t partitions;
	struct klog_options options;
	struct kread *read;
	struct kread_range *scan; /* what the scan reads: start, and the end when it began */
	int64_t *ends;            /* the same with what open transactions hold back; -1: not known yet */
	struct kends all;         /* asked for those */
	size_t scan_count;
	int wake; /* -1: nobody */
	struct event event, peeked;
	size_t held; /* the lane whose head the caller has; SIZE_MAX: none */
	int64_t records;
	int64_t passed; /* of the scan, being no events */
};

int klog_open(struct klog **out, const struct kv *settings, const char *stream,
    const struct klog_options *options, const struct deadline *d, struct err *err)
{
	struct kread_tuning tuning;
	struct klog *l = mem_zalloc(1, sizeof(*l));
	struct buf topic = BUF_INIT;
	buf_printf(&topic, "%s.notification", stream);
	l->topic = buf_detach(&topic);
	l->stream = mem_strdup(stream);
	l->options = *options;
	kends_init(&l->all, settings, l->topic, options->log);
	l->held = SIZE_MAX;
	l->wake = -1;
	/* What else is asked of the broker waits behind the fetch. */
	kread_tune(&tuning, 1, options->follow ? KREAD_CALM_MS : 1);
	const char *pairs[KREAD_TUNING + 3] = {"isolation.level",
	    options->uncommitted ? "read_uncommitted" : "read_committed"};
	memcpy(pairs + 2, tuning.pairs, KREAD_TUNING * sizeof(*pairs));
	struct kclient_options co = {.settings = pairs, .log = options->log,
	    .right = options->writes ? KRIGHT_WRITE : NULL};
	if (kclient_open(&l->client, KCLIENT_READER, settings, &co, err) ||
	    kclient_topic(l->client, l->topic, &l->partitions, d, err)) {
		klog_close(l);
		return -1;
	}
	*out = l;
	return 0;
}

static void scan_end(struct klog *l)
{
	kread_close(l->read);
	l->read = NULL;
	free(l->scan);
	free(l->ends);
	l->scan = NULL;
	l->ends = NULL;
	l->scan_count = 0;
	l->held = SIZE_MAX;
	l->passed = 0;
}

void klog_close(struct klog *l)
{
	if (!l)
		return;
	if (l->passed && l->options.passed_all)
		l->options.passed_all(l->options.ctx, l->topic, l->passed);
	scan_end(l);
	event_release(&l->event);
	event_release(&l->peeked);
	kclient_close(l->client);
	kends_release(&l->all);
	free(l->stream);
	free(l->topic);
	free(l);
}

const char *klog_stream(const struct klog *l)
{
	return l->stream;
}

const char *klog_topic(const struct klog *l)
{
	return l->topic;
}

int32_t klog_partitions(const struct klog *l)
{
	return l->partitions;
}

struct kclient *klog_client(struct klog *l)
{
	return l->client;
}

int32_t klog_home(const struct klog *l, struct str id)
{
	return murmur2_partition(id, l->partitions);
}

void klog_elsewhere(const struct klog *l, const struct event *e)
{
	if (l->options.elsewhere)
		l->options.elsewhere(l->options.ctx, e, klog_home(l, buf_str(&e->id)));
}

/* Where something is read, the answers to that tell the end. */
static int find_ends(struct klog *l, const struct deadline *d, struct err *err)
{
	size_t n = l->scan_count, unknown = 0;
	int32_t *partitions = mem_zalloc(n, sizeof(*partitions));
	l->ends = mem_zalloc(n, sizeof(*l->ends));
	for (size_t i = 0; i < n; i++) {
		partitions[i] = l->scan[i].partition;
		l->ends[i] = l->options.uncommitted ? l->scan[i].end : -1;
		unknown += l->ends[i] < 0 && l->scan[i].start >= l->scan[i].end;
	}
	int failed = unknown ? kends_ask(&l->all, partitions, n, l->ends, d, err) : 0;
	free(partitions);
	return failed;
}

/* Reads on for ever; l->scan remembers where the log ended. */
static int scan_begin(struct klog *l, const struct deadline *d, struct err *err)
{
	if (find_ends(l, d, err))
		return -1;
	struct kread_range *endless = mem_zalloc(l->scan_count, sizeof(*endless));
	for (size_t i = 0; i < l->scan_count; i++)
		endless[i] = (struct kread_range){l->scan[i].partition, l->scan[i].start,
		    INT64_MAX};
	int failed =
	    kread_open(&l->read, l->client, l->topic, endless, l->scan_count, err);
	free(endless);
	if (!failed)
		kread_wake(l->read, l->wake);
	return failed;
}

void klog_wake(struct klog *l, int fd)
{
	l->wake = fd;
	kclient_wake(l->client, fd);
}

/* Makes l->scan of all partitions. Each begins at a time, or one of KOFFSET_*, and ends where the log does. */
static int plan(struct klog *l, int64_t when, const struct deadline *d, struct err *err)
{
	size_t n = (size_t)l->partitions;
	scan_end(l);
	int32_t *partitions = mem_zalloc(n, sizeof(*partitions));
	int64_t *starts = mem_zalloc(n, sizeof(*starts)), *ends = mem_zalloc(n, sizeof(*ends));
	for (size_t i = 0; i < n; i++)
		partitions[i] = (int32_t)i;
	int failed = kclient_offsets(l->client, l->topic, partitions, n, when, starts, d, err);
	if (!failed)
		failed = kclient_offsets(l->client, l->topic, partitions, n, KOFFSET_END, ends, d,
		    err);
	l->scan = mem_zalloc(n, sizeof(*l->scan));
	l->scan_count = n;
	for (size_t i = 0; i < n; i++)
		l->scan[i] = (struct kread_range){partitions[i], starts[i], ends[i]};
	free(partitions);
	free(starts);
	free(ends);
	return failed ? -1 : 0;
}

int klog_scan(struct klog *l, int64_t from_ms, const struct deadline *d, struct err *err)
{
	return plan(l, from_ms, d, err) ? -1 : scan_begin(l, d, err);
}

int klog_scan_from(struct klog *l, const int64_t *offsets, const struct deadline *d, struct err *err)
{
	if (plan(l, KOFFSET_BEGINNING, d, err))
		return -1;
	for (size_t i = 0; i < l->scan_count; i++)
		if (offsets[i] > l->scan[i].start && offsets[i] <= l->scan[i].end)
			l->scan[i].start = offsets[i];
	return scan_begin(l, d, err);
}

int klog_scan_partition(struct klog *l, int32_t partition, int64_t offset,
    const struct deadline *d, struct err *err)
{
	int64_t end;
	scan_end(l);
	if (kclient_offsets(l->client, l->topic, &partition, 1, KOFFSET_END, &end, d, err))
		return -1;
	l->scan = mem_zalloc(1, sizeof(*l->scan));
	l->scan_count = 1;
	l->scan[0] = (struct kread_range){partition, offset, end};
	return scan_begin(l, d, err);
}

/* The event that the caller has in hand counts as seen: nobody waits for what comes after it. */
static int64_t position(const struct klog *l, size_t lane)
{
	return lane == l->held ? l->event.offset + 1 : kread_position(l->read, lane);
}

static bool lane_caught_up_as_is(const struct klog *l, size_t lane)
{
	return position(l, lane) >= l->scan[lane].end;
}

/* The answer that brought the lane's last event tells where the log ends, without another question. */
static bool lane_caught_up(const struct klog *l, size_t lane)
{
	if (!lane_caught_up_as_is(l, lane))
		return false;
	if (l->ends[lane] < 0)
		l->ends[lane] = kread_log_end(l->read, lane);
	return position(l, lane) >= l->ends[lane];
}

bool klog_caught_up_as_is(const struct klog *l)
{
	for (size_t i = 0; i < l->scan_count; i++)
		if (!lane_caught_up_as_is(l, i))
			return false;
	return true;
}

int klog_late(struct klog *l, const struct deadline *over, struct err *err)
{
	if (deadline_interrupted(over))
		return err_set(err, ST_FAIL, "stream %s: interrupted while reading the log", l->stream);
	size_t n = l->scan_count;
	int32_t *partitions = mem_zalloc(n, sizeof(*partitions));
	int64_t *at = mem_zalloc(n, sizeof(*at));
	for (size_t i = 0; i < n; i++) {
		partitions[i] = l->scan[i].partition;
		at[i] = position(l, i);
	}
	if (!kends_blames(&l->all, l->client, partitions, at, n, over, err))
		err_set(err, ST_TIME, "stream %s: time is up while reading the log", l->stream);
	free(partitions);
	free(at);
	return -1;
}

bool klog_caught_up(const struct klog *l)
{
	for (size_t i = 0; i < l->scan_count; i++)
		if (!lane_caught_up(l, i))
			return false;
	return true;
}

int64_t klog_position(const struct klog *l, int32_t partition)
{
	for (size_t i = 0; i < l->scan_count; i++)
		if (l->scan[i].partition == partition)
			return position(l, i);
	return -1;
}

int64_t klog_start(const struct klog *l, int32_t partition)
{
	for (size_t i = 0; i < l->scan_count; i++)
		if (l->scan[i].partition == partition)
			return l->scan[i].start;
	return -1;
}

int64_t klog_records(const struct klog *l)
{
	return l->records;
}

static enum batch_status stage(struct klog *l, const struct record *r)
{
	const char *ignored;
	return event_decode(r, &l->peeked, &ignored) ? l->peeked.status : BATCH_NONE;
}

/* Only events without keys lie in several partitions. In one millisecond a batch's start comes before
 * its end. */
static bool is_earlier(struct klog *l, const struct record *a, const struct record *b)
{
	if (a->ts_ms != b->ts_ms || (a->key.ptr && b->key.ptr))
		return a->ts_ms < b->ts_ms;
	return stage(l, a) < stage(l, b);
}

/* Until the end that the scan found, partitions are merged by time, so that a batch whose events lie
 * in several of them (a writer without keys) folds in the order in which they were written. */
static enum kread_state next_by_time(struct klog *l, int wait_ms, size_t *lane,
    const struct record **out, struct err *err)
{
	const struct record *best = NULL, *r;
	for (size_t i = 0; i < l->scan_count; i++) {
		enum kread_state s = kread_head(l->read, i, &r, err);
		if (s == KREAD_ERROR)
			return s;
		if (s == KREAD_EMPTY && !lane_caught_up(l, i)) {
			kread_wait(l->read, i, wait_ms);
			return KREAD_EMPTY;
		}
		if (s == KREAD_RECORD && (!best || is_earlier(l, r, best))) {
			best = r;
			*lane = i;
		}
	}
	*out = best;
	return best ? KREAD_RECORD : KREAD_EMPTY;
}

static void let_go(struct klog *l)
{
	if (l->held != SIZE_MAX)
		kread_pop(l->read, l->held);
	l->held = SIZE_MAX;
}

static enum kread_state next_record(struct klog *l, int wait_ms, size_t *lane,
    const struct record **out, struct err *err)
{
	let_go(l);
	if (l->scan_count > 1 && !klog_caught_up(l))
		return next_by_time(l, wait_ms, lane, out, err);
	return kread_any(l->read, wait_ms, lane, out, err);
}

static void pass_over(struct klog *l, const struct record *r, const char *why)
{
	l->passed++;
	if (l->options.passed)
		l->options.passed(l->options.ctx, r, why);
	let_go(l);
}

int klog_next(struct klog *l, int wait_ms, const struct event **out, struct err *err)
{
	/* Garbage without end must not keep the caller from looking around. */
	for (int passed = 0; passed < PASSED_AT_ONCE; passed++) {
		size_t lane;
		const struct record *r;
		const char *why;
		enum kread_state s = next_record(l, wait_ms, &lane, &r, err);
		if (s == KREAD_ERROR)
			return err_wrap(err, "stream %s", l->stream);
		if (s != KREAD_RECORD)
			return 0;
		l->held = lane;
		l->records++;
		if (event_decode(r, &l->event, &why)) {
			l->event.stray = klog_home(l, buf_str(&l->event.id)) != r->partition;
			*out = &l->event;
			return 1;
		}
		pass_over(l, r, why);
	}
	return 0;
}
