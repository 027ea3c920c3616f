#include "batch/batch.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "base/buf.h"
#include "base/date.h"
#include "base/id.h"

#define NOW_MS  INT64_C(1795257000123) /* 2026-11-21T10:30:00.123Z */
#define LATE_MS INT64_C(1795260600999) /* an hour later */

static void check_doc(const struct batch *b, const char *want)
{
	struct buf text = BUF_INIT;
	js_dump(b->doc, &text);
	assert_string_equal(buf_text(&text), want);
	buf_release(&text);
}

static struct json_t *tree(const char *text)
{
	struct err err = ERR_INIT;
	struct json_t *t = js_parse(str_of(text), &err);
	if (!t)
		fail_msg("%s: %s", text, err.text);
	return t;
}

static struct batch parse(const char *text)
{
	struct batch b = BATCH_INIT;
	struct err err = ERR_INIT;
	if (batch_parse(str_of(text), &b, &err))
		fail_msg("%s: %s", text, err.text);
	return b;
}

static void test_batch_status_parse(void **state)
{
	(void)state;
	static const char *const names[] = {
	    "", "started", "sendCompleted", "completed", "terminated", "failed"};
	enum batch_status s = BATCH_NONE;
	for (unsigned i = BATCH_STARTED; i < BATCH_STATUS_COUNT; i++) {
		assert_true(batch_status_parse(str_of(names[i]), &s));
		assert_int_equal(s, i);
		assert_string_equal(batch_status_name(s), names[i]);
	}
	assert_string_equal(batch_status_name(BATCH_NONE), "");
	static const char *const bad[] = {"", "Started", "started ", "sendcompleted", "none", "start"};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_false(batch_status_parse(str_of(bad[i]), &s));
	assert_false(batch_status_parse((struct str)STR_INIT, &s));
	assert_false(batch_status_parse(STR("started\0"), &s));
	assert_int_equal(s, BATCH_FAILED);
}

static void test_batch_may(void **state)
{
	(void)state;
	/* to: none, started, sendCompleted, completed, terminated, failed */
	static const char *const rows[BATCH_STATUS_COUNT] = {
	    [BATCH_NONE] = ".+....",
	    [BATCH_STARTED] = "..++++",
	    [BATCH_SENT] = "...+.+",
	    [BATCH_COMPLETED] = ".....+",
	    [BATCH_TERMINATED] = "......",
	    [BATCH_FAILED] = "......",
	};
	for (unsigned from = 0; from < BATCH_STATUS_COUNT; from++)
		for (unsigned to = 0; to < BATCH_STATUS_COUNT; to++)
			if (batch_may(from, to) != (rows[from][to] == '+'))
				fail_msg("from %u to %u", from, to);
}

static void test_batch_is_finished(void **state)
{
	(void)state;
	static const bool finished[BATCH_STATUS_COUNT] = {
	    [BATCH_COMPLETED] = true, [BATCH_TERMINATED] = true, [BATCH_FAILED] = true};
	for (unsigned s = 0; s < BATCH_STATUS_COUNT; s++)
		assert_int_equal(batch_is_finished(s), finished[s]);
}

static void test_batch_parse(void **state)
{
	(void)state;
	struct batch b = parse(" {\"status\":\"sendCompleted\",\"x\":[1],\"id\":\"b-1\",\"version\":7} ");
	assert_int_equal(b.status, BATCH_SENT);
	assert_int_equal(b.version, 7);
	assert_true(str_is(batch_id(&b), "b-1"));
	check_doc(&b, "{\"status\":\"sendCompleted\",\"x\":[1],\"id\":\"b-1\",\"version\":7}");
	batch_release(&b);
	assert_null(b.doc);
	assert_int_equal(b.status, BATCH_NONE);
	batch_release(&b);
	b = parse("{\"id\":\"b-1\",\"status\":\"failed\"}");
	assert_int_equal(b.version, 0);
	batch_release(&b);
}

static void test_batch_parse_refuses(void **state)
{
	(void)state;
	static const struct {
		const char *text, *why;
	} rows[] = {
	    {"", "batch document: byte "},
	    {"{", "batch document: byte "},
	    {"{\"id\":\"b\",\"status\":\"started\"}{}", "batch document: byte "},
	    {"{\"id\":\"b\",\"id\":\"b\",\"status\":\"started\"}", "batch document: byte "},
	    {"[]", "not a batch document: "},
	    {"null", "not a batch document: "},
	    {"\"id\"", "not a batch document: "},
	    {"{}", "not a batch document: "},
	    {"{\"status\":\"started\"}", "not a batch document: "},
	    {"{\"id\":\"\",\"status\":\"started\"}", "not a batch document: "},
	    {"{\"id\":1,\"status\":\"started\"}", "not a batch document: "},
	    {"{\"id\":\"b\"}", "not a batch document: "},
	    {"{\"id\":\"b\",\"status\":\"\"}", "not a batch document: "},
	    {"{\"id\":\"b\",\"status\":\"begun\"}", "not a batch document: "},
	    {"{\"id\":\"b\",\"status\":null}", "not a batch document: "},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct batch b = BATCH_INIT;
		struct err err = ERR_INIT;
		if (batch_parse(str_of(rows[i].text), &b, &err) != -1)
			fail_msg("%s was taken", rows[i].text);
		assert_int_equal(err.status, ST_FAIL);
		if (!str_has_prefix(str_of(err.text), rows[i].why))
			fail_msg("%s: %s", rows[i].text, err.text);
		assert_null(b.doc);
		err_clear(&err);
	}
}

