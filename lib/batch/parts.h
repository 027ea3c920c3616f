/* parts: how far the work on a batch is, from what its workers say in the member "progress" of
 * their events, in the order of the log. A part is what a batch has in one partition.
 *
 * When a part is done its worker writes a batch.part event:
 *
 *	{"group":"g","part":{"partition":0,"first":17,"last":99,"done":80,"invalid":2,"skipped":0,
 *	    "worker":"host:1:2"}}
 *
 * first and last are the offsets between which its records are; what has no records has neither. Of
 * several for a partition the first counts. Now and then a worker writes batch.progress, with the parts that are open:
 *
 *	{"group":"g","done":84,"invalid":2,"skipped":1,"expected":182,"rate":1.5,"state":"retrying",
 *	    "lastError":"exit status 75","retryAt":"2026-11-21T10:30:00Z",
 *	    "parts":{"1":{"w":5,"done":4,"invalid":0,"skipped":1,"expected":100,"rate":1.5,
 *	    "worker":"host:1:2","state":"retrying","lastError":...}}}
 *
 * w: all records of the part below this one, counted from 0, have a verdict, and the counts are
 * theirs. The highest w counts. So events of different workers may come in any order. Those of
 * other groups, and what does not make sense, are passed over; members that we do not know mean
 * nothing.
 *
 * Of parts a worker names its own only. The members beside are of all parts, as far as it has heard, so that who
 * reads the last event alone sees all: "etaSeconds" is there, too, when every part that is not done has told
 * what it expects and is running, and is the longest that one of them takes at its rate. */
#ifndef BATCH_PARTS_H
#define BATCH_PARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"
#include "batch/manifest.h"
#include "batch/verdict.h"

enum part_state { /* the worse the higher */
	PART_RUNNING,
	PART_RETRYING,
	PART_BLOCKED, /* by the breaker */
};

struct part {
	int32_t partition;
	bool done;
	int64_t w;           /* of an open one; of one that is done the number of its records */
	int64_t first, last; /* offsets, of one that is done */
	struct tally tally;
	char *worker; /* owned; NULL: not said */
	enum part_state state;
	char *error;      /* owned; why it is not running; NULL: not said */
	int64_t retry_ms; /* 0: not said */
	int64_t expected; /* of an open one, the number of its records; 0: not said */
	int64_t rate;     /* of an open one, records in 1000 s of late; 0: none, or not said */
};

struct parts {
	struct str group; /* borrowed; whose work it is */
	struct part *list; /* owned; by partition */
	size_t count, cap;
	int64_t expected; /* records of the batch; 0: not known */
};

#define PARTS_INIT {0}

/* The part in this partition; NULL: nothing was said of it. */
const struct part *parts_find(const struct parts *p, int32_t partition);

/* The part in this partition, made when there is none: for who writes events. */
struct part *parts_at(struct parts *p, int32_t partition);

void part_set_text(char **text, struct str value); /* a worker or an error; empty: not said */

struct json_t *parts_json(const struct parts *p); /* how it is at the end */
void parts_set_ranges(const struct parts *p, struct json_t *progress); /* "ranges": where parts that are done lie */
struct json_t *parts_report(const struct parts *all, const struct parts *own); /* for batch.progress */
struct json_t *part_json(const struct parts *p, const struct part *one); /* for batch.part */

/* The member "progress" of an event; NULL is passed over. */
void parts_fold(struct parts *p, const struct json_t *progress);

/* The open parts of another, as if they came in an event. */
void parts_take(struct parts *p, const struct parts *from);

struct tally parts_tally(const struct parts *p);

/* The worst of the open parts; NULL: none is open, or all are running and have no error. */
const struct part *parts_worst(const struct parts *p);

/* Is each part of the manifest done? */
bool parts_are_done(const struct parts *p, const struct extents *manifest);

/* The count of an extent of which it is known only that there is a part. */
#define PARTS_UNCOUNTED (-1)

/* ST_FAIL: some part that is done has other counts than the manifest; the message says which. */
int parts_check(const struct parts *p, const struct extents *manifest, struct err *err);

/* ST_FAIL: together they have another count. */
int parts_check_sum(const struct parts *p, int64_t expected, struct err *err);

void parts_release(struct parts *p);

#endif
