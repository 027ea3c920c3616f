/* rate: how fast a count has grown of late.
 *
 * It is looked at now and then, and grows by steps, a chunk at a time: a step counts with the time since the one
 * before it, and the mean forgets what is older than some RATE_MS. While nothing comes the rate is at most what it
 * would be if another step like the last one came now. */
#ifndef BATCH_RATE_H
#define BATCH_RATE_H

#include <stdbool.h>
#include <stdint.h>

#define RATE_MS 10000

struct rate { /* private; {0}: nothing was seen */
	bool begun;
	int64_t count, ms; /* at the last step */
	int64_t step;      /* its size; 0: there was none */
	double per_ms;
};

/* In 1000 s; -1: not known yet. A count that is lower than before begins anew. */
int64_t rate_look(struct rate *r, int64_t count, int64_t now_ms);

#endif
