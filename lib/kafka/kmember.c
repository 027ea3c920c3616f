#include "kafka/kmember.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/kerr.h"
#include "kafka/kjoin.h"
#include "kafka/kmember_int.h"

enum state {
	OUTSIDE,
	ASKING,   /* assigned, and what is committed is not known yet */
	OWNING,
	REVOKING, /* the group waits for kmember_release */
};

struct kmember {
	struct kjoin join;
	struct kmember_options options;
	char **topics; /* owned, ended by NULL */
	char *instance;
	enum state state;
	bool told;                             /* the state, to the caller */
	rd_kafka_topic_partition_list_t *mine; /* what is assigned; NULL: nothing */
	struct kmember_part *parts;            /* the same with what is committed */
	size_t count;
	rd_kafka_consumer_group_metadata_t *identity;
	char *id;                              /* how the broker calls us */
	int patience_ms;
	rd_kafka_queue_t *answers;
};

static void forget(struct kmember *m)
{
	for (size_t i = 0; i < m->count; i++)
		free((char *)m->parts[i].metadata);
	free(m->parts);
	m->parts = NULL;
	m->count = 0;
	if (m->mine)
		rd_kafka_topic_partition_list_destroy(m->mine);
	m->mine = NULL;
	if (m->identity)
		rd_kafka_consumer_group_metadata_destroy(m->identity);
	m->identity = NULL;
	if (m->id)
		rd_kafka_mem_free(m->join.client->rk, m->id);
	m->id = NULL;
}

/* The group may go on without what was ours. */
static void give_back(struct kmember *m)
{
	rd_kafka_assign(m->join.client->rk, NULL);
	forget(m);
	m->state = OUTSIDE;
}

/* Ours in the eyes of the group, while librdkafka is told that there is nothing to fetch. */
static void take(struct kmember *m, const rd_kafka_topic_partition_list_t *partitions)
{
	rd_kafka_t *rk = m->join.client->rk;
	rd_kafka_topic_partition_list_t *none = rd_kafka_topic_partition_list_new(0);
	forget(m);
	m->mine = rd_kafka_topic_partition_list_copy(partitions);
	m->identity = rd_kafka_consumer_group_metadata(rk);
	m->id = rd_kafka_memberid(rk);
	rd_kafka_assign(rk, none);
	rd_kafka_topic_partition_list_destroy(none);
	m->state = ASKING;
	m->patience_ms = 0;
}

static bool is_divided(const struct kmember *m, const char *topic)
{
	for (char **t = m->topics; *t; t++)
		if (strcmp(*t, topic) == 0)
			return true;
	return false;
}

/* A static member that comes back gets what it had, and the broker does not look whether it still asks for it. */
static void check_topics(struct kmember *m, const rd_kafka_topic_partition_list_t *partitions)
{
	for (int i = 0; i < partitions->cnt && !m->join.lost.text; i++)
		if (!is_divided(m, partitions->elems[i].topic))
			err_set(&m->join.lost, ST_USAGE, "group %s: it keeps partitions of topic %s for the instance id "
			    "'%s' still: begin when session.timeout.ms is over, or under another one", m->join.group,
			    partitions->elems[i].topic, m->instance ? m->instance : "");
}

/* Called from within polls, so in the caller's thread. */
static void on_rebalance(void *ctx, rd_kafka_resp_err_t code,
    rd_kafka_topic_partition_list_t *partitions)
{
	struct kmember *m = ctx;
	if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		check_topics(m, partitions);
		take(m, partitions);
	} else if (m->state == OWNING)
		m->state = REVOKING;
	else
		give_back(m);
	m->told = false;
	rd_kafka_yield(m->join.client->rk);
}

static char **copy_topics(const char *const *topics)
{
	size_t n = 0;
	while (topics[n])
		n++;
	char **copy = mem_zalloc(n + 1, sizeof(*copy));
	for (size_t i = 0; i < n; i++)
		copy[i] = mem_strdup(topics[i]);
	return copy;
}

