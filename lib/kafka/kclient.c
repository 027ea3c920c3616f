#include "kafka/kclient.h"

#include <pthread.h>
#include <stdlib.h>
#include <time.h>

#include "base/mem.h"
#include "kafka/kalive.h"
#include "kafka/kclient_int.h"
#include "kafka/kconf.h"
#include "kafka/kerr.h"
#include "kafka/ktrouble.h"
#include "kafka/kversion.h"

/* While no answer has come, so often is looked for a reason to give up; more and more seldom, since an
 * answer that takes longer is lost. */
#define FIRST_SLICE_MS 250
#define LAST_SLICE_MS  4000

/* In seconds; it takes some milliseconds, and with a broker that stalls less than one second. */
#define DESTROY_S 3

static void on_delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque)
{
	struct kclient *c = opaque;
	(void)rk;
	if (c->delivered)
		c->delivered(c->ctx, m);
}

static void on_rebalance(rd_kafka_t *rk, rd_kafka_resp_err_t e,
    rd_kafka_topic_partition_list_t *list, void *opaque)
{
	struct kclient *c = opaque;
	if (c->rebalance)
		c->rebalance(c->ctx, e, list);
	else
		rd_kafka_assign(rk, e == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS ? list : NULL);
}

static const char *right_of(enum kclient_role role, const struct kclient_options *options)
{
	static const char *const by_role[] = {
	    [KCLIENT_ADMIN] = KRIGHT_SEE,
	    [KCLIENT_PRODUCER] = KRIGHT_WRITE,
	    [KCLIENT_READER] = KRIGHT_READ,
	    [KCLIENT_MEMBER] = KRIGHT_READ,
	};
	return options && options->right ? options->right : by_role[role];
}

static size_t number_of(const rd_kafka_conf_t *conf, const char *name)
{
	char text[32] = "";
	size_t size = sizeof(text);
	rd_kafka_conf_get(conf, name, text, &size);
	return strtoul(text, NULL, 10);
}

/* From 2.2 on the fetcher looks for room as often as fetch.queue.backoff.ms says. */
static void learn_limits(struct kclient *c)
{
	const rd_kafka_conf_t *conf = rd_kafka_conf(c->rk);
	if (!kversion_fetcher_sleeps())
		return;
	c->queue_bytes = 1024 * number_of(conf, "queued.max.messages.kbytes");
	c->queue_records = number_of(conf, "queued.min.messages");
}

int kclient_open(struct kclient **out, enum kclient_role role, const struct kv *settings,
    const struct kclient_options *options, struct err *err)
{
	char why[512];
	rd_kafka_conf_t *conf = kconf_make(role, settings, options, err);
	if (!conf)
		return -1;
	struct kclient *c = mem_zalloc(1, sizeof(*c));
	bool produces = role == KCLIENT_PRODUCER;
	c->log = options ? options->log : NULL;
	const char *brokers = kv_get(settings, "bootstrap.servers");
	c->brokers = mem_strdup(brokers ? brokers : "");
	c->right = right_of(role, options);
	rd_kafka_conf_set_opaque(conf, c);
	ktrouble_listen(conf);
	if (produces)
		rd_kafka_conf_set_dr_msg_cb(conf, on_delivered);
	if (role == KCLIENT_MEMBER)
		rd_kafka_conf_set_rebalance_cb(conf, on_rebalance);
	c->rk = rd_kafka_new(role == KCLIENT_READER || role == KCLIENT_MEMBER ? RD_KAFKA_CONSUMER
									       : RD_KAFKA_PRODUCER,
	    conf, why, sizeof(why));
	if (!c->rk) {
		rd_kafka_conf_destroy(conf);
		kclient_close(c);
		return err_set(err, ST_USAGE, "settings: %s", why);
	}
	learn_limits(c);
	rd_kafka_set_log_queue(c->rk, NULL);
	*out = c;
	return 0;
}

struct destruction {
	rd_kafka_t *rk;
	pthread_mutex_t lock;
	pthread_cond_t ended;
	bool has_ended;
};

static void *destroy_in_thread(void *arg)
{
	struct destruction *x = arg;
	rd_kafka_destroy_flags(x->rk, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE);
	pthread_mutex_lock(&x->lock);
	x->has_ended = true;
	pthread_cond_signal(&x->ended);
	pthread_mutex_unlock(&x->lock);
	return NULL;
}

/* rd_kafka_destroy waits for threads of the library without a limit: for ever when one of them could not be created, as
 * with little memory. So another thread calls it. False: it has not ended in time, and is left to the end of the
 * process; its threads still use the client. */
