#include "kafka/kread.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/mem.h"
#include "kafka/inbox.h"
#include "kafka/kclient_int.h"
#include "kafka/kerr.h"
#include "kafka/krecord.h"

/* So long a lane may be silent before its broker is nudged. */
#define PATIENCE_MS 5

struct lane {
	int32_t partition;
	int64_t next, end;
	int64_t plain_until; /* heads before it are wanted without headers */
	bool started, done;
	struct inbox in;
	struct record head;
	const rd_kafka_message_t *head_of; /* the message that head was made from */
};

struct kread {
	struct kclient *client;
	rd_kafka_topic_t *topic;
	char *name;
	struct lane *lanes;
	size_t count;
	size_t done;            /* lanes that are */

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

static int lane_start(struct kread *r, struct lane *l, struct err *err)
{
	inbox_init(&l->in, r->client->rk);
	if (l->next >= l->end) {
		l->done = true;
		r->done++;
		return 0;
	}
	if (rd_kafka_consume_start_queue(r->topic, l->partition, l->next, l->in.queue))
		return kerr_set(err, rd_kafka_last_error(), "topic %s, partition %d", r->name,
		    l->partition);
	l->started = true;
	return 0;
}

/* A finished partition must leave, or others wait behind its empty fetches. */
static void lane_finish(struct kread *r, struct lane *l)
{
	r->done += !l->done;
	l->done = true;
	if (l->started)
		rd_kafka_consume_stop(r->topic, l->partition);
	l->started = false;
}

int kread_open(struct kread **out, struct kclient *c, const char *topic,
    const struct kread_range *ranges, size_t count, struct err *err)
{
	struct kread *r = mem_zalloc(1, sizeof(*r));
	r->client = c;
	r->name = mem_strdup(topic);
	r->lanes = mem_zalloc(count, sizeof(*r->lanes));
	r->count = count;
	r->topic = kclient_handle(c, topic, err);
	int failed = r->topic ? 0 : -1;
	for (size_t i = 0; i < count && !failed; i++) {
		struct lane *l = &r->lanes[i];
		*l = (struct lane){.partition = ranges[i].partition, .next = ranges[i].start,
		    .end = ranges[i].end, .head = RECORD_INIT};
		failed = lane_start(r, l, err);
	}
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
	for (size_t i = 0; i < r->count; i++) {
		struct lane *l = &r->lanes[i];
		lane_finish(r, l);
		inbox_release(&l->in);
		headers_release(&l->head.headers);
	}
	inbox_release(&r->any);
	if (r->topic)
		rd_kafka_topic_destroy(r->topic);
	free(r->lanes);
	free(r->name);
	free(r);
}

static int lane_error(const struct kread *r, const struct lane *l, const rd_kafka_message_t *m,
    struct err *err)
{
	if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
	    m->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
		return err_set(err, ST_FAIL,
		    "topic %s, partition %d: offset %lld is not in the log any more "
		    "(retention has deleted it)", r->name, l->partition, (long long)l->next);
	if (m->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		return kclient_no_right(r->client, r->name, err);
	return kerr_set(err, m->err, "topic %s, partition %d, offset %lld", r->name, l->partition,
	    (long long)l->next);
}

/* Looks at one message of the lane. KREAD_EMPTY: it was nothing for the caller, drop it. */
static enum kread_state lane_look(struct kread *r, struct lane *l, const rd_kafka_message_t *m,
    struct err *err)
{
	if (m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF) {
		if (m->offset > l->next)
			l->next = m->offset;
		if (l->next >= l->end)
			lane_finish(r, l);
		return KREAD_EMPTY;
	}
	if (m->err == RD_KAFKA_RESP_ERR__TRANSPORT || m->err == RD_KAFKA_RESP_ERR__TIMED_OUT)
		return KREAD_EMPTY; /* librdkafka goes on by itself */
	if (m->err)
		return (enum kread_state)lane_error(r, l, m, err);
	if (m->offset >= l->end) {
		lane_finish(r, l);
		return KREAD_EMPTY;
	}
	if (m->offset < l->next)
		return KREAD_EMPTY; /* a stale fetch gave it twice */
	if (l->head_of != m) {
		(m->offset < l->plain_until ? krecord_plain : krecord_from)(m, &l->head);
		l->head_of = m;
	}
	return KREAD_RECORD;
}

static struct lane *lane_of(struct kread *r, int32_t partition)
{
	for (size_t i = 0; i < r->count; i++)
		if (r->lanes[i].partition == partition)
			return &r->lanes[i];
	return NULL;
}

enum kread_state kread_head(struct kread *r, size_t lane, const struct record **out,
    struct err *err)
{
	struct lane *l = &r->lanes[lane];
	while (!l->done && inbox_fill(&l->in)) {
		enum kread_state s = lane_look(r, l, l->in.list[l->in.at], err);
		if (s == KREAD_EMPTY) {
			inbox_drop(&l->in);
			continue;
		}
		*out = &l->head;
		return s;
	}
	return l->done ? KREAD_DONE : KREAD_EMPTY;
}

static void lane_pass(struct kread *r, struct lane *l)
{
	r->bytes += (int64_t)(l->head.key.len + l->head.value.len);
	l->next = l->head.offset + 1;
	l->head_of = NULL;
}

void kread_pop(struct kread *r, size_t lane)
{
	struct lane *l = &r->lanes[lane];
	bool joined = inbox_has(&r->any) && r->any.list[r->any.at] == l->head_of;
	struct inbox *in = joined ? &r->any : &l->in;
	lane_pass(r, l);
	inbox_drop(in);
	if (l->next >= l->end)
		lane_finish(r, l);
}

size_t kread_ahead(const struct kread *r, size_t lane, size_t most, struct record *out)
{
	const struct lane *l = &r->lanes[lane];
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

/* Before 2.2 the fetcher may sleep for up to a second when all queues were full; a request to the
 * partitions' leaders wakes it. */
static void nudge(struct kread *r, const struct lane *first, size_t count)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	for (size_t i = 0; i < count; i++)
		if (!first[i].done)
			rd_kafka_topic_partition_list_add(list, r->name, first[i].partition)
			    ->offset = KOFFSET_END;
	rd_kafka_offsets_for_times(r->client->rk, list, 100);
	rd_kafka_topic_partition_list_destroy(list);
}

void kread_wait(struct kread *r, size_t lane, int wait_ms)
{
	struct lane *l = &r->lanes[lane];
	inbox_wait(&l->in, wait_ms < PATIENCE_MS ? wait_ms : PATIENCE_MS);
	if (!inbox_has(&l->in) && wait_ms > PATIENCE_MS) {
		nudge(r, l, 1);
		inbox_wait(&l->in, wait_ms - PATIENCE_MS);
	}
	kclient_serve(r->client, 0);
}

static void join_queues(struct kread *r)
{
	if (!r->any.queue)
		inbox_init(&r->any, r->client->rk);
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
		struct lane *l = lane_of(r, m->partition);
		enum kread_state s = l && !l->done ? lane_look(r, l, m, err) : KREAD_EMPTY;
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
			nudge(r, r->lanes, r->count);
		inbox_wait(&r->lanes[first].in, PATIENCE_MS);
		enum kread_state s = own_head(r, lane, out, err);
		if (s != KREAD_EMPTY || r->done == r->count)
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
	if (s == KREAD_EMPTY && !r->joined && r->busy && r->done < r->count)
		s = head_in_a_moment(r, wait_ms, lane, out, err);
	if (s != KREAD_EMPTY)
		return s;
	if (r->done == r->count)
		return KREAD_DONE;
	if (!r->joined)
		join_queues(r);
	inbox_wait(&r->any, wait_ms);
	kclient_serve(r->client, 0);
	if (!inbox_has(&r->any))
		return KREAD_EMPTY;
	part_queues(r);
	s = joined_head(r, lane, out, err);
	return s == KREAD_EMPTY && r->done == r->count ? KREAD_DONE : s;
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
	struct lane *l = &r->lanes[lane];
	l->end = end;
	if (!l->done && l->next >= end)
		lane_finish(r, l);
}

int64_t kread_position(const struct kread *r, size_t lane)
{
	return r->lanes[lane].next;
}

int64_t kread_bytes(const struct kread *r)
{
	return r->bytes;
}
