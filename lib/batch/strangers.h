/* strangers: senders of a batch that no manifest tells of: which of their numbers came, to drop what
 * was written twice and to name what is missing. Bounded: only so many senders are told apart. */
#ifndef BATCH_STRANGERS_H
#define BATCH_STRANGERS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

#define STRANGERS_MOST 256

struct stranger;

struct strangers {
	struct stranger *list; /* owned */
	size_t count, cap;
};

#define STRANGERS_INIT {0}

/* Number n of this sender came in this lane (a partition), of so many: is it new? Within a lane a sender's
 * numbers grow, so one that does not was there before. */
bool strangers_take(struct strangers *s, struct str sender, int64_t n, size_t lane, size_t lanes);

/* Appends "SENDER:17, 20-25; SENDER:3". expected: how many records there should be, which of a single
 * sender tells the last number, too; -1: not known. */
void strangers_missing(const struct strangers *s, int64_t expected, struct buf *out);

void strangers_release(struct strangers *s);

#endif
