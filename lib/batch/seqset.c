#include "batch/seqset.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* The first range that ends at or after n - 1: the only one that n can join or lie in. */
static size_t find(const struct seqset *s, int64_t n)
{
	size_t low = 0, high = s->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (s->list[mid].last < n - 1)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

static void insert(struct seqset *s, size_t at, int64_t n)
{
	if (s->count == SEQSET_MOST) {
		s->gave_up = true;
		return;
	}
	s->list = mem_grow(s->list, &s->cap, s->count + 1, sizeof(*s->list));
	memmove(s->list + at + 1, s->list + at, (s->count - at) * sizeof(*s->list));
	s->list[at] = (struct seqset_range){n, n};
	s->count++;
}

static void join_next(struct seqset *s, size_t at)
{
	if (at + 1 >= s->count || s->list[at].last + 1 != s->list[at + 1].first)
		return;
	s->list[at].last = s->list[at + 1].last;
	s->count--;
	memmove(s->list + at + 1, s->list + at + 2, (s->count - at - 1) * sizeof(*s->list));
}

/* Is n the next number of the range at hand, and not the last one of a gap? */
static bool is_next(const struct seqset *s, int64_t n)
{
	return s->at < s->count && s->list[s->at].last == n - 1 &&
	    (s->at + 1 == s->count || s->list[s->at + 1].first - 1 > n);
}

void seqset_add(struct seqset *s, int64_t n)
{
	if (s->gave_up)
		return;
	if (is_next(s, n)) {
		s->list[s->at].last = n;
		return;
	}
	size_t at = s->at = find(s, n);
	struct seqset_range *r = at < s->count ? &s->list[at] : NULL;
	if (!r || n < r->first - 1) {
		insert(s, at, n);
	} else if (n == r->first - 1) {
		r->first = n;
	} else if (n - 1 == r->last) {
		r->last = n;
		join_next(s, at);
	}
}

static void put_range(struct buf *out, size_t before, int64_t first, int64_t last)
{
	if (out->len > before)
		buf_puts(out, ", ");
	buf_add_i64(out, first);
	if (last > first) {
		buf_putc(out, '-');
		buf_add_i64(out, last);
	}
}

void seqset_missing(const struct seqset *s, int64_t total, size_t most, struct buf *out)
{
	size_t before = out->len, put = 0;
	int64_t next = 1;
	if (s->gave_up)
		return;
	for (size_t i = 0; i <= s->count && next <= total; i++) {
		const struct seqset_range *r = i < s->count ? &s->list[i] : NULL;
		int64_t end = r && r->first <= total ? r->first - 1 : total;
		if (end >= next && put++ == most) {
			buf_puts(out, " and more");
			return;
		}
		if (end >= next)
			put_range(out, before, next, end);
		if (!r || r->last >= total)
			return;
		next = r->last + 1;
	}
}

int64_t seqset_last(const struct seqset *s)
{
	return s->count ? s->list[s->count - 1].last : 0;
}

void seqset_release(struct seqset *s)
{
	free(s->list);
	*s = (struct seqset)SEQSET_INIT;
}
