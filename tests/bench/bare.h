/* bare: what the programs of the bench share: a librdkafka handle, and an end with a word.
 *
 * These programs are the floor under the tools: as little as a program over librdkafka can do. They
 * answer every trouble by leaving, so nothing here is for use elsewhere. */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

#include <librdkafka/rdkafka.h>
#include <stdint.h>

void bare_die(const char *format, ...) __attribute__((noreturn, format(printf, 1, 2)));

/* A whole number of at least `least`. */
int64_t bare_number(const char *text, int64_t least);

typedef void bare_delivered(rd_kafka_t *rk, const rd_kafka_message_t *m, void *opaque);

/* `pairs` is what is always set and ends with NULL, `more` are NAME=VALUE words that may replace it.
 * `delivered` may be NULL. */
rd_kafka_t *bare_client(rd_kafka_type_t type, const char *brokers, const char *const *pairs,
    char **more, bare_delivered *delivered, void *opaque);

/* Connects and learns of the topic; it must be there. */
void bare_find(rd_kafka_t *rk, rd_kafka_topic_t *topic);

#endif
