#include "batch/rate.h"

static void take_step(struct rate *r, int64_t step, int64_t took_ms)
{
	double now = (double)step / (double)took_ms;
	double weight = r->step ? (double)took_ms / (double)(took_ms + RATE_MS) : 1;
	r->per_ms += (now - r->per_ms) * weight;
	r->step = step;
}

int64_t rate_look(struct rate *r, int64_t count, int64_t now_ms)
{
	int64_t since_ms = now_ms - r->ms;
	if (!r->begun || count < r->count) {
		*r = (struct rate){.begun = true, .count = count, .ms = now_ms};
		return -1;
	}
	if (count > r->count && since_ms > 0) {
		take_step(r, count - r->count, since_ms);
		r->count = count;
		r->ms = now_ms;
		since_ms = 0;
	}
	if (!r->step)
		return -1;
	double most = since_ms > 0 ? (double)r->step / (double)since_ms : r->per_ms;
	return (int64_t)((most < r->per_ms ? most : r->per_ms) * 1000 * 1000 + 0.5);
}