static void test_batch_may_become(void **state)
{
	(void)state;
	/* from: none, started, sendCompleted, completed, terminated, failed; to: the same */
	static const char table[BATCH_STATUS_COUNT][BATCH_STATUS_COUNT + 1] = {
	    "yyyyyy", "nyyyyy", "nnyyny", "nnnyny", "nnnnyn", "nnnnny"};
	for (unsigned from = 0; from < BATCH_STATUS_COUNT; from++)
		for (unsigned to = 0; to < BATCH_STATUS_COUNT; to++)
			if (batch_may_become((enum batch_status)from, 1u << to) != (table[from][to] == 'y'))
				fail_msg("from %u to %u", from, to);
	assert_true(batch_may_become(BATCH_COMPLETED, 1u << BATCH_STARTED | 1u << BATCH_FAILED));
	assert_false(batch_may_become(BATCH_COMPLETED, 0));
}

static void test_batch_members(void **state)
{
	(void)state;
	struct batch b = parse("{\"id\":\"b-1\",\"status\":\"started\",\"name\":\"n\",\"priority\":7,"
			       "\"none\":null,\"real\":1.0}");
	assert_true(str_is(batch_member(&b, "name"), "n"));
	assert_true(str_is(batch_member(&b, "topic"), ""));
	assert_true(str_is(batch_member(&b, "priority"), ""));
	assert_true(str_is(batch_member(&b, "none"), ""));
	assert_int_equal(batch_number(&b, "priority", 50), 7);
	assert_int_equal(batch_number(&b, "none", 50), 50);
	assert_int_equal(batch_number(&b, "name", -1), -1);
	assert_int_equal(batch_number(&b, "real", -1), 1);
	batch_release(&b);
}

static void test_batch_began(void **state)
{
	(void)state;
	static const int64_t start_ms = INT64_C(1795000000000);
	static const struct {
		const char *start;
		int64_t created_ms, began_ms;
	} rows[] = {
	    {"2026-11-18T11:06:40Z", start_ms, start_ms},
	    {"2026-11-18T11:06:40Z", start_ms + 999, start_ms},
	    {"2026-11-18T11:06:40Z", start_ms + DATE_SLACK_MS, start_ms},
	    {"2026-11-18T11:06:40Z", start_ms + DATE_SLACK_MS + 1, start_ms + DATE_SLACK_MS + 1},
	    {"2026-11-18T11:06:40Z", start_ms - 1, start_ms - 1},
	    {"yesterday", start_ms, start_ms},
	};
	struct batch b = parse("{\"id\":\"b-1\",\"status\":\"started\"}");
	assert_int_equal(batch_began_ms(&b, 5), 5);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		js_set_str(b.doc, "startDate", str_of(rows[i].start));
		assert_int_equal(batch_began_ms(&b, rows[i].created_ms), rows[i].began_ms);
	}
	batch_release(&b);
}

static void test_batch_stream(void **state)
{
	(void)state;
	static const char *const rows[][2] = {
	    {"claims.in", "claims"},
	    {"ingest.1.fhir.in", "ingest.1.fhir"},
	    {"claims", "claims"},
	    {"claims.in.in", "claims.in"},
	    {"claims.IN", "claims.IN"},
	    {"claimsin", "claimsin"},
	    {"", ""},
	};
	struct batch b = parse("{\"id\":\"b-1\",\"status\":\"started\"}");
	assert_true(str_is(batch_stream(&b), ""));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		js_set_str(b.doc, "topic", str_of(rows[i][0]));
		assert_true(str_is(batch_stream(&b), rows[i][1]));
	}
	batch_release(&b);
}

