/* record: one Kafka record as the tools see it. All spans are borrowed: from librdkafka's message, from
 * an input block or from an envelope's scratch buffer, whose header says how long they hold. */
#ifndef BATCH_RECORD_H
#define BATCH_RECORD_H

#include <stdint.h>

#include "base/str.h"
#include "batch/header.h"

struct record {
	struct str topic;
	int32_t partition; /* -1: not chosen yet */
	int64_t offset;    /* -1: not in a log yet */
	int64_t ts_ms;     /* milliseconds since 1970 UTC; -1: none */
	struct str key;    /* ptr NULL: no key, which is not the empty key */
	struct str value;  /* ptr NULL: null, a tombstone */
	struct headers headers;
};

#define RECORD_INIT {.partition = -1, .offset = -1, .ts_ms = -1}

#endif
