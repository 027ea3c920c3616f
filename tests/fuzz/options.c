/* One text as the value of every kind of option: what is taken is within its limits, means the same when it
 * is written and read again, and what is refused leaves no trace. */
#include "fuzz.h"

#include <limits.h>

#include "base/date.h"
#include "base/digest.h"
#include "base/escape.h"
#include "base/id.h"
#include "base/jpointer.h"
#include "base/kv.h"
#include "base/num.h"
#include "base/utf8.h"
#include "batch/frame.h"
#include "batch/range.h"
#include "batch/seq.h"
#include "batch/shape.h"

#define UNTOUCHED INT64_C(-77)

/* A refusal has its status and leaves the number alone. */
static bool taken(int r, int64_t n, struct err *err)
{
	assert(r == 0 || (err->status == ST_USAGE && err->text && n == UNTOUCHED));
	assert(r == 0 || !strpbrk(err->text, "\r\n"));
	err_clear(err);
	return r == 0;
}

static void check_numbers(const char *text)
{
	struct err err = ERR_INIT;
	struct buf again = BUF_INIT;
	int64_t n = UNTOUCHED, same;
	if (taken(num_i64(text, INT64_MIN, INT64_MAX, &n, &err), n, &err)) {
		buf_add_i64(&again, n);
		assert(num_i64(buf_text(&again), n, n, &same, &err) == 0 && same == n);
	}
	n = UNTOUCHED;
	assert(!taken(num_size(text, 1, 1000, &n, &err), n, &err) || (n >= 1 && n <= 1000));
	n = UNTOUCHED;
	if (taken(num_duration_ms(text, &n, &err), n, &err)) {
		assert(n >= 0 && n <= NUM_DURATION_MAX_MS);
		buf_clear(&again);
		buf_printf(&again, "%lldms", (long long)n);
		assert(num_duration_ms(buf_text(&again), &same, &err) == 0 && same == n);
	}
	buf_release(&again);
}

static const struct date_now now = {.ms = INT64_C(1763719200000)};

static void check_date(const char *text)
{
	struct err err = ERR_INIT;
	struct buf again = BUF_INIT;
	int64_t ms = UNTOUCHED, same;
	if (taken(date_parse(str_of(text), &ms, &err), ms, &err)) {
		assert(ms >= DATE_MIN_MS && ms <= DATE_MAX_MS);
		date_format_ms(ms, &again);
		assert(date_parse(buf_str(&again), &same, &err) == 0 && same == ms);
	}
	ms = UNTOUCHED;
	taken(date_parse_rel(str_of(text), &now, &ms, &err), ms, &err);
	buf_release(&again);
}

static void check_range(const char *text)
{
	struct err err = ERR_INIT;
	struct range r = {.from = UNTOUCHED};
	if (!taken(range_parse(&r, text, &now, &err), r.from, &err))
		return;
	if (r.start == RANGE_OFFSET || r.start == RANGE_TAIL)
		assert(r.from >= 0);
	if ((r.start == RANGE_OFFSET || r.start == RANGE_TIME) && r.stop != RANGE_STOP_NONE)
		assert(r.from <= r.to);
}

/* The pointer written again from its tokens is the same text. */
static void check_pointer(const char *text)
{
	struct err err = ERR_INIT;
	struct jpointer ptr = JPOINTER_INIT;
	struct buf again = BUF_INIT;
	if (jpointer_parse(text, &ptr, &err) == 0) {
		for (size_t i = 0; i < ptr.count; i++) {
			buf_putc(&again, '/');
			for (size_t k = 0; k < ptr.tokens[i].len; k++) {
				char c = ptr.tokens[i].name[k];
				if (c == '~' || c == '/')
					buf_puts(&again, c == '~' ? "~0" : "~1");
				else
					buf_putc(&again, c);
			}
		}
		assert(str_is(buf_str(&again), text));
	}
	err_clear(&err);
	jpointer_release(&ptr);
	buf_release(&again);
}

static void check_names(const char *text)
{
	struct err err = ERR_INIT;
	struct buf shown = BUF_INIT;
	struct str s = str_of(text);
	if (id_check(s, "id", &err) == 0) {
		assert(s.len >= 1 && s.len <= ID_MAX && utf8_valid_len(s) == s.len);
		assert(!strpbrk(text, "\"=<>[]{}\x1b\x7f\n"));
	}
	err_clear(&err);
	if (topic_check(s, "topic", &err) == 0) {
		utf8_escape(&shown, s, 0);
		assert(str_eq(buf_str(&shown), s) && s.len <= TOPIC_MAX);
	}
	err_clear(&err);
	buf_release(&shown);
}

static void check_seq(struct str text)
{
	struct str sender;
	struct digest d;
	int64_t n, ms;
	char again[SEQ_SIZE], hex[DIGEST_HEX];
	if (seq_parse(text, &sender, &n)) {
		char *id = fuzz_text(sender);
		assert(n >= 1 && seq_is_sender(sender));
		assert(seq_format(again, id, n) == text.len);
		assert(str_is(text, again));
		free(id);
	}
	if (digest_from_hex(text, &d)) {
		digest_hex(&d, hex);
		assert(str_is(text, hex));
	}
	if (id_time(text, &ms))
		assert(ms >= 0 && ms < INT64_C(1) << 48);
}

static void check_shape(const char *text)
{
	struct err err = ERR_INIT;
	struct shape s = SHAPE_INIT;
	struct record r = RECORD_INIT;
	struct buf scratch = BUF_INIT;
	if (shape_add_header(&s, text, &err) == 0)
		assert(!str_is(s.headers.list[0].name, HDR_BATCH_ID) && strchr(text, '='));
	else
		assert(err.status == ST_USAGE);
	err_clear(&err);
	if (shape_set_key(&s, text, &err) == 0)
		shape_record(&s, str_of("{\"a\":{\"b\":[1,\"\\u0041\"]},\"\":2}"), &r, &scratch, &err);
	err_clear(&err);
	headers_release(&r.headers);
	buf_release(&scratch);
	shape_release(&s);
}

/* Every escape is read within the text; the printed settings are safe for a terminal. */
static void check_escapes(const char *text)
{
	struct kv kv = KV_INIT;
	struct buf out = BUF_INIT, shown = BUF_INIT;
	char byte;
	for (const char *p = text; *p; p++)
		assert(escape_read(p, &byte) <= strlen(p));
	kv_set(&kv, text, text, KV_FILE, "here", false);
	kv_set(&kv, "x.password", "hidden-from-all", KV_FILE, "here", true);
	kv_print_redacted(&kv, &out);
	utf8_escape(&shown, buf_str(&out), UTF8_KEEP_NEWLINE);
	assert(str_eq(buf_str(&out), buf_str(&shown)));
	assert(strstr(text, "hidden-from-all") || !strstr(buf_text(&out), "hidden-from-all"));
	kv_release(&kv);
	buf_release(&out);
	buf_release(&shown);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str exact = fuzz_exact(fuzz_input(data, size));
	char *text = fuzz_text(exact);
	check_numbers(text);
	check_date(text);
	check_range(text);
	check_pointer(text);
	check_names(text);
	check_seq(exact);
	check_shape(text);
	check_escapes(text);
	free(text);
	fuzz_free(exact);
	return 0;
}
