#include "batch/doneset.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/base64.h"
#include "base/mem.h"

/* The first range that ends at n or above. */
static size_t find(const struct doneset *s, int64_t n)
{
	size_t low = 0, high = s->count;
	while (low < high) {
		size_t mid = low + (high - low) / 2;
		if (s->list[mid].last < n)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

/* Puts a range that touches no other's numbers before the one at `at`. */
static void insert(struct doneset *s, size_t at, struct doneset_range new)
{
	struct doneset_range *before = at > 0 ? &s->list[at - 1] : NULL;
	struct doneset_range *after = at < s->count ? &s->list[at] : NULL;
	bool joins_before =
	    before && before->verdict == new.verdict && before->last + 1 == new.first;
	bool joins_after = after && after->verdict == new.verdict && after->first - 1 == new.last;
	if (joins_before && joins_after) {
		before->last = after->last;
		s->count--;
		memmove(after, after + 1, (s->count - at) * sizeof(*after));
	} else if (joins_before) {
		before->last = new.last;
	} else if (joins_after) {
		after->first = new.first;
	} else {
		s->list = mem_grow(s->list, &s->cap, s->count + 1, sizeof(*s->list));
		memmove(s->list + at + 1, s->list + at, (s->count - at) * sizeof(*s->list));
		s->list[at] = new;
		s->count++;
	}
}

static void advance(struct doneset *s)
{
	size_t passed = 0;
	for (; passed < s->count && s->list[passed].first == s->next; passed++) {
		const struct doneset_range *r = &s->list[passed];
		tally_add(&s->below, r->verdict, r->last - r->first + 1);
		s->next = r->last + 1;
	}
	if (passed == 0)
		return;
	s->count -= passed;
	memmove(s->list, s->list + passed, s->count * sizeof(*s->list));
}

void doneset_add(struct doneset *s, int64_t first, int64_t last, enum verdict verdict)
{
	if (first < s->next)
		first = s->next;
	while (first <= last) {
		size_t at = find(s, first);
		const struct doneset_range *r = at < s->count ? &s->list[at] : NULL;
		if (r && r->first <= first) {
			first = r->last + 1;
			continue;
		}
		int64_t end = r && r->first <= last ? r->first - 1 : last;
		insert(s, at, (struct doneset_range){first, end, verdict});
		first = end + 1;
	}
	advance(s);
}

void doneset_copy(struct doneset *to, const struct doneset *from)
{
	*to = *from;
	to->cap = from->count;
	to->list = mem_dup(from->list, from->count * sizeof(*from->list));
}

int64_t doneset_undone(const struct doneset *s, int64_t n)
{
	if (n < s->next)
		return s->next;
	for (size_t at = find(s, n); at < s->count && s->list[at].first <= n; at++)
		n = s->list[at].last + 1;
	return n;
}

int64_t doneset_ended(const struct doneset *s, int64_t n)
{
	size_t at = find(s, n);
	if (n < s->next)
		return n;
	if (at == s->count)
		return DONESET_MOST;
	return s->list[at].first > n ? s->list[at].first : n;
}

int64_t doneset_top(const struct doneset *s)
{
	return s->count ? s->list[s->count - 1].last : s->next - 1;
}

struct tally doneset_tally(const struct doneset *s)
{
	struct tally sum = s->below;
	for (size_t i = 0; i < s->count; i++)
		tally_add(&sum, s->list[i].verdict, s->list[i].last - s->list[i].first + 1);
	return sum;
}

/* --- as text: planes, one of all ranges, then one of the invalid records, then one of the skipped
 * ones, with DOT between them and empty ones left out at the end. Run lengths begin with RUNS: how
 * many are not in the plane from next on, how many are, and so forth, in groups of seven bits. A
 * bitmap has the lowest bit for next + 1. */

#define DOT    '.'
#define RUNS   '~'
#define PLANES 3

static const unsigned planes[PLANES] = {
    1u << VERDICT_DONE | 1u << VERDICT_INVALID | 1u << VERDICT_SKIPPED,
    1u << VERDICT_INVALID,
    1u << VERDICT_SKIPPED,
};

static const enum verdict plane_verdicts[PLANES] = {
    VERDICT_DONE, VERDICT_INVALID, VERDICT_SKIPPED};

/* The next range of the plane from number n on, up to limit; what touches is one. */
static bool next_run(const struct doneset *s, unsigned plane, size_t *at, int64_t limit,
    struct doneset_range *run)
{
	while (*at < s->count && !(plane & 1u << s->list[*at].verdict))
		++*at;
	if (*at == s->count || s->list[*at].first > limit)
		return false;
	*run = s->list[(*at)++];
	while (*at < s->count && plane & 1u << s->list[*at].verdict &&
	    s->list[*at].first == run->last + 1)
		run->last = s->list[(*at)++].last;
	if (run->last > limit)
		run->last = limit;
	return true;
}

static void put_varint(struct buf *out, int64_t n)
{
	for (; n >= 0x80; n >>= 7)
		buf_putc(out, (char)((n & 0x7f) | 0x80));
	buf_putc(out, (char)n);
}

static void put_runs(const struct doneset *s, unsigned plane, int64_t limit, struct buf *out)
{
	struct doneset_range run;
	int64_t n = s->next;
	for (size_t at = 0; next_run(s, plane, &at, limit, &run); n = run.last + 1) {
		put_varint(out, run.first - n);
		put_varint(out, run.last - run.first + 1);
	}
}

/* false: not all of it is within the window */
static bool put_bitmap(const struct doneset *s, unsigned plane, int64_t limit, struct buf *out)
{
	struct doneset_range run;
	unsigned char bits[DONESET_WINDOW / 8] = {0};
	size_t bytes = 0;
	for (size_t at = 0; next_run(s, plane, &at, limit, &run);) {
		if (run.last >= s->next + DONESET_WINDOW)
			return false;
		for (int64_t n = run.first - s->next - 1; n < run.last - s->next; n++)
			bits[n / 8] = (unsigned char)(bits[n / 8] | 1u << n % 8);
		bytes = (size_t)(run.last - s->next - 1) / 8 + 1;
	}
	buf_add(out, bits, bytes);
	return true;
}

static void put_base64(struct buf *out, const struct buf *bytes)
{
	base64_encode(out, buf_str(bytes));
	while (out->len && out->data[out->len - 1] == '=')
		out->data[--out->len] = '\0';
}

static void put_plane(const struct doneset *s, unsigned plane, int64_t limit, struct buf *out)
{
	struct buf runs = BUF_INIT, bitmap = BUF_INIT;
	put_runs(s, plane, limit, &runs);
	bool shorter = !put_bitmap(s, plane, limit, &bitmap) || runs.len < bitmap.len;
	if (shorter)
		buf_putc(out, RUNS);
	put_base64(out, shorter ? &runs : &bitmap);
	buf_release(&runs);
	buf_release(&bitmap);
}

static void put_planes(const struct doneset *s, int64_t limit, struct buf *out)
{
	size_t end = out->len;
	for (int i = 0; i < PLANES; i++) {
		size_t before = out->len;
		if (i)
			buf_putc(out, DOT);
		put_plane(s, planes[i], limit, out);
		if (out->len > before + (i > 0))
			end = out->len;
	}
	out->len = end;
}

void doneset_encode(const struct doneset *s, size_t most, struct buf *out)
{
	struct buf text = BUF_INIT;
	int64_t fits = s->next, over = doneset_top(s);
	put_planes(s, over, &text);
	if (text.len <= most)
		fits = over;
	while (over - fits > 1) {
		int64_t middle = fits + (over - fits) / 2;
		buf_clear(&text);
		put_planes(s, middle, &text);
		if (text.len > most)
			over = middle;
		else
			fits = middle;
	}
	buf_clear(&text);
	put_planes(s, fits, &text);
	buf_add_str(out, buf_str(&text));
	buf_release(&text);
}

static bool take_varint(struct str *bytes, int64_t *n)
{
	*n = 0;
	for (unsigned shift = 0; bytes->len && shift < 63; shift += 7) {
		unsigned char c = (unsigned char)*bytes->ptr++;
		bytes->len--;
		*n |= (int64_t)(c & 0x7f) << shift;
		if (c < 0x80)
			return true;
	}
	return false;
}

static bool take_runs(struct doneset *s, struct str bytes, enum verdict verdict)
{
	int64_t at = s->next, gap, length;
	while (bytes.len) {
		if (!take_varint(&bytes, &gap) || !take_varint(&bytes, &length) ||
		    gap > DONESET_MOST - at || length > DONESET_MOST - at - gap)
			return false;
		at += gap + length;
		doneset_add(s, at - length, at - 1, verdict);
	}
	return true;
}

static bool take_bitmap(struct doneset *s, struct str bytes, enum verdict verdict)
{
	int64_t base = s->next + 1, bits = (int64_t)bytes.len * 8;
	if (bits > 0 && bits > DONESET_MOST - base)
		return false;
	for (int64_t i = 0, first; i < bits; i++) {
		for (first = i; i < bits && (unsigned char)bytes.ptr[i / 8] & 1u << i % 8; i++)
			;
		if (i > first)
			doneset_add(s, base + first, base + i - 1, verdict);
	}
	return true;
}

static bool take_plane(struct doneset *s, struct str text, enum verdict verdict)
{
	bool runs = text.len && *text.ptr == RUNS;
	struct buf padded = BUF_INIT, bytes = BUF_INIT;
	buf_add(&padded, text.ptr + runs, text.len - runs);
	while (padded.len % 4)
		buf_putc(&padded, '=');
	bool good = base64_decode(&bytes, buf_str(&padded)) == 0 &&
	    (runs ? take_runs : take_bitmap)(s, buf_str(&bytes), verdict);
	buf_release(&padded);
	buf_release(&bytes);
	return good;
}

/* The plane of all comes last: what the others have keeps their verdict. */
static bool take_planes(struct doneset *s, struct str text)
{
	struct str parts[PLANES] = {STR(""), STR(""), STR("")};
	for (int i = 0; i < PLANES && text.ptr; i++)
		text = str_cut(text, DOT, &parts[i]);
	bool good = true;
	for (int i = PLANES - 1; i >= 0; i--)
		good = good && take_plane(s, parts[i], plane_verdicts[i]);
	return good;
}

int doneset_decode(struct doneset *s, struct str text, struct err *err)
{
	struct doneset new = {.next = s->next};
	struct buf again = BUF_INIT;
	bool good = take_planes(&new, text);
	if (good)
		doneset_encode(&new, SIZE_MAX, &again);
	good = good && new.next == s->next && str_eq(buf_str(&again), text);
	buf_release(&again);
	if (!good) {
		doneset_release(&new);
		return err_set(err, ST_FAIL, "a map of what is done makes no sense");
	}
	new.below = s->below;
	*s = new;
	return 0;
}

void doneset_release(struct doneset *s)
{
	free(s->list);
	*s = (struct doneset)DONESET_INIT;
}
