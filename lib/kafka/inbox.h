/* inbox: a queue of librdkafka's, emptied many messages at a time. Internal to lib/kafka. */
#ifndef KAFKA_INBOX_H
#define KAFKA_INBOX_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

struct inbox {
	rd_kafka_queue_t *queue;
	rd_kafka_message_t **list; /* taken from the queue together: list[at] to list[count - 1] */
	size_t count, at;
};

void inbox_init(struct inbox *in, rd_kafka_t *rk);
bool inbox_has(const struct inbox *in);

/* Takes what the queue has, if nothing is left: is there something now? Does not wait. */
bool inbox_fill(struct inbox *in);

/* Waits for one message, if nothing is left. */
void inbox_wait(struct inbox *in, int wait_ms);

void inbox_drop(struct inbox *in); /* list[at] is done with */
void inbox_release(struct inbox *in);

#endif
