/* deadline: how long a call may wait, passed down the stack as one absolute end. The clock comes in
 * as a function, because this layer reads none. A deadline also ends when `interrupted` says so
 * (a signal asked the tool to end), so no wait has to look at signals itself. */
#ifndef BASE_DEADLINE_H
#define BASE_DEADLINE_H

#include <stdbool.h>
#include <stdint.h>

struct deadline {
	int64_t end_ms; /* on the scale of now_ms; INT64_MAX: no end */
	int64_t (*now_ms)(void);
	bool (*interrupted)(void); /* may be NULL */
};

/* Milliseconds left, 0 when over or interrupted. */
int64_t deadline_left_ms(const struct deadline *d);

/* The smaller of what is left and slice_ms, as an int for poll-like calls. */
int deadline_slice_ms(const struct deadline *d, int slice_ms);

/* The same clock and interruption, but at most ms from now, and never after d. */
struct deadline deadline_within(const struct deadline *d, int64_t ms);

bool deadline_interrupted(const struct deadline *d);

#endif
