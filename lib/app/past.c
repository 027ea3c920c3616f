#include "app/past.h"

#include <stdlib.h>

#include "base/digest.h"
#include "base/mem.h"
#include "batch/seq.h"
#include "tool/clock.h"
#include "tool/sig.h"

#define SLICE_MS 200

struct predecessor {
	char *id;
	struct extents extents;
	int64_t lowest;       /* its first number that is in the log */
	struct digest digest; /* of that record */
	int64_t *highest;     /* of each partition its highest number; 0: none */
	size_t partitions, cap;
};

struct past {
	const struct kv *settings;
	struct batch batch; /* with the chosen sender as its manifest */
	int64_t idle_ms;
	void (*log)(int syslog_level, const char *text);
	struct predecessor *list;
	size_t count, cap;
	const struct predecessor *chosen; /* NULL: none */
	struct kfetch *fetch;       /* of the chosen sender, in input order; NULL: none */
	const struct record *head;  /* its next record */
	int64_t head_n;
	bool done;
};

static struct digest digest_of(const struct record *r)
{
	struct digest d = DIGEST_INIT;
	digest_record(&d, r->key, r->value);
	return d;
}

static bool numbered(const struct record *r, struct str *sender, int64_t *n)
{
	const struct header *h = headers_find(&r->headers, HDR_BATCH_SEQ);
	return h && h->value.ptr && seq_parse(h->value, sender, n);
}

static struct predecessor *predecessor_of(struct past *p, struct str sender)
{
	for (size_t i = 0; i < p->count; i++)
		if (str_is(sender, p->list[i].id))
			return &p->list[i];
	p->list = mem_grow(p->list, &p->cap, p->count + 1, sizeof(*p->list));
	struct predecessor *new = &p->list[p->count++];
	*new = (struct predecessor){.id = mem_strndup(sender.ptr, sender.len),
	    .lowest = INT64_MAX};
	return new;
}

static void note_number(struct predecessor *of, size_t partition, int64_t n)
{
	of->highest = mem_grow(of->highest, &of->cap, partition + 1, sizeof(*of->highest));
	while (of->partitions <= partition)
		of->highest[of->partitions++] = 0;
	if (n > of->highest[partition])
		of->highest[partition] = n;
}

static void note(struct past *p, const struct record *r)
{
	struct str sender;
	int64_t n;
	if (!numbered(r, &sender, &n))
		return;
	struct predecessor *of = predecessor_of(p, sender);
	extents_add(&of->extents, r->partition, r->offset, r->offset, 1);
	note_number(of, (size_t)r->partition, n);
	if (n < of->lowest) {
		of->lowest = n;
		of->digest = digest_of(r);
	}
}

static int64_t looked_at(const struct kfetch *f)
{
	struct kfetch_counts c = kfetch_counts(f);
	return c.records + c.passed + c.duplicates;
}

/* The next record, however long it takes as long as records come, of this batch or of others. KREAD_DONE or
 * _RECORD, or -1. */
static enum kread_state next(const struct past *p, struct kfetch *f, const struct record **out,
    struct err *err)
{
	struct deadline patience = deadline_start(p->idle_ms);
	for (int64_t seen = looked_at(f);; seen = looked_at(f)) {
		if (sig_ended()) {
			err_set(err, ST_PARTIAL, "interrupted");
			return KREAD_ERROR;
		}
		enum kread_state s = kfetch_next(f, SLICE_MS, out, err);
		if (s != KREAD_EMPTY)
			return s;
		if (looked_at(f) != seen)
			patience = deadline_start(p->idle_ms);
		if (deadline_left_ms(&patience) == 0 && !sig_ended()) {
			kfetch_late(f, &patience, err);
			return KREAD_ERROR;
		}
	}
}

static int find_senders(struct past *p, const struct kfetch_options *options, struct err *err)
{
	struct kfetch *f;
	const struct record *r;
	enum kread_state s;
	struct deadline d = deadline_start(p->idle_ms);
	if (kfetch_open(&f, p->settings, &p->batch, options, &d, err))
		return -1;
	while ((s = next(p, f, &r, err)) == KREAD_RECORD)
		note(p, r);
	kfetch_close(f);
	return s == KREAD_DONE ? 0 : -1;
}

