#include "kafka/kadmin.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/kclient_int.h"
#include "kafka/kerr.h"

#define ATTEMPT_MS 8000 /* a request to one broker, before another is asked */
#define ONCE       INT64_MAX
#define ANSWER_MS  3000 /* what a broker has to answer, before the next has its turn; twice as much then */

/* One request and its answer: what all of these have in common. */
struct asking {
	rd_kafka_t *rk;
	const rd_kafka_AdminOptions_t *options;
	rd_kafka_queue_t *queue;
	void *what;
	size_t count;
};

static rd_kafka_AdminOptions_t *within(rd_kafka_t *rk, const struct deadline *d)
{
	char ignored[128];
	rd_kafka_AdminOptions_t *o = rd_kafka_AdminOptions_new(rk, RD_KAFKA_ADMIN_OP_ANY);
	rd_kafka_AdminOptions_set_request_timeout(o, deadline_slice_ms(d, 3600000), ignored,
	    sizeof(ignored));
	return o;
}

/* NULL and err: the time is over. */
static rd_kafka_event_t *wait_for(struct kclient *c, rd_kafka_queue_t *queue, const char *topic,
    const struct deadline *d, struct err *err)
{
	rd_kafka_event_t *event = NULL;
	while (!event) {
		event = rd_kafka_queue_poll(queue, deadline_slice_ms(d, 200));
		kclient_serve(c, 0);
		if (!event && kclient_check(c, d, topic, err))
			break;
	}
	return event;
}

/* Asks again when there is no answer within attempt_ms, unless ONCE: librdkafka chose the broker, and there may be
 * others that do answer. NULL and err: no answer at all. The caller destroys the event. */
static rd_kafka_event_t *ask(struct kclient *c, void (*request)(const struct asking *a), void *what,
    size_t count, const char *topic, int64_t attempt_ms, const struct deadline *d, struct err *err)
{
	rd_kafka_event_t *event = NULL;
	rd_kafka_resp_err_t e = RD_KAFKA_RESP_ERR__TIMED_OUT;
	while (e == RD_KAFKA_RESP_ERR__TIMED_OUT && deadline_left_ms(d)) {
		struct deadline until = deadline_within(d, attempt_ms);
		rd_kafka_AdminOptions_t *options = within(c->rk, &until);
		rd_kafka_queue_t *queue = rd_kafka_queue_new(c->rk);
		const struct asking a = {c->rk, options, queue, what, count};
		if (event)
			rd_kafka_event_destroy(event);
		request(&a);
		event = wait_for(c, queue, topic, d, err);
		rd_kafka_AdminOptions_destroy(options);
		rd_kafka_queue_destroy(queue);
		if (!event)
			return NULL;
		e = rd_kafka_event_error(event);
		if (attempt_ms == ONCE)
			break;
	}
	if (e == RD_KAFKA_RESP_ERR_NO_ERROR)
		return event;
	if (event)
		rd_kafka_event_destroy(event);
	if (e != RD_KAFKA_RESP_ERR__TIMED_OUT || !kclient_check(c, d, topic, err))
		kerr_set(err, e, "topic %s", topic);
	return NULL;
}

