#include "kafka/kgroup.h"

#include <stdlib.h>

#include "base/mem.h"
#include "kafka/kclient_int.h"
#include "kafka/kerr.h"
#include "kafka/krecord.h"

/* So long the questions where the end is may take; they are asked again, and waited for longer. */
#define FIRST_ASK_MS 2000

struct kgroup {
	struct kclient *client;
	char *topic, *name;
	rd_kafka_topic_partition_list_t *mine; /* NULL: no partition */
	rd_kafka_message_t *message;           /* the caller has it */
	bool overtaken;                        /* another member has done that one */
	rd_kafka_message_t **waiting;          /* came in while the caller worked */
	size_t waiting_count, waiting_cap, waiting_at;
	struct record record;
	bool paused;
	unsigned generation;
	int64_t ask_ms;
	struct err lost;
};

/* offsets may be NULL. */
static rd_kafka_topic_partition_list_t *list_of(const char *topic, const int32_t *partitions,
    const int64_t *offsets, size_t count)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_new((int)count);
	for (size_t i = 0; i < count; i++) {
		rd_kafka_topic_partition_t *p =
		    rd_kafka_topic_partition_list_add(list, topic, partitions[i]);
		if (offsets)
			p->offset = offsets[i];
	}
	return list;
}

static void forget_mine(struct kgroup *g)
{
	if (g->mine)
		rd_kafka_topic_partition_list_destroy(g->mine);
	g->mine = NULL;
}

static void drop_waiting(struct kgroup *g)
{
	while (g->waiting_at < g->waiting_count)
		rd_kafka_message_destroy(g->waiting[g->waiting_at++]);
	g->waiting_at = g->waiting_count = 0;
}

/* While the partition was another member's that one may have gone on with it. */
static bool was_done(struct kgroup *g)
{
	rd_kafka_topic_partition_list_t *list = list_of(g->topic, &g->message->partition, NULL, 1);
	rd_kafka_resp_err_t e = rd_kafka_committed(g->client->rk, list, FIRST_ASK_MS);
	bool done = !e && list->elems[0].offset > g->message->offset;
	rd_kafka_topic_partition_list_destroy(list);
	return done;
}

/* The record that the caller works on is not committed yet, and must not come again for that. */
static void pass_over_held(struct kgroup *g, rd_kafka_topic_partition_list_t *partitions)
{
	rd_kafka_topic_partition_t *p = g->message
	    ? rd_kafka_topic_partition_list_find(partitions, g->topic, g->message->partition)
	    : NULL;
	if (!p)
		return;
	g->overtaken |= was_done(g);
	if (!g->overtaken)
		p->offset = g->message->offset + 1;
}

/* Called from within polls, so in the caller's thread. */
static void on_rebalance(void *ctx, rd_kafka_resp_err_t code,
    rd_kafka_topic_partition_list_t *partitions)
{
	struct kgroup *g = ctx;
	rd_kafka_t *rk = g->client->rk;
	forget_mine(g);
	if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		g->mine = rd_kafka_topic_partition_list_copy(partitions);
		g->generation++;
		pass_over_held(g, partitions);
		rd_kafka_assign(rk, partitions);
		if (g->paused)
			rd_kafka_pause_partitions(rk, partitions);
	} else {
		drop_waiting(g); /* another member reads these now */
		rd_kafka_assign(rk, NULL);
	}
}

static int subscribe(struct kgroup *g, struct err *err)
{
	rd_kafka_topic_partition_list_t *topics = rd_kafka_topic_partition_list_new(1);
	rd_kafka_topic_partition_list_add(topics, g->topic, RD_KAFKA_PARTITION_UA);
	rd_kafka_poll_set_consumer(g->client->rk);
	g->client->subscribed = true;
	rd_kafka_resp_err_t e = rd_kafka_subscribe(g->client->rk, topics);
	rd_kafka_topic_partition_list_destroy(topics);
	return e ? kerr_set(err, e, "topic %s", g->topic) : 0;
}

static int open_client(struct kclient **out, const struct kv *settings, const char *group,
    void (*log)(int, const char *), struct err *err)
{
	const char *const tuning[] = {"group.id", group, NULL};
	struct kclient_options co = {.settings = tuning, .log = log};
	return kclient_open(out, KCLIENT_MEMBER, settings, &co, err);
}

