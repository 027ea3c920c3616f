/* floor-consume BROKERS TOPIC PARTITIONS COUNT [NAME=VALUE...]
 *
 * Writes the first COUNT values of TOPIC, a line each, as a bare loop over librdkafka: all partitions
 * assigned, arrays of messages from one queue; no order, no check. It knows how many there are, so it
 * asks for no more and never waits at the end. */
#include "bare.h"

#include <stdio.h>
#include <stdlib.h>

#define TAKE    1000
#define WAIT_MS 10000

static void assign(rd_kafka_t *rk, const char *topic, int64_t partitions)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)partitions);
	for (int32_t p = 0; p < partitions; p++)
		rd_kafka_topic_partition_list_add(list, topic, p)->offset = 0;
	rd_kafka_resp_err_t e = rd_kafka_assign(rk, list);
	if (e)
		bare_die("%s", rd_kafka_err2str(e));
	rd_kafka_topic_partition_list_destroy(list);
}

static void put(rd_kafka_message_t *m)
{
	if (m->err)
		bare_die("%s", rd_kafka_message_errstr(m));
	fwrite_unlocked(m->payload, 1, m->len, stdout);
	putc_unlocked('\n', stdout);
	rd_kafka_message_destroy(m);
}

static void copy(rd_kafka_t *rk, int64_t count)
{
	static rd_kafka_message_t *list[TAKE];
	rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
	while (count > 0) {
		size_t want = count < TAKE ? (size_t)count : TAKE;
		ssize_t n = rd_kafka_consume_batch_queue(queue, WAIT_MS, list, want);
		if (n <= 0)
			bare_die("%lld records did not come", (long long)count);
		for (ssize_t i = 0; i < n; i++)
			put(list[i]);
		count -= n;
	}
	rd_kafka_queue_destroy(queue);
}

int main(int argc, char **argv)
{
	static const char *const settings[] = {"group.id", "floor", "enable.auto.commit", "false",
	    "enable.auto.offset.store", "false", "auto.offset.reset", "error",
	    "socket.nagle.disable", "true", NULL};
	if (argc < 5)
		bare_die("usage: floor-consume BROKERS TOPIC PARTITIONS COUNT [NAME=VALUE...]");
	static char buffer[1 << 17];
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	rd_kafka_t *rk = bare_client(RD_KAFKA_CONSUMER, argv[1], settings, argv + 5, NULL, NULL);
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, argv[2], NULL);
	if (!topic)
		bare_die("cannot open %s", argv[2]);
	bare_find(rk, topic);
	assign(rk, argv[2], bare_number(argv[3], 1));
	copy(rk, bare_number(argv[4], 0));
	if (fflush(stdout))
		bare_die("output could not be written");
	rd_kafka_topic_destroy(topic);
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
	return 0;
}
