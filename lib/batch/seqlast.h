/* seqlast: of each sender of a batch the number that came last in one partition. A sender's numbers grow there, so
 * one that does not was there before. */
#ifndef BATCH_SEQLAST_H
#define BATCH_SEQLAST_H

#include <stdint.h>

#include "base/map.h"

struct seqlast {
	struct map senders; /* id -> int64_t, owned */
};

void seqlast_init(struct seqlast *s, uint64_t seed); /* random: ids are strangers' */
int64_t *seqlast_of(const struct seqlast *s, struct str sender); /* NULL: it is not known */
int64_t *seqlast_add(struct seqlast *s, struct str sender);      /* 0 for one that was not known */
void seqlast_release(struct seqlast *s);

#endif
