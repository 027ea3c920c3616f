#include "kafka/kgroup.h"

#include <stdlib.h>

#include "base/mem.h"
#include "kafka/kends.h"
#include "kafka/kerr.h"
#include "kafka/kjoin.h"
#include "kafka/krecord.h"

/* So long the questions where the end is may take; they are asked again, and waited for longer. */
#define FIRST_ASK_MS 2000

struct kgroup {
	struct kjoin join;
	char *topic;
	rd_kafka_topic_partition_list_t *mine; /* NULL: no partition */
	rd_kafka_message_t *message;           /* the caller has it */
	bool overtaken;                        /* another member has done that one */
	rd_kafka_message_t **waiting;          /* came in while the caller worked */
	size_t waiting_count, waiting_cap, waiting_at;
	struct record record;
	bool paused;
	unsigned generation;
	int64_t ask_ms;
	struct kends ends;
	int64_t *next;      /* of each of ours, what the group has not read yet; -1: not known */
	struct buf lost;    /* what was found and not told, in words; and its last places: */
	struct gap {
		int32_t partition;
		int64_t end;
	} *gaps;
	size_t gap_count, gap_cap;
	int64_t (*now_ms)(void);
};

static void forget_mine(struct kgroup *g)
{
	if (g->mine)
		rd_kafka_topic_partition_list_destroy(g->mine);
	free(g->next);
	g->mine = NULL;
	g->next = NULL;
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
	rd_kafka_topic_partition_list_t *list = kjoin_list(g->topic, &g->message->partition, NULL, 1);
	rd_kafka_resp_err_t e = rd_kafka_committed(g->join.client->rk, list, FIRST_ASK_MS);
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

static void learn_next(struct kgroup *g)
{
	rd_kafka_topic_partition_list_t *list = rd_kafka_topic_partition_list_copy(g->mine);
	rd_kafka_resp_err_t e = rd_kafka_committed(g->join.client->rk, list, FIRST_ASK_MS);
	g->next = mem_zalloc((size_t)list->cnt, sizeof(*g->next));
	for (int i = 0; i < list->cnt; i++)
		g->next[i] = e || list->elems[i].offset < 0 ? -1 : list->elems[i].offset;
	rd_kafka_topic_partition_list_destroy(list);
}

/* The partition begins here now. */
static void note_beginning(struct kgroup *g, int i, int64_t beginning)
{
	int32_t partition = g->mine->elems[i].partition;
	if (g->next[i] < 0 || g->next[i] >= beginning)
		return;
	buf_printf(&g->lost, "%stopic %s, partition %d: offsets %lld to %lld are gone that group %s had not "
	    "read (retention has deleted them)", g->lost.len ? "; " : "", g->topic, partition,
	    (long long)g->next[i], (long long)beginning - 1, g->join.group);
	g->gaps = mem_grow(g->gaps, &g->gap_cap, g->gap_count + 1, sizeof(*g->gaps));
	g->gaps[g->gap_count++] = (struct gap){partition, beginning};
	g->next[i] = beginning;
}

/* Between two records nothing may have been, or markers, or records that were deleted. */
static void note_record(struct kgroup *g, const rd_kafka_message_t *m)
{
	struct err ignored = ERR_INIT;
	int64_t beginning;
	int i = 0;
	while (g->mine && i < g->mine->cnt && g->mine->elems[i].partition != m->partition)
		i++;
	if (!g->mine || i == g->mine->cnt)
		return;
	const struct deadline d = {.end_ms = g->now_ms() + FIRST_ASK_MS, .now_ms = g->now_ms};
	if (g->next[i] >= 0 && g->next[i] < m->offset &&
	    !kclient_offsets(g->join.client, g->topic, &m->partition, 1, KOFFSET_BEGINNING, &beginning, &d,
		&ignored))
		note_beginning(g, i, beginning < m->offset ? beginning : m->offset);
	g->next[i] = m->offset + 1;
	err_clear(&ignored);
}

/* Called from within polls, so in the caller's thread. */
static void on_rebalance(void *ctx, rd_kafka_resp_err_t code,
    rd_kafka_topic_partition_list_t *partitions)
{
	struct kgroup *g = ctx;
	rd_kafka_t *rk = g->join.client->rk;
	forget_mine(g);
	if (code == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
		g->mine = rd_kafka_topic_partition_list_copy(partitions);
		g->generation++;
		learn_next(g);
		pass_over_held(g, partitions);
		rd_kafka_assign(rk, partitions);
		if (g->paused)
			rd_kafka_pause_partitions(rk, partitions);
	} else {
		drop_waiting(g); /* another member reads these now */
		rd_kafka_assign(rk, NULL);
	}
}

int kgroup_open(struct kgroup **out, const struct kv *settings, const char *group,
    const char *topic, void (*log)(int syslog_level, const char *text),
    const struct deadline *d, struct err *err)
{
	struct kgroup *g = mem_zalloc(1, sizeof(*g));
	const char *const topics[] = {topic, NULL};
	g->topic = mem_strdup(topic);
	g->record = (struct record)RECORD_INIT;
	kends_init(&g->ends, settings, g->topic, log);
	g->now_ms = d->now_ms;
	int failed = kjoin_open(&g->join, settings, group, NULL, log, err);
	if (!failed) {
		g->join.client->rebalance = on_rebalance;
		g->join.client->ctx = g;
		failed = kjoin_subscribe(&g->join, topics, d, err);
	}
	if (failed) {
		kgroup_close(g, d);
		return err_wrap(err, "group %s", group);
	}
	*out = g;
	return 0;
}

static void resume(struct kgroup *g)
{
	if (g->paused && g->mine)
		rd_kafka_resume_partitions(g->join.client->rk, g->mine);
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
		g->message = kjoin_poll(&g->join, wait_ms);
	}
	if (!g->message)
		return kjoin_check(&g->join, err);
	note_record(g, g->message);
	krecord_from(g->message, &g->record);
	*out = &g->record;
	return 1;
}

