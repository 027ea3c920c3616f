/* batch: the batch document and the rules by which it changes.
 *
 * The document is HRI's batch notification with a few members of ours; members that we do not know
 * are kept as they are. A struct batch owns its document; status and version are read out of it once.
 * batch_apply() is pure: it makes the document after an action, or says why the action is refused. */
#ifndef BATCH_BATCH_H
#define BATCH_BATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/json.h"
#include "base/str.h"

enum batch_status {
	BATCH_NONE, /* no such batch */
	BATCH_STARTED,
	BATCH_SENT, /* "sendCompleted": all is sent, a worker will process it */
	BATCH_COMPLETED,
	BATCH_TERMINATED,
	BATCH_FAILED,
};

#define BATCH_STATUS_COUNT 6

/* Bytes: four times the largest record that brokers take unless told otherwise. As a tree it can be
 * eighty times as large. */
#define BATCH_DOC_MAX ((size_t)4 << 20)

const char *batch_status_name(enum batch_status status); /* as in the document; "" for none */
bool batch_status_parse(struct str name, enum batch_status *out);

/* May a batch go from one status to the other? The one table behind every writer and every reader. */
bool batch_may(enum batch_status from, enum batch_status to);

/* Is it one of wanted (bits 1 << status), or can it come to be one, by whatever way? */
bool batch_may_become(enum batch_status from, unsigned wanted);

/* Completed, terminated or failed: no more records of it will come. */
bool batch_is_finished(enum batch_status status);

struct batch {
	struct json_t *doc; /* owned */
	enum batch_status status;
	int64_t version; /* 1 for the first event */
};

#define BATCH_INIT {0}

/* Takes the document given as text. Refused: too large, not an object, no id, no known status (ST_FAIL). */
int batch_parse(struct str text, struct batch *out, struct err *err);
void batch_release(struct batch *b);
void batch_copy(const struct batch *from, struct batch *to); /* to must be empty */

struct str batch_id(const struct batch *b);
struct str batch_member(const struct batch *b, const char *name); /* "" when absent or no string */

/* A whole number, also one that another writer gave as text ("5") or as 5.0. */
int64_t batch_number(const struct batch *b, const char *name, int64_t otherwise);

/* When it began, for whoever looks for its records: the time of its first event, which may be dated ahead, or
 * its startDate before that, by no more than clocks may differ. */
int64_t batch_began_ms(const struct batch *b, int64_t created_ms);

/* The stem of the batch's stream: its topic without ".in"; the whole topic when it ends otherwise. */
struct str batch_stream(const struct batch *b);

/* Does the document name another topic than this one for its records? Without any it does not. */
bool batch_is_elsewhere(const struct batch *b, struct str topic);

/* How many records there must be: expectedRecordCount, or recordCount, or the manifest's count; -1: not said. */
int64_t batch_expected(const struct batch *b);

/* Another writer may leave the topic out: then it is the one of the stream in which the batch's events are. */
void batch_need_topic(struct batch *b, const char *stream);

struct batch_new {
	struct str id, name, owner, topic, data_type;
	const struct json_t *metadata; /* borrowed; NULL: none */
	bool processing;
	int64_t priority;          /* 0..100 */
	int64_t invalid_threshold; /* 0 or -1: no limit */
	int64_t now_ms;
};

/* The document of a batch that starts. Names are checked (ST_USAGE). */
int batch_create(const struct batch_new *n, struct batch *out, struct err *err);

/* Takes out of the member "progress" what a worker does at the moment, once the batch has ended: state, rate, times
 * to come. Its counts and its last error stay. */
void batch_end_progress(struct batch *b);

enum batch_action {
	BATCH_COMPLETE,  /* to completed, or sendCompleted when a worker processes it */
	BATCH_TERMINATE, /* the owner gives it up */
	BATCH_PROCESSED, /* the worker is done; fails the batch if too many records were invalid */
	BATCH_FAIL,
};

struct batch_change {
	enum batch_action action;
	int64_t now_ms;
	struct str owner; /* who acts: checked for complete, terminate and metadata unless force */
	bool force;
	int64_t expected;              /* complete: the number of records */
	const struct json_t *manifest; /* complete: borrowed; NULL: none */
	const struct json_t *metadata; /* replaces the old one whole; NULL: leaves it */
	int64_t actual, invalid;       /* processed, fail: -1 when not known */
	struct str message;            /* fail */
};

/* ST_STATE "no batch ID in stream S". An id that batch-create would not make may be a name: the message says what
 * finds that. Answers -1. */
int batch_missing(const char *id, const char *stream, struct err *err);

/* The document after the change, version + 1. Refused (ST_STATE) when the status does not allow it or
 * another owns the batch; the message says the present status. */
int batch_apply(const struct batch *from, const struct batch_change *c, struct batch *to,
    struct err *err);

#endif
