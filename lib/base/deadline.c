#include "base/deadline.h"

bool deadline_interrupted(const struct deadline *d)
{
	return d->interrupted && d->interrupted();
}

int64_t deadline_left_ms(const struct deadline *d)
{
	if (deadline_interrupted(d))
		return 0;
	if (d->end_ms == INT64_MAX)
		return INT64_MAX;
	int64_t left_ms = d->end_ms - d->now_ms();
	return left_ms > 0 ? left_ms : 0;
}

int deadline_slice_ms(const struct deadline *d, int slice_ms)
{
	int64_t left_ms = deadline_left_ms(d);
	return left_ms < slice_ms ? (int)left_ms : slice_ms;
}

struct deadline deadline_within(const struct deadline *d, int64_t ms)
{
	struct deadline sub = *d;
	int64_t end_ms;
	if (!__builtin_add_overflow(d->now_ms(), ms, &end_ms) && end_ms < sub.end_ms)
		sub.end_ms = end_ms;
	return sub;
}
