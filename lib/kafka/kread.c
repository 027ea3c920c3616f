#include "kafka/kread.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "kafka/klane.h"
#include "kafka/krecord.h"

/* So long a lane may be silent before its broker is nudged. */
#define PATIENCE_MS 5
#define NUDGE_MS    100

struct kread {
	struct kclient *client;
	struct klane *lanes;
	size_t count;

	/* kread_any: while nothing comes all lanes' queues lead to one, for one wait over all of them;
	 * while records come each is on its own, with a limit of its own. */
	size_t turn;      /* the lane looked at first */
	bool joined;
	bool busy;        /* records came since the last idle moment */
	bool left_over;   /* the joined queue may still hold something */
	struct inbox any; /* of the joined queue */
	int64_t bytes;
};

/* What the queues of all lanes may hold together. librdkafka counts a fetch only when it has arrived
 * and is decompressed, so several times as much is really used. */
#define QUEUES_KB ((size_t)4096)

/* Bytes are those of keys and values, while each record takes some 400 more: small ones are limited by
 * their number. */
#define QUEUES_RECORDS ((size_t)32768)

void kread_tune(struct kread_tuning *t, size_t lanes, int wait_ms)
{
	lanes += !lanes;
	size_t kb = QUEUES_KB / lanes;
	if (kb > 1024)
		kb = 1024;
	if (kb < 32)
		kb = 32;
	snprintf(t->queue_kb, sizeof(t->queue_kb), "%zu", kb);
	snprintf(t->queue_records, sizeof(t->queue_records), "%zu", QUEUES_RECORDS / lanes + 256);
	snprintf(t->fetch_bytes, sizeof(t->fetch_bytes), "%d", lanes > 16 ? 65536 : 131072);
	snprintf(t->wait_ms, sizeof(t->wait_ms), "%d", wait_ms);
	const char *pairs[KREAD_TUNING] = {"queued.max.messages.kbytes", t->queue_kb,
	    "queued.min.messages", t->queue_records,
	    "fetch.message.max.bytes", t->fetch_bytes, "fetch.wait.max.ms", t->wait_ms};
	for (int i = 0; i < KREAD_TUNING; i++)
		t->pairs[i] = pairs[i];
}

int kread_open(struct kread **out, struct kclient *c, const char *topic,
    const struct kread_range *ranges, size_t count, struct err *err)
{
	struct kread *r = mem_zalloc(1, sizeof(*r));
	r->client = c;
	r->lanes = mem_zalloc(count, sizeof(*r->lanes));
	int failed = 0;
	for (; r->count < count && !failed; r->count++)
		failed = klane_open(&r->lanes[r->count], c, topic, ranges[r->count].partition, err);
	for (size_t i = 0; i < count && !failed; i++)
		failed = klane_start(&r->lanes[i], ranges[i].start, ranges[i].end, err);
	if (failed) {
		kread_close(r);
		return -1;
	}
	*out = r;
	return 0;
}

void kread_close(struct kread *r)
{
	if (!r)
		return;
	for (size_t i = 0; i < r->count; i++)
		klane_release(&r->lanes[i]);
	inbox_release(&r->any);
	free(r->lanes);
	free(r);
}

static bool is_done(const struct kread *r)
{
	for (size_t i = 0; i < r->count; i++)
		if (!r->lanes[i].done)
			return false;
	return true;
}

static struct klane *lane_of(struct kread *r, int32_t partition)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->lanes[i].partition == partition)
			return &r->lanes[i];
	return NULL;
}

enum kread_state kread_head(struct kread *r, size_t lane, const struct record **out,
    struct err *err)
{
	return klane_head(&r->lanes[lane], out, err);
}

void kread_pop(struct kread *r, size_t lane)
{
	struct klane *l = &r->lanes[lane];
	bool joined = inbox_has(&r->any) && r->any.list[r->any.at] == l->head_of;
	r->bytes += (int64_t)(l->head.key.len + l->head.value.len);
	inbox_drop(joined ? &r->any : &l->in);
	klane_pass(l);
}

size_t kread_ahead(const struct kread *r, size_t lane, size_t most, struct record *out)
{
	const struct klane *l = &r->lanes[lane];
	size_t rest = inbox_has(&l->in) ? l->in.count - l->in.at - 1 : 0;
	size_t ahead = most < rest ? most : rest;
	const rd_kafka_message_t *m = ahead ? l->in.list[l->in.at + ahead] : NULL;
	if (!m || m->err || m->offset != l->head.offset + (int64_t)ahead)
		return 0;
	krecord_from(m, out);
	return ahead;
}

void kread_plain(struct kread *r, size_t lane, int64_t until)
{
	r->lanes[lane].plain_until = until;
}

static void need_any(struct kread *r)
{
	if (!r->any.queue)
		inbox_init(&r->any, r->client->rk);
}

void kread_wake(struct kread *r, int fd)
{
	need_any(r);
	kclient_wake_queue(r->any.queue, fd);
	for (size_t i = 0; i < r->count; i++)
		kclient_wake_queue(r->lanes[i].in.queue, fd);
}

