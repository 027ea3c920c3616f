#include "batch/proof.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "batch/header.h"

/* A record of batch b, as its sender numbered it; NULL: without that header. */
static struct record record(const char *batch, const char *seq, const char *value)
{
	struct record r = RECORD_INIT;
	r.value = str_of(value);
	if (batch)
		headers_add(&r.headers, str_of(HDR_BATCH_ID), str_of(batch));
	if (seq)
		headers_add(&r.headers, str_of(HDR_BATCH_SEQ), str_of(seq));
	return r;
}

/* Was it wanted? If so it is added. */
static bool offer(struct proof *p, const char *batch, const char *seq, const char *value)
{
	struct record r = record(batch, seq, value);
	bool wanted = proof_wants(p, &r, 0, 1);
	if (wanted)
		proof_add(p, &r);
	headers_release(&r.headers);
	return wanted;
}

static struct proof begin(const char *document)
{
	struct proof p;
	struct batch b = BATCH_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(batch_parse(str_of(document), &b, &err), 0);
	proof_init(&p, batch_id(&b));
	assert_int_equal(proof_take(&p, &b, &err), 0);
	batch_release(&b);
	return p;
}

static void check(const struct proof *p, const char *complaint)
{
	struct err err = ERR_INIT;
	assert_int_equal(proof_verify(p, &err), complaint ? -1 : 0);
	if (complaint) {
		assert_int_equal(err.status, ST_FAIL);
		if (!strstr(err.text, complaint))
			fail_msg("%s: not said: %s", err.text, complaint);
	}
	err_clear(&err);
}

#define COUNT "{\"id\":\"b\",\"status\":\"completed\",\"expectedRecordCount\":3}"

static void test_proof_by_count(void **state)
{
	struct proof p = begin(COUNT);
	(void)state;
	assert_true(offer(&p, "b", "s:1", "x"));
	assert_false(offer(&p, "b", "s:1", "x"));
	assert_false(offer(&p, "c", "s:2", "x"));
	assert_false(offer(&p, NULL, "s:2", "x"));
	check(&p, "2 of 3 records are missing: sequence numbers s:2-3");
	assert_true(offer(&p, "b", "s:3", "yy"));
	check(&p, "1 of 3 records are missing: sequence numbers s:2");
	assert_true(offer(&p, "b", NULL, ""));
	check(&p, NULL);
	assert_true(offer(&p, "b", NULL, ""));
	check(&p, "4 records, 1 more than the 3");
	assert_int_equal(p.records, 4);
	assert_int_equal(p.bytes, 3);
	assert_int_equal(p.duplicates, 1);
	assert_int_equal(p.passed, 2);
	proof_release(&p);
}

static void test_proof_of_nothing_said(void **state)
{
	struct proof p = begin("{\"id\":\"b\",\"status\":\"started\"}");
	(void)state;
	check(&p, NULL);
	assert_true(offer(&p, "b", "s:7", "x"));
	check(&p, NULL);
	assert_null(proof_framing(&p));
	assert_int_equal(proof_end(&p, 0), 0);
	proof_release(&p);
}

/* The manifest's JSON of two senders, whose records are "one" and "two". */
static struct proof two_senders(const char *second_delimiter)
{
	struct manifest m = MANIFEST_INIT;
	struct err err = ERR_INIT;
	struct proof p;
	for (int i = 0; i < 2; i++) {
		struct sender s = {.id = strdup(i ? "t" : "s"), .records = 1, .bytes = 3,
		    .framing = strdup("delimited"), .delimiter = strdup(i ? second_delimiter : "\\n")};
		digest_record(&s.digest, (struct str)STR_INIT, str_of(i ? "two" : "one"));
		extents_add(&s.extents, i, 10 + i, 10 + i, 1);
		extents_add(&s.extents, 5, 20 + i, 20 + i, 0);
		assert_int_equal(manifest_add(&m, &s, &err), 0);
	}
	proof_init(&p, STR("b"));
	p.manifest = m;
	p.has_manifest = true;
	p.expected = 2;
	return p;
}

static void test_proof_by_manifest(void **state)
{
	struct proof p = two_senders("\\n");
	(void)state;
	assert_false(offer(&p, "b", "u:1", "one"));
	assert_false(offer(&p, "b", NULL, "one"));
	assert_true(offer(&p, "b", "t:1", "two"));
	check(&p, "1 of 2 records are missing");
	assert_true(offer(&p, "b", "s:1", "one"));
	check(&p, NULL);
	proof_release(&p);
	p = two_senders("\\n");
	assert_true(offer(&p, "b", "t:1", "two"));
	assert_true(offer(&p, "b", "s:1", "uno"));
	check(&p, "the digest of its 2 records");
	proof_release(&p);
}

static void test_proof_sender_by_sender(void **state)
{
	struct proof p = two_senders("\\n");
	struct record r = record("b", "t:1", "two");
	struct merge m = {0};
	size_t lane;
	int64_t n;
	(void)state;
	assert_false(proof_is_of(&p, 0, &r, &n));
	assert_true(proof_is_of(&p, 1, &r, &n));
	assert_int_equal(n, 1);
	proof_add(&p, &r);
	merge_start(&m, 1);
	merge_finish(&m, 0);
	assert_int_equal(merge_next(&m, &lane), MERGE_END);
	proof_end_sender(&p, 0, &m);
	assert_int_equal(p.missing, 1);
	check(&p, "1 of 2 records are missing: sequence numbers s:1");
	merge_release(&m);
	headers_release(&r.headers);
	proof_release(&p);
}

static void test_proof_ends_and_framing(void **state)
{
	struct proof p = two_senders("\\n");
	(void)state;
	assert_int_equal(proof_end(&p, 0), 11);
	assert_int_equal(proof_end(&p, 1), 12);
	assert_int_equal(proof_end(&p, 5), 22);
	assert_int_equal(proof_end(&p, 2), 0);
	assert_string_equal(proof_framing(&p)->id, "s");
	proof_release(&p);
	p = two_senders("\\0");
	assert_null(proof_framing(&p));
	proof_release(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_proof_by_count),
	    cmocka_unit_test(test_proof_of_nothing_said),
	    cmocka_unit_test(test_proof_by_manifest),
	    cmocka_unit_test(test_proof_sender_by_sender),
	    cmocka_unit_test(test_proof_ends_and_framing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
