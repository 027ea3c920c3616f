/* id: the ids that we make, and the rules for those and for the names that others give.
 * Ids made here are UUIDs of version 7 (RFC 9562): they sort by time, and hold it, so that a reader
 * knows where in a topic a batch began. Time and randomness are the caller's. */
#ifndef BASE_ID_H
#define BASE_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

#define ID_SIZE   37  /* a made id and a NUL */
#define ID_MAX    256 /* the longest id or name we take, in bytes */
#define TOPIC_MAX 249 /* Kafka's own limit */

void id_make(int64_t ms, const unsigned char random[10], char out[ID_SIZE]);

/* The time in an id, when it is a UUID of version 7, in small or capital letters; else false. */
bool id_time(struct str id, int64_t *ms);

/* Ids, names, data types: UTF-8, 1 to ID_MAX bytes, no control characters, none of "=<>[]{}.
 * ST_USAGE: "WHAT 'text': why". */
int id_check(struct str text, const char *what, struct err *err);

/* What Kafka allows as the name of a topic. ST_USAGE. */
int topic_check(struct str text, const char *what, struct err *err);

/* n bytes as 2n small hex digits and a NUL. */
void id_hex(const unsigned char *bytes, size_t n, char *out);

#endif
