#include "batch/stray.h"

#include "base/num.h"
#include "base/utf8.h"
#include "batch/claims.h"
#include "batch/seq.h"

/* So much of an id is shown. Longer ones of ours there are none: see ID_MAX. */
#define SHOWN 100

/* Leaves the manifest empty when it is said that no record here is the batch's. */
static bool read_manifest(const struct batch *doc, struct str topic, struct manifest *out)
{
	struct err ignored = ERR_INIT;
	const struct json_t *m = js_get(doc->doc, "manifest");
	if (batch_is_elsewhere(doc, topic))
		return true;
	bool good = m && manifest_parse(m, out, &ignored) == 0 && claims_check(doc, out, &ignored) == 0 &&
	    (out->count > 0 || batch_expected(doc) == 0);
	if (!good)
		manifest_release(out);
	err_clear(&ignored);
	return good;
}

static bool add_range(void *ranges, const char *name, const struct json_t *o)
{
	struct err ignored = ERR_INIT;
	int64_t partition, first, last;
	if (num_i64(name, 0, INT32_MAX, &partition, &ignored) == 0 && js_get_i64(o, "first", &first) &&
	    js_get_i64(o, "last", &last))
		extents_add(ranges, (int32_t)partition, first, last, 0);
	err_clear(&ignored);
	return true;
}

static bool read_ranges(const struct batch *doc, struct extents *out)
{
	const struct json_t *ranges = js_get(js_get(doc->doc, "progress"), "ranges");
	if (!js_is_object(ranges))
		return false;
	js_each(ranges, add_range, out);
	return true;
}

void stray_batch_init(struct stray_batch *b, enum batch_status status, int64_t since_ms, struct str doc,
    struct str topic)
{
	struct batch parsed = BATCH_INIT;
	struct err ignored = ERR_INIT;
	*b = (struct stray_batch){.status = status, .since_ms = since_ms};
	if (status == BATCH_NONE)
		return;
	if (batch_parse(doc, &parsed, &ignored) == 0) {
		b->manifested = read_manifest(&parsed, topic, &b->manifest);
		b->ranged = !b->manifested && read_ranges(&parsed, &b->ranges);
	}
	batch_release(&parsed);
	err_clear(&ignored);
}

void stray_batch_release(struct stray_batch *b)
{
	manifest_release(&b->manifest);
	extents_release(&b->ranges);
	*b = (struct stray_batch){0};
}

struct str stray_id(const struct record *r)
{
	const struct header *h = headers_find(&r->headers, HDR_BATCH_ID);
	return h && h->value.ptr ? h->value : STR("");
}

static bool is_within(const struct extents *x, const struct record *r)
{
	for (size_t i = 0; i < x->count; i++)
		if (x->list[i].partition == r->partition && x->list[i].first <= r->offset &&
		    r->offset <= x->list[i].last)
			return true;
	return false;
}

/* Does the manifest name the record? */
static bool is_named(const struct manifest *m, const struct record *r)
{
	struct str sender;
	int64_t n;
	const struct header *seq = headers_find(&r->headers, HDR_BATCH_SEQ);
	if (!seq || !seq->value.ptr || !seq_parse(seq->value, &sender, &n))
		return false;
	for (size_t i = 0; i < m->count; i++)
		if (str_is(sender, m->senders[i].id) && is_within(&m->senders[i].extents, r))
			return true;
	return false;
}

/* Without a manifest, and when no worker said where it found the records, the time tells. With a slack for clocks
 * that differ a late record would be lost in silence; without one a record may be told of that is counted, too. */
static bool is_of_completed(const struct stray_batch *b, const struct record *r)
{
	if (b->manifested)
		return is_named(&b->manifest, r);
	return b->ranged ? is_within(&b->ranges, r) : r->ts_ms <= b->since_ms;
}

enum stray stray_judge(const struct stray_batch *b, const struct record *r)
{
	if (stray_id(r).len == 0)
		return STRAY_NO_ID;
	switch (b->status) {
	case BATCH_NONE:
		return STRAY_UNKNOWN;
	case BATCH_STARTED:
		return STRAY_NONE;
	case BATCH_SENT:
		return !b->manifested || is_named(&b->manifest, r) ? STRAY_NONE : STRAY_LATE;
	case BATCH_COMPLETED:
		return is_of_completed(b, r) ? STRAY_NONE : STRAY_LATE;
	case BATCH_TERMINATED:
	case BATCH_FAILED:
		break;
	}
	return STRAY_GIVEN_UP;
}

enum verdict stray_verdict(enum stray kind)
{
	if (kind == STRAY_NONE)
		return VERDICT_DONE;
	return kind == STRAY_GIVEN_UP ? VERDICT_SKIPPED : VERDICT_INVALID;
}

void stray_reason(enum stray kind, const struct record *r, struct buf *out)
{
	struct str id = stray_id(r);
	if (kind == STRAY_NO_ID) {
		buf_puts(out, "it has no batchId");
		return;
	}
	bool cut = id.len > SHOWN;
	if (cut)
		id.len = SHOWN;
	buf_puts(out, "batch '");
	utf8_escape(out, id, 0);
	buf_puts(out, cut ? "...'" : "'");
	buf_puts(out, kind == STRAY_UNKNOWN ? " is unknown" : " was completed without it");
}
