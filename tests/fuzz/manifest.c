/* A manifest from a document of a stranger: what is taken makes sense, comes back as it was, and adds up
 * without an overflow. */
#include "fuzz.h"

#include <jansson.h>

#include "batch/manifest.h"
#include "batch/seq.h"

static void check_sender(const struct sender *s)
{
	int32_t before = -1;
	assert(seq_is_sender(str_of(s->id)));
	assert(s->records >= 0 && s->bytes >= 0 && s->rejected >= 0 && s->framing);
	for (size_t i = 0; i < s->extents.count; i++) {
		const struct extent *x = &s->extents.list[i];
		assert(x->partition > before);
		assert(x->first >= 0 && x->last >= x->first && x->count >= 1);
		assert(x->count - 1 <= x->last - x->first);
		before = x->partition;
	}
}

static void check_again(const struct manifest *m)
{
	struct err err = ERR_INIT;
	struct manifest again = MANIFEST_INIT;
	struct json_t *json = manifest_json(m), *twice;
	struct digest a = manifest_digest(m), b;
	assert(manifest_parse(json, &again, &err) == 0);
	twice = manifest_json(&again);
	assert(json_equal(json, twice));
	assert(manifest_join(&again, &(struct manifest){0}, &err) == 0);
	b = manifest_digest(&again);
	assert(digest_equal(&a, &b));
	js_free(json);
	js_free(twice);
	manifest_release(&again);
}

/* The same senders once more are the same manifest. */
static void check_join(struct manifest *m, const struct json_t *json)
{
	struct err err = ERR_INIT;
	struct manifest other = MANIFEST_INIT;
	int64_t records = manifest_records(m), bytes = manifest_bytes(m);
	assert(manifest_parse(json, &other, &err) == 0);
	assert(manifest_join(m, &other, &err) == 0);
	assert(manifest_records(m) == records && manifest_bytes(m) == bytes);
	assert(records >= 0 && bytes >= 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct err err = ERR_INIT;
	struct manifest m = MANIFEST_INIT;
	struct json_t *json = js_parse(fuzz_input(data, size), &err);
	if (json && manifest_parse(json, &m, &err) == 0) {
		for (size_t i = 0; i < m.count; i++)
			check_sender(&m.senders[i]);
		check_again(&m);
		check_join(&m, json);
	} else {
		assert(err.status == ST_FAIL && m.count == 0);
	}
	manifest_release(&m);
	js_free(json);
	err_clear(&err);
	return 0;
}
