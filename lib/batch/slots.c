#include "batch/slots.h"

#include "base/num.h"
#include "base/str.h"

int slots_parse(struct slots *s, const char *text, struct err *err)
{
	struct slots new = {.busy_ms = -1, .cut_ms = -SLOTS_CALM_MS};
	struct str low, high = str_cut(str_of(text), '.', &low);
	if (num_i64_str(low, 1, SLOTS_MOST, &new.min, err))
		return -1;
	new.max = new.min;
	if (high.ptr && !str_has_prefix(high, "."))
		return err_set(err, ST_USAGE, "'%s' is not N or MIN..MAX", text);
	if (high.ptr && num_i64_str((struct str){high.ptr + 1, high.len - 1}, new.min, SLOTS_MOST,
	    &new.max, err))
		return -1;
	new.now = new.min;
	*s = new;
	return 0;
}

static void relieve(struct slots *s, int64_t now_ms)
{
	s->busy_ms = -1;
	if (now_ms - s->cut_ms < SLOTS_CALM_MS)
		return;
	s->now = s->now / 2 > s->min ? s->now / 2 : s->min;
	s->cut_ms = now_ms;
}

void slots_look(struct slots *s, double busy, double pressure, int64_t now_ms)
{
	if (pressure > 1) {
		relieve(s, now_ms);
	} else if (busy < SLOTS_BUSY) {
		s->busy_ms = -1;
	} else if (s->busy_ms < 0) {
		s->busy_ms = now_ms;
	} else if (now_ms - s->busy_ms >= SLOTS_CALM_MS && s->now < s->max) {
		s->now++;
		s->busy_ms = now_ms;
	}
}

bool slots_are_low(const struct slots *s)
{
	return s->now == s->min;
}
