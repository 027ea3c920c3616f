/* agenda: which of the ready batches is to be worked on first.
 *
 * The order is that of ready time + priority x aging, lower first, so that a batch waits only for
 * those that were ready before it or at most (its priority - theirs) x aging after it: nobody
 * starves, and since all wait at the same rate the order never changes by itself. aging 0 is first
 * come, first served; AGENDA_STRICT goes by priority, and by time only among equals. What is equal
 * in all goes by name, so that every host has the same order.
 *
 * An item is the caller's, and is in one agenda at most. */
#ifndef BATCH_AGENDA_H
#define BATCH_AGENDA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/heap.h"
#include "base/str.h"

#define AGENDA_AGING_MS 6000 /* a point, unless told otherwise */
#define AGENDA_STRICT   (-1)

struct agenda_item {
	struct str name; /* the caller's to set, as the next two; not while it is in the agenda */
	int64_t ready_ms;
	int64_t priority;
	int64_t until_ms; /* private: the rest */
	struct heap *in;  /* NULL: not in the agenda */
	size_t at;
};

struct agenda {
	int64_t aging_ms;
	struct heap ready, waiting;
};

void agenda_init(struct agenda *a, int64_t aging_ms); /* *a must not move after that */

/* Not before until_ms; 0: at once. */
void agenda_add(struct agenda *a, struct agenda_item *item, int64_t until_ms);
void agenda_remove(struct agenda_item *item); /* nothing, if it is in none */

/* Of any two, in an agenda or not. */
bool agenda_is_before(const struct agenda *agenda, const struct agenda_item *a, const struct agenda_item *b);

struct agenda_item *agenda_first(struct agenda *a, int64_t now_ms); /* NULL: none; it stays in */
bool agenda_is_waiting(const struct agenda_item *item, int64_t now_ms); /* for its time to come */
int64_t agenda_wake_ms(const struct agenda *a); /* the next one is due; INT64_MAX: none waits */

const char *agenda_class(int64_t priority); /* "high" up to 10, "medium" up to 50, or "low" */

void agenda_release(struct agenda *a);

#endif
