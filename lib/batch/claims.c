#include "batch/claims.h"

static int64_t records_in(const struct extents *x)
{
	int64_t n = 0;
	for (size_t i = 0; i < x->count; i++)
		n += x->list[i].count;
	return n;
}

static int check_senders(const struct manifest *m, int64_t said, const struct extents *places,
    struct err *err)
{
	if (m->count == 0 && (said > 0 || places->count))
		return err_set(err, ST_FAIL, "manifest: %lld records, and no sender of any",
		    (long long)(said > 0 ? said : records_in(places)));
	for (size_t i = 0; i < m->count; i++) {
		const struct sender *s = &m->senders[i];
		int64_t here = records_in(&s->extents);
		if (s->records != here)
			return err_set(err, ST_FAIL, "manifest: sender %s has %lld records, and %lld in its "
			    "partitions", s->id, (long long)s->records, (long long)here);
	}
	return 0;
}

static int check_sums(const struct batch *b, const struct manifest *m, int64_t said, struct err *err)
{
	long long sum = manifest_records(m);
	int64_t expected = batch_expected(b);
	struct digest all = DIGEST_INIT, of_senders = manifest_digest(m);
	struct str hex;
	if (said >= 0 && said != sum)
		return err_set(err, ST_FAIL, "manifest: %lld records in all, and %lld of its senders",
		    (long long)said, sum);
	if (m->count && expected >= 0 && expected != sum)
		return err_set(err, ST_FAIL, "expectedRecordCount is %lld, and the manifest has %lld records",
		    (long long)expected, sum);
	if (m->count && js_get_str(js_get(b->doc, "manifest"), "digest", &hex) &&
	    !(digest_from_hex(hex, &all) && digest_equal(&all, &of_senders)))
		return err_set(err, ST_FAIL, "manifest: its digest is not the sum of those of its senders");
	return 0;
}

static bool is_same(const struct extent *a, const struct extent *b)
{
	return a && a->first == b->first && a->last == b->last && a->count == b->count;
}

/* said: as the manifest has them in all; all: those of its senders. */
static int check_places(const struct extents *said, const struct extents *all, struct err *err)
{
	for (size_t i = 0; i < all->count; i++) {
		const struct extent *x = &all->list[i];
		if (x->count > x->last - x->first + 1)
			return err_set(err, ST_FAIL, "manifest: partition %d has %lld records of all senders "
			    "between offsets %lld and %lld", x->partition, (long long)x->count,
			    (long long)x->first, (long long)x->last);
	}
	bool same = said->count == all->count;
	for (size_t i = 0; i < all->count && same; i++)
		same = is_same(extents_find(said, all->list[i].partition), &all->list[i]);
	if (!same)
		return err_set(err, ST_FAIL, "manifest: its partitions are not those of its senders");
	return 0;
}

int claims_check(const struct batch *b, const struct manifest *m, struct err *err)
{
	const struct json_t *json = js_get(b->doc, "manifest"), *places = js_get(json, "partitions");
	struct extents said = EXTENTS_INIT, all = EXTENTS_INIT;
	int64_t records = -1;
	int failed = 0;
	js_get_i64(json, "records", &records);
	if (places && !extents_parse(places, &said))
		failed = err_set(err, ST_FAIL, "manifest: its partitions do not make sense");
	manifest_extents(m, &all);
	failed = failed || check_senders(m, records, &said, err) || check_sums(b, m, records, err) ||
	    check_places(places ? &said : &all, &all, err);
	extents_release(&said);
	extents_release(&all);
	return failed ? -1 : 0;
}

int claims_check_partitions(const struct manifest *m, const char *topic, int32_t partitions, struct err *err)
{
	struct extents all = EXTENTS_INIT;
	manifest_extents(m, &all);
	int32_t last = all.count ? all.list[all.count - 1].partition : -1;
	extents_release(&all);
	if (last < partitions)
		return 0;
	return err_set(err, ST_FAIL, "its manifest names partition %d, and topic %s has %d", last, topic,
	    partitions);
}

int claims_check_end(const struct extent *x, const char *topic, int64_t end, struct err *err)
{
	if (x->last < end)
		return 0;
	return err_set(err, ST_FAIL, "its manifest goes to offset %lld of partition %d, and the log of topic "
	    "%s ends at offset %lld", (long long)x->last, x->partition, topic, (long long)end);
}
