/* lanes: which of several topics the next chunk is taken from: TOPIC[:WEIGHT],...
 *
 * Shares are by records, as the weights are (deficit round robin): of the lanes that have records
 * each gets its weight's part, whatever the size of its chunks. A lane without records saves
 * nothing up. With `strict` the first in the list that has records is taken, but each of the others
 * gets one of LANES_FLOOR chunks, when there are fewer lanes than that. */
#ifndef BATCH_LANES_H
#define BATCH_LANES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define LANES_FLOOR  16
#define LANES_WEIGHT 1000 /* at most */

struct lane {
	char *topic; /* owned */
	int64_t weight;
	bool ready; /* the caller's to set: it has records */
	int64_t credit; /* private: records it may still take in this round */
	int64_t waited; /* chunks that others took while it was ready */
};

struct lanes {
	struct lane *list; /* owned */
	size_t count, cap;
	bool strict;     /* the caller's to set */
	size_t at;       /* private */
	int64_t largest; /* chunk, in records */
};

#define LANES_INIT {0}

/* Into an empty one. ST_USAGE: not of this form, not a topic's name, or named twice. */
int lanes_parse(struct lanes *l, const char *text, struct err *err);

/* NULL: none is ready. The same again until lanes_took(). */
struct lane *lanes_choose(struct lanes *l);
void lanes_took(struct lanes *l, struct lane *lane, int64_t records);

void lanes_release(struct lanes *l);

#endif
