/* fill BROKERS STREAM EVENTS SPAN ours|foreign|ready [NAME=VALUE...]
 *
 * Writes EVENTS events to STREAM.notification: one creates a batch, the next completes it;
 * their times are spread over the last SPAN seconds. As our tools write them, or as the
 * foreign writers that are allowed do: without key, headers and version. With ready each batch has ten
 * records in STREAM.in, which must be empty before, and waits for a worker. A real log's record batches are
 * small, since whoever writes to it has one event to say: ten is what time allows here. */
#include "bare.h"

#include <inttypes.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define RECORDS    10 /* of a batch that is ready, all in one partition */
#define PARTITIONS 4

enum kind { OURS, FOREIGN, READY };

struct event {
	const char *stream;
	enum kind kind;
	int64_t batch, ms;
	bool ends;
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

/* Where a batch's records are, when all before it have theirs. */
static void end_of_ready(const struct event *e, char *out, size_t size)
{
	char places[128];
	int64_t first = e->batch / PARTITIONS * RECORDS;
	snprintf(places, sizeof(places), "{\"%" PRId64 "\":{\"first\":%" PRId64 ",\"last\":%" PRId64
	    ",\"count\":%d}}", e->batch % PARTITIONS, first, first + RECORDS - 1, RECORDS);
	snprintf(out, size, ",\"expectedRecordCount\":%d,\"manifest\":{\"records\":%d,\"bytes\":10,"
	    "\"rejected\":0,\"digest\":\"%032d\",\"partitions\":%s,\"senders\":[{\"sender\":\"fill\","
	    "\"records\":%d,\"bytes\":10,\"rejected\":0,\"digest\":\"%032d\",\"framing\":\"delimited\","
	    "\"delimiter\":\"\\\\n\",\"unterminated\":false,\"partitions\":%s}]}",
	    RECORDS, RECORDS, 0, places, RECORDS, 0, places);
}

static const char *status_of(const struct event *e)
{
	return !e->ends ? "started" : e->kind == READY ? "sendCompleted" : "completed";
}

static int document(const struct event *e, char *out, size_t size)
{
	char end[800] = "";
	const char *own = e->kind == FOREIGN ? "" : e->ends ? ",\"version\":2" : ",\"version\":1";
	const char *work = e->kind == READY ? ",\"processing\":true,\"priority\":50" : "";
	if (e->ends && e->kind == READY)
		end_of_ready(e, end, sizeof(end));
	else if (e->ends)
		snprintf(end, sizeof(end), ",\"expectedRecordCount\":0,\"endDate\":\"%s\"", e->time);
	return snprintf(out, size, "{\"id\":\"%s\",\"name\":\"nightly-%" PRId64 "\",\"integratorId\":"
	    "\"loader\",\"topic\":\"%s.in\",\"dataType\":\"claims\",\"status\":\"%s\"%s,"
	    "\"startDate\":\"%s\",\"invalidThreshold\":-1%s%s}", e->id, e->batch, e->stream,
	    status_of(e), own, e->time, work, end);
}

static void add(rd_kafka_headers_t *h, const char *header, const char *value)
{
	rd_kafka_header_add(h, header, -1, value, -1);
}

static rd_kafka_headers_t *headers(const struct event *e)
{
	char ce_id[64], type[32];
	const char *version = e->ends ? "2" : "1";
	rd_kafka_headers_t *h = rd_kafka_headers_new(8);
	snprintf(ce_id, sizeof(ce_id), "%s/%s", e->id, version);
	add(h, "ce_specversion", "1.0");
	snprintf(type, sizeof(type), "batch.%s", e->ends ? status_of(e) : "created");
	add(h, "ce_type", type);
	add(h, "content-type", "application/json");
	add(h, "ce_id", ce_id);
	add(h, "ce_time", e->time);
	add(h, "ce_source", e->stream);
	add(h, "ce_subject", e->id);
	add(h, "ce_batchversion", version);
	return h;
}

/* headers: taken over. */
static void give(rd_kafka_t *rk, rd_kafka_topic_t *topic, int32_t partition, const char *key, int64_t ms,
    const char *text, rd_kafka_headers_t *h)
{
	rd_kafka_resp_err_t error;
	while ((error = rd_kafka_producev(rk, RD_KAFKA_V_RKT(topic), RD_KAFKA_V_PARTITION(partition),
		    RD_KAFKA_V_MSGFLAGS(RD_KAFKA_MSG_F_COPY), RD_KAFKA_V_VALUE((void *)text, strlen(text)),
		    RD_KAFKA_V_KEY(key, key ? strlen(key) : 0), RD_KAFKA_V_TIMESTAMP(ms),
		    RD_KAFKA_V_HEADERS(h), RD_KAFKA_V_END))) {
		if (error != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			bare_die("%s", rd_kafka_err2str(error));
		rd_kafka_poll(rk, 10);
	}
}

static void write_event(rd_kafka_t *rk, rd_kafka_topic_t *topic, const struct event *e)
{
	char text[2048];
	document(e, text, sizeof(text));
	give(rk, topic, RD_KAFKA_PARTITION_UA, e->kind == FOREIGN ? NULL : e->id, e->ms, text,
	    e->kind == FOREIGN ? rd_kafka_headers_new(0) : headers(e));
}

static void write_records(rd_kafka_t *rk, rd_kafka_topic_t *topic, const struct event *e)
{
	for (int i = 1; i <= RECORDS; i++) {
		char seq[16];
		rd_kafka_headers_t *h = rd_kafka_headers_new(2);
		snprintf(seq, sizeof(seq), "fill:%d", i);
		add(h, "batchId", e->id);
		add(h, "batchSeq", seq);
		give(rk, topic, (int32_t)(e->batch % PARTITIONS), NULL, e->ms, "x", h);
	}
}

static rd_kafka_topic_t *topic_of(rd_kafka_t *rk, const char *stream, const char *which)
{
	char name[256];
	snprintf(name, sizeof(name), "%s.%s", stream, which);
	rd_kafka_topic_t *topic = rd_kafka_topic_new(rk, name, NULL);
	bare_find(rk, topic);
	return topic;
}

static enum kind kind_of(const char *name)
{
	static const char *const names[] = {[OURS] = "ours", [FOREIGN] = "foreign", [READY] = "ready"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return (enum kind)i;
	bare_die("%s: ours, foreign or ready", name);
}

int main(int argc, char **argv)
{
	static const char *const settings[] = {"enable.idempotence", "true", "compression.codec", "lz4",
	    "partitioner", "murmur2_random", "batch.num.messages", "10", NULL};
	if (argc < 6)
		bare_die("usage: fill BROKERS STREAM EVENTS SPAN ours|foreign|ready [NAME=VALUE...]");
	int64_t count = bare_number(argv[3], 1), span_ms = bare_number(argv[4], 1) * 1000;
	int64_t start_ms = (int64_t)time(NULL) * 1000 - span_ms, started_ms = start_ms, failed = 0;
	struct event e = {.stream = argv[2], .kind = kind_of(argv[5])};
	rd_kafka_t *rk = bare_client(RD_KAFKA_PRODUCER, argv[1], settings, argv + 6, delivered,
	    &failed);
	rd_kafka_topic_t *topic = topic_of(rk, e.stream, "notification");
	rd_kafka_topic_t *in = e.kind == READY ? topic_of(rk, e.stream, "in") : NULL;
	for (int64_t i = 0; i < count; i++) {
		e.batch = i / 2;
		e.ends = i % 2;
		e.ms = start_ms + (int64_t)((double)span_ms * (double)i / (double)count);
		if (!e.ends)
			started_ms = e.ms;
		name(&e, started_ms);
		if (in && !e.ends)
			write_records(rk, in, &e);
		write_event(rk, topic, &e);
		if (i % 1000 == 0)
			rd_kafka_poll(rk, 0);
	}
	rd_kafka_resp_err_t late = rd_kafka_flush(rk, 60000);
	if (late || failed)
		bare_die("not all events were acknowledged");
	return 0;
}
