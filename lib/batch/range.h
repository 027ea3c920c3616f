/* range: which part of a topic is meant, the argument of -o. It holds for each partition alike.
 *
 *	beginning  end  stored     from there on (stored: where the group stands)
 *	N                          from offset N on
 *	-N                         the last N records of each partition
 *	A:B                        offsets A up to, not including, B; either may be left out
 *	@TIME  @TIME:              records from that time on
 *	@FROM:TO  @:TO             from FROM up to, not including, TO
 *
 * TIME is as in base/date.h: 2026-11-21T10:00:00Z, 2026-11-21, seconds or milliseconds since 1970,
 * -1h, now, today, yesterday. */
#ifndef BATCH_RANGE_H
#define BATCH_RANGE_H

#include <stdint.h>

#include "base/date.h"
#include "base/err.h"

enum range_start {
	RANGE_BEGINNING,
	RANGE_END,
	RANGE_STORED,
	RANGE_OFFSET, /* from: an offset */
	RANGE_TAIL,   /* from: how many records before the end */
	RANGE_TIME,   /* from: milliseconds since 1970 */
};

enum range_stop {
	RANGE_STOP_NONE,
	RANGE_STOP_OFFSET, /* to: an offset, excluded */
	RANGE_STOP_TIME,   /* to: milliseconds since 1970, excluded */
};

struct range {
	enum range_start start;
	int64_t from;
	enum range_stop stop;
	int64_t to;
};

#define RANGE_INIT {0} /* from the beginning on */

/* ST_USAGE, and *range is left alone: not of these forms, or it ends before it starts. */
int range_parse(struct range *range, const char *text, const struct date_now *now, struct err *err);

#endif