static bool destroy(rd_kafka_t *rk)
{
	static bool stuck; /* one was left: with the next one it would be the same */
	pthread_t thread;
	struct timespec until;
	int late = 0;
	if (stuck)
		return false;
	struct destruction *x = mem_zalloc(1, sizeof(*x));
	x->rk = rk;
	pthread_mutex_init(&x->lock, NULL);
	pthread_cond_init(&x->ended, NULL);
	if (pthread_create(&thread, NULL, destroy_in_thread, x))
		return false;
	pthread_detach(thread);
	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_sec += DESTROY_S;
	pthread_mutex_lock(&x->lock);
	while (!x->has_ended && !late)
		late = pthread_cond_timedwait(&x->ended, &x->lock, &until);
	pthread_mutex_unlock(&x->lock);
	stuck = late != 0;
	if (stuck)
		return false;
	free(x);
	return true;
}

void kclient_close(struct kclient *c)
{
	if (!c)
		return;
	if (c->rk && !destroy(c->rk))
		return;
	kalive_forget(c);
	err_clear(&c->trouble);
	err_clear(&c->refused);
	free(c->brokers);
	free(c);
}

static void wait_only(struct kclient *c, int wait_ms)
{
	rd_kafka_queue_t *empty = rd_kafka_queue_new(c->rk);
	rd_kafka_queue_poll_callback(empty, wait_ms);
	rd_kafka_queue_destroy(empty);
}

void kclient_serve(struct kclient *c, int wait_ms)
{
	if (!c->subscribed)
		rd_kafka_poll(c->rk, wait_ms);
	else if (wait_ms)
		wait_only(c, wait_ms);
}

void kclient_wake_queue(rd_kafka_queue_t *queue, int fd)
{
	static const uint64_t one = 1;
	rd_kafka_queue_io_event_enable(queue, fd, &one, sizeof(one));
}

void kclient_wake(struct kclient *c, int fd)
{
	rd_kafka_queue_t *queue = c->subscribed ? rd_kafka_queue_get_consumer(c->rk)
						: rd_kafka_queue_get_main(c->rk);
	kclient_wake_queue(queue, fd);
	rd_kafka_queue_destroy(queue);
}

int kclient_patience(int before_ms)
{
	if (before_ms == 0)
		return FIRST_SLICE_MS;
	return before_ms < LAST_SLICE_MS ? before_ms * 2 : before_ms;
}

rd_kafka_topic_t *kclient_handle(struct kclient *c, const char *topic, struct err *err)
{
	rd_kafka_topic_t *rkt = rd_kafka_topic_new(c->rk, topic, NULL);
	if (!rkt)
		kerr_set(err, rd_kafka_last_error(), "topic %s", topic);
	return rkt;
}

int kclient_no_right(const struct kclient *c, const char *topic, struct err *err)
{
	return err_set(err, ST_CONNECT, "topic %s: no right to %s", topic, c->right);
}

/* Asks until there is an answer, a reason to give up or no time left. NULL and err: none. */
static const struct rd_kafka_metadata *metadata(struct kclient *c, rd_kafka_topic_t *rkt,
    const char *what, const struct deadline *d, struct err *err)
{
	const struct rd_kafka_metadata *md;
	for (int wait_ms = 0;;) {
		wait_ms = kclient_patience(wait_ms);
		rd_kafka_resp_err_t e = rd_kafka_metadata(c->rk, rkt == NULL, rkt, &md,
		    deadline_slice_ms(d, wait_ms));
		kclient_serve(c, 0);
		if (e == RD_KAFKA_RESP_ERR_NO_ERROR)
			break;
		if (kclient_check(c, d, what, err))
			return NULL;
	}
	ktrouble_answered(c);
	return md;
}

