/* trial: the life of a chunk from its first run to a verdict on each of its records. It runs
 * nothing: it says what to run next, and is told how that ended.
 *
 *	while (trial_next() != TRIAL_ENDED)      run it, or wait, and then
 *		trial_ran()                      how the run ended
 *	trial_outcome(), trial_record()          only now: verdicts are held until the end
 *
 * and trial_contrast() whenever a run of another trial of this worker succeeded. Records are
 * counted from 0 within the chunk.
 *
 * What follows a run (see onexit.h):
 *   done     Its records are done, but those that its report names: invalid and skip are
 *            verdicts, retry is a failure of these alone.
 *   retry    The same records again after the back-off, `retries` times; then as isolate. Of the
 *            runs that isolate only those of a single record are repeated so.
 *   crash    Once more, at once; then as isolate.
 *   halve    Two parts, each for itself; a single record is accused.
 *   isolate  Two parts, the left one first. If it passes, the culprit must be in the right one,
 *            which is divided without a run. After runs for half the records (or, if that is more,
 *            what a single culprit takes) the rest is run one by one. A single record is accused.
 *   outage   The same records again after the back-off, `retries` times; then all are released.
 *   stop     The trial ends, TRIAL_STOPPED.
 * With retry, crash, halve and isolate what a report condemns or skips is settled, too, and the
 * others are run again without these.
 *
 * An accused record is condemned by contrast. If the command blamed the data (isolate): another
 * run succeeded, that began after the failure. If not, a service may have been away for a while;
 * so the record must fail once more after that success, for no single outage explains failure,
 * success and failure. When nothing else gives the contrast, a record that passed is run again for
 * it (TRIAL_PROBE): the last one of this trial or, if none passed and `control` is set, one of an
 * earlier trial that the caller kept. If the probe fails, or there is none, the trial waits
 * confirm_ms for a success elsewhere; then nobody is condemned and what is not done is released,
 * for the breaker. When more than TRIAL_DOUBTS records in a row are accused that the command did
 * not blame, contrast is sought before any more is run.
 *
 * With `ordered` no record is overtaken: if an accused one passes after all, those behind it are
 * run again; and of a released trial all is undone from the first undone record on.
 *
 * Before each run its bounds and `deaths` should be written down. Who finds them after a worker's
 * death starts a trial of just these records with one death more, and runs it alone: nothing else
 * runs, and for no other run one death more would be found. So the first death says no more than
 * that it was there; those after it were of it alone. After retries + 1 of these, and never before
 * the TRIAL_DEATHS-th, the records are divided until one is left; that one, after as many deaths of
 * its own, is condemned without contrast: no outage ends a worker.
 *
 * A good record may be run 1.5 log2(n) + 2 times for the sake of others, `retries` times with all
 * and `retries` times alone, and again when it was behind one that passed late. */
#ifndef BATCH_TRIAL_H
#define BATCH_TRIAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"
#include "batch/backoff.h"
#include "batch/onexit.h"
#include "batch/report.h"
#include "batch/suspects.h"
#include "batch/verdict.h"

#define TRIAL_DOUBTS 3
#define TRIAL_DEATHS 3

struct trial_rules {
	int64_t retries; /* runs after the first one */
	struct backoff backoff;
	int64_t confirm_ms;
	bool ordered;
	bool condemn; /* without contrast: who is accused is condemned */
};

enum trial_reason {
	TRIAL_FIRST,
	TRIAL_RETRY,
	TRIAL_ISOLATE,
	TRIAL_RESUME, /* the run before ended a worker */
	TRIAL_PROBE,  /* these passed before: its results are not wanted */
};

struct trial_run {
	size_t first, end; /* the records [first, end); a probe of none: the caller's control */
	enum trial_reason reason;
	int64_t number;  /* of the run in the trial, from 1 */
	int64_t attempt; /* the how many-th run of the first of them */
	int64_t deaths;  /* of workers, by a run of just these */
};

struct trial_end {
	struct ending how;
	enum onexit_action action;
	const struct report *report; /* NULL: none; one that is malformed makes the action retry */
	struct str why;              /* a failure in words, for the verdict; may be empty */
	int64_t began_ms, ended_ms;
	uint32_t random; /* for the back-off */
};

enum trial_step {
	TRIAL_RUN,
	TRIAL_WAIT,
	TRIAL_ENDED,
};

enum trial_outcome {
	TRIAL_OK,       /* each record has a verdict */
	TRIAL_RELEASED, /* an outage: some records are undone, nobody is invalid */
	TRIAL_STOPPED,  /* the same, and the worker should stop */
};

struct trial_record {
	enum verdict verdict;
	struct ending how; /* invalid: how its last run ended */
	char *reason;      /* owned; NULL: none */
	int64_t runs;      /* it was in */
	int64_t run;       /* the number of the one that settled it; 0: none */
	size_t run_first;  /* where that one began */
};

struct trial_segment;

struct trial {
	const struct trial_rules *rules; /* borrowed */
	bool control; /* the caller's to set: it has a record that passed before */

	size_t count; /* the rest is private */
	struct trial_record *records; /* NULL: all are as `same` */
	struct trial_record same;
	struct trial_segment *stack; /* to be run, the next one last */
	size_t depth, stack_cap;
	struct suspects suspects;
	size_t proven; /* a record that passed; count: none */
	int64_t runs, isolations;
	int64_t doubts, doubted_ms;
	int64_t wait_until_ms; /* INT64_MIN: it does not wait for contrast */
	bool probe_failed, ended;
	enum trial_outcome outcome;
};

/* deaths: how many workers have ended while a run of just these records was written down. */
void trial_start(struct trial *t, const struct trial_rules *rules, size_t records, int64_t deaths);

/* After the start: they were run before, though nobody died of it. */
void trial_resume(struct trial *t);

/* TRIAL_RUN: *run is to be run; it stays so until trial_ran(). TRIAL_WAIT: ask again at *until_ms
 * or after trial_contrast(). */
enum trial_step trial_next(struct trial *t, int64_t now_ms, struct trial_run *run,
    int64_t *until_ms);

void trial_ran(struct trial *t, const struct trial_end *end);

/* A run elsewhere succeeded, in this time. */
void trial_contrast(struct trial *t, int64_t began_ms, int64_t ended_ms);

/* The i-th has this verdict without a run. A trial of which each record has one needs no run. */
void trial_settle(struct trial *t, size_t i, enum verdict verdict, struct str reason);

enum trial_outcome trial_outcome(const struct trial *t);
const struct trial_record *trial_record(const struct trial *t, size_t i);

/* Of a released trial nothing is done. */
void trial_undo(struct trial *t);

/* Are the results of this run taken? They are, when it is the one that settled a record. */
bool trial_takes(const struct trial *t, int64_t run);

void trial_release(struct trial *t);

#endif
