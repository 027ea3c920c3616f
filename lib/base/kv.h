/* kv: the settings of a run: name, value, and where each comes from. The strongest origin wins,
 * and among equals the last: origins may be set in any order. Settings stay in the order in
 * which they were first set. kv owns copies of all it is given, and wipes values before it gives
 * memory back. */
#ifndef BASE_KV_H
#define BASE_KV_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum kv_origin { /* from the weakest to the strongest */
	KV_FILE,
	KV_PROFILE,
	KV_ENV,
	KV_X, /* -X name=value */
	KV_FLAG,
};

struct kv_entry {
	char *name, *value; /* owned */
	char *where;        /* owned; for messages: "batch.conf:12", "BATCH_ACKS", "-X" */
	enum kv_origin origin;
	bool secret;
};

struct kv {
	struct kv_entry *entries;
	size_t count, cap;
};

#define KV_INIT {0}

/* A name that was ever set as a secret stays one. False: a stronger origin has set it already. */
bool kv_set(struct kv *kv, const char *name, const char *value, enum kv_origin origin,
    const char *where, bool secret);

/* NULL: not set. Borrowed until it is set again. */
const char *kv_get(const struct kv *kv, const char *name);
const struct kv_entry *kv_find(const struct kv *kv, const char *name);

size_t kv_count(const struct kv *kv);
const struct kv_entry *kv_at(const struct kv *kv, size_t i);

/* Appends one name=value a line, safe for a terminal, and for a secret name=(hidden). */
void kv_print_redacted(const struct kv *kv, struct buf *out);

void kv_release(struct kv *kv);

#endif
