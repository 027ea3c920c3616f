/* klane: one position in one partition, read by absolute offsets, with a queue of its own. kread is a fixed
 * set of lanes, kparts one that changes. Internal to lib/kafka. */
#ifndef KAFKA_KLANE_H
#define KAFKA_KLANE_H

#include "kafka/inbox.h"
#include "kafka/kclient_int.h"
#include "kafka/kread.h"

struct klane {
	struct kclient *client;
	rd_kafka_topic_t *topic;
	int32_t partition;
	int64_t next, end;
	int64_t plain_until; /* heads before it are wanted without headers */
	bool started, done;
	bool was_full; /* its queue, since the fetcher was woken last */
	bool at_end; /* of the log: nothing was behind what was looked at last */
	bool stays; /* its owner may have it go on from where it is done, and stops it himself */
	struct inbox in;
	struct record head;
	const rd_kafka_message_t *head_of; /* the message that head was made from */
};

/* A partition has one lane at most. In any case release it. */
int klane_open(struct klane *l, struct kclient *c, const char *topic, int32_t partition, struct err *err);
void klane_release(struct klane *l);

/* Reads from start up to, not including, end; what was read before is dropped. */
int klane_start(struct klane *l, int64_t start, int64_t end, struct err *err);

/* The same by going on from where it is done, if that is not too far away: false: it is. Spares those who read one
 * short range after the other all that was read ahead. */
bool klane_go_on(struct klane *l, int64_t start, int64_t end);

/* What is done and stays is not read any more. */
void klane_stop(struct klane *l);

/* Looks at one message of the lane. KREAD_EMPTY: it was nothing for the caller, drop it. */
enum kread_state klane_look(struct klane *l, const rd_kafka_message_t *m, struct err *err);

/* As kread_head and kread_pop. klane_pass: the head is done with, wherever it lies. */
enum kread_state klane_head(struct klane *l, const struct record **out, struct err *err);
void klane_pop(struct klane *l);
void klane_pass(struct klane *l);

void klane_set_end(struct klane *l, int64_t end);

/* Before 2.2 the fetcher may sleep for up to a second when all queues were full; a request to the
 * partitions' leaders wakes it. Finished lanes are left out. */
void klane_nudge(const struct klane *lanes, size_t count, int wait_ms);

#endif
