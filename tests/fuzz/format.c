/* A format of -f, and filters, on a hostile record: the first line is the format, the second a text to
 * filter by, the third the key, the fourth a header's name and value; what follows is the value. */
#include "fuzz.h"

#include "batch/filter.h"
#include "batch/format.h"

static void put(const char *text, const struct record *r, struct buf *out)
{
	struct format f = FORMAT_INIT;
	struct err err = ERR_INIT;
	assert(format_parse(&f, text, &err) == 0);
	format_put(&f, r, out);
	format_release(&f);
}

static void check_lengths(const struct record *r)
{
	struct buf out = BUF_INIT, want = BUF_INIT;
	put("%S %K\\n%s%%%k", r, &out);
	buf_printf(&want, "%lld %lld\n", r->value.ptr ? (long long)r->value.len : -1LL,
	    r->key.ptr ? (long long)r->key.len : -1LL);
	buf_add_str(&want, r->value);
	buf_putc(&want, '%');
	buf_add_str(&want, r->key);
	assert(str_eq(buf_str(&out), buf_str(&want)));
	buf_release(&out);
	buf_release(&want);
}

/* A format that is good prints what its two halves print, wherever it can be cut into two. */
static void check_halves(const char *text, const struct record *r, struct str whole)
{
	struct err err = ERR_INIT;
	for (size_t at = 0; at <= strlen(text); at++) {
		struct format left = FORMAT_INIT, right = FORMAT_INIT;
		struct buf out = BUF_INIT;
		char *head = mem_strndup(text, at);
		if (format_parse(&left, head, &err) == 0 &&
		    format_parse(&right, text + at, &err) == 0) {
			format_put(&left, r, &out);
			format_put(&right, r, &out);
			assert(str_eq(buf_str(&out), whole));
		}
		err_clear(&err);
		format_release(&left);
		format_release(&right);
		buf_release(&out);
		free(head);
	}
}

static void check_format(const char *text, const struct record *r)
{
	struct format f = FORMAT_INIT;
	struct err err = ERR_INIT;
	struct buf out = BUF_INIT;
	if (format_parse(&f, text, &err)) {
		assert(err.status == ST_USAGE && f.count < SIZE_MAX);
	} else {
		format_put(&f, r, &out);
		assert(strpbrk(text, "%\\") || str_is(buf_str(&out), text));
		if (strlen(text) < 64)
			check_halves(text, r, buf_str(&out));
	}
	err_clear(&err);
	buf_release(&out);
	format_release(&f);
}

/* Only texts without special characters: expressions are the user's own, and the C library's. */
static void check_filter(const char *text, const struct record *r)
{
	struct filter key = FILTER_INIT, header = FILTER_INIT, grep = FILTER_INIT;
	struct err err = ERR_INIT;
	struct str want = str_of(text);
	filter_add_key(&key, text);
	assert(filter_match(&key, r) == (r->key.ptr && str_eq(r->key, want)));
	if (filter_add_header(&header, text, &err) == 0) {
		struct str name, value = str_cut(want, '=', &name);
		const struct header *h = &r->headers.list[0];
		assert(filter_match(&header, r) == (str_eq(h->name, name) &&
		    (!value.ptr || (h->value.ptr && str_eq(h->value, value)))));
	}
	if (*text && !strpbrk(text, "\\^$.[]|()*+?{}")) {
		assert(filter_add_grep(&grep, text, &err) == 0);
		assert(filter_match(&grep, r) == (r->value.ptr && r->value.len >= want.len &&
		    memmem(r->value.ptr, r->value.len, want.ptr, want.len)));
	}
	err_clear(&err);
	filter_release(&key);
	filter_release(&header);
	filter_release(&grep);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str rest = fuzz_input(data, size);
	struct record r = RECORD_INIT;
	char *format = fuzz_text(fuzz_cut(&rest, '\n')), *text = fuzz_text(fuzz_cut(&rest, '\n'));
	struct str key = fuzz_exact(fuzz_cut(&rest, '\n')), header = fuzz_cut(&rest, '\n');
	struct str value = fuzz_exact(rest), name = fuzz_cut(&header, '=');
	r.key = key;
	r.value = value;
	headers_add(&r.headers, name.ptr ? name : STR(""), header);
	check_lengths(&r);
	check_format(format, &r);
	check_filter(text, &r);
	headers_release(&r.headers);
	fuzz_free(key);
	fuzz_free(value);
	free(format);
	free(text);
	return 0;
}
