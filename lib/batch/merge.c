#include "batch/merge.h"

#include <stdlib.h>

#include "base/mem.h"

struct merge_lane {
	int64_t head;
	bool has_head, ended;
	size_t idle_at; /* its place in m->idle, while it is there */
};

static bool is_waiting(const struct merge_lane *l)
{
	return !l->has_head && !l->ended;
}

static void idle_add(struct merge *m, size_t lane)
{
	m->lanes[lane].idle_at = m->idle_count;
	m->idle[m->idle_count++] = lane;
}

static void idle_remove(struct merge *m, size_t lane)
{
	size_t at = m->lanes[lane].idle_at;
	size_t moved = m->idle[--m->idle_count];
	m->idle[at] = moved;
	m->lanes[moved].idle_at = at;
}

void merge_start(struct merge *m, size_t lanes)
{
	*m = (struct merge){.lane_count = lanes};
	m->lanes = mem_zalloc(lanes, sizeof(*m->lanes));
	m->heap = mem_zalloc(lanes, sizeof(*m->heap));
	m->idle = mem_zalloc(lanes, sizeof(*m->idle));
	for (size_t lane = 1; lane < lanes; lane++)
		idle_add(m, lane);
}

void merge_release(struct merge *m)
{
	free(m->lanes);
	free(m->heap);
	free(m->idle);
	*m = (struct merge)MERGE_INIT;
}

static bool is_before(const struct merge *m, size_t a, size_t b)
{
	return m->lanes[a].head < m->lanes[b].head;
}

static void heap_push(struct merge *m, size_t lane)
{
	size_t at = m->heap_count++;
	while (at && is_before(m, lane, m->heap[(at - 1) / 2])) {
		m->heap[at] = m->heap[(at - 1) / 2];
		at = (at - 1) / 2;
	}
	m->heap[at] = lane;
}

static size_t heap_pop(struct merge *m)
{
	size_t top = m->heap[0];
	size_t last = m->heap[--m->heap_count];
	size_t at = 0, child;
	while ((child = 2 * at + 1) < m->heap_count) {
		if (child + 1 < m->heap_count && is_before(m, m->heap[child + 1], m->heap[child]))
			child++;
		if (!is_before(m, m->heap[child], last))
			break;
		m->heap[at] = m->heap[child];
		at = child;
	}
	m->heap[at] = last;
	return top;
}

void merge_head(struct merge *m, size_t lane, int64_t n)
{
	struct merge_lane *l = &m->lanes[lane];
	l->head = n;
	l->has_head = true;
	if (lane == m->current)
		return;
	idle_remove(m, lane);
	heap_push(m, lane);
}

void merge_finish(struct merge *m, size_t lane)
{
	struct merge_lane *l = &m->lanes[lane];
	if (lane != m->current && is_waiting(l))
		idle_remove(m, lane);
	l->ended = true;
}

/* The current lane stands in neither heap nor idle, so that a run within it touches neither. */
static void change_lane(struct merge *m)
{
	const struct merge_lane *old = &m->lanes[m->current];
	size_t next = heap_pop(m);
	if (old->has_head)
		heap_push(m, m->current);
	else if (!old->ended)
		idle_add(m, m->current);
	m->current = next;
}

static void note_missing(struct merge *m, int64_t from, int64_t to)
{
	m->missing += to - from + 1;
	if (m->gap_count < MERGE_GAPS_MAX)
		m->gaps[m->gap_count++] = (struct merge_gap){from, to};
}

static enum merge_step consume_current(struct merge *m)
{
	struct merge_lane *l = &m->lanes[m->current];
	l->has_head = false;
	if (l->head <= m->last) {
		m->duplicates++;
		return MERGE_DROP;
	}
	if (l->head - 1 != m->last)
		note_missing(m, m->last + 1, l->head - 1);
	m->last = l->head;
	m->taken++;
	return MERGE_TAKE;
}

/* Written without last + 1, which need not exist: a foreign header may hold the largest number. */
static bool is_wanted(const struct merge *m, const struct merge_lane *l)
{
	return l->has_head && (l->head <= m->last || l->head - 1 == m->last);
}

enum merge_step merge_next(struct merge *m, size_t *lane)
{
	if (m->lane_count == 0)
		return MERGE_END;
	*lane = m->current;
	const struct merge_lane *current = &m->lanes[m->current];
	if (is_wanted(m, current))
		return consume_current(m);
	bool in_heap =
	    m->heap_count && (!current->has_head || is_before(m, m->heap[0], m->current));
	if (in_heap && is_wanted(m, &m->lanes[m->heap[0]])) {
		change_lane(m);
		*lane = m->current;
		return consume_current(m);
	}
	if (is_waiting(current))
		return MERGE_WAIT;
	if (m->idle_count) {
		*lane = m->idle[0];
		return MERGE_WAIT;
	}
	/* Every lane that goes on has a head, and none is the wanted one: there is a gap. */
	if (in_heap)
		change_lane(m);
	*lane = m->current;
	return m->lanes[m->current].has_head ? consume_current(m) : MERGE_END;
}

void merge_expect(struct merge *m, int64_t total)
{
	if (total <= m->last)
		return;
	note_missing(m, m->last + 1, total);
	m->last = total;
}

void merge_missing_text(const struct merge *m, struct buf *out)
{
	int64_t more = m->missing;
	for (size_t i = 0; i < m->gap_count; i++) {
		const struct merge_gap *g = &m->gaps[i];
		if (i)
			buf_puts(out, ", ");
		buf_add_i64(out, g->from);
		if (g->to != g->from) {
			buf_putc(out, '-');
			buf_add_i64(out, g->to);
		}
		more -= g->to - g->from + 1;
	}
	if (more) {
		buf_puts(out, " and ");
		buf_add_i64(out, more);
		buf_puts(out, " more");
	}
}
