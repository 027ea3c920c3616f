#include "kafka/inbox.h"

#include <stdlib.h>

#include "base/mem.h"

#define TAKE_AT_ONCE 512

void inbox_init(struct inbox *in, rd_kafka_t *rk)
{
	in->queue = rd_kafka_queue_new(rk);
	in->list = mem_zalloc(TAKE_AT_ONCE, sizeof(*in->list));
}

void inbox_drop(struct inbox *in)
{
	rd_kafka_message_destroy(in->list[in->at++]);
}

bool inbox_has(const struct inbox *in)
{
	return in->at < in->count;
}

/* Never waits: with a time, the call would wait until the whole array is full. */
bool inbox_fill(struct inbox *in)
{
	if (inbox_has(in))
		return true;
	ssize_t n = rd_kafka_consume_batch_queue(in->queue, 0, in->list, TAKE_AT_ONCE);
	in->at = 0;
	in->count = n > 0 ? (size_t)n : 0;
	return in->count > 0;
}

/* Waits for one message and takes it. */
void inbox_wait(struct inbox *in, int wait_ms)
{
	if (inbox_has(in))
		return;
	rd_kafka_message_t *m = rd_kafka_consume_queue(in->queue, wait_ms);
	in->at = 0;
	in->count = m != NULL;
	in->list[0] = m;
}

void inbox_release(struct inbox *in)
{
	while (inbox_has(in))
		inbox_drop(in);
	if (in->queue)
		rd_kafka_queue_destroy(in->queue);
	free(in->list);
}
