/* claims: does a batch's document contradict itself about what was sent? A manifest says several things
 * twice: how many records there are in all, of each sender and in each partition, and where. Of another
 * writer's they may differ, and then nobody can tell what is right; so this is known before a record is
 * read. What a document does not say contradicts nothing. */
#ifndef BATCH_CLAIMS_H
#define BATCH_CLAIMS_H

#include "batch/batch.h"
#include "batch/manifest.h"

/* m: the document's manifest, as manifest_parse has it. ST_FAIL: what contradicts what. */
int claims_check(const struct batch *b, const struct manifest *m, struct err *err);

/* Its ranges against a topic of so many partitions. ST_FAIL: the manifest names another one. */
int claims_check_partitions(const struct manifest *m, const char *topic, int32_t partitions, struct err *err);

/* Against the end of a partition's log. ST_FAIL: the range goes beyond it. */
int claims_check_end(const struct extent *x, const char *topic, int64_t end, struct err *err);

#endif
