#include "kafka/ktxn.h"

#include <limits.h>
#include <stdlib.h>

#include "base/mem.h"
#include "kafka/kclient_int.h"
#include "kafka/kerr.h"
#include "kafka/kmember_int.h"
#include "kafka/kproduce_int.h"

/* So long a call may block without a look at what else happened. */
#define SLICE_MS 500
#define ABORT_MS 1500

void ktxn_id(struct buf *out, struct str topic, struct str batch)
{
	buf_printf(out, "btx.%.*s.%.*s.send", (int)topic.len, topic.ptr, (int)batch.len, batch.ptr);
}

static void setting(rd_kafka_t *rk, const char *name, char *out, size_t size)
{
	out[0] = '\0';
	rd_kafka_conf_get(rd_kafka_conf(rk), name, out, &size);
}

/* Takes the error. */
static int explain(struct kproduce *p, rd_kafka_error_t *e, struct err *err)
{
	rd_kafka_resp_err_t code = rd_kafka_error_code(e);
	rd_kafka_t *rk = kproduce_client(p)->rk;
	char text[256];
	if (code == RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED) {
		setting(rk, "transactional.id", text, sizeof(text));
		err_set(err, ST_CONNECT, "transactional id %s: no right to use it (Write)", text);
	} else if (code == RD_KAFKA_RESP_ERR_INVALID_TRANSACTION_TIMEOUT) {
		setting(rk, "transaction.timeout.ms", text, sizeof(text));
		err_set(err, ST_USAGE, "transaction.timeout.ms=%s: longer than the broker allows "
		    "(its transaction.max.timeout.ms)", text);
	} else if (kproduce_is_fenced(code)) {
		kproduce_say_fenced(p, err);
	} else {
		return kerr_take(err, e, "transaction");
	}
	rd_kafka_error_destroy(e);
	return -1;
}

int ktxn_init(struct kproduce *p, const struct deadline *d, struct err *err)
{
	struct kclient *c = kproduce_client(p);
	rd_kafka_error_t *e;
	while ((e = rd_kafka_init_transactions(c->rk, deadline_slice_ms(d, SLICE_MS)))) {
		kclient_serve(c, 0);
		if (!rd_kafka_error_is_retriable(e))
			return explain(p, e, err);
		rd_kafka_error_destroy(e);
		if (kclient_check(c, d, "transaction", err))
			return -1;
	}
	kproduce_txn(p)->ready = true;
	return 0;
}

int ktxn_begin(struct kproduce *p, const struct deadline *d, struct err *err)
{
	if (!kproduce_txn(p)->ready && ktxn_init(p, d, err))
		return -1;
	rd_kafka_error_t *e = rd_kafka_begin_transaction(kproduce_client(p)->rk);
	return e ? explain(p, e, err) : 0;
}

/* In one piece: a call that ran out of its time cannot go on, the transaction is lost then. */
static int send_offsets(struct kproduce *p, const rd_kafka_topic_partition_list_t *list,
    const rd_kafka_consumer_group_metadata_t *identity, const struct deadline *d, struct err *err)
{
	struct deadline whole = *d;
	rd_kafka_error_t *e;
	whole.interrupted = NULL;
	while ((e = rd_kafka_send_offsets_to_transaction(kproduce_client(p)->rk, list, identity,
		    deadline_slice_ms(&whole, INT_MAX)))) {
		if (!rd_kafka_error_is_retriable(e) || deadline_left_ms(&whole) == 0) {
			bool refused = kmember_is_refusal(rd_kafka_error_code(e));
			explain(p, e, err);
			return refused ? 1 : -1;
		}
		rd_kafka_error_destroy(e);
	}
	return 0;
}

int ktxn_offsets(struct kproduce *p, struct kmember *m, const struct kmember_part *parts, size_t count,
    const struct deadline *d, struct err *err)
{
	int answer = 1;
	const rd_kafka_consumer_group_metadata_t *identity = kmember_identity(m);
	rd_kafka_topic_partition_list_t *list =
	    identity ? kmember_list(m, parts, count, &answer, err) : NULL;
	if (!list)
		return answer;
	/* First the records: asked for both at once, the broker puts one off, for longer than it takes. */
	answer = kproduce_flush(p, d, err) ? -1 : send_offsets(p, list, identity, d, err);
	rd_kafka_topic_partition_list_destroy(list);
	return answer;
}

