/* pace: how many records the next chunk should hold.
 *
 *	100         always as many
 *	5..20       from 5 to 20, beginning with 5
 *	5..20,10    the same, beginning with 10
 *
 * With a target time the size follows the measured rate: nine tenths of rate x target, at most half
 * as many more at a time, and not for less than a tenth. It begins by doubling until a chunk takes
 * half the target. Without a target it doubles as long as that makes the rate at least a twentieth
 * better, and the next chunk would not take longer than the longest time.
 *
 * Of what succeeds only full chunks count: in one that was cut short, by the end of a part or by
 * lingering, the command's start weighs more, and the rate looks worse than it is. What fails cuts:
 * to half of what it was when it was too large, to seven tenths when it is to be tried again, so
 * that chunks of one size that fail beside each other cut once; bad data and outages do not. After
 * a cut it does not grow for PACE_CALM full chunks. Pressure is load over its limit, or the limit
 * of free memory over the free memory, whichever is more: above 1 nothing grows, above PACE_TOO_MUCH
 * each chunk halves the size. */
#ifndef BATCH_PACE_H
#define BATCH_PACE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "batch/onexit.h"

#define PACE_MOST     10000000 /* records in a chunk */
#define PACE_CALM     10
#define PACE_TOO_MUCH 1.25

struct pace {
	int64_t min, max, size;
	int64_t target_us;  /* 0: none; the caller's to set, like the next */
	int64_t longest_us; /* when there is no target */

	bool starting;     /* it doubles; the rest is private */
	double rate;       /* records a second; 0: not known */
	double last_rate;  /* without a target: of the size before this one */
	int64_t last_size;
	int64_t samples;   /* rates in the mean */
	int64_t calm;      /* full chunks before it may grow */
	const char *why;
};

struct pace_run {
	int64_t records, took_us;
	bool full; /* as many as were asked for */
	enum onexit_action action;
	double pressure; /* 0: none */
};

/* ST_USAGE: not of these forms, or the bounds make no sense. */
int pace_parse(struct pace *p, const char *text, struct err *err);

/* Begins with a rate that was learned before; 0: none was. */
void pace_resume(struct pace *p, double rate);

/* Of each run of a whole chunk, not of those that isolate a record. */
void pace_ran(struct pace *p, const struct pace_run *run);

/* Appends the size and why: "30 records: rate x target, 16.7 records/s". */
void pace_text(const struct pace *p, struct buf *out);

#endif