/* 1: done. 0: it was there already. right: KRIGHT_*, for the message. */
static int topic_answer(const rd_kafka_topic_result_t *result, const char *topic,
    const char *right, struct err *err)
{
	rd_kafka_resp_err_t e = rd_kafka_topic_result_error(result);
	const char *why = rd_kafka_topic_result_error_string(result);
	if (!e)
		return 1;
	if (e == RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS)
		return 0;
	if (e == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		return err_set(err, ST_CONNECT, "topic %s: no right to %s", topic, right);
	if (why && kerr_status(e) == ST_USAGE)
		return err_set(err, ST_USAGE, "topic %s: %s", topic, why);
	return kerr_set(err, e, "topic %s", topic);
}

static rd_kafka_NewTopic_t *new_topic(const struct kadmin_topic *t, struct err *err)
{
	char why[256];
	rd_kafka_NewTopic_t *new = rd_kafka_NewTopic_new(t->name, (int)t->partitions,
	    (int)t->replication, why, sizeof(why));
	if (!new)
		err_set(err, ST_USAGE, "topic %s: %s", t->name, why);
	for (const char *const *p = t->configs; new && *p; p += 2)
		rd_kafka_NewTopic_set_config(new, p[0], p[1]);
	return new;
}

/* Answers come in the order of the questions. */
static int take_answers(rd_kafka_event_t *event, const struct kadmin_topic *topics, size_t count,
    bool *made, struct err *err)
{
	size_t answers;
	const rd_kafka_topic_result_t **results = rd_kafka_CreateTopics_result_topics(
	    rd_kafka_event_CreateTopics_result(event), &answers);
	for (size_t i = 0; i < count && i < answers; i++) {
		int answer = topic_answer(results[i], topics[i].name, KRIGHT_CREATE, err);
		if (answer < 0)
			return -1;
		made[i] = answer;
	}
	return 0;
}

static void request_create(const struct asking *a)
{
	rd_kafka_CreateTopics(a->rk, a->what, a->count, a->options, a->queue);
}

/* What a request without an answer has made is there for the next one, and is then compared with what was wanted. */
static int ask_create(struct kclient *c, rd_kafka_NewTopic_t **new,
    const struct kadmin_topic *topics, size_t count, bool *made, const struct deadline *d,
    struct err *err)
{
	rd_kafka_event_t *event = ask(c, request_create, new, count, topics[0].name, ATTEMPT_MS, d, err);
	if (!event)
		return -1;
	int failed = take_answers(event, topics, count, made, err);
	rd_kafka_event_destroy(event);
	return failed;
}

int kadmin_create(struct kclient *c, const struct kadmin_topic *topics, size_t count, bool *made,
    const struct deadline *d, struct err *err)
{
	rd_kafka_NewTopic_t **new = mem_zalloc(count, sizeof(*new));
	int failed = 0;
	for (size_t i = 0; i < count && !failed; i++)
		failed = (new[i] = new_topic(&topics[i], err)) ? 0 : -1;
	failed = failed || ask_create(c, new, topics, count, made, d, err) ? -1 : 0;
	for (size_t i = 0; i < count; i++)
		if (new[i])
			rd_kafka_NewTopic_destroy(new[i]);
	free(new);
	return failed;
}

static void request_grow(const struct asking *a)
{
	rd_kafka_CreatePartitions(a->rk, a->what, a->count, a->options, a->queue);
}

/* Only once: who asks for as many partitions as there are is told that this is an error. */
int kadmin_grow(struct kclient *c, const char *topic, int64_t partitions,
    const struct deadline *d, struct err *err)
{
	char why[256];
	rd_kafka_NewPartitions_t *new =
	    rd_kafka_NewPartitions_new(topic, (size_t)partitions, why, sizeof(why));
	if (!new)
		return err_set(err, ST_USAGE, "topic %s: %s", topic, why);
	rd_kafka_event_t *event = ask(c, request_grow, &new, 1, topic, ONCE, d, err);
	rd_kafka_NewPartitions_destroy(new);
	if (!event)
		return -1;
	size_t count;
	const rd_kafka_topic_result_t **topics = rd_kafka_CreatePartitions_result_topics(
	    rd_kafka_event_CreatePartitions_result(event), &count);
	int answer = count ? topic_answer(topics[0], topic, KRIGHT_ALTER, err) : 0;
	rd_kafka_event_destroy(event);
	return answer < 0 ? -1 : 0;
}

static bool layout_of(const struct rd_kafka_metadata_topic *t, int64_t *partitions,
    int64_t *replication)
{
	if (t->err || t->partition_cnt == 0)
		return false;
	*partitions = t->partition_cnt;
	*replication = t->partitions[0].replica_cnt;
	for (int i = 0; i < t->partition_cnt; i++)
		if (t->partitions[i].leader < 0)
			return false;
	return true;
}

int kadmin_layout(struct kclient *c, const char *topic, int64_t *partitions,
    int64_t *replication, const struct deadline *d, struct err *err)
{
	rd_kafka_topic_t *rkt = kclient_handle(c, topic, err);
	bool known = false;
	if (!rkt)
		return -1;
	for (int wait_ms = 0; !known;) {
		const struct rd_kafka_metadata *md;
		wait_ms = kclient_patience(wait_ms);
		if (!rd_kafka_metadata(c->rk, 0, rkt, &md, deadline_slice_ms(d, wait_ms))) {
			known = layout_of(&md->topics[0], partitions, replication);
			rd_kafka_metadata_destroy(md);
		}
		if (!known && kclient_check(c, d, topic, err))
			break;
		if (!known)
			kclient_serve(c, 20);
	}
	rd_kafka_topic_destroy(rkt);
	return known ? 0 : -1;
}

/* A client that knows of this broker only asks it, until it learns of the others and needs them. */
static int open_at(struct kclient **out, const struct kv *settings,
    const struct rd_kafka_metadata_broker *broker, struct err *err)
{
	struct kv one = KV_INIT;
	struct buf address = BUF_INIT;
	for (size_t i = 0; i < kv_count(settings); i++) {
		const struct kv_entry *e = kv_at(settings, i);
		kv_set(&one, e->name, e->value, e->origin, e->where, e->secret);
	}
	buf_printf(&address, "%s:%d", broker->host, broker->port);
	kv_set(&one, "bootstrap.servers", buf_text(&address), KV_FLAG, "the cluster", false);
	int failed = kclient_open(out, KCLIENT_ADMIN, &one, NULL, err);
	buf_release(&address);
	kv_release(&one);
	return failed;
}

static int wait_known(struct kclient *c, const struct kadmin_topic *topics, size_t count,
    const struct deadline *d, struct err *err)
{
	int32_t ignored;
	for (size_t i = 0; i < count; i++) {
		int known;
		while ((known = kclient_has_topic(c, topics[i].name, &ignored, d, err)) == 0 &&
		    deadline_left_ms(d))
			kclient_serve(c, 5);
		if (known <= 0)
			return -1;
	}
	return 0;
}

static bool knows(const struct rd_kafka_metadata_broker *broker, const struct kv *settings,
    const struct kadmin_topic *topics, size_t count, const struct deadline *d)
{
	struct kclient *one = NULL;
	struct err ignored = ERR_INIT;
	bool known = !open_at(&one, settings, broker, &ignored) &&
	    !wait_known(one, topics, count, d, &ignored);
	kclient_close(one);
	err_clear(&ignored);
	return known;
}

/* How many of those that the cluster lists now do not know the topics: brokers come and go. */
static int unknowing(struct kclient *c, const struct kv *settings,
    const struct kadmin_topic *topics, size_t count, const struct deadline *d, int64_t answer_ms)
{
	const struct rd_kafka_metadata *md;
	int without = 0;
	if (rd_kafka_metadata(c->rk, 0, NULL, &md, deadline_slice_ms(d, ANSWER_MS)))
		return 1;
	for (int i = 0; i < md->broker_cnt && md->broker_cnt > 1; i++) {
		struct deadline until = deadline_within(d, answer_ms);
		without += !knows(&md->brokers[i], settings, topics, count, &until);
	}
	rd_kafka_metadata_destroy(md);
	return without;
}

int kadmin_spread(struct kclient *c, const struct kv *settings, const struct kadmin_topic *topics,
    size_t count, const struct deadline *d)
{
	struct deadline until = deadline_within(d, deadline_left_ms(d) / 2);
	int64_t answer_ms = ANSWER_MS;
	int without;
	while ((without = unknowing(c, settings, topics, count, &until, answer_ms)) > 0 &&
	    deadline_left_ms(&until)) {
		kclient_serve(c, 100);
		answer_ms *= 2;
	}
	return without;
}

static int find_config(rd_kafka_event_t *event, const char *topic, const char *name,
    struct buf *value, struct err *err)
{
	size_t count, entries;
	const rd_kafka_ConfigResource_t **r = rd_kafka_DescribeConfigs_result_resources(
	    rd_kafka_event_DescribeConfigs_result(event), &count);
	rd_kafka_resp_err_t e = count ? rd_kafka_ConfigResource_error(r[0]) : 0;
	if (e == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		return err_set(err, ST_CONNECT, "topic %s: no right to see its settings "
		    "(DescribeConfigs)", topic);
	if (e)
		return kerr_set(err, e, "settings of topic %s", topic);
	if (count == 0)
		return 0;
	const rd_kafka_ConfigEntry_t **list = rd_kafka_ConfigResource_configs(r[0], &entries);
	for (size_t i = 0; i < entries; i++) {
		const char *v = rd_kafka_ConfigEntry_value(list[i]);
		if (v && strcmp(rd_kafka_ConfigEntry_name(list[i]), name) == 0)
			buf_puts(value, v);
	}
	return 0;
}

static void request_configs(const struct asking *a)
{
	rd_kafka_DescribeConfigs(a->rk, a->what, a->count, a->options, a->queue);
}

int kadmin_config(struct kclient *c, const char *topic, const char *name, struct buf *value,
    const struct deadline *d, struct err *err)
{
	rd_kafka_ConfigResource_t *r =
	    rd_kafka_ConfigResource_new(RD_KAFKA_RESOURCE_TOPIC, topic);
	rd_kafka_event_t *event = ask(c, request_configs, &r, 1, topic, ATTEMPT_MS, d, err);
	rd_kafka_ConfigResource_destroy(r);
	if (!event)
		return -1;
	int failed = find_config(event, topic, name, value, err);
	rd_kafka_event_destroy(event);
	return failed;
}
