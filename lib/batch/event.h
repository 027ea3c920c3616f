/* event: one record of a notification topic, ours (CloudEvents headers, a version) or another HRI
 * writer's (no headers, maybe no key). man/batch-events.7 is the contract for others.
 *
 * Decoding builds no tree: a reader of many events parses only the documents that it shows. */
#ifndef BATCH_EVENT_H
#define BATCH_EVENT_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "batch/batch.h"
#include "batch/record.h"

enum event_type {
	EVENT_STATUS,   /* the batch's status changed */
	EVENT_PROGRESS, /* "batch.progress": how far it is; races with nothing */
	EVENT_PART,     /* "batch.part": a part of it is done; races with nothing */
	EVENT_STANDING, /* "batch.standing": how the batch stands, once more; changes nothing */
};

struct event {
	enum event_type type;
	enum batch_status status; /* the document's */
	struct buf id;            /* owned: an id may be written with escapes */
	int64_t version;          /* 0: the writer knows no versions */
	struct str doc;           /* borrowed from the record: one JSON object */
	struct str writer;        /* borrowed; the run that wrote it, empty when not said */
	int32_t partition;
	int64_t offset, ts_ms;
	bool stray; /* not in its batch's home partition; the reader knows, decoding says no */
};

#define EVENT_INIT {0}

/* Is this record an event? False: no, and *why says in a few words why it is passed over. An event
 * may be decoded into again and again; release it once. */
bool event_decode(const struct record *r, struct event *e, const char **why);
void event_release(struct event *e);

/* "batch.created", "batch.completed" ...: the ce_type. */
const char *event_type_name(enum event_type type, enum batch_status status);

struct event_out {
	struct record record; /* key, value, headers borrow from text */
	struct buf text;
};

/* The record that announces a batch's document. stream is its stem; writer, a random token, tells two
 * writers of equal documents apart. out is ready for the producer until event_out_release(). -1, ST_FAIL,
 * and out is empty: no reader would take it, the document being too large or nested too deep. */
int event_encode(const struct batch *b, enum event_type type, struct str stream, struct str writer,
    int64_t now_ms, struct event_out *out, struct err *err);
void event_out_release(struct event_out *out);

#endif
