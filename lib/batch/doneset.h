/* doneset: what became of the records of a part, in whatever order they end. `next` is the lowest
 * that is undone; of those above it the ended ones are kept as ranges. A number is a record's place
 * among its batch's in a partition, or an offset, of which those that hold no record are added as
 * done.
 *
 * As text, for the metadata of an offset, it is short and ASCII: the smaller of a bitmap and of run
 * lengths, in base64 without padding. One that holds nothing above next + DONESET_WINDOW - 1, all
 * of it done, takes DONESET_TEXT characters at most: so begin no record beyond the window. A text
 * is only as good as the check sum of the checkpoint around it. */
#ifndef BATCH_DONESET_H
#define BATCH_DONESET_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "batch/verdict.h"

#define DONESET_WINDOW 16384
#define DONESET_TEXT   2731
#define DONESET_MOST   (INT64_C(1) << 62) /* no number is higher */

struct doneset_range {
	int64_t first, last;
	enum verdict verdict;
};

struct doneset {
	int64_t next;
	struct tally below;         /* of the records below next, as far as it was told */
	struct doneset_range *list; /* owned; above next, ascending */
	size_t count, cap;
};

#define DONESET_INIT {0}

/* What has a verdict keeps it. */
void doneset_add(struct doneset *s, int64_t first, int64_t last, enum verdict verdict);

/* to is a new one. */
void doneset_copy(struct doneset *to, const struct doneset *from);

int64_t doneset_undone(const struct doneset *s, int64_t n);     /* the first undone one from n on */
int64_t doneset_ended(const struct doneset *s, int64_t n);      /* the first ended one; or DONESET_MOST */
int64_t doneset_top(const struct doneset *s);                   /* all above are undone */
struct tally doneset_tally(const struct doneset *s);            /* below and above next */

/* Appends what is above next, in at most `most` characters: what has no room counts as undone
 * again, the highest first. Nothing when there is nothing. */
void doneset_encode(const struct doneset *s, size_t most, struct buf *out);

/* Into one that has only its next and below. ST_FAIL, and it stays so: encode makes no such
 * text. */
int doneset_decode(struct doneset *s, struct str text, struct err *err);

void doneset_release(struct doneset *s);

#endif