static void test_batch_expected(void **state)
{
	(void)state;
	static const struct {
		const char *members;
		int64_t expected;
	} rows[] = {
	    {"", -1},
	    {",\"expectedRecordCount\":5", 5},
	    {",\"recordCount\":6", 6},
	    {",\"recordCount\":6,\"expectedRecordCount\":5", 5},
	    {",\"recordCount\":6,\"expectedRecordCount\":-1", 6},
	    {",\"expectedRecordCount\":0", 0},
	    {",\"manifest\":{\"records\":0}", 0},
	    {",\"manifest\":{\"records\":7},\"expectedRecordCount\":5", 5},
	    {",\"manifest\":{\"records\":-7}", -1},
	    {",\"manifest\":{\"records\":\"7\"}", -1},
	    {",\"manifest\":{}", -1},
	    {",\"manifest\":7", -1},
	    {",\"expectedRecordCount\":\"5\"", 5},
	    {",\"expectedRecordCount\":5.0", 5},
	    {",\"expectedRecordCount\":\"0\"", 0},
	    {",\"expectedRecordCount\":\"five\",\"recordCount\":\"6\"", 6},
	    {",\"expectedRecordCount\":\"\",\"recordCount\":5.5", -1},
	    {",\"expectedRecordCount\":\"5 \",\"recordCount\":1e300", -1},
	    {",\"expectedRecordCount\":null,\"recordCount\":[5]", -1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf text = BUF_INIT;
		buf_printf(&text, "{\"id\":\"b\",\"status\":\"completed\"%s}", rows[i].members);
		struct batch b = parse(buf_text(&text));
		if (batch_expected(&b) != rows[i].expected)
			fail_msg("%s: %lld", rows[i].members, (long long)batch_expected(&b));
		batch_release(&b);
		buf_release(&text);
	}
}

static void test_batch_copy(void **state)
{
	(void)state;
	struct batch b = parse("{\"id\":\"b-1\",\"status\":\"started\",\"version\":4,\"m\":{\"a\":1}}");
	struct batch copy = BATCH_INIT;
	batch_copy(&b, &copy);
	assert_int_equal(copy.status, BATCH_STARTED);
	assert_int_equal(copy.version, 4);
	assert_true(json_equal(b.doc, copy.doc));
	js_set_i64(js_get_rw(copy.doc, "m"), "a", 2);
	check_doc(&b, "{\"id\":\"b-1\",\"status\":\"started\",\"version\":4,\"m\":{\"a\":1}}");
	batch_release(&b);
	check_doc(&copy, "{\"id\":\"b-1\",\"status\":\"started\",\"version\":4,\"m\":{\"a\":2}}");
	batch_release(&copy);
}

/* --- batch_create */

static struct batch_new nightly(void)
{
	return (struct batch_new){
	    .id = STR("b-1"),
	    .name = STR("nightly"),
	    .owner = STR("ann"),
	    .topic = STR("claims.in"),
	    .data_type = STR("claims"),
	    .priority = 50,
	    .now_ms = NOW_MS,
	};
}

static struct batch create(const struct batch_new *n)
{
	struct batch b = BATCH_INIT;
	struct err err = ERR_INIT;
	if (batch_create(n, &b, &err))
		fail_msg("%s", err.text);
	return b;
}

static void test_batch_create(void **state)
{
	(void)state;
	struct batch_new n = nightly();
	struct batch b = create(&n);
	assert_int_equal(b.status, BATCH_STARTED);
	assert_int_equal(b.version, 1);
	check_doc(&b, "{\"id\":\"b-1\",\"name\":\"nightly\",\"integratorId\":\"ann\","
		      "\"topic\":\"claims.in\",\"dataType\":\"claims\",\"status\":\"started\","
		      "\"version\":1,\"startDate\":\"2026-11-21T10:30:00Z\","
		      "\"invalidThreshold\":-1,\"processing\":false,\"priority\":50}");
	batch_release(&b);
	struct json_t *metadata = tree("{\"compression\":\"gzip\",\"n\":[1,null]}");
	n.metadata = metadata;
	n.processing = true;
	n.priority = 0;
	n.invalid_threshold = 10;
	n.name = STR("N\xc3\xa4he & Ferne");
	b = create(&n);
	js_free(metadata);
	check_doc(&b, "{\"id\":\"b-1\",\"name\":\"N\xc3\xa4he & Ferne\",\"integratorId\":\"ann\","
		      "\"topic\":\"claims.in\",\"dataType\":\"claims\",\"status\":\"started\","
		      "\"version\":1,\"startDate\":\"2026-11-21T10:30:00Z\","
		      "\"invalidThreshold\":10,\"processing\":true,\"priority\":0,"
		      "\"metadata\":{\"compression\":\"gzip\",\"n\":[1,null]}}");
	batch_release(&b);
}

/* What HRI's schema requires is there from the first event on, and of the right type. */
static void test_batch_create_hri_required(void **state)
{
	(void)state;
	static const char *const strings[] = {
	    "id", "name", "integratorId", "topic", "dataType", "status", "startDate"};
	struct batch_new n = nightly();
	struct batch b = create(&n);
	struct str s;
	int64_t threshold;
	for (size_t i = 0; i < sizeof(strings) / sizeof(*strings); i++)
		if (!js_get_str(b.doc, strings[i], &s) || s.len == 0)
			fail_msg("%s", strings[i]);
	assert_true(js_get_i64(b.doc, "invalidThreshold", &threshold));
	static const char *const absent[] = {"endDate", "recordCount", "expectedRecordCount",
	    "actualRecordCount", "invalidRecordCount", "metadata", "failureMessage", "manifest"};
	for (size_t i = 0; i < sizeof(absent) / sizeof(*absent); i++)
		assert_null(js_get(b.doc, absent[i]));
	batch_release(&b);
}

static void test_batch_create_threshold(void **state)
{
	(void)state;
	static const int64_t rows[][2] = {
	    {0, -1}, {-1, -1}, {INT64_MIN, -1}, {1, 1}, {INT64_MAX, INT64_MAX}};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct batch_new n = nightly();
		n.invalid_threshold = rows[i][0];
		struct batch b = create(&n);
		assert_true(batch_number(&b, "invalidThreshold", 0) == rows[i][1]);
		batch_release(&b);
	}
}

