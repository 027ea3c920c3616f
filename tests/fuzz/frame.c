/* A stream of bytes cut into records: the style of the first line, then the stream. In pieces or at once,
 * the records are the same, none is too long, and joined they are the stream again. */
#include "fuzz.h"

#include "batch/frame.h"

#define MAX_RECORD 64

static struct frame_style read_style(struct str text)
{
	struct frame_style style = {.kind = FRAME_DELIM, .delim = "\n", .delim_len = 1};
	struct err err = ERR_INIT;
	char *name = fuzz_text(text);
	if (!frame_kind_parse(text, &style.kind) && frame_delim_parse(name, &style, &err)) {
		assert(err.status == ST_USAGE);
		style = (struct frame_style){FRAME_DELIM, "", 1};
	}
	assert(style.kind != FRAME_DELIM || (style.delim_len && style.delim_len <= FRAME_DELIM_MAX));
	err_clear(&err);
	free(name);
	return style;
}

/* Every record of the input shown in pieces of so many bytes, joined again. -1: it was refused. */
static int cut(const struct frame_style *style, struct str input, size_t piece, struct buf *out,
    int64_t *records)
{
	struct frame f;
	struct err err = ERR_INIT;
	struct str record, rest = {input.ptr, 0};
	int r = 0;
	frame_init(&f, style, MAX_RECORD);
	while (r >= 0 && (size_t)(rest.ptr + rest.len - input.ptr) < input.len) {
		size_t shown = (size_t)(rest.ptr + rest.len - input.ptr);
		rest.len += input.len - shown < piece ? input.len - shown : piece;
		struct str window = fuzz_exact(rest);
		struct str seen = window;
		while ((r = frame_next(&f, &seen, &record, &err)) > 0) {
			assert(record.len <= MAX_RECORD);
			frame_put(style, out, record, false);
		}
		assert(r < 0 || seen.len <= MAX_RECORD + FRAME_DELIM_MAX + 4);
		rest = (struct str){rest.ptr + (seen.ptr - window.ptr), seen.len};
		fuzz_free(window);
	}
	struct str last = fuzz_exact(rest);
	if (r == 0 && (r = frame_end(&f, last, &record, &err)) > 0) {
		assert(record.len <= MAX_RECORD);
		frame_put(style, out, record, f.unterminated);
	}
	fuzz_free(last);
	assert((r < 0) == (err.status == ST_FAIL));
	err_clear(&err);
	*records = f.records;
	return r < 0 ? -1 : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str input = fuzz_input(data, size);
	struct frame_style style = read_style(fuzz_cut(&input, '\n'));
	struct buf whole = BUF_INIT, pieces = BUF_INIT;
	int64_t records, again;
	if (!input.ptr)
		return 0;
	int r = cut(&style, input, input.len + 1, &whole, &records);
	assert(r < 0 || str_eq(buf_str(&whole), input));
	for (size_t piece = 1; piece < 8; piece++) {
		buf_clear(&pieces);
		assert(cut(&style, input, piece, &pieces, &again) == r);
		assert(records == again && str_eq(buf_str(&pieces), buf_str(&whole)));
	}
	buf_release(&whole);
	buf_release(&pieces);
	return 0;
}
