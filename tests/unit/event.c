#include "batch/event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/mem.h"

#define NOW_MS INT64_C(1795257000007) /* 2026-11-21T10:30:00.007Z */

/* A document of that id and status, with some text behind them. */
static struct batch document(struct str id, enum batch_status status, int64_t version, size_t more)
{
	struct batch b = {.doc = js_object(), .status = status, .version = version};
	struct buf text = BUF_INIT;
	for (size_t i = 0; i < more; i++)
		buf_puts(&text, "more \" ");
	js_set_str(b.doc, "text", buf_str(&text));
	js_set_str(b.doc, "id", id);
	js_set_str(b.doc, "status", str_of(batch_status_name(status)));
	js_set_i64(b.doc, "version", version);
	buf_release(&text);
	return b;
}

static void test_event_type_name(void **state)
{
	(void)state;
	static const char *const names[BATCH_STATUS_COUNT] = {"", "batch.created",
	    "batch.sendCompleted", "batch.completed", "batch.terminated", "batch.failed"};
	for (unsigned s = BATCH_NONE; s < BATCH_STATUS_COUNT; s++) {
		assert_string_equal(event_type_name(EVENT_STATUS, s), names[s]);
		assert_string_equal(event_type_name(EVENT_PROGRESS, s), "batch.progress");
		assert_string_equal(event_type_name(EVENT_PART, s), "batch.part");
		assert_string_equal(event_type_name(EVENT_STANDING, s), "batch.standing");
	}
}

/* CloudEvents in Kafka's binary mode, as others read them. */
static void test_event_encode(void **state)
{
	(void)state;
	static const char *const headers[][2] = {
	    {"ce_specversion", "1.0"},
	    {"ce_type", "batch.sendCompleted"},
	    {"content-type", "application/json"},
	    {"ce_id", "b-1/12"},
	    {"ce_time", "2026-11-21T10:30:00.007Z"},
	    {"ce_source", "ingest.1.claims"},
	    {"ce_subject", "b-1"},
	    {"ce_batchversion", "12"},
	    {"ce_batchwriter", "w-7"},
	};
	struct batch b = document(STR("b-1"), BATCH_SENT, 12, 0);
	struct event_out out;
	struct err err = ERR_INIT;
	assert_int_equal(event_encode(&b, EVENT_STATUS, STR("ingest.1.claims"), STR("w-7"), NOW_MS,
	    &out, &err), 0);
	const struct record *r = &out.record;
	assert_true(str_is(r->key, "b-1"));
	assert_true(str_is(r->value,
	    "{\"text\":\"\",\"id\":\"b-1\",\"status\":\"sendCompleted\",\"version\":12}"));
	assert_true(r->ts_ms == NOW_MS);
	assert_int_equal(r->partition, -1);
	assert_int_equal(r->offset, -1);
	assert_int_equal(r->headers.count, sizeof(headers) / sizeof(*headers));
	for (size_t i = 0; i < sizeof(headers) / sizeof(*headers); i++) {
		const struct header *h = headers_find(&r->headers, headers[i][0]);
		if (!h || !str_is(h->value, headers[i][1]))
			fail_msg("%s: %.*s", headers[i][0], h ? (int)h->value.len : 0,
			    h ? h->value.ptr : "");
	}
	event_out_release(&out);
	batch_release(&b);
}

static void check_round_trip(
    struct event *e, struct str id, enum event_type type, enum batch_status status, size_t more)
{
	const char *why;
	struct batch b = document(id, status, 3, more);
	struct event_out out;
	struct err err = ERR_INIT;
	assert_int_equal(event_encode(&b, type, STR("claims"), STR("writer"), NOW_MS, &out, &err), 0);
	out.record.partition = 4;
	out.record.offset = 17;
	if (!event_decode(&out.record, e, &why))
		fail_msg("%.*s, type %d, status %d: %s", (int)id.len, id.ptr, type, status, why);
	assert_int_equal(e->type, type);
	assert_int_equal(e->status, status);
	assert_true(str_eq(buf_str(&e->id), id));
	assert_int_equal(e->version, 3);
	assert_ptr_equal(e->doc.ptr, out.record.value.ptr);
	assert_int_equal(e->doc.len, out.record.value.len);
	assert_true(str_is(e->writer, "writer"));
	assert_int_equal(e->partition, 4);
	assert_int_equal(e->offset, 17);
	assert_true(e->ts_ms == NOW_MS);
	event_out_release(&out);
	batch_release(&b);
}

/* Ids that JSON may escape, and documents so long that the text moves while it grows. */
static void test_event_round_trip(void **state)
{
	(void)state;
	static const char *const ids[] = {"b-1", "n\xc3\xa4he \xf0\x9f\x98\x80", "a\\b/c'"};
	static const size_t more[] = {0, 10, 1000};
	static const enum event_type types[] = {EVENT_STATUS, EVENT_PROGRESS, EVENT_PART};
	struct event e = EVENT_INIT;
	for (unsigned s = BATCH_STARTED; s < BATCH_STATUS_COUNT; s++)
		for (size_t i = 0; i < 27; i++)
			check_round_trip(
			    &e, str_of(ids[i / 9]), types[i / 3 % 3], s, more[i % 3]);
	event_release(&e);
	assert_null(e.id.data);
	event_release(&e);
}