static void test_batch_create_refuses(void **state)
{
	(void)state;
	static const char *const bad[] = {"", "a\nb", "a\x7f", "a\xc2\x85", "a\"b", "a=b", "a<b",
	    "a>b", "a[b", "a]b", "a{b", "a}b", "\xff"};
	static const size_t members[] = {offsetof(struct batch_new, id),
	    offsetof(struct batch_new, name), offsetof(struct batch_new, owner),
	    offsetof(struct batch_new, topic), offsetof(struct batch_new, data_type)};
	static const char *const called[] = {"batch id ", "batch name ", "owner ", "topic ", "data type "};
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		for (size_t j = 0; j < sizeof(members) / sizeof(*members); j++) {
			struct batch_new n = nightly();
			struct batch b = BATCH_INIT;
			struct err err = ERR_INIT;
			struct str name = str_of(bad[i]);
			memcpy((char *)&n + members[j], &name, sizeof(name));
			if (batch_create(&n, &b, &err) != -1)
				fail_msg("%s'%s' was taken", called[j], bad[i]);
			assert_int_equal(err.status, ST_USAGE);
			assert_true(str_has_prefix(str_of(err.text), called[j]));
			assert_null(b.doc);
			err_clear(&err);
		}
	}
}

/* An hour ahead is what clocks may differ by. */
static void test_batch_create_time_of_id(void **state)
{
	(void)state;
	static const int64_t good[] = {0, NOW_MS, NOW_MS + DATE_SLACK_MS};
	static const unsigned char random[10];
	char id[ID_SIZE];
	struct batch_new n = nightly();
	struct batch b = BATCH_INIT;
	struct err err = ERR_INIT;
	n.id = (struct str){id, ID_SIZE - 1};
	for (size_t i = 0; i < sizeof(good) / sizeof(*good); i++) {
		id_make(good[i], random, id);
		b = create(&n);
		batch_release(&b);
	}
	id_make(NOW_MS + DATE_SLACK_MS + 1, random, id);
	assert_int_equal(batch_create(&n, &b, &err), -1);
	assert_int_equal(err.status, ST_USAGE);
	assert_non_null(strstr(err.text, "a time to come"));
	err_clear(&err);
}

/* --- batch_apply */

static const char *const status_docs[BATCH_STATUS_COUNT] = {
    [BATCH_STARTED] = "{\"id\":\"b-1\",\"status\":\"started\",\"version\":3}",
    [BATCH_SENT] = "{\"id\":\"b-1\",\"status\":\"sendCompleted\",\"version\":3}",
    [BATCH_COMPLETED] = "{\"id\":\"b-1\",\"status\":\"completed\",\"version\":3}",
    [BATCH_TERMINATED] = "{\"id\":\"b-1\",\"status\":\"terminated\",\"version\":3}",
    [BATCH_FAILED] = "{\"id\":\"b-1\",\"status\":\"failed\",\"version\":3}",
};

static void check_refused(
    const struct batch *from, const struct batch_change *c, const char *message)
{
	struct batch to = BATCH_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(batch_apply(from, c, &to, &err), -1);
	assert_int_equal(err.status, ST_STATE);
	assert_string_equal(err.text, message);
	assert_null(to.doc);
	err_clear(&err);
}

static struct batch apply(const struct batch *from, const struct batch_change *c)
{
	struct batch to = BATCH_INIT;
	struct err err = ERR_INIT;
	if (batch_apply(from, c, &to, &err))
		fail_msg("%s", err.text);
	assert_int_equal(to.version, from->version + 1);
	assert_int_equal(batch_number(&to, "version", 0), to.version);
	assert_true(str_is(batch_member(&to, "status"), batch_status_name(to.status)));
	return to;
}