void kread_wait(struct kread *r, size_t lane, int wait_ms)
{
	struct klane *l = &r->lanes[lane];
	inbox_wait(&l->in, wait_ms < PATIENCE_MS ? wait_ms : PATIENCE_MS);
	if (!inbox_has(&l->in) && wait_ms > PATIENCE_MS) {
		klane_nudge(l, 1, NUDGE_MS);
		inbox_wait(&l->in, wait_ms - PATIENCE_MS);
	}
	kclient_serve(r->client, 0);
}

static void join_queues(struct kread *r)
{
	need_any(r);
	for (size_t i = 0; i < r->count; i++)
		rd_kafka_queue_forward(r->lanes[i].in.queue, r->any.queue);
	r->joined = true;
}

static void part_queues(struct kread *r)
{
	for (size_t i = 0; i < r->count; i++)
		rd_kafka_queue_forward(r->lanes[i].in.queue, NULL);
	r->joined = false;
	r->left_over = true;
}

/* What came into the joined queue, which is older than what is in the lanes' own. */
static enum kread_state joined_head(struct kread *r, size_t *lane, const struct record **out,
    struct err *err)
{
	while (inbox_fill(&r->any)) {
		const rd_kafka_message_t *m = r->any.list[r->any.at];
		struct klane *l = lane_of(r, m->partition);
		enum kread_state s = l && !l->done ? klane_look(l, m, err) : KREAD_EMPTY;
		if (s == KREAD_EMPTY) {
			inbox_drop(&r->any);
			continue;
		}
		*lane = (size_t)(l - r->lanes);
		*out = &l->head;
		return s;
	}
	r->left_over = false;
	return KREAD_EMPTY;
}

static enum kread_state own_head(struct kread *r, size_t *lane, const struct record **out,
    struct err *err)
{
	for (size_t i = 0; i < r->count; i++) {
		size_t at = (r->turn + i) % r->count;
		if (r->lanes[at].done)
			continue;
		enum kread_state s = kread_head(r, at, out, err);
		if (s == KREAD_RECORD || s == KREAD_ERROR) {
			*lane = r->turn = at;
			r->busy = true;
			return s;
		}
	}
	return KREAD_EMPTY;
}

/* A gap in a stream of records: most likely more will be here in a moment. */
static enum kread_state head_in_a_moment(struct kread *r, int wait_ms, size_t *lane,
    const struct record **out, struct err *err)
{
	size_t first = 0;
	while (first < r->count && r->lanes[first].done)
		first++;
	for (int waited_ms = 0; waited_ms < wait_ms && waited_ms < 4 * PATIENCE_MS;
	     waited_ms += PATIENCE_MS) {
		if (waited_ms == PATIENCE_MS)
			klane_nudge(r->lanes, r->count, NUDGE_MS);
		inbox_wait(&r->lanes[first].in, PATIENCE_MS);
		enum kread_state s = own_head(r, lane, out, err);
		if (s != KREAD_EMPTY || is_done(r))
			return s;
	}
	r->busy = false;
	return KREAD_EMPTY;
}

enum kread_state kread_any(struct kread *r, int wait_ms, size_t *lane,
    const struct record **out, struct err *err)
{
	enum kread_state s = KREAD_EMPTY;
	if (!r->joined && r->left_over)
		s = joined_head(r, lane, out, err);
	if (!r->joined && s == KREAD_EMPTY)
		s = own_head(r, lane, out, err);
	if (s == KREAD_EMPTY && !r->joined && r->busy && !is_done(r))
		s = head_in_a_moment(r, wait_ms, lane, out, err);
	if (s != KREAD_EMPTY)
		return s;
	if (is_done(r))
		return KREAD_DONE;
	if (!r->joined)
		join_queues(r);
	inbox_wait(&r->any, wait_ms);
	kclient_serve(r->client, 0);
	if (!inbox_has(&r->any))
		return kclient_alive(r->client, err) ? KREAD_ERROR : KREAD_EMPTY;
	part_queues(r);
	s = joined_head(r, lane, out, err);
	return s == KREAD_EMPTY && is_done(r) ? KREAD_DONE : s;
}

size_t kread_lanes(const struct kread *r)
{
	return r->count;
}

int32_t kread_partition(const struct kread *r, size_t lane)
{
	return r->lanes[lane].partition;
}

void kread_set_end(struct kread *r, size_t lane, int64_t end)
{
	klane_set_end(&r->lanes[lane], end);
}

int64_t kread_position(const struct kread *r, size_t lane)
{
	return r->lanes[lane].next;
}

int64_t kread_log_end(const struct kread *r, size_t lane)
{
	const struct klane *l = &r->lanes[lane];
	int64_t low, high;
	rd_kafka_resp_err_t e = rd_kafka_get_watermark_offsets(r->client->rk, rd_kafka_topic_name(l->topic),
	    l->partition, &low, &high);
	return e || high < 0 ? -1 : high;
}

bool kread_is_done(const struct kread *r, size_t lane)
{
	return r->lanes[lane].done;
}

int64_t kread_bytes(const struct kread *r)
{
	return r->bytes;
}
