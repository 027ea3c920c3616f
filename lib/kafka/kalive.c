#include "kafka/kalive.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* How often the broker is asked, and again after it said that there is no such topic: what one broker does not know
 * yet, or not any more, another may know. */
#define ASK_MS   3000
#define AGAIN_MS 500
#define ENOUGH   2

/* How long one answer is waited for: the caller has other things to do. A worker asks by three clients in one round of
 * its loop, and takes a round of 600 ms for a sign that it was stopped. */
#define ANSWER_MS 100

void kalive_saw(struct kclient *c, const char *topic, int64_t (*now_ms)(void))
{
	for (size_t i = 0; i < c->topic_count; i++)
		if (strcmp(c->topics[i], topic) == 0)
			return;
	c->topics = mem_grow(c->topics, &c->topic_cap, c->topic_count + 1, sizeof(*c->topics));
	c->topics[c->topic_count++] = mem_strdup(topic);
	c->now_ms = now_ms;
	c->asked_ms = now_ms();
}

void kalive_forget(struct kclient *c)
{
	for (size_t i = 0; i < c->topic_count; i++)
		free(c->topics[i]);
	free(c->topics);
}

/* No answer is none. */
static bool is_missing(struct kclient *c, const char *topic)
{
	const struct rd_kafka_metadata *md;
	struct err ignored = ERR_INIT;
	rd_kafka_topic_t *rkt = kclient_handle(c, topic, &ignored);
	bool missing = false;
	if (rkt && rd_kafka_metadata(c->rk, 0, rkt, &md, ANSWER_MS) == RD_KAFKA_RESP_ERR_NO_ERROR) {
		missing = md->topic_cnt == 1 && md->topics[0].err == RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART;
		rd_kafka_metadata_destroy(md);
	}
	if (rkt)
		rd_kafka_topic_destroy(rkt);
	err_clear(&ignored);
	return missing;
}

int kclient_alive(struct kclient *c, struct err *err)
{
	if (!c->now_ms || c->now_ms() - c->asked_ms < (c->missed ? AGAIN_MS : ASK_MS / (int64_t)c->topic_count))
		return 0;
	const char *topic = c->topics[c->topic_turn];
	bool missing = is_missing(c, topic);
	c->asked_ms = c->now_ms();
	c->missed = missing ? c->missed + 1 : 0;
	if (!missing) /* one topic a call, in turn */
		c->topic_turn = (c->topic_turn + 1) % c->topic_count;
	if (c->missed < ENOUGH)
		return 0;
	return err_set(err, ST_STATE, "topic %s: it was deleted meanwhile", topic);
}