/* Every action from every status; NONE as the target: refused. */
static void test_batch_apply_table(void **state)
{
	(void)state;
	static const struct {
		enum batch_action action;
		bool processing;
		const char *done;
		enum batch_status to[BATCH_STATUS_COUNT];
	} rows[] = {
	    {BATCH_COMPLETE, false, "completed", {[BATCH_STARTED] = BATCH_COMPLETED}},
	    {BATCH_COMPLETE, true, "completed", {[BATCH_STARTED] = BATCH_SENT}},
	    {BATCH_TERMINATE, false, "terminated", {[BATCH_STARTED] = BATCH_TERMINATED}},
	    {BATCH_TERMINATE, true, "terminated", {[BATCH_STARTED] = BATCH_TERMINATED}},
	    {BATCH_PROCESSED, false, "marked as processed", {[BATCH_SENT] = BATCH_COMPLETED}},
	    {BATCH_PROCESSED, true, "marked as processed", {[BATCH_SENT] = BATCH_COMPLETED}},
	    {BATCH_FAIL, false, "marked as failed",
		{[BATCH_STARTED] = BATCH_FAILED, [BATCH_SENT] = BATCH_FAILED,
		    [BATCH_COMPLETED] = BATCH_FAILED}},
	    {BATCH_FAIL, true, "marked as failed",
		{[BATCH_STARTED] = BATCH_FAILED, [BATCH_SENT] = BATCH_FAILED,
		    [BATCH_COMPLETED] = BATCH_FAILED}},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		for (unsigned s = BATCH_STARTED; s < BATCH_STATUS_COUNT; s++) {
			struct batch from = parse(status_docs[s]);
			struct batch_change c = {.action = rows[i].action, .now_ms = NOW_MS,
			    .actual = -1, .invalid = -1, .expected = 1, .message = STR("why")};
			js_set_bool(from.doc, "processing", rows[i].processing);
			if (rows[i].to[s]) {
				struct batch to = apply(&from, &c);
				assert_int_equal(to.status, rows[i].to[s]);
				assert_int_equal(!!js_get(to.doc, "endDate"),
				    batch_is_finished(to.status));
				batch_release(&to);
			} else {
				struct buf want = BUF_INIT;
				buf_printf(&want, "batch 'b-1' is %s and cannot be %s",
				    batch_status_name(s), rows[i].done);
				check_refused(&from, &c, buf_text(&want));
				buf_release(&want);
			}
			batch_release(&from);
		}
	}
}

static void test_batch_apply_to_nothing(void **state)
{
	(void)state;
	static const enum batch_action actions[] = {
	    BATCH_COMPLETE, BATCH_TERMINATE, BATCH_PROCESSED, BATCH_FAIL};
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		struct batch none = BATCH_INIT, to = BATCH_INIT;
		struct batch_change c = {.action = actions[i], .force = true};
		struct err err = ERR_INIT;
		assert_int_equal(batch_apply(&none, &c, &to, &err), -1);
		assert_int_equal(err.status, ST_STATE);
		err_clear(&err);
	}
}

static void test_batch_apply_complete(void **state)
{
	(void)state;
	struct batch_new n = nightly();
	struct batch from = create(&n);
	struct json_t *manifest = tree("{\"records\":3,\"senders\":[]}");
	struct batch_change c = {.action = BATCH_COMPLETE, .now_ms = LATE_MS, .owner = STR("ann"),
	    .expected = 3, .manifest = manifest, .actual = 9, .invalid = 9};
	struct batch to = apply(&from, &c);
	js_free(manifest);
	check_doc(&to, "{\"id\":\"b-1\",\"name\":\"nightly\",\"integratorId\":\"ann\","
		       "\"topic\":\"claims.in\",\"dataType\":\"claims\",\"status\":\"completed\","
		       "\"version\":2,\"startDate\":\"2026-11-21T10:30:00Z\","
		       "\"invalidThreshold\":-1,\"processing\":false,\"priority\":50,"
		       "\"recordCount\":3,\"expectedRecordCount\":3,"
		       "\"manifest\":{\"records\":3,\"senders\":[]},"
		       "\"endDate\":\"2026-11-21T11:30:00Z\"}");
	assert_true(str_is(batch_member(&from, "status"), "started"));
	assert_int_equal(from.version, 1);
	assert_null(js_get(from.doc, "manifest"));
	batch_release(&from);
	batch_release(&to);
}

/* HRI's schema has no expected count of 0, but its service writes and needs it. */
static void test_batch_apply_complete_none(void **state)
{
	(void)state;
	struct batch from = parse("{\"id\":\"b-1\",\"status\":\"started\",\"version\":1,"
				  "\"recordCount\":7,\"expectedRecordCount\":7}");
	struct json_t *manifest = tree("{\"records\":0}");
	struct batch_change c = {
	    .action = BATCH_COMPLETE, .now_ms = NOW_MS, .expected = 0, .manifest = manifest};
	struct batch to = apply(&from, &c);
	js_free(manifest);
	check_doc(&to, "{\"id\":\"b-1\",\"status\":\"completed\",\"version\":2,"
		       "\"recordCount\":0,\"expectedRecordCount\":0,"
		       "\"manifest\":{\"records\":0},\"endDate\":\"2026-11-21T10:30:00Z\"}");
	assert_int_equal(batch_expected(&to), 0);
	batch_release(&from);
	batch_release(&to);
}

static void test_batch_apply_processed(void **state)
{
	(void)state;
	struct batch from = parse("{\"id\":\"b-1\",\"status\":\"sendCompleted\",\"version\":2,"
				  "\"integratorId\":\"ann\",\"recordCount\":5,"
				  "\"expectedRecordCount\":5,\"manifest\":{\"records\":5}}");
	/* by a worker, who need not be the owner */
	struct batch_change c = {.action = BATCH_PROCESSED, .now_ms = NOW_MS, .owner = STR("bob"),
	    .actual = 5, .invalid = 0};
	struct batch to = apply(&from, &c);
	check_doc(&to, "{\"id\":\"b-1\",\"status\":\"completed\",\"version\":3,"
		       "\"integratorId\":\"ann\",\"recordCount\":5,\"expectedRecordCount\":5,"
		       "\"manifest\":{\"records\":5},\"actualRecordCount\":5,"
		       "\"invalidRecordCount\":0,\"endDate\":\"2026-11-21T10:30:00Z\"}");
	batch_release(&to);
	c.actual = 0;
	to = apply(&from, &c);
	assert_int_equal(batch_number(&to, "actualRecordCount", -1), 0);
	batch_release(&from);
	batch_release(&to);
}

