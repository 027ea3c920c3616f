/* kclient_int: the inside of a kclient, for lib/kafka only. */
#ifndef KAFKA_KCLIENT_INT_H
#define KAFKA_KCLIENT_INT_H

#include <librdkafka/rdkafka.h>
#include <stdatomic.h>

#include "kafka/kclient.h"

struct kclient {
	rd_kafka_t *rk;
	const char *right; /* what its user must be allowed to do with a topic */

	/* ktrouble.c */
	struct err trouble;      /* the last reason a broker or librdkafka gave */
	int final_count;         /* how often in a row a reason was final */
	bool stuck;              /* a final reason was seen often enough to give up */
	bool answered;           /* a broker did, ever */
	struct err refused;      /* a topic that may not be part of the transaction */
	bool troubled;           /* a reason was given, ever */
	bool hung_up;            /* the last reason: a broker took the call, and cut the line */
	bool waiting;            /* whether that passes */
	struct deadline patience;
	atomic_int certificate;  /* what is wrong with a broker's, X509_V_ERR_*; by any thread */

	/* kalive.c */
	int64_t (*now_ms)(void); /* NULL: no topic was seen yet */
	int64_t asked_ms;
	char **topics;           /* owned: the topics that were seen */
	size_t topic_count, topic_cap;
	size_t topic_turn;       /* which of them is asked for next */
	int missed;              /* so often in a row one of them was not there */

	/* librdkafka's limits for what it has read ahead of a partition. 0: its fetcher looks for room by itself */
	size_t queue_bytes, queue_records;

	void (*log)(int syslog_level, const char *text);
	bool subscribed;         /* its records lie where rd_kafka_poll looks, and would abort */
	char *brokers;           /* owned; for messages */
	void (*delivered)(void *ctx, const rd_kafka_message_t *m);
	void (*rebalance)(void *ctx, rd_kafka_resp_err_t e, rd_kafka_topic_partition_list_t *list);
	void *ctx; /* of the two */
};

/* The topic's handle, made once and kept by librdkafka until the client closes; give it back with
 * rd_kafka_topic_destroy. Produce and consume by handle: by name the first record waits a second. */
rd_kafka_topic_t *kclient_handle(struct kclient *c, const char *topic, struct err *err);

/* Lets librdkafka call back, for up to wait_ms; a subscribed client does that where it takes its records. */
void kclient_serve(struct kclient *c, int wait_ms);

/* kclient_wake for a queue of its own. */
void kclient_wake_queue(rd_kafka_queue_t *queue, int fd);

/* How long to wait for the answer to a question that got none in before_ms; 0: it was not asked yet. */
int kclient_patience(int before_ms);

/* After a wait that got nothing: the reason to give up now, if there is one; -1 and err, else 0.
 * what says what was tried. */
int kclient_check(struct kclient *c, const struct deadline *d, const char *what, struct err *err);

/* The broker refuses the topic: says which right is missing. Answers -1. */
int kclient_no_right(const struct kclient *c, const char *topic, struct err *err);

#endif