int kmember_open(struct kmember **out, const struct kv *settings, const struct kmember_options *options,
    const struct deadline *d, struct err *err)
{
	struct kmember *m = mem_zalloc(1, sizeof(*m));
	m->options = *options;
	m->topics = copy_topics(options->topics);
	m->instance = options->instance ? mem_strdup(options->instance) : NULL;
	int failed =
	    kjoin_open(&m->join, settings, options->group, options->instance, options->log, err);
	if (!failed) {
		m->answers = rd_kafka_queue_new(m->join.client->rk);
		m->join.client->rebalance = on_rebalance;
		m->join.client->ctx = m;
		failed = kjoin_subscribe(&m->join, options->topics, d, err);
	}
	if (failed) {
		kmember_close(m, d);
		return err_wrap(err, "group %s", options->group);
	}
	*out = m;
	return 0;
}

void kmember_wake(struct kmember *m, int fd)
{
	kclient_wake(m->join.client, fd);
	kclient_wake_queue(m->answers, fd);
}

static void show_parts(struct kmember *m, const rd_kafka_topic_partition_list_t *committed)
{
	m->count = (size_t)committed->cnt;
	m->parts = mem_zalloc(m->count, sizeof(*m->parts));
	for (size_t i = 0; i < m->count; i++) {
		const rd_kafka_topic_partition_t *p = &committed->elems[i];
		m->parts[i] = (struct kmember_part){.topic = m->mine->elems[i].topic,
		    .partition = p->partition, .offset = p->offset >= 0 ? p->offset : -1,
		    .metadata = mem_strndup(p->metadata, p->metadata_size)};
	}
}

/* Whose partitions are new has nothing under way that this could hold up. */
static void ask(struct kmember *m)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_copy(m->mine);
	m->patience_ms = kclient_patience(m->patience_ms);
	rd_kafka_resp_err_t e = list->cnt
	    ? kjoin_answer(rd_kafka_committed(m->join.client->rk, list, m->patience_ms), list)
	    : RD_KAFKA_RESP_ERR_NO_ERROR;
	if (!e) {
		show_parts(m, list);
		m->state = OWNING;
	} else if (kerr_is_final(e)) {
		kerr_set(&m->join.lost, e, "group %s: committed offsets", m->join.group);
	}
	rd_kafka_topic_partition_list_destroy(list);
}

/* While the group waits for us it may lose its patience. librdkafka tells that by the one or by the other, as the
 * group has answered. */
static bool is_lost(const struct kmember *m)
{
	rd_kafka_t *rk = m->join.client->rk;
	if (m->state != OWNING && m->state != REVOKING)
		return false;
	if (rd_kafka_assignment_lost(rk))
		return true;
	char *id = rd_kafka_memberid(rk);
	bool same = id && m->id && strcmp(id, m->id) == 0;
	rd_kafka_mem_free(rk, id);
	return !same;
}

static enum kmember_event tell(struct kmember *m)
{
	if (m->state == REVOKING && is_lost(m)) {
		give_back(m);
		m->told = true;
		return KMEMBER_LOST;
	}
	if (m->told || m->state == OUTSIDE || m->state == ASKING)
		return KMEMBER_NOTHING;
	m->told = true;
	return m->state == OWNING ? KMEMBER_ASSIGNED : KMEMBER_REVOKING;
}

static int check(struct kmember *m, struct err *err)
{
	if (rd_kafka_fatal_error(m->join.client->rk, NULL, 0) == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID)
		return err_set(err, ST_FAIL, "group %s: another member has come under our instance id '%s', which "
		    "must be of one only, or the broker did not answer for longer than the session",
		    m->join.group, m->instance);
	return kjoin_check(&m->join, err);
}

enum kmember_event kmember_poll(struct kmember *m, int wait_ms, struct err *err)
{
	rd_kafka_queue_poll_callback(m->answers, 0);
	rd_kafka_message_t *message = kjoin_poll(&m->join, wait_ms);
	if (message)
		rd_kafka_message_destroy(message); /* none is ever fetched */
	if (m->state == ASKING)
		ask(m);
	return check(m, err) ? KMEMBER_ERROR : tell(m);
}

const struct kmember_part *kmember_parts(const struct kmember *m, size_t *count)
{
	*count = m->count;
	return m->parts;
}

