/* floor-consume BROKERS TOPIC PARTITIONS COUNT [headers] [NAME=VALUE...]
 *
 * Writes the first COUNT values of TOPIC, a line each, as a bare loop over librdkafka: all partitions
 * assigned, arrays of messages from one queue; no order, no check. It knows how many there are, so it
 * asks for no more and never waits at the end. With the word headers it looks at those of each record,
 * as whoever wants to know its batch and number must. */
#include "bare.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

static void look_at_headers(const rd_kafka_message_t *m)
{
	rd_kafka_headers_t *list;
	const void *value;
	size_t len;
	if (rd_kafka_message_headers(m, &list) ||
	    rd_kafka_header_get_last(list, "batchId", &value, &len) ||
	    rd_kafka_header_get_last(list, "batchSeq", &value, &len))
		bare_die("a record without batchId and batchSeq");
}

static void put(rd_kafka_message_t *m, bool headers)
{
	if (m->err)
		bare_die("%s", rd_kafka_message_errstr(m));
	if (headers)
		look_at_headers(m);
	fwrite_unlocked(m->payload, 1, m->len, stdout);
	putc_unlocked('\n', stdout);
	rd_kafka_message_destroy(m);
}

static void copy(rd_kafka_t *rk, int64_t count, bool headers)
{
	static rd_kafka_message_t *list[TAKE];
	rd_kafka_queue_t *queue = rd_kafka_queue_get_consumer(rk);
	while (count > 0) {
		size_t want = count < TAKE ? (size_t)count : TAKE;
		ssize_t n = rd_kafka_consume_batch_queue(queue, WAIT_MS, list, want);
		if (n <= 0)
			bare_die("%lld records did not come", (long long)count);
		for (ssize_t i = 0; i < n; i++)
			put(list[i], headers);
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
		bare_die("usage: floor-consume BROKERS TOPIC PARTITIONS COUNT [headers] [NAME=VALUE...]");
	bool headers = argc > 5 && strcmp(argv[5], "headers") == 0;
	static char buffer[1 << 17];
	setvbuf(stdout, buffer, _IOFBF, sizeof(buffer));
	rd_kafka_t *rk = bare_client(RD_KAFKA_CONSUMER, argv[1], settings, argv + 5 + headers, NULL, NULL);
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, argv[2], NULL);
	if (!topic)
		bare_die("cannot open %s", argv[2]);
	bare_find(rk, topic);
	assign(rk, argv[2], bare_number(argv[3], 1));
	copy(rk, bare_number(argv[4], 0), headers);
	if (fflush(stdout))
		bare_die("output could not be written");
	rd_kafka_topic_destroy(topic);
	rd_kafka_consumer_close(rk);
	rd_kafka_destroy(rk);
	return 0;
}
