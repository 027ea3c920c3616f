/* kerr: librdkafka's codes as our statuses and words. Internal to lib/kafka. */
#ifndef KAFKA_KERR_H
#define KAFKA_KERR_H

#include <librdkafka/rdkafka.h>
#include <stdbool.h>

#include "base/err.h"

/* Fills err with the status the code means, "what: reason". Answers -1. */
int kerr_set(struct err *err, rd_kafka_resp_err_t code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* The same for an error object, which is freed. */
int kerr_take(struct err *err, rd_kafka_error_t *error, const char *what);

enum status kerr_status(rd_kafka_resp_err_t code);

/* Will trying again with the same settings never help? */
bool kerr_is_final(rd_kafka_resp_err_t code);

#endif