int kclient_has_topic(struct kclient *c, const char *topic, int32_t *partitions,
    const struct deadline *d, struct err *err)
{
	rd_kafka_topic_t *rkt = kclient_handle(c, topic, err);
	if (!rkt)
		return -1;
	struct buf what = BUF_INIT;
	buf_printf(&what, "topic %s", topic);
	const struct rd_kafka_metadata *md = metadata(c, rkt, buf_text(&what), d, err);
	int answer = -1;
	if (md) {
		rd_kafka_resp_err_t e = md->topics[0].err;
		*partitions = md->topics[0].partition_cnt;
		answer = e == RD_KAFKA_RESP_ERR_NO_ERROR;
		if (e == RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE)
			answer = 1;
		else if (e == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
			answer = kclient_no_right(c, topic, err);
		else if (e && kerr_status(e) != ST_STATE)
			answer = kerr_set(err, e, "topic %s", topic);
		rd_kafka_metadata_destroy(md);
	}
	buf_release(&what);
	rd_kafka_topic_destroy(rkt);
	if (answer > 0)
		kalive_saw(c, topic, d->now_ms);
	return answer;
}

int kclient_topic(struct kclient *c, const char *topic, int32_t *partitions,
    const struct deadline *d, struct err *err)
{
	int answer = kclient_has_topic(c, topic, partitions, d, err);
	if (answer == 0)
		return err_set(err, ST_STATE,
		    "topic %s: no such topic on %s (batch-init makes a stream's topics)", topic,
		    c->brokers);
	return answer < 0 ? -1 : 0;
}

int kclient_topics(struct kclient *c, void (*visit)(void *ctx, const char *topic), void *ctx,
    const struct deadline *d, struct err *err)
{
	const struct rd_kafka_metadata *md = metadata(c, NULL, "list of topics", d, err);
	if (!md)
		return -1;
	for (int i = 0; i < md->topic_cnt; i++)
		visit(ctx, md->topics[i].topic);
	rd_kafka_metadata_destroy(md);
	return 0;
}

static rd_kafka_resp_err_t first_error(const rd_kafka_topic_partition_list_t *list)
{
	for (int i = 0; i < list->cnt; i++)
		if (list->elems[i].err)
			return list->elems[i].err;
	return RD_KAFKA_RESP_ERR_NO_ERROR;
}

static rd_kafka_topic_partition_list_t *offset_query(const char *topic, const int32_t *partitions,
    size_t count, int64_t when_ms)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	for (size_t i = 0; i < count; i++)
		rd_kafka_topic_partition_list_add(list, topic, partitions[i])->offset = when_ms;
	return list;
}

/* One question, asked again until it is answered. rd_kafka_query_watermark_offsets would do for one
 * partition, but before 2.3.0 it does not keep its timeout. */
static int ask_offsets(struct kclient *c, const char *topic, const int32_t *partitions,
    size_t count, int64_t when_ms, int64_t *offsets, const struct deadline *d, struct err *err)
{
	int32_t ignored;
	bool is_fresh = false;
	for (;;) {
		rd_kafka_topic_partition_list_t *list =
		    offset_query(topic, partitions, count, when_ms);
		rd_kafka_resp_err_t e =
		    rd_kafka_offsets_for_times(c->rk, list, deadline_slice_ms(d, 5000));
		if (!e)
			e = first_error(list);
		for (size_t i = 0; i < count; i++)
			offsets[i] = list->elems[i].offset;
		rd_kafka_topic_partition_list_destroy(list);
		if (!e)
			return 0;
		if (e == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
			return kclient_no_right(c, topic, err);
		if (e == RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION && !is_fresh) { /* the topic may have got it of late */
			is_fresh = true;
			if (kclient_topic(c, topic, &ignored, d, err))
				return -1;
			continue;
		}
		if (kerr_is_final(e))
			return kerr_set(err, e, "offsets of %s", topic);
		kclient_serve(c, deadline_slice_ms(d, 20));
		if (kclient_check(c, d, "offsets", err))
			return -1;
	}
}

/* Of a time below 0 the broker says nothing, or takes it for a word: -1 is the end. */
static int64_t asked_for(int64_t when_ms)
{
	if (when_ms == KOFFSET_END)
		return RD_KAFKA_OFFSET_END;
	return when_ms < 0 ? RD_KAFKA_OFFSET_BEGINNING : when_ms;
}

/* The end is asked for first: what is written between the two questions is after it, and not missed. */
int kclient_offsets(struct kclient *c, const char *topic, const int32_t *partitions, size_t count,
    int64_t when_ms, int64_t *offsets, const struct deadline *d, struct err *err)
{
	if (count == 0)
		return 0;
	int64_t asked = asked_for(when_ms);
	if (asked < 0)
		return ask_offsets(c, topic, partitions, count, asked, offsets, d, err);
	int64_t *ends = mem_zalloc(count, sizeof(*ends));
	int failed = ask_offsets(c, topic, partitions, count, RD_KAFKA_OFFSET_END, ends, d, err) ||
	    ask_offsets(c, topic, partitions, count, asked, offsets, d, err);
	for (size_t i = 0; i < count && !failed; i++)
		if (offsets[i] < 0)
			offsets[i] = ends[i];
	free(ends);
	return failed ? -1 : 0;
}

