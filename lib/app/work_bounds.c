/* Where the records of a batch are that has no manifest: in each partition from its beginning on, by time, to the end
 * that the log has once it is known that all is sent. Whoever looks later looks no less far. */
#include "app/work_int.h"

#include <stdlib.h>

#include "base/date.h"
#include "base/mem.h"
#include "batch/claims.h"
#include "tool/clock.h"
#include "tool/msg.h"

int work_partitions(struct work *w)
{
	struct deadline d = deadline_start(w->t->budget_ms);
	return kclient_topic(kparts_client(w->reader), w->topic, &w->partitions, &d, &w->t->err);
}

static void open_edges(struct work *w)
{
	if (!w->edges.topic)
		kends_init(&w->edges, &w->t->settings.kv, w->topic, msg_library);
}

int work_piece_bounds(struct work *w, struct piece *p)
{
	struct err *err = &w->t->err;
	const struct share *s = p->share;
	struct deadline d = deadline_start(w->t->budget_ms);
	int64_t from_ms = p->job->created_ms - DATE_SLACK_MS;
	if (p->first >= 0 && p->end >= 0)
		return 0;
	open_edges(w);
	if ((p->first < 0 && kclient_offsets(kparts_client(w->reader), s->topic, &s->partition, 1, from_ms, &p->first,
				 &d, err)) ||
	    (p->end < 0 && kends_ask(&w->edges, &s->partition, 1, &p->end, &d, err)))
		return -1;
	if (p->at < p->first)
		p->at = p->first;
	return 0;
}

/* --- are the ranges of a manifest in the log? */

/* The ends of all partitions. A log only grows: those that are known are asked for again when a range goes beyond. */
static int ask_ends(struct work *w)
{
	size_t n = (size_t)w->partitions;
	struct deadline d = deadline_start(w->t->budget_ms);
	int32_t *partitions = mem_zalloc(n, sizeof(*partitions));
	int64_t *ends = mem_zalloc(n, sizeof(*ends));
	for (size_t i = 0; i < n; i++)
		partitions[i] = (int32_t)i;
	open_edges(w);
	int failed = kends_ask(&w->edges, partitions, n, ends, &d, &w->t->err);
	free(partitions);
	if (failed) {
		free(ends);
		return -1;
	}
	free(w->ends);
	w->ends = ends;
	w->end_count = n;
	return 0;
}

static bool is_beyond(const struct work *w, const struct extents *x)
{
	for (size_t i = 0; i < x->count; i++)
		if ((size_t)x->list[i].partition >= w->end_count ||
		    x->list[i].last >= w->ends[x->list[i].partition])
			return true;
	return false;
}

/* 1: some are not, as why says; 0; -1. */
static int check_ends(struct work *w, const struct extents *x, struct err *why)
{
	if (is_beyond(w, x) && ask_ends(w))
		return -1;
	for (size_t i = 0; i < x->count; i++)
		if (claims_check_end(&x->list[i], w->topic, w->ends[x->list[i].partition], why))
			return 1;
	return 0;
}

int work_bounds_check(struct work *w, const struct manifest *m, struct err *why)
{
	struct extents x = EXTENTS_INIT;
	manifest_extents(m, &x);
	int answer = 0;
	if (x.count && x.list[x.count - 1].partition >= w->partitions && work_partitions(w))
		answer = -1;
	else if (claims_check_partitions(m, w->topic, w->partitions, why))
		answer = 1;
	else
		answer = check_ends(w, &x, why);
	extents_release(&x);
	return answer;
}

/* --- what retention has deleted */

bool work_bounds_lost(struct work *w, const struct piece *p, int64_t *begin)
{
	const struct share *s = p->share;
	struct err ignored = ERR_INIT;
	struct deadline d = deadline_start(w->t->budget_ms);
	int failed = kclient_offsets(kparts_client(w->reader), s->topic, &s->partition, 1, KOFFSET_BEGINNING,
	    begin, &d, &ignored);
	err_clear(&ignored);
	return !failed && *begin > p->at;
}

void work_bounds_close(struct work *w)
{
	free(w->ends);
	kends_release(&w->edges);
}