static int serve(struct kgroup *g, int wait_ms, struct err *err)
{
	if (!g->paused && g->mine)
		rd_kafka_pause_partitions(g->join.client->rk, g->mine);
	g->paused = true;
	rd_kafka_message_t *m = kjoin_poll(&g->join, wait_ms);
	if (m) {
		g->waiting = mem_grow(g->waiting, &g->waiting_cap, g->waiting_count + 1,
		    sizeof(rd_kafka_message_t *));
		g->waiting[g->waiting_count++] = m;
	}
	return kjoin_check(&g->join, err);
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
	int failed = rd_kafka_position(g->join.client->rk, read) ||
	    rd_kafka_committed(g->join.client->rk, committed, deadline_slice_ms(d, 3000)) ||
	    kclient_offsets(g->join.client, g->topic, partitions, n, KOFFSET_BEGINNING, at, d, err);
	for (size_t i = 0; i < n && !failed; i++) {
		note_beginning(g, (int)i, at[i]);
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
		return kclient_check(g->join.client, joined_by, "the group has not let us in (a member "
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
	    !kends_ask(&g->ends, partitions, n, ends, &answered_by, &ignored);
	for (size_t i = 0; i < n && done; i++)
		done = at[i] >= ends[i];
	free(partitions);
	free(ends);
	free(at);
	err_clear(&ignored);
	return done;
}

int kgroup_late(struct kgroup *g, const struct deadline *over, struct err *err)
{
	size_t n = g->mine ? (size_t)g->mine->cnt : 0;
	int32_t *partitions = mem_zalloc(n, sizeof(*partitions));
	for (size_t i = 0; i < n; i++)
		partitions[i] = g->mine->elems[i].partition;
	if (!kends_blames(&g->ends, g->join.client, partitions, NULL, n, over, err))
		err_set(err, ST_TIME, "time is up before the end was reached");
	free(partitions);
	return -1;
}

static int commit_while_ours(struct kgroup *g, const rd_kafka_topic_partition_list_t *list,
    const struct deadline *d, struct err *err)
{
	for (;;) {
		int ours = kgroup_owns(g, list->elems[0].partition, d, err);
		if (ours <= 0)
			return ours < 0 ? -1 : 1;
		rd_kafka_resp_err_t e = kjoin_commit(g->join.client, list, d);
		if (!kjoin_is_rebalance(e) || deadline_left_ms(d) == 0)
			return kjoin_commit_error(e, err);
		if (serve(g, deadline_slice_ms(d, 100), err))
			return -1;
	}
}

int kgroup_commit(struct kgroup *g, int32_t partition, int64_t offset, const struct deadline *d,
    struct err *err)
{
	rd_kafka_topic_partition_list_t *list = kjoin_list(g->topic, &partition, &offset, 1);
	int r = commit_while_ours(g, list, d, err);
	rd_kafka_topic_partition_list_destroy(list);
	return r < 0 ? err_wrap(err, "topic %s, partition %d", g->topic, partition) : r;
}

int kgroup_lost(struct kgroup *g, struct buf *out, const struct deadline *d, struct err *err)
{
	bool lost = g->gap_count > 0;
	buf_add_str(out, buf_str(&g->lost));
	buf_clear(&g->lost);
	while (g->gap_count) {
		struct gap gap = g->gaps[--g->gap_count];
		if (kgroup_commit(g, gap.partition, gap.end, d, err) < 0)
			return -1;
	}
	return lost;
}

void kgroup_close(struct kgroup *g, const struct deadline *d)
{
	if (!g)
		return;
	if (g->message)
		rd_kafka_message_destroy(g->message);
	drop_waiting(g);
	free(g->waiting);
	forget_mine(g); /* paused partitions in it would keep the client busy */
	kjoin_leave(&g->join, d);
	kends_release(&g->ends);
	buf_release(&g->lost);
	free(g->gaps);
	headers_release(&g->record.headers);
	free(g->topic);
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
	struct kjoin join;
	rd_kafka_topic_partition_list_t *list = kjoin_list(topic, partitions, NULL, count);
	int failed = kjoin_open(&join, settings, group, NULL, NULL, err) ||
	    ask_committed(join.client, list, d, err);
	for (size_t i = 0; i < count; i++)
		offsets[i] = list->elems[i].offset >= 0 ? list->elems[i].offset : -1;
	rd_kafka_topic_partition_list_destroy(list);
	kjoin_leave(&join, d);
	return failed ? err_wrap(err, "group %s", group) : 0;
}

int kgroup_store(const struct kv *settings, const char *group, const char *topic,
    const int32_t *partitions, const int64_t *offsets, size_t count, const struct deadline *d,
    struct err *err)
{
	struct kjoin join;
	rd_kafka_topic_partition_list_t *list = kjoin_list(topic, partitions, offsets, count);
	int failed = kjoin_open(&join, settings, group, NULL, NULL, err);
	if (!failed) {
		rd_kafka_resp_err_t e = kjoin_commit(join.client, list, d);
		failed = kjoin_commit_error(e, err);
		/* With a commit still open, closing would wait for the broker. */
		if (e == KJOIN_NO_ANSWER)
			join.client = NULL;
	}
	rd_kafka_topic_partition_list_destroy(list);
	kjoin_leave(&join, d);
	return failed ? err_wrap(err, "group %s", group) : 0;
}
