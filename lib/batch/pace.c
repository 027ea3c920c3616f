#include "batch/pace.h"

#include "base/num.h"
#include "base/str.h"

#define ALPHA     0.3 /* weight of a new rate */
#define OF_TARGET 0.9
#define SAMPLES   2   /* full chunks of a size, to compare its rate */
#define GAIN      1.05

static int parse_bounds(struct pace *p, struct str text, struct err *err)
{
	struct str low, high = str_cut(text, '.', &low);
	if (!high.ptr) {
		if (num_i64_str(low, 1, PACE_MOST, &p->min, err))
			return -1;
		p->max = p->min;
		return 0;
	}
	if (!str_has_prefix(high, "."))
		return err_set(err, ST_USAGE, "not N, MIN..MAX or MIN..MAX,FIRST");
	high.ptr++;
	high.len--;
	if (num_i64_str(low, 1, PACE_MOST, &p->min, err))
		return -1;
	return num_i64_str(high, p->min, PACE_MOST, &p->max, err);
}

int pace_parse(struct pace *p, const char *text, struct err *err)
{
	struct pace new = {.starting = true, .why = "the first size"};
	struct str bounds, first = str_cut(str_of(text), ',', &bounds);
	if (parse_bounds(&new, bounds, err))
		return err_wrap(err, "chunk size '%s'", text);
	new.size = new.min;
	if (first.ptr && num_i64_str(first, new.min, new.max, &new.size, err))
		return err_wrap(err, "chunk size '%s'", text);
	if (new.min == new.max)
		new.why = "the size given";
	*p = new;
	return 0;
}

static void set_size(struct pace *p, double size, const char *why)
{
	p->size = size < (double)p->min ? p->min : size > (double)p->max ? p->max : (int64_t)size;
	p->why = why;
}

void pace_resume(struct pace *p, double rate)
{
	if (rate <= 0 || !p->target_us)
		return;
	p->rate = rate;
	p->starting = false;
	set_size(p, OF_TARGET * rate * (double)p->target_us / 1e6, "rate x target, learned before");
}

static void learn(struct pace *p, const struct pace_run *run)
{
	double took_us = run->took_us > 0 ? (double)run->took_us : 1;
	double rate = (double)run->records * 1e6 / took_us;
	double share = 1.0 / (double)++p->samples;
	p->rate += (share > ALPHA ? share : ALPHA) * (rate - p->rate);
}

static void cut(struct pace *p, double size, const char *why)
{
	set_size(p, size, why);
	p->calm = PACE_CALM;
	p->samples = 0;
	p->last_rate = 0;
	p->starting = !p->target_us;
}

static void follow_target(struct pace *p, const struct pace_run *run, bool may_grow)
{
	double size = (double)p->size, want = OF_TARGET * p->rate * (double)p->target_us / 1e6;
	if (p->starting && run->took_us < p->target_us / 2) {
		if (may_grow)
			set_size(p, 2 * size, "doubled: less than half the target");
		p->samples = 0;
		return;
	}
	p->starting = false;
	if (want > 1.5 * size)
		want = 1.5 * size;
	if (want < 0.9 * size)
		set_size(p, want > size / 2 ? want : size / 2, "rate x target");
	else if (want > 1.1 * size && may_grow)
		set_size(p, want + 0.5, "rate x target");
}

/* It may have been made before the last cut, and tells of its own size. */
static void cut_after(struct pace *p, const struct pace_run *run, double share, const char *why)
{
	double size = share * (double)(run->records > p->size ? run->records : p->size);
	if (size < (double)p->size)
		cut(p, size, why);
	else
		p->calm = PACE_CALM;
}

/* Looks for the knee: where twice the size hardly makes a better rate. */
static void follow_rate(struct pace *p, const struct pace_run *run, bool may_grow)
{
	if (run->took_us > p->longest_us) {
		cut_after(p, run, 0.5, "halved: over the longest time");
	} else if (p->starting && p->samples >= SAMPLES && p->rate < GAIN * p->last_rate) {
		p->starting = false;
		set_size(p, (double)p->last_size, "as before: more are hardly faster");
	} else if (p->starting && p->samples >= SAMPLES && may_grow &&
	    2 * run->took_us <= p->longest_us && p->size < p->max) {
		p->last_rate = p->rate;
		p->last_size = p->size;
		p->samples = 0;
		set_size(p, 2 * (double)p->size, "doubled: that may be faster");
	}
}

static void take_success(struct pace *p, const struct pace_run *run)
{
	bool may_grow = p->calm == 0 && run->pressure <= 1;
	if (!run->full || run->records < p->size)
		return;
	learn(p, run);
	if (p->calm > 0)
		p->calm--;
	if (p->target_us)
		follow_target(p, run, may_grow);
	else
		follow_rate(p, run, may_grow);
}

void pace_ran(struct pace *p, const struct pace_run *run)
{
	if (p->min == p->max)
		return;
	if (run->pressure > PACE_TOO_MUCH)
		cut(p, (double)p->size * 0.5, "halved: load or memory is far over its limit");
	else if (run->action == ONEXIT_HALVE)
		cut_after(p, run, 0.5, "halved: out of memory or time");
	else if (run->action == ONEXIT_RETRY || run->action == ONEXIT_CRASH)
		cut_after(p, run, 0.7, "seven tenths: it failed");
	else if (run->action == ONEXIT_DONE)
		take_success(p, run);
}

void pace_text(const struct pace *p, struct buf *out)
{
	buf_printf(out, "%lld records: %s", (long long)p->size, p->why);
	if (p->rate > 0)
		buf_printf(out, ", %.1f records/s", p->rate);
}
