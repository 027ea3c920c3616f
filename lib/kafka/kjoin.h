/* kjoin: what every member of a consumer group does: joins, keeps in mind why it cannot stay, commits and
 * leaves. kgroup reads as a member, kmember does not. Internal to lib/kafka. */
#ifndef KAFKA_KJOIN_H
#define KAFKA_KJOIN_H

#include "kafka/kclient_int.h"

struct kjoin {
	struct kclient *client;
	char *group;
	struct err lost; /* why the membership is over for good */
};

/* instance may be NULL. In any case leave. */
int kjoin_open(struct kjoin *j, const struct kv *settings, const char *group, const char *instance,
    void (*log)(int syslog_level, const char *text), struct err *err);

/* Makes sure that the topics (ended by NULL) are there, and asks to be let in. The client's rebalance
 * callback is set before. */
int kjoin_subscribe(struct kjoin *j, const char *const *topics, const struct deadline *d, struct err *err);

/* One message or NULL. An error that will not pass is remembered. */
rd_kafka_message_t *kjoin_poll(struct kjoin *j, int wait_ms);

/* -1 and err: the membership is lost for good. */
int kjoin_check(const struct kjoin *j, struct err *err);

/* offsets may be NULL. */
rd_kafka_topic_partition_list_t *kjoin_list(const char *topic, const int32_t *partitions,
    const int64_t *offsets, size_t count);

/* rd_kafka_commit has no time limit: without a coordinator it waits for the session timeout. */
#define KJOIN_NO_ANSWER RD_KAFKA_RESP_ERR__TIMED_OUT
rd_kafka_resp_err_t kjoin_commit(struct kclient *c, const rd_kafka_topic_partition_list_t *list,
    const struct deadline *d);

/* What a commit's answer says of the whole list. */
rd_kafka_resp_err_t kjoin_answer(rd_kafka_resp_err_t e, const rd_kafka_topic_partition_list_t *list);

/* 0, or -1 and err. */
int kjoin_commit_error(rd_kafka_resp_err_t e, struct err *err);

/* The group divides its partitions anew; who gets ours is told by a poll. */
bool kjoin_is_rebalance(rd_kafka_resp_err_t e);

/* Leaves the group and releases all but the client of one that was a member, which is left to the process's
 * end: before 2.6.1 destroying it may wait for ever, for a broker or for messages of partitions that were
 * taken away. */
void kjoin_leave(struct kjoin *j, const struct deadline *d);

#endif