/* Whatever a tool writes has the count by both names, as a number. */
static void test_batch_apply_old_count(void **state)
{
	(void)state;
	static const char *const given[] = {"\"recordCount\":5", "\"recordCount\":\"5\"",
	    "\"expectedRecordCount\":\"5\"", "\"expectedRecordCount\":5.0,\"recordCount\":7"};
	static const enum batch_action actions[] = {BATCH_PROCESSED, BATCH_FAIL};
	for (size_t i = 0; i < 2 * sizeof(given) / sizeof(*given); i++) {
		struct buf text = BUF_INIT;
		buf_printf(&text, "{\"id\":\"b-1\",\"status\":\"sendCompleted\",%s}", given[i / 2]);
		struct batch from = parse(buf_text(&text));
		struct batch_change c = {.action = actions[i % 2], .now_ms = NOW_MS, .actual = 5,
		    .invalid = 0};
		struct batch to = apply(&from, &c);
		int64_t n = 0;
		assert_true(js_get_i64(to.doc, "expectedRecordCount", &n) && n == 5);
		assert_true(js_get_i64(to.doc, "recordCount", &n) && n == 5);
		batch_release(&from);
		batch_release(&to);
		buf_release(&text);
	}
}

/* What has ended is not running. */
static void test_batch_parse_large_number(void **state)
{
	(void)state;
	struct batch b = parse("{\"id\":\"b-1\",\"status\":\"started\",\"metadata\":{\"n\":[123456789012345678901,"
			       "-9223372036854775809,9223372036854775807,-9223372036854775808],"
			       "\"s\":\"\\\"99999999999999999999\"},\"version\":3}");
	check_doc(&b, "{\"id\":\"b-1\",\"status\":\"started\",\"metadata\":{\"n\":[1.2345678901234568e20,"
		      "-9.223372036854776e18,9223372036854775807,-9223372036854775808],"
		      "\"s\":\"\\\"99999999999999999999\"},\"version\":3}");
	assert_int_equal(b.version, 3);
	batch_release(&b);
}

static void test_batch_apply_ends_progress(void **state)
{
	(void)state;
	struct batch from = parse("{\"id\":\"b-1\",\"status\":\"sendCompleted\",\"progress\":{\"group\":\"g\","
				  "\"done\":1,\"state\":\"running\",\"rate\":1.5,\"etaSeconds\":3,\"chunk\":5,"
				  "\"slots\":2,\"lastError\":\"x\",\"parts\":{\"0\":{\"w\":4,\"state\":\"blocked\","
				  "\"retryAt\":\"2026-11-21T10:30:00Z\"},\"1\":7}}}");
	struct batch_change c = {.action = BATCH_PROCESSED, .now_ms = NOW_MS, .actual = 5, .invalid = 0};
	struct batch to = apply(&from, &c);
	struct json_t *wanted = tree("{\"group\":\"g\",\"done\":1,\"lastError\":\"x\","
				     "\"parts\":{\"0\":{\"w\":4},\"1\":7}}");
	assert_true(json_equal(js_get(to.doc, "progress"), wanted));
	struct str is = STR_INIT;
	assert_true(js_get_str(js_get(from.doc, "progress"), "state", &is)); /* it has not ended */
	js_free(wanted);
	batch_release(&from);
	batch_release(&to);
}

static void test_batch_apply_threshold(void **state)
{
	static const struct {
		const char *threshold;
		int64_t invalid;
		enum batch_status status;
	} rows[] = {
	    {"-1", 5, BATCH_COMPLETED},
	    {"0", 5, BATCH_COMPLETED},
	    {"1", 0, BATCH_COMPLETED},
	    {"3", 2, BATCH_COMPLETED},
	    {"3", 3, BATCH_FAILED},
	    {"3", 4, BATCH_FAILED},
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf text = BUF_INIT;
		buf_printf(&text, "{\"id\":\"b\",\"status\":\"sendCompleted\",\"version\":2,"
		    "\"invalidThreshold\":%s}", rows[i].threshold);
		struct batch from = parse(buf_text(&text));
		struct batch_change c = {.action = BATCH_PROCESSED, .now_ms = NOW_MS, .actual = 9,
		    .invalid = rows[i].invalid};
		struct batch to = apply(&from, &c);
		assert_int_equal(to.status, rows[i].status);
		assert_int_equal(batch_number(&to, "actualRecordCount", -1), 9);
		assert_int_equal(batch_number(&to, "invalidRecordCount", -1), rows[i].invalid);
		assert_int_equal(batch_member(&to, "failureMessage").len > 0,
		    rows[i].status == BATCH_FAILED);
		assert_true(batch_member(&to, "endDate").len > 0);
		batch_release(&from);
		batch_release(&to);
		buf_release(&text);
	}
}