/* --- event_decode */

/* NULL: no key, no value, no such header. */
struct row {
	const char *key, *value, *type, *version;
	const char *why; /* NULL: it is an event */
	enum event_type is;
	enum batch_status status;
	int64_t as_version;
};

#define STARTED "{\"id\":\"b-1\",\"status\":\"started\"}"
#define DONE    "{\"id\":\"b-1\",\"status\":\"completed\",\"version\":9}"

static const char bad_version[] = "bad ce_batchversion header";
static const char bad_type[] = "ce_type unknown, or not that of the document's status";
static const char bad_key[] = "key is not the document's id";

static const struct row rows[] = {
    /* ours */
    {"b-1", STARTED, "batch.created", "1", NULL, EVENT_STATUS, BATCH_STARTED, 1},
    {"b-1", DONE, "batch.completed", "2", NULL, EVENT_STATUS, BATCH_COMPLETED, 2},
    {"b-1", STARTED, "batch.progress", "1", NULL, EVENT_PROGRESS, BATCH_STARTED, 1},
    {"b-1", STARTED, "batch.part", "7", NULL, EVENT_PART, BATCH_STARTED, 7},
    {"b-1", STARTED, "batch.standing", "7", NULL, EVENT_STANDING, BATCH_STARTED, 7},
    {NULL, STARTED, "batch.created", "1", NULL, EVENT_STATUS, BATCH_STARTED, 1},
    {"b-1", STARTED, "batch.created", "9223372036854775806", NULL, EVENT_STATUS, BATCH_STARTED,
	INT64_MAX - 1},
    /* of another writer: no headers of ours; the document's own version says nothing */
    {NULL, STARTED, NULL, NULL, NULL, EVENT_STATUS, BATCH_STARTED, 0},
    {"b-1", DONE, NULL, NULL, NULL, EVENT_STATUS, BATCH_COMPLETED, 0},
    {NULL, " { \"status\" : \"failed\" ,\n\"x\":[{\"id\":1}], \"id\" : \"b-1\" }\r\n", NULL, NULL,
	NULL, EVENT_STATUS, BATCH_FAILED, 0},
    /* written with escapes */
    {"b-1", "{\"\\u0069d\":\"b\\u002d1\",\"status\":\"\\u0073tarted\"}", "batch.created", "1",
	NULL, EVENT_STATUS, BATCH_STARTED, 1},
    /* header and document disagree */
    {"b-1", DONE, "batch.created", "2", bad_type, 0, 0, 0},
    {"b-1", STARTED, "batch.completed", "1", bad_type, 0, 0, 0},
    {"b-1", STARTED, "batch.started", "1", bad_type, 0, 0, 0},
    {"b-1", STARTED, "batch.Created", "1", bad_type, 0, 0, 0},
    {"b-1", STARTED, "com.example.other", "1", bad_type, 0, 0, 0},
    {"b-1", STARTED, "", "1", bad_type, 0, 0, 0},
    /* the version */
    {"b-1", STARTED, "batch.created", NULL, bad_version, 0, 0, 0},
    {"b-1", STARTED, "batch.created", "", bad_version, 0, 0, 0},
    {"b-1", STARTED, "batch.created", "0", bad_version, 0, 0, 0},
    {"b-1", STARTED, "batch.created", "-1", bad_version, 0, 0, 0},
    {"b-1", STARTED, "batch.created", "+1", bad_version, 0, 0, 0},
    {"b-1", STARTED, "batch.created", "1 ", bad_version, 0, 0, 0},
    {"b-1", STARTED, "batch.created", "1.0", bad_version, 0, 0, 0},
    {"b-1", STARTED, "batch.created", "one", bad_version, 0, 0, 0},
    {"b-1", STARTED, "batch.created", "9223372036854775807", bad_version, 0, 0, 0},
    {"b-1", STARTED, "batch.created", "18446744073709551617", bad_version, 0, 0, 0},
    /* the key */
    {"b-2", STARTED, "batch.created", "1", bad_key, 0, 0, 0},
    {"b-2", STARTED, NULL, NULL, bad_key, 0, 0, 0},
    {"", STARTED, "batch.created", "1", bad_key, 0, 0, 0},
    {"b-", STARTED, "batch.created", "1", bad_key, 0, 0, 0},
    {"b-11", STARTED, "batch.created", "1", bad_key, 0, 0, 0},
    {"b\\u002d1", STARTED, "batch.created", "1", bad_key, 0, 0, 0},
    /* the value */
    {"b-1", NULL, NULL, NULL, "no JSON object", 0, 0, 0},
    {"b-1", NULL, "batch.created", "1", "no JSON object", 0, 0, 0},
    {"b-1", "", NULL, NULL, "no JSON object", 0, 0, 0},
    {"b-1", "started", NULL, NULL, "no JSON object", 0, 0, 0},
    {"b-1", "[" STARTED "]", NULL, NULL, "no JSON object", 0, 0, 0},
    {"b-1", STARTED STARTED, NULL, NULL, "no JSON object", 0, 0, 0},
    {"b-1", "{\"id\":\"b-1\",\"status\":\"started\",}", NULL, NULL, "no JSON object", 0, 0, 0},
    {"b-1", "{\"id\":\"b-1\",\"id\":\"b-1\",\"status\":\"started\"}", NULL, NULL,
	"no JSON object", 0, 0, 0},
    {NULL, "{}", NULL, NULL, "no id", 0, 0, 0},
    {NULL, "{\"id\":\"\",\"status\":\"started\"}", NULL, NULL, "no id", 0, 0, 0},
    {NULL, "{\"id\":\"b\\u0000c\",\"status\":\"started\"}", NULL, NULL, "NUL in its id", 0, 0, 0},
    {NULL, "{\"id\":1234,\"status\":\"started\"}", NULL, NULL, "no id", 0, 0, 0},
    {NULL, "{\"id\":null,\"status\":\"started\"}", NULL, NULL, "no id", 0, 0, 0},
    {NULL, "{\"id\":\"b-1\"}", NULL, NULL, "no status known here", 0, 0, 0},
    {NULL, "{\"id\":\"b-1\",\"status\":\"\"}", NULL, NULL, "no status known here", 0, 0, 0},
    {NULL, "{\"id\":\"b-1\",\"status\":\"begun\"}", NULL, NULL, "no status known here", 0, 0, 0},
    {NULL, "{\"id\":\"b-1\",\"status\":[\"started\"]}", NULL, NULL, "no status known here", 0, 0,
	0},
};

