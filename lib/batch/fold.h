/* fold: what a batch is now, from its events in the order of the log.
 *
 * A change of status counts if its transition is legal and its version is the folded one + 1; an event
 * of a writer that knows no versions counts if it is legal. An event that is not in its batch's home
 * partition counts only for a batch that began with such a writer's. Any other is ignored, by every reader
 * alike: so of two writers who saw the same version the first in the log wins, without a lock.
 *
 * Other software takes the last message of a batch for the truth, without a fold. An event that does not count, or
 * whose document has a status that is not the batch's any more, leaves the batch unsettled: whoever writes events
 * and sees that appends the document as it stands (EVENT_STANDING). That changes nothing for any reader. It settles
 * the batch if it has the status and the version that the batch has at that place of the log; written too late it
 * does not, and whoever wrote it sees so and writes another one. So each of them answers an event of another kind,
 * and never just one of its own kind that says the truth: writers cannot go on answering each other.
 *
 * Retention may have deleted a batch's first events. For a reader of all that the log holds of the batch the first
 * event that is left begins it, since its document is whole. */
#ifndef BATCH_FOLD_H
#define BATCH_FOLD_H

#include "batch/batch.h"
#include "batch/event.h"

enum fold_verdict {
	FOLD_COUNTED,
	FOLD_PROGRESS, /* counted, and the status is as before */
	FOLD_OVERTAKEN, /* its version was not the next one */
	FOLD_ILLEGAL,   /* its transition is not allowed from here */
	FOLD_ELSEWHERE, /* it is of a batch of ours, and not in its home partition */
	FOLD_STANDING,  /* it says how the batch stands, and changes nothing */
};

struct fold {
	enum batch_status status; /* BATCH_NONE: no event counted yet */
	int64_t version;
	bool unsettled;      /* the last event of the batch does not say how it stands */
	bool adopts;         /* set by readers of all that the log holds of the batch */
	bool headless;       /* its first event that counted is not its beginning, which is gone */
	bool foreign;        /* its first event came from a writer that knows no versions */
	struct buf doc;      /* of the last status event that counted */
	struct buf progress; /* of the last progress event; empty: none */
	bool progress_is_newer; /* than doc */
	int32_t partition;   /* of the last status event that counted, with offset and ts_ms */
	int64_t offset, ts_ms;
	int64_t created_ms; /* time of the first event that counted; headless: 0 */
	int64_t ignored; /* events that did not count */
};

#define FOLD_INIT {.partition = -1, .offset = -1}

enum fold_verdict fold_event(struct fold *f, const struct event *e);

/* The batch as a document: the last status event's, with the folded version and the last progress. */
int fold_batch(const struct fold *f, struct batch *out, struct err *err);

/* False: the batch's beginning is gone, and neither a manifest nor a count in its document b tells what its records
 * are; err (ST_FAIL) says so. */
bool fold_tells_records(const struct fold *f, const struct batch *b, struct err *err);

const char *fold_verdict_name(enum fold_verdict v); /* "counted", "progress", "overtaken", ... */

void fold_release(struct fold *f);

#endif