void kmember_release(struct kmember *m)
{
	if (m->state == REVOKING)
		give_back(m);
}

static const struct kmember_part *find(const struct kmember *m, const struct kmember_part *p)
{
	for (size_t i = 0; i < m->count; i++)
		if (m->parts[i].partition == p->partition && strcmp(m->parts[i].topic, p->topic) == 0)
			return &m->parts[i];
	return NULL;
}

/* 0: it may be committed; 1: it is not ours; -1. */
static int may_commit(const struct kmember *m, const struct kmember_part *p, struct err *err)
{
	if (!is_divided(m, p->topic))
		return 0;
	const struct kmember_part *ours = find(m, p);
	if (!ours)
		return 1;
	if (p->offset >= ours->offset)
		return 0;
	return err_set(err, ST_FAIL, "topic %s, partition %d: a commit of %lld would go back behind %lld",
	    p->topic, p->partition, (long long)p->offset, (long long)ours->offset);
}

rd_kafka_topic_partition_list_t *kmember_list(struct kmember *m, const struct kmember_part *parts,
    size_t count, int *answer, struct err *err)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	*answer = is_lost(m);
	for (size_t i = 0; i < count && *answer == 0; i++) {
		*answer = may_commit(m, &parts[i], err);
		rd_kafka_topic_partition_t *p =
		    rd_kafka_topic_partition_list_add(list, parts[i].topic, parts[i].partition);
		p->offset = parts[i].offset;
		p->metadata_size = strlen(parts[i].metadata);
		if (p->metadata_size)
			p->metadata = mem_strndup(parts[i].metadata, p->metadata_size);
	}
	if (*answer == 0)
		return list;
	rd_kafka_topic_partition_list_destroy(list);
	return NULL;
}

const rd_kafka_consumer_group_metadata_t *kmember_identity(const struct kmember *m)
{
	return m->identity;
}

bool kmember_is_refusal(rd_kafka_resp_err_t e)
{
	return kjoin_is_rebalance(e) || e == RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID;
}

static enum kmember_commit result_of(rd_kafka_resp_err_t e, struct err *err)
{
	if (!e)
		return KMEMBER_COMMITTED;
	kjoin_commit_error(e, err);
	return kmember_is_refusal(e) ? KMEMBER_REFUSED : KMEMBER_FAILED;
}

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *offsets,
    void *opaque)
{
	struct kmember *m = opaque;
	struct err err = ERR_INIT;
	(void)rk;
	enum kmember_commit result = result_of(kjoin_answer(e, offsets), &err);
	m->options.committed(m->options.ctx, result, &err);
	err_clear(&err);
}

int kmember_commit(struct kmember *m, const struct kmember_part *parts, size_t count, struct err *err)
{
	int answer;
	rd_kafka_topic_partition_list_t *list = kmember_list(m, parts, count, &answer, err);
	if (!list)
		return answer;
	rd_kafka_resp_err_t e =
	    rd_kafka_commit_queue(m->join.client->rk, list, m->answers, on_commit, m);
	rd_kafka_topic_partition_list_destroy(list);
	return kjoin_commit_error(e, err);
}

enum kmember_commit kmember_commit_now(struct kmember *m, const struct kmember_part *parts,
    size_t count, const struct deadline *d, struct err *err)
{
	int answer;
	struct deadline whole = *d;
	rd_kafka_topic_partition_list_t *list = kmember_list(m, parts, count, &answer, err);
	if (!list)
		return answer > 0 ? KMEMBER_REFUSED : KMEMBER_FAILED;
	whole.interrupted = NULL;
	rd_kafka_resp_err_t e = kjoin_commit(m->join.client, list, &whole);
	rd_kafka_topic_partition_list_destroy(list);
	return result_of(e, err);
}

void kmember_close(struct kmember *m, const struct deadline *d)
{
	if (!m)
		return;
	kmember_release(m);
	forget(m);
	/* Answers to come are dropped with the queue. */
	if (m->answers)
		rd_kafka_queue_destroy(m->answers);
	kjoin_leave(&m->join, d);
	for (char **t = m->topics; *t; t++)
		free(*t);
	free(m->topics);
	free(m->instance);
	free(m);
}