static void test_batch_apply_fail(void **state)
{
	(void)state;
	struct batch from = parse("{\"id\":\"b-1\",\"status\":\"completed\",\"version\":3,"
				  "\"integratorId\":\"ann\",\"actualRecordCount\":5,"
				  "\"endDate\":\"2026-11-21T10:30:00Z\"}");
	struct batch_change c = {.action = BATCH_FAIL, .now_ms = LATE_MS, .actual = -1,
	    .invalid = -1, .message = STR("two \"bad\"\n\xff")};
	struct batch to = apply(&from, &c);
	check_doc(&to, "{\"id\":\"b-1\",\"status\":\"failed\",\"version\":4,"
		       "\"integratorId\":\"ann\",\"actualRecordCount\":5,"
		       "\"endDate\":\"2026-11-21T11:30:00Z\","
		       "\"failureMessage\":\"two \\\"bad\\\"\\n\xef\xbf\xbd\"}");
	batch_release(&to);
	c.actual = 4;
	c.invalid = 2;
	to = apply(&from, &c);
	assert_int_equal(batch_number(&to, "actualRecordCount", -1), 4);
	assert_int_equal(batch_number(&to, "invalidRecordCount", -1), 2);
	batch_release(&from);
	batch_release(&to);
}

static void test_batch_apply_terminate(void **state)
{
	(void)state;
	struct batch from = parse("{\"id\":\"b-1\",\"status\":\"started\",\"version\":1}");
	struct batch_change c = {
	    .action = BATCH_TERMINATE, .now_ms = NOW_MS, .actual = 5, .invalid = 0};
	struct batch to = apply(&from, &c);
	check_doc(&to, "{\"id\":\"b-1\",\"status\":\"terminated\",\"version\":2,"
		       "\"endDate\":\"2026-11-21T10:30:00Z\"}");
	batch_release(&from);
	batch_release(&to);
}

static void test_batch_apply_metadata(void **state)
{
	(void)state;
	static const struct {
		const char *given, *after;
	} rows[] = {
	    {NULL, "{\"a\":{\"b\":1},\"c\":2}"},
	    {"{}", "{}"},
	    {"{\"a\":{\"d\":3}}", "{\"a\":{\"d\":3}}"},
	};
	static const enum batch_action actions[] = {BATCH_COMPLETE, BATCH_TERMINATE};
	for (size_t i = 0; i < 2 * sizeof(rows) / sizeof(*rows); i++) {
		struct batch from = parse("{\"id\":\"b-1\",\"status\":\"started\",\"version\":1,"
					  "\"metadata\":{\"a\":{\"b\":1},\"c\":2}}");
		struct json_t *given = rows[i / 2].given ? tree(rows[i / 2].given) : NULL;
		struct json_t *after = tree(rows[i / 2].after);
		struct batch_change c = {.action = actions[i % 2], .now_ms = NOW_MS, .expected = 1,
		    .metadata = given, .actual = -1, .invalid = -1};
		struct batch to = apply(&from, &c);
		assert_true(json_equal(js_get(to.doc, "metadata"), after));
		js_free(given);
		js_free(after);
		batch_release(&from);
		batch_release(&to);
	}
}

static void test_batch_apply_owner(void **state)
{
	(void)state;
	static const enum batch_action actions[] = {BATCH_COMPLETE, BATCH_TERMINATE};
	struct batch owned = parse("{\"id\":\"b-1\",\"status\":\"started\",\"version\":1,"
				   "\"integratorId\":\"ann\"}");
	struct batch free_for_all = parse("{\"id\":\"b-1\",\"status\":\"started\",\"version\":1}");
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		struct batch_change c = {.action = actions[i], .now_ms = NOW_MS, .expected = 1,
		    .owner = STR("bob"), .actual = -1, .invalid = -1};
		check_refused(&owned, &c,
		    "batch 'b-1' belongs to 'ann', not to 'bob' (--force overrides)");
		struct batch to = apply(&free_for_all, &c);
		batch_release(&to);
		c.force = true;
		to = apply(&owned, &c);
		assert_true(str_is(batch_member(&to, "integratorId"), "ann"));
		batch_release(&to);
		c.force = false;
		c.owner = STR("ann");
		to = apply(&owned, &c);
		batch_release(&to);
		c.owner = STR("Ann");
		check_refused(&owned, &c,
		    "batch 'b-1' belongs to 'ann', not to 'Ann' (--force overrides)");
		c.owner = (struct str)STR_INIT;
		check_refused(&owned, &c,
		    "batch 'b-1' belongs to 'ann', not to '' (--force overrides)");
	}
	batch_release(&owned);
	batch_release(&free_for_all);
}

