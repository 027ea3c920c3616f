#include "kafka/kproduce.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/kclient_int.h"
#include "kafka/kerr.h"
#include "kafka/kproduce_int.h"
#include "kafka/krecord.h"
#include "kafka/ktxn.h"

struct kproduce {
	struct kclient *client;
	rd_kafka_topic_t **topics;
	size_t topic_count;
	struct ktxn txn;
	struct kproduce_options options;
	int64_t in_flight;
	int64_t longest;
	struct err trouble;
	struct record failed; /* room to show one in */
};

static enum kack_result result_of(const rd_kafka_message_t *m)
{
	if (!m->err)
		return KACK_DONE;
	return rd_kafka_message_status(m) == RD_KAFKA_MSG_STATUS_NOT_PERSISTED ? KACK_FAILED
									       : KACK_UNKNOWN;
}

bool kproduce_is_fenced(rd_kafka_resp_err_t e)
{
	return e == RD_KAFKA_RESP_ERR__FENCED || e == RD_KAFKA_RESP_ERR_PRODUCER_FENCED ||
	    e == RD_KAFKA_RESP_ERR_INVALID_PRODUCER_EPOCH;
}

/* A broker that ended the transaction for its age looks the same as another owner. */
void kproduce_say_fenced(const struct kproduce *p, struct err *err)
{
	char ms[32] = "";
	size_t size = sizeof(ms);
	rd_kafka_conf_get(rd_kafka_conf(p->client->rk), "transaction.timeout.ms", ms, &size);
	err_set(err, ST_FAIL, "the transaction was ended from outside: another with the same work or "
	    "batch-terminate took over, or it lasted longer than transaction.timeout.ms=%s", ms);
}

/* Why nothing can be written any more. A fatal error stands behind the code by which a call or a record tells
 * it. */
static void explain(struct kproduce *p, const char *topic, rd_kafka_resp_err_t e, struct err *err)
{
	char why[512];
	bool behind = e == RD_KAFKA_RESP_ERR__PURGE_QUEUE || e == RD_KAFKA_RESP_ERR__FATAL ||
	    e == RD_KAFKA_RESP_ERR__PURGE_INFLIGHT;
	rd_kafka_resp_err_t fatal = behind
	    ? rd_kafka_fatal_error(p->client->rk, why, sizeof(why))
	    : RD_KAFKA_RESP_ERR_NO_ERROR;
	if (fatal)
		e = fatal;
	/* Who may write no topic at all gets no producer id either. */
	if (e == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED ||
	    e == RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED)
		kclient_no_right(p->client, topic, err);
	else if (behind && p->client->refused.text)
		err_set(err, p->client->refused.status, "%s", p->client->refused.text);
	else if (kproduce_is_fenced(e))
		kproduce_say_fenced(p, err);
	else if (fatal)
		err_set(err, kerr_status(e), "topic %s: %s", topic, why);
	else if (e == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE)
		err_set(err, ST_FAIL, "topic %s: too long for its max.message.bytes, or what was sent with it "
		    "is: raise that, or set message.max.bytes to 100 less", topic);
	else
		kerr_set(err, e, "topic %s", topic);
}

static void on_delivered(void *ctx, const rd_kafka_message_t *m)
{
	struct kproduce *p = ctx;
	p->in_flight--;
	/* The first reason counts: what follows it is often only its consequence. */
	if (m->err && !p->trouble.text)
		explain(p, rd_kafka_topic_name(m->rkt), m->err, &p->trouble);
	struct kack ack = {
	    .cookie = m->_private,
	    .result = result_of(m),
	    .partition = m->partition,
	    .offset = m->offset,
	};
	if (m->err) {
		krecord_from(m, &p->failed);
		ack.record = &p->failed;
	}
	p->options.acked(p->options.ctx, &ack);
}

static int64_t conf_number(rd_kafka_t *rk, const char *name)
{
	char text[32] = "0";
	size_t size = sizeof(text);
	rd_kafka_conf_get(rd_kafka_conf(rk), name, text, &size);
	return strtoll(text, NULL, 10);
}

/* A transaction's records live as long as it does: message.timeout.ms is then its time. */
static void tune(const struct kproduce_options *o, char give_up[24], const char *out[16])
{
	int64_t ms = o->give_up_ms < INT32_MAX ? o->give_up_ms : INT32_MAX;
	snprintf(give_up, 24, "%lld", (long long)(ms > 0 ? ms : 1));
	const char *const tuning[16] = {
	    "linger.ms", o->bulk ? "10" : "0",
	    /* What is under way should fit into the processor's caches: two threads touch each record. */
	    "batch.num.messages", "2000",
	    "queue.buffering.max.messages", "16000",
	    "queue.buffering.max.kbytes", "32768",
	    o->transaction ? "transactional.id" : "message.timeout.ms",
	    o->transaction ? o->transaction : give_up,
	    o->transaction ? "transaction.timeout.ms" : NULL, KTXN_TIMEOUT_MS,
	    NULL,
	};
	memcpy(out, tuning, sizeof(tuning));
}

static int take_topic(struct kproduce *p, const char *topic, struct err *err)
{
	rd_kafka_topic_t *handle = kclient_handle(p->client, topic, err);
	if (!handle)
		return -1;
	p->topics = mem_realloc(p->topics, p->topic_count + 1, sizeof(rd_kafka_topic_t *));
	p->topics[p->topic_count++] = handle;
	return 0;
}

