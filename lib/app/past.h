/* past: what an interrupted batch-send delivered, found in the log, for a successor that sends only the
 * rest. The truth is in the records' batchSeq, not in any local file: the batch's own time is read
 * once to find its senders, and the chosen sender's ranges a second time, in input order, side by side
 * with the input. Memory does not depend on the number of records. */
#ifndef APP_PAST_H
#define APP_PAST_H

#include "base/deadline.h"
#include "batch/batch.h"
#include "batch/record.h"
#include "kafka/kfetch.h"

struct past;

/* Reads what there is of the batch now. created_ms: when it began. */
int past_open(struct past **out, const struct kv *settings, const struct batch *b,
    int64_t created_ms, int64_t idle_ms,
    void (*log)(int syslog_level, const char *text), struct err *err);

/* Which sender sent this input, whose first record is r? Its id, or NULL: none did, all is to be sent. -1
 * (ST_STATE): several did, and nobody can tell whose the rest would be. */
int past_choose(struct past *p, const struct record *r, const char **sender, struct err *err);

/* Was number n delivered? 1: yes, it is the same as r, and *at is where. 0: no. -1 (ST_FAIL): what
 * was delivered as n is another record: the input is not the same. n must grow from call to call. */
int past_has(struct past *p, int64_t n, const struct record *r, struct record *at,
    struct err *err);

/* The highest number that the chosen sender delivered to this partition; 0: none. */
int64_t past_highest(const struct past *p, int32_t partition);

/* The input ended after n records: -1 (ST_FAIL) when more had been delivered. */
int past_end(struct past *p, int64_t n, struct err *err);

void past_close(struct past *p);

#endif
