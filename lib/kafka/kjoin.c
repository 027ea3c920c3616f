#include "kafka/kjoin.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/kerr.h"

static int refuse(const struct kclient *c, const char *name, const char *word, struct err *err)
{
	char value[256] = "";
	size_t size = sizeof(value);
	rd_kafka_conf_get(rd_kafka_conf(c->rk), name, value, &size);
	if (!strstr(value, word))
		return 0;
	return err_set(err, ST_USAGE, "setting %s=%s: not with a consumer group", name, value);
}

int kjoin_open(struct kjoin *j, const struct kv *settings, const char *group, const char *instance,
    void (*log)(int syslog_level, const char *text), struct err *err)
{
	const char *const tuning[] = {"group.id", group, instance ? "group.instance.id" : NULL, instance,
	    NULL};
	struct kclient_options co = {.settings = tuning, .log = log};
	*j = (struct kjoin){.group = mem_strdup(group)};
	if (kclient_open(&j->client, KCLIENT_MEMBER, settings, &co, err))
		return -1;
	/* Both take partitions one by one, which is another protocol between us and librdkafka. */
	return refuse(j->client, "partition.assignment.strategy", "cooperative", err) ||
		refuse(j->client, "group.protocol", "consumer", err) ? -1 : 0;
}

int kjoin_subscribe(struct kjoin *j, const char *const *topics, const struct deadline *d, struct err *err)
{
	int32_t ignored;
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new(1);
	int failed = 0;
	for (; *topics && !failed; topics++) {
		rd_kafka_topic_partition_list_add(list, *topics, RD_KAFKA_PARTITION_UA);
		failed = kclient_topic(j->client, *topics, &ignored, d, err);
	}
	if (!failed) {
		rd_kafka_poll_set_consumer(j->client->rk);
		j->client->subscribed = true;
		rd_kafka_resp_err_t e = rd_kafka_subscribe(j->client->rk, list);
		failed = e ? kerr_set(err, e, "subscription") : 0;
	}
	rd_kafka_topic_partition_list_destroy(list);
	return failed;
}

static bool passes(rd_kafka_resp_err_t e)
{
	return e == RD_KAFKA_RESP_ERR__PARTITION_EOF || e == RD_KAFKA_RESP_ERR__TRANSPORT ||
	    e == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || e == RD_KAFKA_RESP_ERR__TIMED_OUT ||
	    e == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED;
}

/* Of a record that cannot be read the library says where it is. */
static void set_lost(struct kjoin *j, const rd_kafka_message_t *m)
{
	kerr_set(&j->lost, m->err, "group %s", j->group);
	if (m->rkt && m->offset >= 0)
		err_wrap(&j->lost, "topic %s, partition %d, offset %lld", rd_kafka_topic_name(m->rkt),
		    m->partition, (long long)m->offset);
}

rd_kafka_message_t *kjoin_poll(struct kjoin *j, int wait_ms)
{
	rd_kafka_message_t *m = rd_kafka_consumer_poll(j->client->rk, wait_ms);
	if (!m || !m->err)
		return m;
	if (m->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		kclient_no_right(j->client, m->rkt ? rd_kafka_topic_name(m->rkt) : "", &j->lost);
	else if (!passes(m->err))
		set_lost(j, m);
	rd_kafka_message_destroy(m);
	return NULL;
}

int kjoin_check(const struct kjoin *j, struct err *err)
{
	const struct err *trouble = &j->client->trouble;
	if (j->lost.text)
		return err_set(err, j->lost.status, "%s", j->lost.text);
	if (j->client->stuck)
		return err_set(err, trouble->status == ST_FAIL ? ST_CONNECT : trouble->status, "%s", trouble->text);
	return kclient_alive(j->client, err);
}

rd_kafka_topic_partition_list_t *kjoin_list(const char *topic, const int32_t *partitions,
    const int64_t *offsets, size_t count)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	for (size_t i = 0; i < count; i++) {
		rd_kafka_topic_partition_t *p =
		    rd_kafka_topic_partition_list_add(list, topic, partitions[i]);
		if (offsets)
			p->offset = offsets[i];
	}
	return list;
}

struct commit_answer {
	bool came;
	rd_kafka_resp_err_t err;
};

rd_kafka_resp_err_t kjoin_answer(rd_kafka_resp_err_t e, const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; list && i < list->cnt && !e; i++)
		e = list->elems[i].err;
	return e;
}

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t e,
    rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
	struct commit_answer *a = opaque;
	(void)rk;
	a->came = true;
	a->err = kjoin_answer(e, offsets);
}

rd_kafka_resp_err_t kjoin_commit(struct kclient *c, const rd_kafka_topic_partition_list_t *list,
    const struct deadline *d)
{
	/* owned by the answer if it comes late, so never freed then */
	struct commit_answer *a = mem_zalloc(1, sizeof(*a));
	rd_kafka_queue_t *queue = rd_kafka_queue_new(c->rk);
	rd_kafka_resp_err_t e = rd_kafka_commit_queue(c->rk, list, queue, on_commit, a);
	while (!e && !a->came && deadline_left_ms(d))
		rd_kafka_queue_poll_callback(queue, deadline_slice_ms(d, 200));
	bool came = a->came;
	if (came)
		e = a->err;
	if (e || came)
		free(a);
	rd_kafka_queue_destroy(queue);
	return e || came ? e : KJOIN_NO_ANSWER;
}

int kjoin_commit_error(rd_kafka_resp_err_t e, struct err *err)
{
	if (e == KJOIN_NO_ANSWER)
		return err_set(err, ST_UNKNOWN, "commit of offsets was not answered in time");
	return e ? kerr_set(err, e, "commit of offsets") : 0;
}

bool kjoin_is_rebalance(rd_kafka_resp_err_t e)
{
	return e == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS ||
	    e == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
	    e == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID || e == RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST;
}

/* rd_kafka_consumer_close waits for a broker that may never answer. */
static void leave(struct kjoin *j, const struct deadline *d)
{
	rd_kafka_t *rk = j->client->rk;
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_error_t *e = rd_kafka_consumer_close_queue(rk, queue);
	if (e)
		rd_kafka_error_destroy(e);
	while (!e && !rd_kafka_consumer_closed(rk) && deadline_left_ms(d)) {
		rd_kafka_event_t *event = rd_kafka_queue_poll(queue, deadline_slice_ms(d, 100));
		if (event && rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
			rd_kafka_assign(rk, NULL);
		if (event)
			rd_kafka_event_destroy(event);
	}
	rd_kafka_queue_destroy(queue);
}

void kjoin_leave(struct kjoin *j, const struct deadline *d)
{
	bool joined = j->client && j->client->subscribed;
	if (joined) {
		kclient_wake(j->client, -1);
		leave(j, d);
	} else {
		kclient_close(j->client);
	}
	err_clear(&j->lost);
	free(j->group);
}
