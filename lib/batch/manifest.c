#include "batch/manifest.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "batch/seq.h"

/* Far above any real batch, and low enough that no sum of what one document holds overflows. */
#define MOST_SENDERS 4096
#define MOST_RECORDS (INT64_C(1) << 47)
#define MOST_BYTES   (INT64_C(1) << 50)

static struct extent *place(struct extents *x, int32_t partition)
{
	size_t at = 0;
	while (at < x->count && x->list[at].partition < partition)
		at++;
	if (at < x->count && x->list[at].partition == partition)
		return &x->list[at];
	x->list = mem_grow(x->list, &x->cap, x->count + 1, sizeof(*x->list));
	memmove(x->list + at + 1, x->list + at, (x->count - at) * sizeof(*x->list));
	x->count++;
	x->list[at] = (struct extent){partition, INT64_MAX, -1, 0};
	return &x->list[at];
}

static void widen(struct extent *e, int64_t first, int64_t last, int64_t count)
{
	if (first < e->first)
		e->first = first;
	if (last > e->last)
		e->last = last;
	e->count += count;
}

void extents_add(struct extents *x, int32_t partition, int64_t first, int64_t last, int64_t count)
{
	widen(place(x, partition), first, last, count);
}

const struct extent *extents_find(const struct extents *x, int32_t partition)
{
	for (size_t i = 0; i < x->count; i++)
		if (x->list[i].partition == partition)
			return &x->list[i];
	return NULL;
}

void extents_join(struct extents *x, const struct extents *other)
{
	for (size_t i = 0; i < other->count; i++) {
		const struct extent *e = &other->list[i];
		extents_add(x, e->partition, e->first, e->last, e->count);
	}
}

void extents_release(struct extents *x)
{
	free(x->list);
	*x = (struct extents)EXTENTS_INIT;
}

void sender_release(struct sender *s)
{
	free(s->id);
	free(s->framing);
	free(s->delimiter);
	extents_release(&s->extents);
	*s = (struct sender){0};
}

void manifest_release(struct manifest *m)
{
	for (size_t i = 0; i < m->count; i++)
		sender_release(&m->senders[i]);
	free(m->senders);
	*m = (struct manifest)MANIFEST_INIT;
}

static bool same_delivery(const struct sender *a, const struct sender *b)
{
	return a->records == b->records && a->bytes == b->bytes &&
	    digest_equal(&a->digest, &b->digest);
}

int manifest_add(struct manifest *m, struct sender *s, struct err *err)
{
	for (size_t i = 0; i < m->count; i++) {
		if (strcmp(m->senders[i].id, s->id) != 0)
			continue;
		if (!same_delivery(&m->senders[i], s))
			return err_set(err, ST_FAIL, "two different manifests of sender %s", s->id);
		sender_release(s);
		return 0;
	}
	m->senders = mem_grow(m->senders, &m->cap, m->count + 1, sizeof(*m->senders));
	m->senders[m->count++] = *s;
	*s = (struct sender){0};
	return 0;
}

int manifest_join(struct manifest *m, struct manifest *other, struct err *err)
{
	for (size_t i = 0; i < other->count; i++)
		if (manifest_add(m, &other->senders[i], err))
			return -1;
	manifest_release(other);
	return 0;
}

int64_t manifest_records(const struct manifest *m)
{
	int64_t n = 0;
	for (size_t i = 0; i < m->count; i++)
		n += m->senders[i].records;
	return n;
}

int64_t manifest_bytes(const struct manifest *m)
{
	int64_t n = 0;
	for (size_t i = 0; i < m->count; i++)
		n += m->senders[i].bytes;
	return n;
}

struct digest manifest_digest(const struct manifest *m)
{
	struct digest sum = DIGEST_INIT;
	for (size_t i = 0; i < m->count; i++)
		digest_add(&sum, &m->senders[i].digest);
	return sum;
}

void manifest_extents(const struct manifest *m, struct extents *out)
{
	for (size_t i = 0; i < m->count; i++)
		extents_join(out, &m->senders[i].extents);
}

static void set_digest(struct json_t *o, const struct digest *d)
{
	char hex[DIGEST_HEX];
	digest_hex(d, hex);
	js_set_str(o, "digest", str_of(hex));
}

static struct json_t *extents_json(const struct extents *x)
{
	struct json_t *all = js_object();
	for (size_t i = 0; i < x->count; i++) {
		struct json_t *one = js_object();
		js_set_i64(one, "first", x->list[i].first);
		js_set_i64(one, "last", x->list[i].last);
		js_set_i64(one, "count", x->list[i].count);
		struct buf name = BUF_INIT;
		buf_add_i64(&name, x->list[i].partition);
		js_set(all, buf_text(&name), one);
		buf_release(&name);
	}
	return all;
}

