/* slots: how many commands run at once, -j N or -j MIN..MAX. One more when all were busy for
 * SLOTS_CALM_MS, but for moments between two commands, and there was no pressure (batch/pace.h); half
 * as many when the pressure is above its limit, and not again before as long has passed, for that
 * takes time to show. Only slots_are_low() hands the pressure on to the pace, so that the two do not
 * answer it at once. */
#ifndef BATCH_SLOTS_H
#define BATCH_SLOTS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"

#define SLOTS_MOST    1024
#define SLOTS_CALM_MS 10000
#define SLOTS_BUSY    0.9 /* from this share of the time on */

struct slots {
	int64_t min, max, now;
	int64_t busy_ms; /* private: since when all are busy; -1: they are not */
	int64_t cut_ms;  /* when they became fewer */
};

/* ST_USAGE: not of these forms. Begins with MIN. */
int slots_parse(struct slots *s, const char *text, struct err *err);

/* Now and then, at least once a second; busy: since the last time they all were for this share of the time. */
void slots_look(struct slots *s, double busy, double pressure, int64_t now_ms);

bool slots_are_low(const struct slots *s); /* they cannot become fewer */

#endif