int kgroup_open(struct kgroup **out, const struct kv *settings, const char *group,
    const char *topic, void (*log)(int syslog_level, const char *text),
    const struct deadline *d, struct err *err)
{
	struct kgroup *g = mem_zalloc(1, sizeof(*g));
	int32_t partitions;
	g->topic = mem_strdup(topic);
	g->name = mem_strdup(group);
	g->record = (struct record)RECORD_INIT;
	int failed = open_client(&g->client, settings, group, log, err);
	if (!failed) {
		g->client->rebalance = on_rebalance;
		g->client->ctx = g;
		failed = kclient_topic(g->client, topic, &partitions, d, err) || subscribe(g, err);
	}
	if (failed) {
		kgroup_close(g, d);
		return err_wrap(err, "group %s", group);
	}
	*out = g;
	return 0;
}

static bool passes(rd_kafka_resp_err_t e)
{
	return e == RD_KAFKA_RESP_ERR__PARTITION_EOF || e == RD_KAFKA_RESP_ERR__TRANSPORT ||
	    e == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN || e == RD_KAFKA_RESP_ERR__TIMED_OUT ||
	    e == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED;
}

/* One message or NULL. An error that will not pass is remembered in g->lost. */
static rd_kafka_message_t *poll_one(struct kgroup *g, int wait_ms)
{
	rd_kafka_message_t *m = rd_kafka_consumer_poll(g->client->rk, wait_ms);
	if (!m || !m->err)
		return m;
	if (m->err == RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED)
		kclient_no_right(g->client, g->topic, &g->lost);
	else if (!passes(m->err))
		kerr_set(&g->lost, m->err, "group %s", g->name);
	rd_kafka_message_destroy(m);
	return NULL;
}

static int check(struct kgroup *g, struct err *err)
{
	if (g->lost.text)
		return err_set(err, g->lost.status, "%s", g->lost.text);
	if (g->client->stuck)
		return err_set(err, ST_CONNECT, "%s", g->client->trouble.text);
	return 0;
}

static void resume(struct kgroup *g)
{
	if (g->paused && g->mine)
		rd_kafka_resume_partitions(g->client->rk, g->mine);
	g->paused = false;
}

int kgroup_next(struct kgroup *g, int wait_ms, const struct record **out, struct err *err)
{
	if (g->message)
		rd_kafka_message_destroy(g->message);
	g->message = NULL;
	g->overtaken = false;
	if (g->waiting_at < g->waiting_count) {
		g->message = g->waiting[g->waiting_at++];
	} else {
		g->waiting_at = g->waiting_count = 0;
		resume(g);
		g->message = poll_one(g, wait_ms);
	}
	if (!g->message)
		return check(g, err);
	krecord_from(g->message, &g->record);
	*out = &g->record;
	return 1;
}

static int serve(struct kgroup *g, int wait_ms, struct err *err)
{
	if (!g->paused && g->mine)
		rd_kafka_pause_partitions(g->client->rk, g->mine);
	g->paused = true;
	rd_kafka_message_t *m = poll_one(g, wait_ms);
	if (m) {
		g->waiting = mem_grow(g->waiting, &g->waiting_cap, g->waiting_count + 1,
		    sizeof(rd_kafka_message_t *));
		g->waiting[g->waiting_count++] = m;
	}
	return check(g, err);
}

int kgroup_keep(struct kgroup *g, struct err *err)
{
	return serve(g, 0, err);
}

unsigned kgroup_generation(const struct kgroup *g)
{
	return g->generation;
}

int kgroup_owns(struct kgroup *g, int32_t partition, const struct deadline *d, struct err *err)
{
	while (!g->mine && deadline_left_ms(d))
		if (serve(g, deadline_slice_ms(d, 100), err))
			return -1;
	return g->mine && !g->overtaken &&
	    rd_kafka_topic_partition_list_find(g->mine, g->topic, partition) != NULL;
}

/* Where reading of each of our partitions stands: what was read, else what was committed, else the
 * beginning. */