int past_open(struct past **out, const struct kv *settings, const struct batch *b,
    int64_t created_ms, int64_t idle_ms,
    void (*log)(int syslog_level, const char *text), struct err *err)
{
	struct past *p = mem_zalloc(1, sizeof(*p));
	struct kfetch_options options = {.created_ms = created_ms, .log = log};
	p->settings = settings;
	p->idle_ms = idle_ms;
	p->log = log;
	batch_copy(b, &p->batch);
	js_remove(p->batch.doc, "manifest");
	if (find_senders(p, &options, err)) {
		past_close(p);
		return -1;
	}
	*out = p;
	return 0;
}

/* Opens the chosen sender's records in the order of their numbers, by a manifest made for that. */
static int open_chosen(struct past *p, struct predecessor *of, struct err *err)
{
	struct manifest m = MANIFEST_INIT;
	struct sender s = {.id = mem_strdup(of->id), .framing = mem_strdup("delimited")};
	const struct kfetch_options options = {.ordered = true, .log = p->log};
	struct deadline d = deadline_start(p->idle_ms);
	extents_join(&s.extents, &of->extents);
	for (size_t i = 0; i < s.extents.count; i++)
		s.records += s.extents.list[i].count;
	int failed = manifest_add(&m, &s, err);
	js_set(p->batch.doc, "manifest", manifest_json(&m));
	manifest_release(&m);
	return failed || kfetch_open(&p->fetch, p->settings, &p->batch, &options, &d, err) ? -1
											   : 0;
}

int past_choose(struct past *p, const struct record *r, const char **sender, struct err *err)
{
	struct predecessor *chosen = NULL;
	struct digest first = digest_of(r);
	*sender = NULL;
	for (size_t i = 0; i < p->count; i++) {
		struct predecessor *of = &p->list[i];
		/* Of a sender whose first records are lost the input can be told only later. */
		bool may_be = of->lowest > 1 || digest_equal(&of->digest, &first);
		if (may_be && chosen)
			return err_set(err, ST_STATE, "senders %s and %s both may have sent this "
			    "input: it cannot be told which to resume", chosen->id, of->id);
		if (may_be)
			chosen = of;
	}
	if (!chosen)
		return 0;
	*sender = chosen->id;
	p->chosen = chosen;
	return open_chosen(p, chosen, err);
}

/* Brings the head up to number n. */
static int advance(struct past *p, int64_t n, struct err *err)
{
	struct str sender;
	while (!p->done && (!p->head || p->head_n < n)) {
		enum kread_state s = next(p, p->fetch, &p->head, err);
		if (s == KREAD_ERROR)
			return -1;
		p->done = s == KREAD_DONE;
		if (!p->done)
			numbered(p->head, &sender, &p->head_n);
	}
	return 0;
}

static bool same(struct str a, struct str b)
{
	return (a.ptr == NULL) == (b.ptr == NULL) && str_eq(a, b);
}

int past_has(struct past *p, int64_t n, const struct record *r, struct record *at,
    struct err *err)
{
	if (!p->fetch)
		return 0;
	if (advance(p, n, err))
		return -1;
	if (p->done || p->head_n != n)
		return 0;
	if (!same(p->head->key, r->key) || !same(p->head->value, r->value))
		return err_set(err, ST_FAIL, "this is not the input that was sent before: record "
		    "%lld differs", (long long)n);
	*at = *p->head;
	return 1;
}

int64_t past_highest(const struct past *p, int32_t partition)
{
	return p->chosen && (size_t)partition < p->chosen->partitions ? p->chosen->highest[partition] : 0;
}

int past_end(struct past *p, int64_t n, struct err *err)
{
	if (!p->fetch)
		return 0;
	if (advance(p, n + 1, err))
		return -1;
	if (p->done)
		return 0;
	return err_set(err, ST_FAIL, "this is not the input that was sent before: it ends after "
	    "%lld records, and number %lld had been delivered", (long long)n,
	    (long long)p->head_n);
}

void past_close(struct past *p)
{
	if (!p)
		return;
	for (size_t i = 0; i < p->count; i++) {
		free(p->list[i].id);
		free(p->list[i].highest);
		extents_release(&p->list[i].extents);
	}
	free(p->list);
	kfetch_close(p->fetch);
	batch_release(&p->batch);
	free(p);
}