/* In memory of exactly the text's size, so that sanitizers see a byte read too many. */
static struct str exact(const char *text)
{
	return (struct str){text ? mem_dup(text, strlen(text)) : NULL, text ? strlen(text) : 0};
}

static void free_str(struct str s)
{
	free((void *)(uintptr_t)s.ptr);
}

static void check_row(const struct row *row, struct event *e)
{
	struct record r = RECORD_INIT;
	const char *why = "";
	r.key = exact(row->key);
	r.value = exact(row->value);
	if (row->type)
		headers_add(&r.headers, STR("ce_type"), str_of(row->type));
	if (row->version)
		headers_add(&r.headers, STR("ce_batchversion"), str_of(row->version));
	bool is_event = event_decode(&r, e, &why);
	if (is_event != !row->why || (row->why && strcmp(why, row->why) != 0))
		fail_msg("row %td: %s", row - rows, is_event ? "taken" : why);
	if (is_event) {
		assert_int_equal(e->type, row->is);
		assert_int_equal(e->status, row->status);
		assert_true(e->version == row->as_version);
		assert_string_equal(buf_text(&e->id), "b-1");
		assert_null(e->writer.ptr);
	}
	headers_release(&r.headers);
	free_str(r.key);
	free_str(r.value);
}

static void test_event_decode(void **state)
{
	(void)state;
	struct event e = EVENT_INIT;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		check_row(&rows[i], &e);
		/* what a record left behind does not help the next one */
		check_row(&rows[1], &e);
		check_row(&rows[i], &e);
	}
	event_release(&e);
}

static void test_event_decode_first_header_counts(void **state)
{
	(void)state;
	struct event e = EVENT_INIT;
	struct record r = RECORD_INIT;
	const char *why;
	r.value = STR(STARTED);
	headers_add(&r.headers, STR("CE_TYPE"), STR("batch.failed"));
	headers_add(&r.headers, STR("ce_batchversion"), STR("1"));
	headers_add(&r.headers, STR("ce_type"), STR("batch.created"));
	headers_add(&r.headers, STR("ce_batchversion"), STR("x"));
	headers_add(&r.headers, STR("ce_type"), STR("batch.failed"));
	assert_true(event_decode(&r, &e, &why));
	assert_int_equal(e.version, 1);
	headers_release(&r.headers);
	event_release(&e);
}

/* A document that was cut off anywhere is no event. */
static void test_event_decode_cut_off(void **state)
{
	(void)state;
	static const char text[] = "{\"id\":\"b-1\",\"status\":\"started\",\"m\":{\"a\":[1,\"\xc3\xa4\"]}}";
	struct event e = EVENT_INIT;
	const char *why;
	for (size_t len = 0; len < sizeof(text); len++) {
		struct record r = RECORD_INIT;
		char *part = mem_dup(text, len);
		r.value = (struct str){part, len};
		assert_int_equal(event_decode(&r, &e, &why), len == sizeof(text) - 1);
		free(part);
	}
	event_release(&e);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_event_type_name),
	    cmocka_unit_test(test_event_encode),
	    cmocka_unit_test(test_event_round_trip),
	    cmocka_unit_test(test_event_decode),
	    cmocka_unit_test(test_event_decode_first_header_counts),
	    cmocka_unit_test(test_event_decode_cut_off),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