static int positions(struct kgroup *g, const int32_t *partitions, int64_t *at,
    const struct deadline *d, struct err *err)
{
	size_t n = (size_t)g->mine->cnt;
	rd_kafka_topic_partition_list_t *read = rd_kafka_topic_partition_list_copy(g->mine);
	rd_kafka_topic_partition_list_t *committed = rd_kafka_topic_partition_list_copy(g->mine);
	int failed = rd_kafka_position(g->client->rk, read) ||
	    rd_kafka_committed(g->client->rk, committed, deadline_slice_ms(d, 3000)) ||
	    kclient_offsets(g->client, g->topic, partitions, n, KOFFSET_BEGINNING, at, d, err);
	for (size_t i = 0; i < n && !failed; i++) {
		if (committed->elems[i].offset > at[i])
			at[i] = committed->elems[i].offset;
		if (read->elems[i].offset > at[i])
			at[i] = read->elems[i].offset;
	}
	rd_kafka_topic_partition_list_destroy(read);
	rd_kafka_topic_partition_list_destroy(committed);
	return failed;
}

int kgroup_caught_up(struct kgroup *g, const struct deadline *joined_by, const struct deadline *d,
    struct err *err)
{
	g->ask_ms = g->ask_ms ? 2 * g->ask_ms : FIRST_ASK_MS;
	struct deadline answered_by = deadline_within(d, g->ask_ms);
	struct err ignored = ERR_INIT;
	if (!g->mine && deadline_left_ms(joined_by) == 0)
		return kclient_check(g->client, joined_by, "the group has not let us in (a member "
		    "that was killed is waited for up to session.timeout.ms)", err);
	if (!g->mine || g->waiting_at < g->waiting_count)
		return 0;
	if (g->mine->cnt == 0)
		return 1;
	size_t n = (size_t)g->mine->cnt;
	int32_t *partitions = mem_zalloc(n, sizeof(*partitions));
	int64_t *ends = mem_zalloc(n, sizeof(*ends)), *at = mem_zalloc(n, sizeof(*at));
	for (size_t i = 0; i < n; i++)
		partitions[i] = g->mine->elems[i].partition;
	bool done = !positions(g, partitions, at, &answered_by, &ignored) &&
	    !kclient_offsets(g->client, g->topic, partitions, n, KOFFSET_END, ends, &answered_by,
		&ignored);
	for (size_t i = 0; i < n && done; i++)
		done = at[i] >= ends[i];
	free(partitions);
	free(ends);
	free(at);
	err_clear(&ignored);
	return done;
}

struct commit_answer {
	bool came;
	rd_kafka_resp_err_t err;
};

static void on_commit(rd_kafka_t *rk, rd_kafka_resp_err_t e,
    rd_kafka_topic_partition_list_t *offsets, void *opaque)
{
	struct commit_answer *a = opaque;
	(void)rk;
	a->came = true;
	a->err = e;
	for (int i = 0; offsets && i < offsets->cnt && !a->err; i++)
		a->err = offsets->elems[i].err;
}

#define NO_ANSWER RD_KAFKA_RESP_ERR__TIMED_OUT

/* rd_kafka_commit has no time limit: without a coordinator it waits for the session timeout. */
static rd_kafka_resp_err_t commit_list(rd_kafka_t *rk, const rd_kafka_topic_partition_list_t *list,
    const struct deadline *d)
{
	/* owned by the answer if it comes late, so never freed then */
	struct commit_answer *a = mem_zalloc(1, sizeof(*a));
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_resp_err_t e = rd_kafka_commit_queue(rk, list, queue, on_commit, a);
	while (!e && !a->came && deadline_left_ms(d))
		rd_kafka_queue_poll_callback(queue, deadline_slice_ms(d, 200));
	bool came = a->came;
	if (came)
		e = a->err;
	if (e || came)
		free(a);
	rd_kafka_queue_destroy(queue);
	return e || came ? e : NO_ANSWER;
}

static int commit_error(rd_kafka_resp_err_t e, struct err *err)
{
	if (e == NO_ANSWER)
		return err_set(err, ST_UNKNOWN, "commit of offsets was not answered in time");
	return e ? kerr_set(err, e, "commit of offsets") : 0;
}

/* The group divides its partitions anew; who gets ours is told by a poll. */
static bool is_rebalance(rd_kafka_resp_err_t e)
{
	return e == RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS ||
	    e == RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION ||
	    e == RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID || e == RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST;
}

static int commit_while_ours(struct kgroup *g, const rd_kafka_topic_partition_list_t *list,
    const struct deadline *d, struct err *err)
{
	for (;;) {
		int ours = kgroup_owns(g, list->elems[0].partition, d, err);
		if (ours <= 0)
			return ours < 0 ? -1 : 1;
		rd_kafka_resp_err_t e = commit_list(g->client->rk, list, d);
		if (!is_rebalance(e) || deadline_left_ms(d) == 0)
			return commit_error(e, err);
		if (serve(g, deadline_slice_ms(d, 100), err))
			return -1;
	}
}

