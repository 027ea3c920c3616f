/* Sequence numbers as strangers write them in batchSeq, spread over lanes: the first byte says how many
 * lanes, then each line is a lane and a number. What is given out grows, and all is accounted for. */
#include "fuzz.h"

#include "base/buf.h"
#include "batch/merge.h"
#include "batch/seq.h"
#include "batch/seqset.h"
#include "batch/strangers.h"

#define LANES 8
#define MOST  256

struct lane {
	int64_t numbers[MOST];
	size_t count, told;
};

struct lanes {
	struct lane lane[LANES];
	size_t count, total;
};

/* "A:17": the first letter of the sender chooses the lane. */
static void read_lanes(struct str rest, struct lanes *l)
{
	l->count = rest.len ? 1 + (size_t)(unsigned char)rest.ptr[0] % LANES : 1;
	while (rest.len && l->total < MOST) {
		struct str sender;
		int64_t n;
		if (!seq_parse(fuzz_cut(&rest, '\n'), &sender, &n))
			continue;
		struct lane *lane = &l->lane[(unsigned char)sender.ptr[0] % l->count];
		lane->numbers[lane->count++] = n;
		l->total++;
	}
}

static void tell(struct merge *m, struct lanes *l, size_t lane)
{
	struct lane *of = &l->lane[lane];
	if (of->told < of->count)
		merge_head(m, lane, of->numbers[of->told++]);
	else
		merge_finish(m, lane);
}

static void check_merge(struct lanes *l)
{
	struct merge m = MERGE_INIT;
	struct buf text = BUF_INIT;
	size_t lane = 0;
	int64_t last = 0, given = 0;
	enum merge_step step;
	merge_start(&m, l->count);
	while ((step = merge_next(&m, &lane)) != MERGE_END) {
		assert(lane < l->count);
		if (step == MERGE_TAKE) {
			assert(m.last > last && ++given == m.taken);
			last = m.last;
		}
		if (step == MERGE_WAIT)
			tell(&m, l, lane);
	}
	assert(m.taken + m.duplicates == (int64_t)l->total);
	assert(m.missing >= 0 && m.taken + m.missing == m.last);
	merge_expect(&m, INT64_MAX);
	assert(m.last == INT64_MAX && m.taken + m.missing == INT64_MAX);
	merge_missing_text(&m, &text);
	assert((m.missing > 0) == (text.len > 0));
	buf_release(&text);
	merge_release(&m);
}

static bool is_there(const struct lanes *l, int64_t n)
{
	for (size_t i = 0; i < l->count; i++)
		for (size_t k = 0; k < l->lane[i].count; k++)
			if (l->lane[i].numbers[k] == n)
				return true;
	return false;
}

static void check_seqset(const struct lanes *l)
{
	struct seqset s = SEQSET_INIT;
	struct buf text = BUF_INIT;
	for (size_t i = 0; i < l->count; i++)
		for (size_t k = 0; k < l->lane[i].count; k++)
			seqset_add(&s, l->lane[i].numbers[k]);
	for (size_t i = 0; i < s.count; i++) {
		assert(is_there(l, s.list[i].first) && is_there(l, s.list[i].last));
		assert(s.list[i].first <= s.list[i].last);
		assert(i == 0 || s.list[i].first - 1 > s.list[i - 1].last);
	}
	for (int64_t total = 1; total < 16; total++) {
		bool whole = true;
		for (int64_t n = 1; n <= total; n++)
			whole = whole && is_there(l, n);
		buf_clear(&text);
		seqset_missing(&s, total, 3, &text);
		assert(whole == (text.len == 0));
	}
	seqset_missing(&s, INT64_MAX, 1000, &text);
	buf_release(&text);
	seqset_release(&s);
}

static void check_strangers(const struct lanes *l)
{
	struct strangers s = STRANGERS_INIT;
	struct buf text = BUF_INIT;
	for (size_t i = 0; i < l->count; i++) {
		int64_t last = 0;
		for (size_t k = 0; k < l->lane[i].count; k++) {
			int64_t n = l->lane[i].numbers[k];
			assert(strangers_take(&s, STR("a"), n, i, l->count) == (n > last));
			last = n > last ? n : last;
		}
	}
	strangers_missing(&s, INT64_MAX, &text);
	strangers_missing(&s, -1, &text);
	buf_release(&text);
	strangers_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct lanes l;
	l = (struct lanes){0};
	read_lanes(fuzz_input(data, size), &l);
	check_seqset(&l);
	check_strangers(&l);
	check_merge(&l);
	return 0;
}
