/* shape: makes the record to send out of the bytes of one input record: value, key, headers, as the
 * options of batch-send say. Nothing is copied but what an envelope wrote with escapes. */
#ifndef BATCH_SHAPE_H
#define BATCH_SHAPE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/jscan.h"
#include "batch/record.h"

struct shape {
	bool envelope;             /* input records are envelopes: key and headers from there */
	bool keep_time;            /* and the time too, which is the sending's otherwise */
	bool json;                 /* refuse what is not one JSON value in UTF-8 */
	bool empty_is_null;        /* an empty value or key is null */
	struct jpointer *pointer;  /* owned; the key is the value there; NULL: not so */
	struct str key;            /* borrowed; the key of every record; absent: not so */
	struct str key_delimiter;  /* borrowed; the key stands before it; absent: not so */
	struct headers headers;    /* added to every record; texts borrowed */
};

#define SHAPE_INIT {0}

/* -k: a text that begins with '/' is a JSON pointer into each record, any other the key itself. */
int shape_set_key(struct shape *s, const char *text, struct err *err);

/* -H NAME=VALUE. Our own names are refused: they are set by batch-send. */
int shape_add_header(struct shape *s, const char *text, struct err *err);

/* ST_FAIL: raw cannot be sent, err says why. *out borrows from raw, scratch and s until the next call;
 * its headers begin with two free places for batchId and batchSeq. */
int shape_record(const struct shape *s, struct str raw, struct record *out, struct buf *scratch,
    struct err *err);

void shape_release(struct shape *s);

#endif