int kgroup_commit(struct kgroup *g, int32_t partition, int64_t offset, const struct deadline *d,
    struct err *err)
{
	rd_kafka_topic_partition_list_t *list = list_of(g->topic, &partition, &offset, 1);
	int r = commit_while_ours(g, list, d, err);
	rd_kafka_topic_partition_list_destroy(list);
	return r < 0 ? err_wrap(err, "topic %s, partition %d", g->topic, partition) : r;
}

/* rd_kafka_consumer_close waits for a broker that may never answer. */
static void leave(struct kgroup *g, const struct deadline *d)
{
	rd_kafka_t *rk = g->client->rk;
	rd_kafka_queue_t *queue = rd_kafka_queue_new(rk);
	rd_kafka_error_t *e = rd_kafka_consumer_close_queue(rk, queue);
	if (e)
		rd_kafka_error_destroy(e);
	while (!e && !rd_kafka_consumer_closed(rk) && deadline_left_ms(d)) {
		rd_kafka_event_t *event = rd_kafka_queue_poll(queue, deadline_slice_ms(d, 100));
		if (event && rd_kafka_event_type(event) == RD_KAFKA_EVENT_REBALANCE)
			rd_kafka_assign(rk, NULL);
		if (event)
			rd_kafka_event_destroy(event);
	}
	rd_kafka_queue_destroy(queue);
}

void kgroup_close(struct kgroup *g, const struct deadline *d)
{
	if (!g)
		return;
	if (g->message)
		rd_kafka_message_destroy(g->message);
	drop_waiting(g);
	free(g->waiting);
	/* The client itself is left to the process's end: before 2.6.1 destroying a member may wait for
	 * ever, for a broker or for messages of partitions that were taken away. */
	forget_mine(g); /* paused partitions in it would keep the client busy */
	if (g->client)
		leave(g, d);
	headers_release(&g->record.headers);
	err_clear(&g->lost);
	free(g->topic);
	free(g->name);
	free(g);
}

static int ask_committed(struct kclient *c, rd_kafka_topic_partition_list_t *list,
    const struct deadline *d, struct err *err)
{
	for (;;) {
		rd_kafka_resp_err_t e =
		    rd_kafka_committed(c->rk, list, deadline_slice_ms(d, 1000));
		if (!e)
			return 0;
		/* What the coordinator refuses comes as a message, not as this call's answer. */
		rd_kafka_message_t *m = rd_kafka_consumer_poll(c->rk, 0);
		if (m && kerr_is_final(m->err))
			e = m->err;
		if (m)
			rd_kafka_message_destroy(m);
		if (kerr_is_final(e))
			return kerr_set(err, e, "committed offsets");
		kclient_serve(c, 0);
		if (kclient_check(c, d, "committed offsets", err))
			return -1;
	}
}

int kgroup_committed(const struct kv *settings, const char *group, const char *topic,
    const int32_t *partitions, size_t count, int64_t *offsets, const struct deadline *d,
    struct err *err)
{
	struct kclient *c;
	if (open_client(&c, settings, group, NULL, err))
		return -1;
	rd_kafka_topic_partition_list_t *list = list_of(topic, partitions, NULL, count);
	int failed = ask_committed(c, list, d, err);
	for (size_t i = 0; i < count; i++)
		offsets[i] = list->elems[i].offset >= 0 ? list->elems[i].offset : -1;
	rd_kafka_topic_partition_list_destroy(list);
	kclient_close(c);
	return failed ? err_wrap(err, "group %s", group) : 0;
}

int kgroup_store(const struct kv *settings, const char *group, const char *topic,
    const int32_t *partitions, const int64_t *offsets, size_t count, const struct deadline *d,
    struct err *err)
{
	struct kclient *c;
	if (open_client(&c, settings, group, NULL, err))
		return -1;
	rd_kafka_topic_partition_list_t *list = list_of(topic, partitions, offsets, count);
	rd_kafka_resp_err_t e = commit_list(c->rk, list, d);
	rd_kafka_topic_partition_list_destroy(list);
	/* With a commit still open, closing would wait for the broker. */
	if (e != NO_ANSWER)
		kclient_close(c);
	return commit_error(e, err) ? err_wrap(err, "group %s", group) : 0;
}
