/* proof: is what was read of a batch what was sent? The books of one reading of a batch, whoever reads.
 *
 *	proof_init, proof_take(document)
 *	each record: is it one of the batch (proof_wants, or proof_is_of when read sender by sender)?
 *	             then proof_add; otherwise it counts as passed over or as a duplicate
 *	sender by sender: proof_end_sender with the merge that ordered its records
 *	proof_verify: the count, the numbers that are missing, the digest
 *
 * With a manifest all three must be right; with an announced number of records only the first; without
 * either nothing can be said, and nothing is. */
#ifndef BATCH_PROOF_H
#define BATCH_PROOF_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/digest.h"
#include "base/err.h"
#include "batch/batch.h"
#include "batch/manifest.h"
#include "batch/merge.h"
#include "batch/record.h"
#include "batch/strangers.h"

struct proof {
	char *id;                 /* owned: the batch's */
	size_t id_len;
	struct manifest manifest;
	bool has_manifest;
	int64_t expected;         /* records announced; -1: not said */

	int64_t records, bytes;   /* added: keys and values */
	int64_t duplicates;       /* written twice by a retry, dropped */
	int64_t passed;           /* records of others that lay between */
	struct digest digest;     /* of those added */

	int64_t missing;          /* found when senders ended */
	struct buf missing_text;
	struct strangers strangers;
};

/* The batch's id is copied. */
void proof_init(struct proof *p, struct str id);

/* What the batch's document announces; again when a later document of it says more. ST_FAIL: a manifest
 * that makes no sense, or contradicts itself or the document. */
int proof_take(struct proof *p, const struct batch *b, struct err *err);

/* Is this record, which came in this lane of so many, one of the batch that was not there before? No: it
 * is counted as passed over or as a duplicate. */
bool proof_wants(struct proof *p, const struct record *r, size_t lane, size_t lanes);

/* The same of number n of the manifest's only sender. */
bool proof_wants_number(struct proof *p, int64_t n, size_t lane, size_t lanes);

/* Is it of the manifest's sender, and which number? */
bool proof_is_of(const struct proof *p, size_t sender, const struct record *r, int64_t *n);

void proof_add(struct proof *p, const struct record *r);

/* The sender's records were all read; what m missed of them is missing. */
void proof_end_sender(struct proof *p, size_t sender, struct merge *m);

/* ST_FAIL says what is missing, too much or different. */
int proof_verify(const struct proof *p, struct err *err);

/* The offset behind the last record in this partition, as the manifest says; 0: none. */
int64_t proof_end(const struct proof *p, int32_t partition);

/* A sender by whose framing all records are to be written; NULL: there is none, or they differ. */
const struct sender *proof_framing(const struct proof *p);

void proof_release(struct proof *p);

#endif
