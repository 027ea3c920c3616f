/* clock: the only reader of clocks and of randomness. Everything below takes times and random
 * bytes as arguments. Waiting is measured on the monotonic clock, which no administrator sets
 * back; the wall clock is for stamps only. */
#ifndef TOOL_CLOCK_H
#define TOOL_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/date.h"
#include "base/deadline.h"

int64_t clock_mono_ms(void);
int64_t clock_wall_ms(void); /* since 1970 UTC */

/* For texts of times (base/date.h). local: times without a zone are of this machine's, or TZ's. */
struct date_now clock_now(bool local);

/* Fills n bytes from the kernel's generator. Aborts when there is none: ids would collide. */
void clock_random(void *p, size_t n);

/* A deadline budget_ms from now, that the first signal ends too. Negative or INT64_MAX: no end. */
struct deadline deadline_start(int64_t budget_ms);

#endif
