/* keylane: divides the records of a partition by key, so that several commands can have them at
 * once and each key keeps its order: all of a key go to one lane, in which one chunk runs at a
 * time. */
#ifndef BATCH_KEYLANE_H
#define BATCH_KEYLANE_H

#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

#define KEYLANE_PER_SLOT 8 /* lanes, so that few keys share one */

/* number: of the record. Without a key it has no order to keep, and each lane gets one in turn: who
 * reads them again must make the same chunks of them. */
size_t keylane_of(struct str key, int64_t number, size_t lanes);

#endif
