/* map: from strings of bytes to pointers. Entries are visited in the order in which they came in.
 * Keys are copied and owned; values are the caller's and never NULL: NULL is the answer for "none".
 * {0} is a valid empty map; one that holds keys of strangers is given a random seed by map_init
 * instead, so that nobody can choose keys that collide. */
#ifndef BASE_MAP_H
#define BASE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/str.h"

struct map_entry {
	char *key; /* owned; NULL: removed */
	size_t len;
	uint64_t hash;
	void *value;
};

struct map {
	struct map_entry *entries; /* in order; removed ones stay until the next growth */
	size_t used, cap;
	size_t count;  /* without the removed ones */
	size_t *slots; /* hash table: index into entries plus 1, 0 for empty */
	size_t slot_count;
	uint64_t seed;
};

#define MAP_INIT {0}

void map_init(struct map *m, uint64_t seed);

void *map_get(const struct map *m, struct str key);
void *map_put(struct map *m, struct str key, void *value); /* the value it replaces, or NULL */
void *map_remove(struct map *m, struct str key);           /* the value it had, or NULL */

/* Begin with *at 0; false at the end. Entries may be removed during the walk, but not put. *key is
 * borrowed until its entry is removed; key may be NULL. */
bool map_next(const struct map *m, size_t *at, struct str *key, void **value);

void map_release(struct map *m); /* keys only; empty and usable afterwards, the seed stays */

#endif
