#include "batch/skim.h"

#define STRIDE_MAX 512

void skim_start(struct skim *s, const struct extent *x)
{
	bool dense = x->last - x->first + 1 == x->count;
	*s = (struct skim){.stride = dense ? 1 : 0};
}

bool skim_knows(const struct skim *s, int64_t offset, int64_t *n)
{
	if (offset >= s->until)
		return false;
	*n = offset + s->shift;
	return true;
}

size_t skim_ahead(const struct skim *s)
{
	return s->stride;
}

void skim_learn(struct skim *s, int64_t offset, int64_t n, int64_t later_offset, int64_t later)
{
	if (later == 0 || later - n != later_offset - offset) {
		s->stride = s->stride > 1 ? s->stride / 2 : s->stride;
		return;
	}
	s->until = later_offset;
	s->shift = n - offset;
	if (s->stride < STRIDE_MAX)
		s->stride *= 2;
}