/* Anybody says that a batch is processed or failed; what its owner says of it is the owner's. */
static void test_batch_apply_metadata_owner(void **state)
{
	(void)state;
	static const enum batch_action actions[] = {BATCH_PROCESSED, BATCH_FAIL};
	struct batch from = parse("{\"id\":\"b-1\",\"status\":\"sendCompleted\",\"version\":2,"
				  "\"integratorId\":\"ann\",\"metadata\":{\"a\":1}}");
	struct json_t *given = tree("{}");
	for (size_t i = 0; i < sizeof(actions) / sizeof(*actions); i++) {
		struct batch_change c = {.action = actions[i], .now_ms = NOW_MS, .owner = STR("bob"),
		    .metadata = given, .actual = 1, .invalid = 0, .message = STR("x")};
		check_refused(&from, &c, "the metadata of batch 'b-1' belong to 'ann', not to 'bob' "
					 "(--force overrides)");
		for (int as = 0; as < 3; as++) {
			c.force = as == 0;
			c.owner = as == 1 ? STR("ann") : STR("bob");
			c.metadata = as == 2 ? NULL : given;
			struct batch to = apply(&from, &c);
			struct json_t *wanted = tree(as == 2 ? "{\"a\":1}" : "{}");
			assert_true(json_equal(js_get(to.doc, "metadata"), wanted));
			js_free(wanted);
			batch_release(&to);
		}
	}
	js_free(given);
	batch_release(&from);
}

/* Force is about the owner, never about the status. */
static void test_batch_apply_force(void **state)
{
	(void)state;
	struct batch from = parse(status_docs[BATCH_TERMINATED]);
	struct batch_change c = {.action = BATCH_COMPLETE, .force = true, .expected = 1};
	check_refused(&from, &c, "batch 'b-1' is terminated and cannot be completed");
	c.action = BATCH_TERMINATE;
	check_refused(&from, &c, "batch 'b-1' is terminated and cannot be terminated");
	batch_release(&from);
}

static void test_batch_apply_keeps_unknown(void **state)
{
	(void)state;
	struct batch b = parse("{\"x-first\":[1,{\"a\":null}],\"id\":\"b-1\",\"status\":\"started\","
			       "\"ours\":0.1,\"processing\":true,\"x-last\":\"\\u00e4\"}");
	struct batch_change c = {
	    .action = BATCH_COMPLETE, .now_ms = NOW_MS, .expected = 2, .actual = 2, .invalid = 1};
	static const enum batch_action then[] = {BATCH_PROCESSED, BATCH_FAIL};
	for (size_t i = 0; i < 3; i++) {
		struct batch to = apply(&b, &c);
		batch_release(&b);
		b = to;
		c.action = then[i % 2];
	}
	check_doc(&b, "{\"x-first\":[1,{\"a\":null}],\"id\":\"b-1\",\"status\":\"failed\","
		      "\"ours\":0.1,\"processing\":true,\"x-last\":\"\xc3\xa4\",\"version\":3,"
		      "\"recordCount\":2,\"expectedRecordCount\":2,\"actualRecordCount\":2,"
		      "\"invalidRecordCount\":1,\"endDate\":\"2026-11-21T10:30:00Z\","
		      "\"failureMessage\":\"\"}");
	batch_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_batch_status_parse),
	    cmocka_unit_test(test_batch_may),
	    cmocka_unit_test(test_batch_is_finished),
	    cmocka_unit_test(test_batch_parse),
	    cmocka_unit_test(test_batch_parse_refuses),
	    cmocka_unit_test(test_batch_may_become),
	    cmocka_unit_test(test_batch_members),
	    cmocka_unit_test(test_batch_began),
	    cmocka_unit_test(test_batch_stream),
	    cmocka_unit_test(test_batch_expected),
	    cmocka_unit_test(test_batch_copy),
	    cmocka_unit_test(test_batch_create),
	    cmocka_unit_test(test_batch_create_hri_required),
	    cmocka_unit_test(test_batch_create_threshold),
	    cmocka_unit_test(test_batch_create_refuses),
	    cmocka_unit_test(test_batch_create_time_of_id),
	    cmocka_unit_test(test_batch_apply_table),
	    cmocka_unit_test(test_batch_apply_to_nothing),
	    cmocka_unit_test(test_batch_apply_complete),
	    cmocka_unit_test(test_batch_apply_complete_none),
	    cmocka_unit_test(test_batch_apply_old_count),
	    cmocka_unit_test(test_batch_apply_ends_progress),
	    cmocka_unit_test(test_batch_parse_large_number),
	    cmocka_unit_test(test_batch_apply_metadata_owner),
	    cmocka_unit_test(test_batch_apply_processed),
	    cmocka_unit_test(test_batch_apply_threshold),
	    cmocka_unit_test(test_batch_apply_fail),
	    cmocka_unit_test(test_batch_apply_terminate),
	    cmocka_unit_test(test_batch_apply_metadata),
	    cmocka_unit_test(test_batch_apply_owner),
	    cmocka_unit_test(test_batch_apply_force),
	    cmocka_unit_test(test_batch_apply_keeps_unknown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
