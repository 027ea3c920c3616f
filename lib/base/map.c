#include "base/map.h"

#include <stdlib.h>
#include <string.h>

#include <xxhash.h>

#include "base/mem.h"

#define NOT_FOUND SIZE_MAX

void map_init(struct map *m, uint64_t seed)
{
	*m = (struct map){.seed = seed};
}

static bool is_key(const struct map_entry *e, struct str key, uint64_t hash)
{
	return e->hash == hash && str_eq((struct str){e->key, e->len}, key);
}

/* The slot that holds key, or the empty one where it would go. */
static size_t find_slot(const struct map *m, struct str key, uint64_t hash)
{
	size_t mask = m->slot_count - 1, at = (size_t)hash & mask;
	while (m->slots[at] && !is_key(&m->entries[m->slots[at] - 1], key, hash))
		at = (at + 1) & mask;
	return at;
}

static size_t find(const struct map *m, struct str key, size_t *slot)
{
	if (m->count == 0)
		return NOT_FOUND;
	*slot = find_slot(m, key, XXH3_64bits_withSeed(key.ptr, key.len, m->seed));
	return m->slots[*slot] - 1; /* 0, for empty, becomes NOT_FOUND */
}

void *map_get(const struct map *m, struct str key)
{
	size_t slot, i = find(m, key, &slot);
	return i == NOT_FOUND ? NULL : m->entries[i].value;
}

static void drop_removed(struct map *m)
{
	size_t kept = 0;
	for (size_t i = 0; i < m->used; i++)
		if (m->entries[i].key)
			m->entries[kept++] = m->entries[i];
	m->used = kept;
}

/* The table is at most three quarters full, and new rooms are for twice as many as there are. */
static void grow(struct map *m)
{
	size_t slot_count = 16;
	while (slot_count / 4 * 3 <= m->count * 2)
		slot_count *= 2;
	drop_removed(m);
	m->cap = slot_count / 4 * 3;
	m->entries = mem_realloc(m->entries, m->cap, sizeof(*m->entries));
	free(m->slots);
	m->slots = mem_zalloc(slot_count, sizeof(*m->slots));
	m->slot_count = slot_count;
	for (size_t i = 0; i < m->used; i++) {
		size_t at = (size_t)m->entries[i].hash & (slot_count - 1);
		while (m->slots[at])
			at = (at + 1) & (slot_count - 1);
		m->slots[at] = i + 1;
	}
}

void *map_put(struct map *m, struct str key, void *value)
{
	size_t slot, i = find(m, key, &slot);
	if (i != NOT_FOUND) {
		void *old = m->entries[i].value;
		m->entries[i].value = value;
		return old;
	}
	if (m->used == m->cap)
		grow(m);
	uint64_t hash = XXH3_64bits_withSeed(key.ptr, key.len, m->seed);
	m->entries[m->used] = (struct map_entry){mem_dup(key.ptr, key.len), key.len, hash, value};
	m->slots[find_slot(m, key, hash)] = ++m->used;
	m->count++;
	return NULL;
}

/* Moves what follows an emptied slot up to where a search still meets it. */
static void close_gap(struct map *m, size_t gap)
{
	size_t mask = m->slot_count - 1;
	for (size_t at = (gap + 1) & mask; m->slots[at]; at = (at + 1) & mask) {
		size_t home = (size_t)m->entries[m->slots[at] - 1].hash & mask;
		if (((at - home) & mask) < ((at - gap) & mask))
			continue;
		m->slots[gap] = m->slots[at];
		gap = at;
	}
	m->slots[gap] = 0;
}

void *map_remove(struct map *m, struct str key)
{
	size_t slot, i = find(m, key, &slot);
	if (i == NOT_FOUND)
		return NULL;
	close_gap(m, slot);
	free(m->entries[i].key);
	m->entries[i].key = NULL;
	m->count--;
	return m->entries[i].value;
}

bool map_next(const struct map *m, size_t *at, struct str *key, void **value)
{
	while (*at < m->used && !m->entries[*at].key)
		++*at;
	if (*at == m->used)
		return false;
	const struct map_entry *e = &m->entries[(*at)++];
	if (key)
		*key = (struct str){e->key, e->len};
	*value = e->value;
	return true;
}

void map_release(struct map *m)
{
	for (size_t i = 0; i < m->used; i++)
		free(m->entries[i].key);
	free(m->entries);
	free(m->slots);
	map_init(m, m->seed);
}
