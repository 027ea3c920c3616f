/* Our place in the group: partitions that come and go, and what is committed for them. */
#include "app/work_int.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tool/clock.h"
#include "tool/msg.h"

/* A commit that failed is tried again so soon. */
#define AGAIN_MS 100

/* A broker that lost its place is back soon; what it refuses to write down it will go on to refuse. */
static void note_failure(struct work *w, const struct err *why)
{
	if (w->commits_fail_ms == INT64_MAX) {
		w->commits_fail_ms = w->now_ms;
		msg_warn("%s; it is tried again", why->text);
	}
	if (w->now_ms - w->commits_fail_ms < w->t->budget_ms)
		return;
	w->commits_over = true;
	err_set(&w->t->err, why->status, "%s", why->text);
}

void work_shares_dirty(struct work *w)
{
	for (size_t i = 0; i < w->share_count; i++)
		w->shares[i].dirty = true;
}

void work_committed(void *ctx, enum kmember_commit result, const struct err *err)
{
	struct work *w = ctx;
	w->committing = false;
	if (result == KMEMBER_COMMITTED) {
		w->commits_fail_ms = INT64_MAX;
		w->commit_ms += ((double)(clock_mono_ms() - w->commit_began_ms) - w->commit_ms) / 4;
		w->committed = w->commits;
		for (size_t i = 0; i < w->share_count; i++)
			w->shares[i].committed = w->shares[i].pending;
		return;
	}
	w->commit_after_ms = w->now_ms + AGAIN_MS;
	if (result == KMEMBER_FAILED)
		note_failure(w, err);
	for (struct chunk *c = w->chunks; c; c = c->next)
		if (c->state == CHUNK_INTENDED && c->intent <= w->commits)
			c->intent = w->commits + 1;
	work_shares_dirty(w);
}

/* All that changed: of our partitions, and from where on the log is to be read again. */
static size_t gather(struct work *w, struct kmember_part *parts, struct buf *texts, int64_t *marks)
{
	size_t n = 0;
	for (size_t i = 0; i < w->share_count; i++) {
		struct share *s = &w->shares[i];
		buf_clear(&texts[i]);
		s->pending = s->committed;
		if (!s->dirty && !(w->leaving && (s->open_count || s->sweep.begun)))
			continue;
		s->dirty = false;
		s->pending = work_share_text(w, s, &texts[i]);
		if (s->pending >= 0)
			parts[n++] = (struct kmember_part){.topic = s->topic, .partition = s->partition,
			    .offset = s->pending, .metadata = buf_text(&texts[i])};
	}
	if (n == 0 || !w->ready)
		return n;
	kready_marks(w->ready, marks);
	for (int32_t p = 0; p < kready_partitions(w->ready); p++)
		parts[n++] = (struct kmember_part){.topic = kready_topic(w->ready), .partition = p,
		    .offset = marks[p], .metadata = ""};
	return n;
}

int work_commit(struct work *w, bool now)
{
	struct err *err = &w->t->err;
	if (w->commits_over)
		return -1;
	if (!w->assigned || (w->committing && !now))
		return 0;
	if (w->now_ms < w->commit_after_ms && !now) {
		loop_until(&w->loop, w->commit_after_ms);
		return 0;
	}
	size_t logs = w->ready ? (size_t)kready_partitions(w->ready) : 0;
	size_t most = w->share_count + logs;
	struct kmember_part *parts = mem_zalloc(most, sizeof(*parts));
	struct buf *texts = mem_zalloc(w->share_count, sizeof(*texts));
	int64_t *marks = mem_zalloc(logs, sizeof(*marks));
	w->leaving = now;
	size_t n = gather(w, parts, texts, marks);
	w->leaving = false;
	int answer = 0;
	if (n && now) {
		struct deadline d = {.end_ms = w->now_ms + 5000, .now_ms = clock_mono_ms};
		answer = kmember_commit_now(w->member, parts, n, &d, err) == KMEMBER_FAILED ? -1 : 0;
	} else if (n) {
		w->commits++;
		w->commit_began_ms = clock_mono_ms();
		answer = kmember_commit(w->member, parts, n, err);
		w->committing = answer == 0;
		if (answer > 0)
			answer = 0; /* the group will say why */
	}
	for (size_t i = 0; i < w->share_count; i++)
		buf_release(&texts[i]);
	free(texts);
	free(parts);
	free(marks);
	return answer;
}

void work_group_doubt(struct work *w)
{
	w->sure = w->commits + 1;
	work_shares_dirty(w);
}

bool work_group_is_sure(const struct work *w)
{
	return w->committed >= w->sure;
}

static void give_up_shares(struct work *w)
{
	work_shares_release(w);
	w->revoking = false;
	w->drain_ms = INT64_MAX;
}

int work_group_follow(struct work *w)
{
	switch (kmember_poll(w->member, 0, &w->t->err)) {
	case KMEMBER_ERROR:
		return -1;
	case KMEMBER_NOTHING:
		return 0;
	case KMEMBER_ASSIGNED:
		w->rebalances++;
		return work_shares_assign(w);
	case KMEMBER_REVOKING:
		msg_debug(1, "our partitions are asked back");
		w->revoking = true;
		work_shares_dirty(w);
		w->drain_ms = w->now_ms + w->o->drain_ms;
		return 0;
	case KMEMBER_LOST:
		msg_warn("our partitions were taken away; what runs is ended, and others do it again");
		give_up_shares(w);
		return 0;
	}
	return 0;
}

static bool is_idle(const struct work *w)
{
	for (const struct chunk *c = w->chunks; c; c = c->next)
		if (c->state == CHUNK_RUNNING || (c->state == CHUNK_DELIVERING && !work_is_held(c)))
			return false;
	return true;
}

/* Nobody answered the last commit. To others it is as if we had been killed. */
static int end_without(struct work *w)
{
	if (w->stopping)
		return -1;
	msg_warn("%s: what was done since the last one is done again", w->t->err.text);
	err_clear(&w->t->err);
	return 0;
}

/* What runs may end; what waits is left to others. */
int work_group_drain(struct work *w)
{
	if (w->drain_ms == INT64_MAX)
		return 0;
	if (!is_idle(w) && w->now_ms >= w->drain_ms) {
		for (struct chunk *c = w->chunks; c; c = c->next)
			if (work_chunk_runs(c))
				work_strands_kill(c);
		w->drain_ms = w->now_ms + 1000;
	}
	if (!is_idle(w) || (w->events && kproduce_in_flight(w->events))) {
		loop_until(&w->loop, w->drain_ms);
		return 0;
	}
	if (work_commit(w, true) && end_without(w))
		return -1;
	if (w->revoking)
		kmember_release(w->member);
	give_up_shares(w);
	return 0;
}