int kproduce_open(struct kproduce **out, const struct kv *settings, const char *topic,
    const struct kproduce_options *options, struct err *err)
{
	char give_up[24];
	const char *tuning[16];
	tune(options, give_up, tuning);
	struct kclient_options co = {.settings = tuning, .log = options->log};
	struct kproduce *p = mem_zalloc(1, sizeof(*p));
	p->options = *options;
	if (kclient_open(&p->client, KCLIENT_PRODUCER, settings, &co, err) || take_topic(p, topic, err)) {
		kproduce_close(p);
		return -1;
	}
	p->client->delivered = on_delivered;
	p->client->ctx = p;
	p->longest = conf_number(p->client->rk, "message.max.bytes");
	*out = p;
	return 0;
}

int kproduce_check(struct kproduce *p, int32_t *partitions, const struct deadline *d,
    struct err *err)
{
	return kclient_topic(p->client, rd_kafka_topic_name(p->topics[0]), partitions, d, err);
}

int kproduce_add(struct kproduce *p, const char *topic, size_t *topic_at, int32_t *partitions,
    const struct deadline *d, struct err *err)
{
	*topic_at = p->topic_count;
	return take_topic(p, topic, err) || kclient_topic(p->client, topic, partitions, d, err) ? -1 : 0;
}

struct ktxn *kproduce_txn(struct kproduce *p)
{
	return &p->txn;
}

struct kclient *kproduce_client(struct kproduce *p)
{
	return p->client;
}

static void too_long(const struct kproduce *p, const struct record *r, struct err *err)
{
	err_set(err, ST_FAIL, "%zu bytes with its key: longer than message.max.bytes=%lld",
	    r->key.len + r->value.len, (long long)p->longest);
}

bool kproduce_fits(const struct kproduce *p, const struct record *r, struct err *err)
{
	if ((int64_t)(r->key.len + r->value.len) <= p->longest)
		return true;
	too_long(p, r, err);
	return false;
}

enum kproduce_answer kproduce_send_to(struct kproduce *p, size_t topic_at, const struct record *r,
    void *cookie, struct err *err)
{
	rd_kafka_topic_t *topic = p->topics[topic_at];
	rd_kafka_headers_t *headers = krecord_headers(&r->headers);
	void *value = (void *)(uintptr_t)r->value.ptr, *key = (void *)(uintptr_t)r->key.ptr;
	rd_kafka_resp_err_t e;
	if (headers)
		e = rd_kafka_producev(p->client->rk, RD_KAFKA_V_RKT(topic),
		    RD_KAFKA_V_PARTITION(r->partition), RD_KAFKA_V_VALUE(value, r->value.len),
		    RD_KAFKA_V_KEY(key, r->key.len), RD_KAFKA_V_OPAQUE(cookie),
		    RD_KAFKA_V_TIMESTAMP(r->ts_ms > 0 ? r->ts_ms : 0),
		    RD_KAFKA_V_HEADERS(headers), RD_KAFKA_V_END);
	else
		e = rd_kafka_producev(p->client->rk, RD_KAFKA_V_RKT(topic),
		    RD_KAFKA_V_PARTITION(r->partition), RD_KAFKA_V_VALUE(value, r->value.len),
		    RD_KAFKA_V_KEY(key, r->key.len), RD_KAFKA_V_OPAQUE(cookie),
		    RD_KAFKA_V_TIMESTAMP(r->ts_ms > 0 ? r->ts_ms : 0), RD_KAFKA_V_END);
	if (!e) {
		p->in_flight++;
		return KPRODUCE_SENT;
	}
	if (headers)
		rd_kafka_headers_destroy(headers);
	if (e == RD_KAFKA_RESP_ERR__QUEUE_FULL)
		return KPRODUCE_FULL;
	if (e == RD_KAFKA_RESP_ERR_MSG_SIZE_TOO_LARGE) {
		too_long(p, r, err);
		return KPRODUCE_TOO_LONG;
	}
	explain(p, rd_kafka_topic_name(topic), e, err);
	return KPRODUCE_REFUSED;
}

enum kproduce_answer kproduce_send(struct kproduce *p, const struct record *r, void *cookie, struct err *err)
{
	return kproduce_send_to(p, 0, r, cookie, err);
}

void kproduce_poll(struct kproduce *p, int wait_ms)
{
	kclient_serve(p->client, wait_ms);
}

int kproduce_flush(struct kproduce *p, const struct deadline *d, struct err *err)
{
	while (p->in_flight > 0) {
		int slice_ms = deadline_slice_ms(d, 100);
		if (slice_ms == 0)
			return err_set(err, ST_UNKNOWN, "%lld records not acknowledged",
			    (long long)p->in_flight);
		/* flush, and not poll alone, overrides linger.ms for what is still queued */
		rd_kafka_flush(p->client->rk, slice_ms);
	}
	return 0;
}

int64_t kproduce_in_flight(const struct kproduce *p)
{
	return p->in_flight;
}

const struct err *kproduce_trouble(const struct kproduce *p)
{
	return p->trouble.text ? &p->trouble : &p->client->trouble;
}

int64_t kproduce_longest(const struct kproduce *p)
{
	return p->longest;
}

/* What is still out is given up, so that its owner gets his memory back. */
static void give_back(struct kproduce *p)
{
	rd_kafka_purge(p->client->rk, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT);
	for (int i = 0; i < 20 && p->in_flight; i++)
		kclient_serve(p->client, 50);
}

void kproduce_close(struct kproduce *p)
{
	if (!p)
		return;
	if (p->client && p->in_flight)
		give_back(p);
	for (size_t i = 0; i < p->topic_count; i++)
		rd_kafka_topic_destroy(p->topics[i]);
	free(p->topics);
	kclient_close(p->client);
	err_clear(&p->trouble);
	headers_release(&p->failed.headers);
	free(p);
}
