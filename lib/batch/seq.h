/* seq: the value of the header batchSeq, SENDER:N. SENDER is the id of one run of batch-send, 1 to
 * 64 characters of 0-9 A-Z a-z _ -. N counts its records from 1, decimal, without sign or leading
 * zeros. */
#ifndef BATCH_SEQ_H
#define BATCH_SEQ_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

#define SEQ_SENDER_MAX 64
#define SEQ_SIZE       (SEQ_SENDER_MAX + 1 + 19 + 1) /* room for the longest and a NUL */

/* False when value is anything else. *sender is a span inside value. */
bool seq_parse(struct str value, struct str *sender, int64_t *n);

bool seq_is_sender(struct str sender);

/* Writes SENDER:N and a NUL to out, which has SEQ_SIZE bytes, and answers the length without it.
 * sender must be one that seq_is_sender allows, n at least 1. */
size_t seq_format(char *out, const char *sender, int64_t n);

#endif
