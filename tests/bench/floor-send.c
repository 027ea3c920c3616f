/* floor-send BROKERS TOPIC PARTITIONS FILE [NAME=VALUE...]
 *
 * Sends the lines of FILE as a bare loop over librdkafka: the same headers, partitions and settings as
 * batch-send, delivery reports counted; no digest, no manifest, no events, no look at the clock. Lines are
 * read into blocks from which librdkafka sends them uncopied, since that is faster than a mapped file
 * or a copy of each. Prints how many were acknowledged; exit status 1 unless all were. */
#include "bare.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BLOCK_SIZE (1 << 20)
#define STRIPE     256 /* lines in a row to one partition */
#define POLL_EVERY 512

static const char batch[] = "01a1fea6-fa73-7ebc-817c-2e156be5bd78", sender[] = "0f91a70932bc0705";

struct block {
	size_t lines; /* not yet acknowledged; one more while it is being read into */
	struct block *next;
	char data[BLOCK_SIZE];
};

struct run {
	rd_kafka_t *rk;
	rd_kafka_topic_t *topic;
	int64_t partitions, sent, acked, failed;
	struct block *unused;
};

static struct block *get_block(struct run *r)
{
	struct block *b = r->unused;
	if (b)
		r->unused = b->next;
	else
		b = malloc(sizeof(*b));
	if (!b)
		bare_die("out of memory");
	b->lines = 1;
	return b;
}

static void drop(struct run *r, struct block *b)
{
	if (--b->lines)
		return;
	b->next = r->unused;
	r->unused = b;
}

static void delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	(void)rk;
	struct run *r = opaque;
	if (m->err)
		r->failed++;
	else
		r->acked++;
	drop(r, m->_private);
}

static void send_line(struct run *r, struct block *b, char *line, size_t len)
{
	char seq[64];
	int n = snprintf(seq, sizeof(seq), "%s:%lld", sender, (long long)r->sent + 1);
	rd_kafka_headers_t *headers = rd_kafka_headers_new(2);
	rd_kafka_header_add(headers, "batchId", 7, batch, sizeof(batch) - 1);
	rd_kafka_header_add(headers, "batchSeq", 8, seq, n);
	rd_kafka_resp_err_t e;
	int32_t partition = (int32_t)(r->sent / STRIPE % r->partitions);
	b->lines++;
	while ((e = rd_kafka_producev(r->rk, RD_KAFKA_V_RKT(r->topic),
		    RD_KAFKA_V_PARTITION(partition), RD_KAFKA_V_VALUE(line, len),
		    RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_OPAQUE(b), RD_KAFKA_V_END))) {
		if (e != RD_KAFKA_RESP_ERR__QUEUE_FULL)
			bare_die("%s", rd_kafka_err2str(e));
		rd_kafka_poll(r->rk, 10);
	}
	if (++r->sent % POLL_EVERY == 0)
		rd_kafka_poll(r->rk, 0);
}

static void send_file(struct run *r, int fd)
{
	size_t left = 0;
	char *rest = NULL;
	struct block *before = NULL;
	for (;;) {
		struct block *b = get_block(r);
		if (left)
			memcpy(b->data, rest, left);
		if (before)
			drop(r, before);
		ssize_t got = read(fd, b->data + left, BLOCK_SIZE - left);
		if (got < 0)
			bare_die("read failed");
		if (got == 0)
			break;
		char *at = b->data, *end = b->data + left + got, *stop;
		for (; (stop = memchr(at, '\n', (size_t)(end - at))); at = stop + 1)
			send_line(r, b, at, (size_t)(stop - at));
		rest = at;
		left = (size_t)(end - at);
		before = b;
	}
	if (left)
		bare_die("a last line without its newline, or one that is too long");
}

int main(int argc, char **argv)
{
	static const char *const settings[] = {"enable.idempotence", "true", "compression.codec", "lz4",
	    "linger.ms", "10", "batch.num.messages", "2000", "queue.buffering.max.messages", "16000",
	    "queue.buffering.max.kbytes", "32768", "socket.nagle.disable", "true", NULL};
	if (argc < 5)
		bare_die("usage: floor-send BROKERS TOPIC PARTITIONS FILE [NAME=VALUE...]");
	struct run r = {.partitions = bare_number(argv[3], 1)};
	r.rk = bare_client(RD_KAFKA_PRODUCER, argv[1], settings, argv + 5, delivered, &r);
	r.topic = rd_kafka_topic_new(r.rk, argv[2], NULL);
	int fd = open(argv[4], O_RDONLY | O_CLOEXEC);
	if (fd < 0 || !r.topic)
		bare_die("cannot open %s", fd < 0 ? argv[4] : argv[2]);
	bare_find(r.rk, r.topic);
	send_file(&r, fd);
	rd_kafka_flush(r.rk, 60000);
	printf("%lld\n", (long long)r.acked);
	if (r.acked != r.sent)
		bare_die("%lld of %lld lines not acknowledged", (long long)(r.sent - r.acked),
		    (long long)r.sent);
	rd_kafka_topic_destroy(r.topic);
	rd_kafka_destroy(r.rk);
	return 0;
}
