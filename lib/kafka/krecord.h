/* krecord: librdkafka's messages as struct record: the only marshalling. Internal to lib/kafka. */
#ifndef KAFKA_KRECORD_H
#define KAFKA_KRECORD_H

#include <librdkafka/rdkafka.h>

#include "batch/record.h"

/* The record borrows from m. out->headers keeps its memory from call to call. */
void krecord_from(const rd_kafka_message_t *m, struct record *out);

/* The same without its headers, which librdkafka would have to take apart: half the cost of a short record. */
void krecord_plain(const rd_kafka_message_t *m, struct record *out);

/* A new header list for a message to send, or NULL when the record has none. */
rd_kafka_headers_t *krecord_headers(const struct headers *h);

#endif
