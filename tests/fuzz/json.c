/* The scanner against jansson: what the one accepts the other accepts, and strings are the same. Then
 * what a tree says when it is printed and read again. */
#include "fuzz.h"

#include <jansson.h>

#include "base/base64.h"
#include "base/jscan.h"
#include "base/json.h"
#include "base/utf8.h"

/* What jansson alone refuses: numbers that do not fit, and a NUL in a member's name. */
static bool is_stricter(const json_error_t *e)
{
	enum json_error_code code = json_error_code(e);
	return code == json_error_numeric_overflow || code == json_error_null_byte_in_key ||
	    code == json_error_stack_overflow;
}

static void check_string(struct str text, const json_t *tree)
{
	struct buf plain = BUF_INIT;
	struct str raw = str_trim(text);
	while (raw.len && (raw.ptr[0] == '\n' || raw.ptr[0] == '\r' || raw.ptr[0] == ' '))
		raw = str_trim((struct str){raw.ptr + 1, raw.len - 1});
	while (raw.len && raw.ptr[raw.len - 1] == '\n')
		raw = str_trim((struct str){raw.ptr, raw.len - 1});
	assert(jscan_unquote(raw, &plain));
	assert(plain.len == json_string_length(tree));
	assert(memcmp(buf_text(&plain), json_string_value(tree), plain.len) == 0);
	buf_release(&plain);
}

static void check_against_jansson(struct str text)
{
	size_t at;
	const char *why;
	json_error_t e;
	bool valid = jscan_check(text, &at, &why) == 0;
	json_t *tree = json_loadb(text.ptr, text.len, JSON_DECODE_ANY | JSON_ALLOW_NUL, &e);
	/* For jansson a NUL byte is the end of the text. */
	bool has_nul = text.len && memchr(text.ptr, '\0', text.len);
	assert(valid ? !has_nul : at <= text.len);
	assert(valid || !tree || has_nul);
	assert(!valid || tree || is_stricter(&e));
	if (valid && json_is_string(tree))
		check_string(text, tree);
	json_decref(tree);
}

static void check_print(struct str text)
{
	struct buf once = BUF_INIT, twice = BUF_INIT;
	struct err err = ERR_INIT;
	struct json_t *tree = js_parse(text, &err), *again = NULL;
	if (tree) {
		size_t at;
		const char *why;
		js_dump(tree, &once);
		assert(jscan_check(buf_str(&once), &at, &why) == 0);
		again = js_parse(buf_str(&once), &err);
		assert(json_equal(tree, again));
		js_dump(again, &twice);
		assert(str_eq(buf_str(&once), buf_str(&twice)));
	}
	assert(!tree == (err.status != ST_OK));
	js_free(tree);
	js_free(again);
	err_clear(&err);
	buf_release(&once);
	buf_release(&twice);
}

/* The members as the scanner finds them are those of the tree. */
static void check_members(struct str text)
{
	static const char *const names[] = {"id", "status", "a", ""};
	struct str values[4];
	struct jpointer ptr = JPOINTER_INIT;
	struct err err = ERR_INIT;
	if (jscan_members(text, names, values, 4) == 0) {
		for (size_t i = 0; i < 4; i++) {
			struct buf path = BUF_INIT;
			struct str value = STR_INIT;
			buf_printf(&path, "/%s", names[i]);
			assert(jpointer_parse(buf_text(&path), &ptr, &err) == 0);
			int found = jscan_pointer(text, &ptr, &value);
			assert(found == (values[i].ptr != NULL));
			assert(fuzz_same(value, values[i]));
			buf_release(&path);
		}
	}
	jpointer_release(&ptr);
}

static bool is_harmless(uint32_t c)
{
	return c == '\t' || (c >= 0x20 && c < 0x7f) ||
	    (c > 0x9f && c != 0x200e && c != 0x200f && !(c >= 0x2028 && c <= 0x202e) &&
	        !(c >= 0x2066 && c <= 0x2069));
}

static void check_utf8(struct str text)
{
	struct buf out = BUF_INIT;
	uint32_t code;
	json_t *string = json_stringn(text.ptr, text.len);
	assert((string != NULL) == (utf8_valid_len(text) == text.len));
	json_decref(string);
	utf8_repair(&out, text);
	assert(utf8_valid_len(buf_str(&out)) == out.len);
	buf_clear(&out);
	utf8_escape(&out, text, 0);
	for (struct str rest = buf_str(&out); rest.len;) {
		size_t len = utf8_char(rest, &code);
		assert(len && is_harmless(code));
		rest = (struct str){rest.ptr + len, rest.len - len};
	}
	buf_release(&out);
}

static void check_base64(struct str text)
{
	struct buf bytes = BUF_INIT, again = BUF_INIT;
	if (base64_decode(&bytes, text) == 0) {
		base64_encode(&again, buf_str(&bytes));
		assert(str_eq(buf_str(&again), text));
	}
	buf_clear(&again);
	buf_clear(&bytes);
	base64_encode(&again, text);
	assert(base64_decode(&bytes, buf_str(&again)) == 0);
	assert(str_eq(buf_str(&bytes), text));
	buf_release(&bytes);
	buf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct str text = fuzz_exact(fuzz_input(data, size));
	check_against_jansson(text);
	check_print(text);
	check_members(text);
	check_utf8(text);
	check_base64(text);
	fuzz_free(text);
	return 0;
}
