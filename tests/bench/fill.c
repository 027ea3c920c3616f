/* fill BROKERS TOPIC EVENTS SPAN ours|foreign [NAME=VALUE...]
 *
 * Writes EVENTS events to the notification topic TOPIC: one creates a batch, the next completes it;
 * their times are spread over the last SPAN seconds. As our tools write them, or as the
 * foreign writers that are allowed do: without key, headers and version. A real log's record batches are
 * small, since whoever writes to it has one event to say: ten is what time allows here. */
#include "bare.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

struct event {
	int64_t batch, ms;
	bool ends, foreign;
	char id[48], time[32];
};

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	(void)rk;
	*(int64_t *)opaque += m->err != 0;
}

/* An id as batch-create makes them: its first 48 bits are the time of the first event. */
static void name(struct event *e, int64_t started_ms)
{
	time_t s = (time_t)(e->ms / 1000);
	struct tm tm;
	gmtime_r(&s, &tm);
	strftime(e->time, sizeof(e->time), "%Y-%m-%dT%H:%M:%SZ", &tm);
	snprintf(e->id, sizeof(e->id), "%08" PRIx64 "-%04" PRIx64 "-7000-8000-%012" PRIx64,
	    (uint64_t)started_ms >> 16, (uint64_t)started_ms & 0xffff, (uint64_t)e->batch);
}

static int document(const struct event *e, char *out, size_t size)
{
	const char *own = e->foreign ? "" : e->ends ? ",\"version\":2" : ",\"version\":1";
	return snprintf(out, size, "{\"id\":\"%s\",\"name\":\"nightly-%" PRId64 "\",\"integratorId\":"
	    "\"loader\",\"topic\":\"claims.in\",\"dataType\":\"claims\",\"status\":\"%s\"%s,"
	    "\"startDate\":\"%s\",\"invalidThreshold\":-1%s%s%s}", e->id, e->batch,
	    e->ends ? "completed" : "started", own, e->time,
	    e->ends ? ",\"expectedRecordCount\":0,\"endDate\":\"" : "", e->ends ? e->time : "",
	    e->ends ? "\"" : "");
}

static void add(rd_kafka_headers_t *h, const char *header, const char *value)
{
	rd_kafka_header_add(h, header, -1, value, -1);
}

static rd_kafka_headers_t *headers(const struct event *e)
{
	char ce_id[64];
	const char *version = e->ends ? "2" : "1";
	rd_kafka_headers_t *h = rd_kafka_headers_new(8);
	snprintf(ce_id, sizeof(ce_id), "%s/%s", e->id, version);
	add(h, "ce_specversion", "1.0");
	add(h, "ce_type", e->ends ? "batch.completed" : "batch.created");
	add(h, "content-type", "application/json");
	add(h, "ce_id", ce_id);
	add(h, "ce_time", e->time);
	add(h, "ce_source", "claims");
	add(h, "ce_subject", e->id);
	add(h, "ce_batchversion", version);
	return h;
}

static void write_event(rd_kafka_t *rk, rd_kafka_topic_t *topic, const struct event *e)
{
	char text[1024];
	int len = document(e, text, sizeof(text));
	size_t key_len = e->foreign ? 0 : strlen(e->id);
	rd_kafka_headers_t *h = e->foreign ? rd_kafka_headers_new(0) : headers(e);
	rd_kafka_resp_err_t error;
	while ((error = rd_kafka_producev(rk, RD_KAFKA_V_RKT(topic),
		    RD_KAFKA_V_PARTITION(RD_KAFKA_PARTITION_UA),
		    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE(text, (size_t)len),
		    RD_KAFKA_V_KEY(key_len ? e->id : NULL, key_len),
		    RD_KAFKA_V_TIMESTAMP(e->ms), RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_END))) {
		if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			bare_die("%s", rd_kafka_err2str(error));
		rd_kafka_poll(rk, 10);
	}
}

int main(int argc, char **argv)
{
	static const char *const settings[] = {"enable.idempotence", "true", "compression.codec", "lz4",
	    "partitioner", "murmur2_random", "batch.num.messages", "10", NULL};
	if (argc < 6 || (strcmp(argv[5], "ours") && strcmp(argv[5], "foreign")))
		bare_die("usage: fill BROKERS TOPIC EVENTS SPAN ours|foreign [NAME=VALUE...]");
	int64_t count = bare_number(argv[3], 1), span_ms = bare_number(argv[4], 1) * 1000;
	int64_t start_ms = (int64_t)time(NULL) * 1000 - span_ms, started_ms = start_ms, failed = 0;
	rd_kafka_t *rk = bare_client(RD_KAFKA_PRODUCER, argv[1], settings, argv + 6, delivered,
	    &failed);
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, argv[2], NULL);
	bare_find(rk, topic);
	for (int64_t i = 0; i < count; i++) {
		struct event e = {.batch = i / 2, .ends = i % 2, .foreign = argv[5][0] == 'f'};
		e.ms = start_ms + (int64_t)((double)span_ms * (double)i / (double)count);
		if (!e.ends)
			started_ms = e.ms;
		name(&e, started_ms);
		write_event(rk, topic, &e);
		if (i % 1000 == 0)
			rd_kafka_poll(rk, 0);
	}
	rd_kafka_resp_err_t late = rd_kafka_flush(rk, 60000);
	if (late || failed)
		bare_die("not all events were acknowledged");
	return 0;
}
