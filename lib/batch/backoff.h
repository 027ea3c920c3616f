/* backoff: how long to wait before a run is tried again.
 *
 *	5,15,30         5 s before the first retry, 15 before the second, 30 before every later one
 *	1s*2..5m        1 s, then twice as long each time, 5 minutes at most
 *
 * A list is exact. With a factor a tenth of the delay is drawn, unless backoff_set_jitter() says
 * otherwise, so that workers that failed together don't come back together. */
#ifndef BATCH_BACKOFF_H
#define BATCH_BACKOFF_H

#include <stdint.h>

#include "base/err.h"

#define BACKOFF_MOST 32 /* delays in a list */

struct backoff {
	int64_t list_ms[BACKOFF_MOST]; /* one, when there is a factor */
	int count;
	int64_t factor, cap_ms; /* factor 0: a list */
	double jitter;          /* 0: exact; 1: anything from 0 to the delay */
};

/* ST_USAGE, and *b is left alone: not of these forms. */
int backoff_parse(struct backoff *b, const char *text, struct err *err);

/* A number from 0 to 1 as "0.25". ST_USAGE. */
int backoff_set_jitter(struct backoff *b, const char *text, struct err *err);

/* The delay before retry 1, 2 ...; random: any number, each as likely as the other. */
int64_t backoff_delay_ms(const struct backoff *b, int64_t retry, uint32_t random);

#endif
