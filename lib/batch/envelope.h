/* envelope: a record as one line of JSON, without loss, and back:
 *
 *	{"topic":"claims.in","partition":3,"offset":17,"ts":1763719200000,"key":"k","value":"v",
 *	 "headers":[["name","value"],...]}
 *
 * Null is null and "" is empty. Bytes that are not UTF-8 stand as base64: "key_b64", "value_b64",
 * "topic_b64" instead of the plain member, {"b64":"..."} instead of a header's name or value. What
 * a record lacks is -1 (partition, offset, ts) or null (topic).
 *
 * Read in any order; unknown members are ignored, and all may be absent but the value. kcat's -J is
 * read too: "payload" for "value", and headers as a flat list, ["name","value",...]. */
#ifndef BATCH_ENVELOPE_H
#define BATCH_ENVELOPE_H

#include "base/buf.h"
#include "base/err.h"
#include "batch/record.h"

/* Appends the line, without its newline. */
void envelope_write(const struct record *r, struct buf *out);

/* Replaces what *r held; its header list keeps its memory and stays the caller's to release. The
 * record's spans point into line or into scratch, which is overwritten: both must stay as they are
 * as long as the record is used. -1, ST_FAIL: not JSON (and where), or a member is missing, there
 * twice or of the wrong type (and which); *r is then of no use. */
int envelope_read(struct str line, struct record *r, struct buf *scratch, struct err *err);

#endif
