#include "batch/claims.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define ZERO   "\"digest\":\"00000000000000000000000000000000\""
#define ONE    "\"digest\":\"00000000000000000000000000000001\""
#define PLACE  "{\"0\":{\"first\":10,\"last\":19,\"count\":10}}"
#define SENDER(id, records, partitions)                                                             \
	"{\"sender\":\"" id "\",\"records\":" records ",\"bytes\":1,\"framing\":\"whole\"," ZERO           \
	",\"partitions\":" partitions "}"
#define DOC(members) "{\"id\":\"b\",\"status\":\"completed\"" members "}"
#define MANIFEST(members) ",\"manifest\":{" members "}"

/* why NULL: nothing contradicts. */
static void check(const char *doc, const char *why)
{
	struct batch b = BATCH_INIT;
	struct manifest m = MANIFEST_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(batch_parse(str_of(doc), &b, &err), 0);
	assert_int_equal(manifest_parse(js_get(b.doc, "manifest"), &m, &err), 0);
	int failed = claims_check(&b, &m, &err);
	if (why)
		assert_int_equal(err.status, ST_FAIL);
	assert_string_equal(err.text ? err.text : "", why ? why : "");
	assert_int_equal(failed, why ? -1 : 0);
	err_clear(&err);
	manifest_release(&m);
	batch_release(&b);
}

static void test_claims_agree(void **state)
{
	(void)state;
	check(DOC(MANIFEST("")), NULL);
	check(DOC(MANIFEST("\"records\":0,\"senders\":[]")), NULL);
	check(DOC(",\"expectedRecordCount\":5" MANIFEST("")), NULL);
	check(DOC(MANIFEST("\"senders\":[" SENDER("s", "0", "{}") "]")), NULL);
	check(DOC(",\"recordCount\":10" MANIFEST("\"records\":10,\"partitions\":" PLACE "," ZERO
		",\"senders\":[" SENDER("s", "10", PLACE) "]")), NULL);
	check(DOC(MANIFEST("\"senders\":[" SENDER("s", "5", "{\"0\":{\"first\":10,\"last\":19,\"count\":5}}") ","
		SENDER("t", "5", "{\"0\":{\"first\":11,\"last\":20,\"count\":5}}") "]")), NULL);
}

static void test_claims_differ(void **state)
{
	(void)state;
	check(DOC(MANIFEST("\"records\":5,\"senders\":[]")), "manifest: 5 records, and no sender of any");
	check(DOC(MANIFEST("\"partitions\":" PLACE)), "manifest: 10 records, and no sender of any");
	check(DOC(MANIFEST("\"senders\":[" SENDER("s", "9", PLACE) "]")),
	    "manifest: sender s has 9 records, and 10 in its partitions");
	check(DOC(MANIFEST("\"records\":9,\"senders\":[" SENDER("s", "10", PLACE) "]")),
	    "manifest: 9 records in all, and 10 of its senders");
	check(DOC(",\"expectedRecordCount\":9" MANIFEST("\"senders\":[" SENDER("s", "10", PLACE) "]")),
	    "expectedRecordCount is 9, and the manifest has 10 records");
	check(DOC(MANIFEST(ONE ",\"senders\":[" SENDER("s", "10", PLACE) "]")),
	    "manifest: its digest is not the sum of those of its senders");
	check(DOC(MANIFEST("\"partitions\":{},\"senders\":[" SENDER("s", "10", PLACE) "]")),
	    "manifest: its partitions are not those of its senders");
	check(DOC(MANIFEST("\"partitions\":[],\"senders\":[" SENDER("s", "10", PLACE) "]")),
	    "manifest: its partitions do not make sense");
	check(DOC(MANIFEST("\"senders\":[" SENDER("s", "10", PLACE) "," SENDER("t", "10", PLACE) "]")),
	    "manifest: partition 0 has 20 records of all senders between offsets 10 and 19");
}

static void test_claims_topic(void **state)
{
	(void)state;
	struct manifest m = MANIFEST_INIT;
	struct err err = ERR_INIT;
	struct extent x = {2, 10, 19, 10};
	assert_int_equal(claims_check_partitions(&m, "t", 0, &err), 0);
	struct sender s = {0};
	extents_add(&s.extents, 2, 10, 19, 10);
	assert_int_equal(manifest_add(&m, &s, &err), 0);
	assert_int_equal(claims_check_partitions(&m, "t", 3, &err), 0);
	assert_int_equal(claims_check_partitions(&m, "t", 2, &err), -1);
	assert_string_equal(err.text, "its manifest names partition 2, and topic t has 2");
	assert_int_equal(claims_check_end(&x, "t", 20, &err), 0);
	assert_int_equal(claims_check_end(&x, "t", 19, &err), -1);
	assert_string_equal(err.text, "its manifest goes to offset 19 of partition 2, and the log of topic t "
	    "ends at offset 19");
	err_clear(&err);
	manifest_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_claims_agree),
	    cmocka_unit_test(test_claims_differ),
	    cmocka_unit_test(test_claims_topic),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
