/* A line of -J read as an envelope, and any bytes written as one: nothing is lost or read past the end.
 * The line goes through shape, too, as batch-send would take it. */
#include "fuzz.h"

#include "base/utf8.h"
#include "batch/envelope.h"
#include "batch/shape.h"

static void check_headers(const struct headers *a, const struct headers *b)
{
	assert(a->count == b->count);
	for (size_t i = 0; i < a->count; i++) {
		assert(fuzz_same(a->list[i].name, b->list[i].name));
		assert(fuzz_same(a->list[i].value, b->list[i].value));
	}
}

/* Written it is one line of valid JSON, and read again the same record. */
static void check_round_trip(const struct record *r)
{
	struct record again = RECORD_INIT;
	struct buf line = BUF_INIT, scratch = BUF_INIT;
	struct err err = ERR_INIT;
	size_t at;
	const char *why;
	envelope_write(r, &line);
	struct str text = fuzz_exact(buf_str(&line));
	assert(jscan_check(text, &at, &why) == 0);
	assert(!memchr(text.ptr, '\n', text.len));
	assert(envelope_read(text, &again, &scratch, &err) == 0);
	assert(fuzz_same(r->topic, again.topic) && fuzz_same(r->key, again.key));
	assert(fuzz_same(r->value, again.value));
	assert(r->partition == again.partition && r->offset == again.offset);
	assert(r->ts_ms == again.ts_ms);
	check_headers(&r->headers, &again.headers);
	fuzz_free(text);
	headers_release(&again.headers);
	buf_release(&line);
	buf_release(&scratch);
}

static void check_read(struct str text)
{
	struct record r = RECORD_INIT;
	struct buf scratch = BUF_INIT;
	struct err err = ERR_INIT;
	if (envelope_read(text, &r, &scratch, &err) == 0)
		check_round_trip(&r);
	else
		assert(err.status == ST_FAIL && err.text);
	err_clear(&err);
	headers_release(&r.headers);
	buf_release(&scratch);
}

/* What stands between tabs, as the parts of a record. */
static void check_write(struct str fields)
{
	struct record r = RECORD_INIT;
	r.key = fuzz_cut(&fields, '\t');
	r.value = fuzz_cut(&fields, '\t');
	r.topic = fuzz_cut(&fields, '\t');
	while (fields.len) {
		struct str name = fuzz_cut(&fields, '\t');
		headers_add(&r.headers, name.ptr ? name : STR(""), fuzz_cut(&fields, '\t'));
	}
	check_round_trip(&r);
	headers_release(&r.headers);
}

static void check_shape(struct str line)
{
	struct shape s = {.envelope = true, .json = true};
	struct record r = RECORD_INIT;
	struct buf scratch = BUF_INIT;
	struct err err = ERR_INIT;
	assert(shape_set_key(&s, "/a", &err) == 0);
	if (shape_record(&s, line, &r, &scratch, &err) == 0) {
		assert(r.key.ptr && r.partition == -1 && r.offset == -1 && r.ts_ms == -1);
		assert(str_is(r.headers.list[0].name, HDR_BATCH_ID));
		for (size_t i = 2; i < r.headers.count; i++)
			assert(!str_is(r.headers.list[i].name, HDR_BATCH_ID) &&
			    !str_is(r.headers.list[i].name, HDR_BATCH_SEQ));
		check_round_trip(&r);
	}
	err_clear(&err);
	headers_release(&r.headers);
	buf_release(&scratch);
	shape_release(&s);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str line = fuzz_exact(fuzz_input(data, size));
	check_read(line);
	check_write(line);
	check_shape(line);
	fuzz_free(line);
	return 0;
}
