/* stray: a record that lies beside the ranges where batches have their records. Does it belong to one
 * nevertheless? Its first batchId header says to which; what became of that batch says the rest. */
#ifndef BATCH_STRAY_H
#define BATCH_STRAY_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "batch/batch.h"
#include "batch/manifest.h"
#include "batch/record.h"
#include "batch/verdict.h"

/* What is known of a batch. */
struct stray_batch {
	enum batch_status status; /* BATCH_NONE: there is no such batch */
	int64_t since_ms;         /* when it came to this status */
	bool manifested;          /* is it said which records are its own? */
	struct manifest manifest; /* owned */
	bool ranged;              /* without one: did a worker say where it found the records? */
	struct extents ranges;    /* owned; there, and nowhere else */
};

/* From its document, which is not read when the status is BATCH_NONE. A manifest that makes no sense, or
 * contradicts itself, says nothing. When the document names another topic for its records than this one, none here
 * is its own. */
void stray_batch_init(struct stray_batch *b, enum batch_status status, int64_t since_ms, struct str doc,
    struct str topic);
void stray_batch_release(struct stray_batch *b);

/* The batch that it names; empty: none. Borrows from r. */
struct str stray_id(const struct record *r);

enum stray {
	STRAY_NONE,    /* it belongs to its batch, whose part deals with it or did */
	STRAY_NO_ID,
	STRAY_UNKNOWN, /* there is no such batch */
	STRAY_LATE,    /* its batch was completed without it */
	STRAY_GIVEN_UP, /* its batch was terminated, or failed */
};

#define STRAY_KINDS 5

/* b: what is known of the batch with its stray_id; not looked at when that is empty. */
enum stray stray_judge(const struct stray_batch *b, const struct record *r);

enum verdict stray_verdict(enum stray kind); /* what belongs to a batch is done here */

/* Why it is invalid, in words. Appended; some hundred bytes at most, whatever the record holds. */
void stray_reason(enum stray kind, const struct record *r, struct buf *out);

#endif
