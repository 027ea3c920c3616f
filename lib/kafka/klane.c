#include "kafka/klane.h"

#include "kafka/kerr.h"
#include "kafka/krecord.h"

/* So many records are dropped rather than read ahead again. */
#define NEAR 10000

int klane_open(struct klane *l, struct kclient *c, const char *topic, int32_t partition, struct err *err)
{
	*l = (struct klane){.client = c, .partition = partition, .done = true, .head = RECORD_INIT};
	inbox_init(&l->in, c->rk);
	l->topic = kclient_handle(c, topic, err);
	return l->topic ? 0 : -1;
}

static const char *name(const struct klane *l)
{
	return rd_kafka_topic_name(l->topic);
}

void klane_stop(struct klane *l)
{
	if (l->started)
		rd_kafka_consume_stop(l->topic, l->partition);
	l->started = false;
	l->done = true;
}

bool klane_go_on(struct klane *l, int64_t start, int64_t end)
{
	if (!l->started || !l->done || start < l->next || start - l->next > NEAR || start >= end)
		return false;
	l->next = start;
	l->end = end;
	l->done = l->at_end = false;
	return true;
}

int klane_start(struct klane *l, int64_t start, int64_t end, struct err *err)
{
	klane_stop(l);
	while (inbox_has(&l->in))
		inbox_drop(&l->in);
	l->head_of = NULL;
	l->next = start;
	l->end = end;
	l->at_end = false;
	if (start >= end)
		return 0;
	if (rd_kafka_consume_start_queue(l->topic, l->partition, start, l->in.queue))
		return kerr_set(err, rd_kafka_last_error(), "topic %s, partition %d", name(l),
		    l->partition);
	l->started = true;
	l->done = false;
	return 0;
}

/* A finished partition must leave, or others wait behind its empty fetches. */
static void finish(struct klane *l)
{
	l->done = true;
	if (!l->stays)
		klane_stop(l);
}

void klane_release(struct klane *l)
{
	klane_stop(l);
	inbox_release(&l->in);
	headers_release(&l->head.headers);
	if (l->topic)
		rd_kafka_topic_destroy(l->topic);
}

static int lane_error(const struct klane *l, const rd_kafka_message_t *m, struct err *err)
{
	if (m->err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET ||
	    m->err == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE)
		return err_set(err, ST_FAIL,
		    "topic %s, partition %d: offset %lld is not in the log any more "
		    "(retention has deleted it)", name(l), l->partition, (long long)l->next);
	if (m->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		return kclient_no_right(l->client, name(l), err);
	return kerr_set(err, m->err, "topic %s, partition %d, offset %lld", name(l), l->partition,
	    (long long)l->next);
}

enum kread_state klane_look(struct klane *l, const rd_kafka_message_t *m, struct err *err)
{
	l->at_end = m->err == RD_KAFKA_RESP_ERR__PARTITION_EOF;
	if (l->at_end) {
		if (m->offset > l->next)
			l->next = m->offset;
		if (l->next >= l->end)
			finish(l);
		return KREAD_EMPTY;
	}
	if (m->err == RD_KAFKA_RESP_ERR__TRANSPORT || m->err == RD_KAFKA_RESP_ERR__TIMED_OUT)
		return KREAD_EMPTY; /* librdkafka goes on by itself */
	if (m->err)
		return (enum kread_state)lane_error(l, m, err);
	if (m->offset >= l->end) {
		finish(l);
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

/* How much of the limit librdkafka sets to a lane's queue is in it, in percent; of its bytes, guessed by the
 * records that were taken of it, or of its records. */
static size_t fullness(const struct klane *l)
{
	size_t bytes = 0, records = rd_kafka_queue_length(l->in.queue);
	for (size_t i = 0; i < l->in.count; i++)
		bytes += l->in.list[i]->len + l->in.list[i]->key_len;
	size_t by_bytes = 100 * records * (bytes / l->in.count) / l->client->queue_bytes;
	size_t by_records = 100 * records / l->client->queue_records;
	return by_bytes > by_records ? by_bytes : by_records;
}

/* Before 2.2 a fetcher that found all queues full sleeps on, though they are being emptied. It is woken while there
 * is half of one to work on yet, so that nobody waits; nor for the answer. */
static void keep_coming(struct klane *l)
{
	size_t full = fullness(l);
	if (full >= 75)
		l->was_full = true;
	if (full >= 50 || !l->was_full)
		return;
	l->was_full = false;
	klane_nudge(l, 1, 0);
}

static bool fill(struct klane *l)
{
	if (inbox_has(&l->in))
		return true;
	if (!inbox_fill(&l->in))
		return false;
	if (l->client->queue_bytes)
		keep_coming(l);
	return true;
}

enum kread_state klane_head(struct klane *l, const struct record **out, struct err *err)
{
	while (!l->done && fill(l)) {
		enum kread_state s = klane_look(l, l->in.list[l->in.at], err);
		if (s == KREAD_EMPTY && !l->done) /* else it may be wanted from there on */
			inbox_drop(&l->in);
		if (s == KREAD_EMPTY)
			continue;
		*out = &l->head;
		return s;
	}
	return l->done ? KREAD_DONE : KREAD_EMPTY;
}

void klane_pass(struct klane *l)
{
	l->next = l->head.offset + 1;
	l->head_of = NULL;
	if (l->next >= l->end)
		finish(l);
}

void klane_pop(struct klane *l)
{
	inbox_drop(&l->in);
	klane_pass(l);
}

void klane_set_end(struct klane *l, int64_t end)
{
	l->end = end;
	if (!l->done && l->next >= end)
		finish(l);
}

void klane_nudge(const struct klane *lanes, size_t count, int wait_ms)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	for (size_t i = 0; i < count; i++)
		if (!lanes[i].done)
			rd_kafka_topic_partition_list_add(list, name(&lanes[i]), lanes[i].partition)
			    ->offset = RD_KAFKA_OFFSET_END;
	if (list->cnt)
		rd_kafka_offsets_for_times(lanes->client->rk, list, wait_ms);
	rd_kafka_topic_partition_list_destroy(list);
}
