#include "batch/range.h"

#include <stdbool.h>

#include "base/date.h"
#include "base/num.h"
#include "base/str.h"

static const char *const words[] = {
    [RANGE_BEGINNING] = "beginning",
    [RANGE_END] = "end",
    [RANGE_STORED] = "stored",
};

static bool read_word(struct str text, struct range *range)
{
	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++) {
		if (!str_is(text, words[i]))
			continue;
		range->start = (enum range_start)i;
		return true;
	}
	return false;
}

/* Whether it is one is the question here; what a failure says is range_parse's. */
static bool read_number(struct str text, int64_t *n)
{
	struct err why = ERR_INIT;
	int r = num_i64_str(text, 0, INT64_MAX, n, &why);
	err_clear(&why);
	return r == 0;
}

static bool read_time(struct str text, const struct date_now *now, int64_t *ms)
{
	struct err why = ERR_INIT;
	int r = date_parse_rel(text, now, ms, &why);
	err_clear(&why);
	return r == 0;
}

static bool read_tail(struct str text, struct range *range)
{
	range->start = RANGE_TAIL;
	return read_number((struct str){text.ptr + 1, text.len - 1}, &range->from);
}

static bool read_offsets(struct str text, struct range *range)
{
	struct str from, to = str_cut(text, ':', &from);
	range->start = from.len ? RANGE_OFFSET : RANGE_BEGINNING;
	range->stop = to.len ? RANGE_STOP_OFFSET : RANGE_STOP_NONE;
	return (from.len || to.len) && (from.len == 0 || read_number(from, &range->from)) &&
	       (to.len == 0 || read_number(to, &range->to));
}

static bool read_sides(struct str from, struct str to, const struct date_now *now, struct range *range)
{
	range->start = from.len ? RANGE_TIME : RANGE_BEGINNING;
	range->stop = to.len ? RANGE_STOP_TIME : RANGE_STOP_NONE;
	return (from.len || to.len) && (from.len == 0 || read_time(from, now, &range->from)) &&
	       (to.len == 0 || read_time(to, now, &range->to));
}

/* Times hold colons themselves: the one that cuts is the one with a time on both sides. */
static bool read_times(struct str text, const struct date_now *now, struct range *range)
{
	range->start = RANGE_TIME;
	if (read_time(text, now, &range->from))
		return true;
	for (size_t i = 0; i < text.len; i++) {
		struct str from = {text.ptr, i}, to = {text.ptr + i + 1, text.len - i - 1};
		if (text.ptr[i] == ':' && read_sides(from, to, now, range))
			return true;
	}
	return false;
}

static bool read_range(struct str text, const struct date_now *now, struct range *range)
{
	if (text.len == 0)
		return false;
	if (text.ptr[0] == '@')
		return read_times((struct str){text.ptr + 1, text.len - 1}, now, range);
	if (text.ptr[0] == '-')
		return read_tail(text, range);
	return read_word(text, range) || read_offsets(text, range);
}

/* Is a time in it that only lacks its zone? The rest of the text is as good as gone, then: its colons may cut. */
static bool lacks_zone(struct str text)
{
	if (text.len == 0 || text.ptr[0] != '@')
		return false;
	struct str times = {text.ptr + 1, text.len - 1};
	bool lacks = date_lacks_zone(times);
	for (size_t i = 0; i < times.len && !lacks; i++)
		lacks = times.ptr[i] == ':' &&
		    (date_lacks_zone((struct str){times.ptr, i}) ||
			date_lacks_zone((struct str){times.ptr + i + 1, times.len - i - 1}));
	return lacks;
}

int range_parse(struct range *range, const char *text, const struct date_now *now, struct err *err)
{
	struct range r = RANGE_INIT;
	bool good = read_range(str_of(text), now, &r);
	if (!good && lacks_zone(str_of(text)))
		return err_set(err, ST_USAGE, "'%s': a time has no zone: add Z or +HH:MM, or say --local", text);
	if (!good)
		return err_set(err, ST_USAGE,
		    "'%s' is no range: beginning, end, stored, N, -N (the last N), A:B (offsets, B "
		    "excluded), @TIME or @FROM:TO (TIME: 2026-11-21T10:00:00Z, 2026-11-21, seconds "
		    "or milliseconds since 1970, -1h, today)",
		    text);
	bool both = (r.start == RANGE_OFFSET || r.start == RANGE_TIME) && r.stop != RANGE_STOP_NONE;
	if (both && r.from > r.to)
		return err_set(err, ST_USAGE, "range '%s' ends before it starts", text);
	*range = r;
	return 0;
}
