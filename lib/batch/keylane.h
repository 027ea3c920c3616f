/* keylane: divides the records of a partition by key, so that several commands can have them at
 * once and each key keeps its order: all of a key go to one lane, in which one chunk runs at a
 * time. */
#ifndef BATCH_KEYLANE_H
#define BATCH_KEYLANE_H

#include <stddef.h>

#include "base/str.h"

#define KEYLANE_PER_SLOT 8 /* lanes, so that few keys share one */

/* lengths: what waits in each of the lanes. A record without key has no order to keep: it goes
 * where least waits. */
size_t keylane_of(struct str key, const size_t *lengths, size_t lanes);

#endif