static struct json_t *sender_json(const struct sender *s)
{
	struct json_t *o = js_object();
	js_set_str(o, "sender", str_of(s->id));
	js_set_i64(o, "records", s->records);
	js_set_i64(o, "bytes", s->bytes);
	js_set_i64(o, "rejected", s->rejected);
	set_digest(o, &s->digest);
	js_set_str(o, "framing", str_of(s->framing));
	if (s->delimiter)
		js_set_str(o, "delimiter", str_of(s->delimiter));
	js_set_bool(o, "unterminated", s->unterminated);
	js_set(o, "partitions", extents_json(&s->extents));
	return o;
}

struct json_t *manifest_json(const struct manifest *m)
{
	int64_t rejected = 0;
	struct json_t *senders = js_array();
	struct extents all = EXTENTS_INIT;
	manifest_extents(m, &all);
	for (size_t i = 0; i < m->count; i++) {
		rejected += m->senders[i].rejected;
		js_append(senders, sender_json(&m->senders[i]));
	}
	struct digest sum = manifest_digest(m);
	struct json_t *o = js_object();
	js_set_i64(o, "records", manifest_records(m));
	js_set_i64(o, "bytes", manifest_bytes(m));
	js_set_i64(o, "rejected", rejected);
	set_digest(o, &sum);
	js_set(o, "partitions", extents_json(&all));
	js_set(o, "senders", senders);
	extents_release(&all);
	return o;
}

struct extents_reading {
	struct extents *out;
	bool bad;
};

static bool read_extent(void *ctx, const char *name, const struct json_t *v)
{
	struct extents_reading *r = ctx;
	struct err ignored = ERR_INIT;
	int64_t partition, first, last, count;
	r->bad = num_i64(name, 0, INT32_MAX, &partition, &ignored) ||
	    !js_get_i64(v, "first", &first) || !js_get_i64(v, "last", &last) ||
	    !js_get_i64(v, "count", &count) || first < 0 || last < first ||
	    last == INT64_MAX || count < 1 || count > MOST_RECORDS || count > last - first + 1;
	err_clear(&ignored);
	if (r->bad)
		return false;
	size_t before = r->out->count;
	extents_add(r->out, (int32_t)partition, first, last, count);
	r->bad = r->out->count == before; /* "0" and "00" are one partition */
	return !r->bad;
}

bool extents_parse(const struct json_t *o, struct extents *out)
{
	struct extents_reading r = {.out = out};
	if (!js_is_object(o))
		return false;
	js_each(o, read_extent, &r);
	return !r.bad;
}

static char *copy_member(const struct json_t *o, const char *name)
{
	struct str s;
	return js_get_str(o, name, &s) ? mem_strndup(s.ptr, s.len) : NULL;
}

static bool in_range(int64_t n, int64_t most)
{
	return n >= 0 && n <= most;
}

static bool read_sender(const struct json_t *o, struct sender *s)
{
	struct str digest;
	s->id = copy_member(o, "sender");
	s->framing = copy_member(o, "framing");
	s->delimiter = copy_member(o, "delimiter");
	js_get_i64(o, "rejected", &s->rejected);
	js_get_bool(o, "unterminated", &s->unterminated);
	return s->id && seq_is_sender(str_of(s->id)) && s->framing && js_get_i64(o, "records", &s->records) &&
	    js_get_i64(o, "bytes", &s->bytes) && in_range(s->records, MOST_RECORDS) &&
	    in_range(s->bytes, MOST_BYTES) && in_range(s->rejected, MOST_RECORDS) &&
	    js_get_str(o, "digest", &digest) && digest_from_hex(digest, &s->digest) &&
	    extents_parse(js_get(o, "partitions"), &s->extents);
}

int manifest_parse(const struct json_t *json, struct manifest *out, struct err *err)
{
	const struct json_t *senders = js_get(json, "senders");
	if (!js_is_object(json) || (senders && !js_is_array(senders)))
		return err_set(err, ST_FAIL, "manifest: no object, or its senders are no list");
	if (js_count(senders) > MOST_SENDERS)
		return err_set(err, ST_FAIL, "manifest: more than %d senders", MOST_SENDERS);
	for (size_t i = 0; i < js_count(senders); i++) {
		struct sender s = {0};
		if (!read_sender(js_at(senders, i), &s)) {
			sender_release(&s);
			manifest_release(out);
			return err_set(err, ST_FAIL, "manifest: sender %zu does not make sense", i + 1);
		}
		if (manifest_add(out, &s, err)) {
			sender_release(&s);
			manifest_release(out);
			return -1;
		}
	}
	return 0;
}
