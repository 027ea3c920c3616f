/* progress: how far a long run is: records, rate, and of known input the share and the time left.
 *
 * On a terminal one line that is redrawn a few times a second, and on SIGUSR1 the same as a
 * message, terminal or not. progress_tick in the main loop (it reads a clock: not for each
 * record), progress_end before anything final is reported. */
#ifndef TOOL_PROGRESS_H
#define TOOL_PROGRESS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"

struct progress {
	const char *what; /* "sent", borrowed */
	int64_t start_ms, next_ms;
};

struct progress_at {
	int64_t records;
	int64_t bytes;
	int64_t bytes_total; /* -1: unknown */
};

void progress_init(struct progress *p, const char *what);
void progress_tick(struct progress *p, const struct progress_at *at);
void progress_end(void);

/* The facts as text: "sent 1200000 records, 228.0 MB, 190.0 MB/s, 45 %, 2 s left". */
void progress_text(const char *what, const struct progress_at *at, int64_t elapsed_ms,
    struct buf *out);

#endif