static enum ktxn_end unknown(rd_kafka_error_t *e, struct err *err)
{
	err_set(err, ST_UNKNOWN, "the transaction's commit was asked for and not answered: %s",
	    rd_kafka_error_string(e));
	rd_kafka_error_destroy(e);
	return KTXN_UNKNOWN;
}

enum ktxn_end ktxn_commit(struct kproduce *p, const struct deadline *d, struct err *err)
{
	struct kclient *c = kproduce_client(p);
	struct deadline whole = *d;
	rd_kafka_error_t *e;
	whole.interrupted = NULL;
	kproduce_txn(p)->spent = true;
	while ((e = rd_kafka_commit_transaction(c->rk, deadline_slice_ms(&whole, SLICE_MS)))) {
		kclient_serve(c, 0);
		if (rd_kafka_error_txn_requires_abort(e)) {
			explain(p, e, err);
			ktxn_abort(p);
			return KTXN_ABORTED;
		}
		bool again = rd_kafka_error_is_retriable(e) && !rd_kafka_error_is_fatal(e);
		if (!again || deadline_left_ms(&whole) == 0)
			return unknown(e, err);
		rd_kafka_error_destroy(e);
	}
	kproduce_txn(p)->spent = false;
	return KTXN_COMMITTED;
}

bool ktxn_is_spent(struct kproduce *p)
{
	kclient_serve(kproduce_client(p), 0); /* what befell the connection is told there */
	return kproduce_txn(p)->spent || kproduce_client(p)->troubled;
}

void ktxn_abort(struct kproduce *p)
{
	struct kclient *c = kproduce_client(p);
	kproduce_txn(p)->spent = true;
	rd_kafka_error_t *e = rd_kafka_abort_transaction(c->rk, ABORT_MS);
	if (e)
		rd_kafka_error_destroy(e);
	kclient_serve(c, 0);
}

/* Where the topic's partitions end for this client, added up. */
static int ends(struct kclient *c, const char *topic, int64_t *sum, const struct deadline *d,
    struct err *err)
{
	int32_t count;
	if (kclient_topic(c, topic, &count, d, err))
		return -1;
	size_t n = (size_t)count;
	int32_t *partitions = mem_zalloc(n, sizeof(*partitions));
	int64_t *offsets = mem_zalloc(n, sizeof(*offsets));
	for (size_t i = 0; i < n; i++)
		partitions[i] = (int32_t)i;
	int failed = kclient_offsets(c, topic, partitions, n, KOFFSET_END, offsets, d, err);
	*sum = 0;
	for (size_t i = 0; i < n; i++)
		*sum += offsets[i];
	free(partitions);
	free(offsets);
	return failed;
}

/* 1: somebody's transaction is open in the topic. */
static int is_open(struct kclient *committed, struct kclient *all, const char *topic,
    const struct deadline *d, struct err *err)
{
	int64_t end = 0, last = 0;
	/* In this order: what is committed between the two questions looks open, and that does no harm. */
	if (ends(committed, topic, &end, d, err) || ends(all, topic, &last, d, err))
		return -1;
	return last > end;
}

static void ignore_acks(void *ctx, const struct kack *ack)
{
	(void)ctx;
	(void)ack;
}

int ktxn_fence(struct kclient *committed, struct kclient *all, const struct kv *settings,
    const char *topic, const char *id, const struct deadline *d,
    void (*log)(int syslog_level, const char *text), struct err *err)
{
	const struct kproduce_options options = {.transaction = id, .acked = ignore_acks,
	    .log = log};
	struct kproduce *p = NULL;
	int open = is_open(committed, all, topic, d, err);
	if (open <= 0)
		return open;
	int failed = kproduce_open(&p, settings, topic, &options, err) || ktxn_begin(p, d, err);
	if (!failed)
		ktxn_abort(p); /* nothing was sent: this tells the broker nothing */
	kproduce_close(p);
	return failed ? -1 : 0;
}
