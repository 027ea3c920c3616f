#include "batch/proof.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "batch/claims.h"
#include "batch/header.h"
#include "batch/seq.h"

void proof_init(struct proof *p, struct str id)
{
	*p = (struct proof){.id = mem_strndup(id.ptr, id.len), .id_len = id.len,
	    .expected = -1};
}

int proof_take(struct proof *p, const struct batch *b, struct err *err)
{
	const struct json_t *m = js_get(b->doc, "manifest");
	if (m && (manifest_parse(m, &p->manifest, err) || claims_check(b, &p->manifest, err)))
		return -1;
	p->expected = batch_expected(b);
	/* No senders and records expected: the manifest says nothing, and the number was given by hand. */
	p->has_manifest = m && (p->manifest.count > 0 || p->expected == 0);
	return 0;
}

static bool is_ours(const struct proof *p, const struct record *r)
{
	const struct header *h = headers_find(&r->headers, HDR_BATCH_ID);
	return h && str_eq(h->value, (struct str){p->id, p->id_len});
}

static bool seq_of(const struct record *r, struct str *sender, int64_t *n)
{
	const struct header *h = headers_find(&r->headers, HDR_BATCH_SEQ);
	return h && h->value.ptr && seq_parse(h->value, sender, n);
}

static bool in_manifest(const struct proof *p, struct str sender)
{
	for (size_t i = 0; i < p->manifest.count; i++)
		if (str_is(sender, p->manifest.senders[i].id))
			return true;
	return false;
}

bool proof_wants(struct proof *p, const struct record *r, size_t lane, size_t lanes)
{
	struct str sender;
	int64_t n;
	bool numbered = seq_of(r, &sender, &n);
	if (!is_ours(p, r) || (p->has_manifest && !(numbered && in_manifest(p, sender)))) {
		p->passed++;
		return false;
	}
	if (!numbered || strangers_take(&p->strangers, sender, n, lane, lanes))
		return true;
	p->duplicates++;
	return false;
}

bool proof_wants_number(struct proof *p, int64_t n, size_t lane, size_t lanes)
{
	if (strangers_take(&p->strangers, str_of(p->manifest.senders[0].id), n, lane, lanes))
		return true;
	p->duplicates++;
	return false;
}

bool proof_is_of(const struct proof *p, size_t sender, const struct record *r, int64_t *n)
{
	struct str is;
	return is_ours(p, r) && seq_of(r, &is, n) && str_is(is, p->manifest.senders[sender].id);
}

void proof_add(struct proof *p, const struct record *r)
{
	p->records++;
	p->bytes += (int64_t)(r->key.len + r->value.len);
	digest_record(&p->digest, r->key, r->value);
}

void proof_end_sender(struct proof *p, size_t sender, struct merge *m)
{
	const struct sender *s = &p->manifest.senders[sender];
	merge_expect(m, s->records);
	if (m->missing) {
		if (p->missing_text.len)
			buf_puts(&p->missing_text, "; ");
		buf_printf(&p->missing_text, "%s:", s->id);
		merge_missing_text(m, &p->missing_text);
	}
	p->missing += m->missing;
	p->duplicates += m->duplicates;
}

static int verify_count(const struct proof *p, struct err *err)
{
	long long got = p->records, want = p->expected;
	if (p->expected < 0 || (got == want && p->missing == 0))
		return 0;
	if (got > want)
		return err_set(err, ST_FAIL, "batch '%s': %lld records, %lld more than the %lld that "
		    "were announced", p->id, got, got - want, want);
	struct buf names = BUF_INIT;
	buf_add_str(&names, buf_str(&p->missing_text));
	strangers_missing(&p->strangers, p->expected, &names);
	err_set(err, ST_FAIL, "batch '%s': %lld of %lld records are missing%s%s", p->id,
	    want > got ? want - got : (long long)p->missing, want,
	    names.len ? ": sequence numbers " : "", buf_text(&names));
	buf_release(&names);
	return -1;
}

int proof_verify(const struct proof *p, struct err *err)
{
	if (verify_count(p, err))
		return -1;
	if (!p->has_manifest)
		return 0;
	struct digest want = manifest_digest(&p->manifest);
	if (!digest_equal(&want, &p->digest))
		return err_set(err, ST_FAIL, "batch '%s': the digest of its %lld records is not that "
		    "of its manifest: they are not what was sent", p->id, (long long)p->records);
	return 0;
}

int64_t proof_end(const struct proof *p, int32_t partition)
{
	int64_t end = 0;
	for (size_t i = 0; i < p->manifest.count; i++) {
		const struct extents *x = &p->manifest.senders[i].extents;
		for (size_t j = 0; j < x->count; j++)
			if (x->list[j].partition == partition && x->list[j].last + 1 > end)
				end = x->list[j].last + 1;
	}
	return end;
}

static bool cut_alike(const struct sender *a, const struct sender *b)
{
	return strcmp(a->framing, b->framing) == 0 && !a->delimiter == !b->delimiter &&
	    (!a->delimiter || strcmp(a->delimiter, b->delimiter) == 0);
}

const struct sender *proof_framing(const struct proof *p)
{
	const struct manifest *m = &p->manifest;
	for (size_t i = 1; i < m->count; i++)
		if (!cut_alike(&m->senders[0], &m->senders[i]))
			return NULL;
	return m->count ? &m->senders[0] : NULL;
}

void proof_release(struct proof *p)
{
	strangers_release(&p->strangers);
	manifest_release(&p->manifest);
	buf_release(&p->missing_text);
	free(p->id);
	*p = (struct proof){0};
}
