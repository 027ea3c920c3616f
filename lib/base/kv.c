#include "base/kv.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/utf8.h"

static struct kv_entry *find(const struct kv *kv, const char *name)
{
	for (size_t i = 0; i < kv->count; i++)
		if (strcmp(kv->entries[i].name, name) == 0)
			return &kv->entries[i];
	return NULL;
}

/* All values: which of them are secret may be known only later. */
static void wipe(char *value)
{
	explicit_bzero(value, strlen(value));
	free(value);
}

static void entry_release(struct kv_entry *e)
{
	free(e->name);
	wipe(e->value);
	free(e->where);
}

static struct kv_entry *append(struct kv *kv, const char *name, enum kv_origin origin)
{
	kv->entries = mem_grow(kv->entries, &kv->cap, kv->count + 1, sizeof(*kv->entries));
	struct kv_entry *e = &kv->entries[kv->count++];
	*e = (struct kv_entry){.name = mem_strdup(name), .origin = origin};
	e->value = mem_strdup("");
	return e;
}

bool kv_set(struct kv *kv, const char *name, const char *value, enum kv_origin origin,
    const char *where, bool secret)
{
	struct kv_entry *e = find(kv, name);
	if (!e)
		e = append(kv, name, origin);
	e->secret |= secret;
	if (origin < e->origin)
		return false;
	char *old_value = e->value, *old_where = e->where;
	e->value = mem_strdup(value);
	e->where = mem_strdup(where);
	e->origin = origin;
	wipe(old_value);
	free(old_where);
	return true;
}

const struct kv_entry *kv_find(const struct kv *kv, const char *name)
{
	return find(kv, name);
}

const char *kv_get(const struct kv *kv, const char *name)
{
	const struct kv_entry *e = find(kv, name);
	return e ? e->value : NULL;
}

size_t kv_count(const struct kv *kv)
{
	return kv->count;
}

const struct kv_entry *kv_at(const struct kv *kv, size_t i)
{
	return &kv->entries[i];
}

void kv_print_redacted(const struct kv *kv, struct buf *out)
{
	for (size_t i = 0; i < kv->count; i++) {
		const struct kv_entry *e = &kv->entries[i];
		utf8_escape(out, str_of(e->name), 0);
		buf_putc(out, '=');
		utf8_escape(out, e->secret ? STR("(hidden)") : str_of(e->value), 0);
		buf_putc(out, '\n');
	}
}

void kv_release(struct kv *kv)
{
	for (size_t i = 0; i < kv->count; i++)
		entry_release(&kv->entries[i]);
	free(kv->entries);
	*kv = (struct kv)KV_INIT;
}
