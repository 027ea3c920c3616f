/* manifest: the proof of what senders delivered. Each sender's part says how many records and bytes,
 * where they are in each partition, their order-free digest and how the input was cut, so that a
 * reader can read just these ranges, restore the input and compare. Manifests of several senders of
 * one batch add up: the same sender given twice counts once. */
#ifndef BATCH_MANIFEST_H
#define BATCH_MANIFEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/digest.h"
#include "base/err.h"
#include "base/json.h"

/* Where a sender's records are in one partition. Others' records may lie between. */
struct extent {
	int32_t partition;
	int64_t first, last; /* offsets of the first and the last one */
	int64_t count;
};

struct extents {
	struct extent *list; /* owned; by partition, ascending */
	size_t count, cap;
};

#define EXTENTS_INIT {0}

/* count more records, between two offsets of one partition */
void extents_add(struct extents *x, int32_t partition, int64_t first, int64_t last, int64_t count);
const struct extent *extents_find(const struct extents *x, int32_t partition); /* NULL: none */
void extents_join(struct extents *x, const struct extents *other);
void extents_release(struct extents *x);

/* From the member "partitions" of a manifest or a sender. False: they do not make sense; out has some of
 * them, and is to be released. */
bool extents_parse(const struct json_t *o, struct extents *out);

struct sender {
	char *id; /* owned */
	int64_t records, bytes, rejected;
	struct digest digest;
	char *framing;   /* owned: "delimited", "length-prefixed", "whole", "envelope" */
	char *delimiter; /* owned; as -D takes it; NULL unless framing is by delimiter */
	bool unterminated; /* the last record had no delimiter */
	struct extents extents;
};

void sender_release(struct sender *s);

struct manifest {
	struct sender *senders; /* owned */
	size_t count, cap;
};

#define MANIFEST_INIT {0}

void manifest_release(struct manifest *m);

/* Takes the sender; it is empty afterwards. A sender of the same id: 0 when it is equal, else ST_FAIL. */
int manifest_add(struct manifest *m, struct sender *s, struct err *err);
int manifest_join(struct manifest *m, struct manifest *other, struct err *err); /* empties other */

int64_t manifest_records(const struct manifest *m);
int64_t manifest_bytes(const struct manifest *m);
struct digest manifest_digest(const struct manifest *m);
void manifest_extents(const struct manifest *m, struct extents *out); /* all senders' together */

/* The member "manifest" of a document, and back. Parsing checks every number (ST_FAIL). A manifest
 * without senders is legal: a count that somebody gave by hand. */
struct json_t *manifest_json(const struct manifest *m);
int manifest_parse(const struct json_t *json, struct manifest *out, struct err *err);

#endif
