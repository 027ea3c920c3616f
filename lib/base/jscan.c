#include "base/jscan.h"

#include <stdint.h>
#include <string.h>

#include "base/jstring.h"
#include "base/utf8.h"

/* A position goes from function to function as a pointer, so that it stays in a register; NULL: the
 * text is bad, and here are why and where. */
struct scan {
	const char *begin, *end;
	const char *bad_at, *why;
	struct str name; /* raw, of the member whose value begins */
	size_t depth;
	uint64_t objects[JSCAN_DEPTH / 64 + 1]; /* bit set: at this depth it is an object */
};

static const char *fail(struct scan *s, const char *p, const char *why)
{
	s->bad_at = p;
	s->why = why;
	return NULL;
}

static inline const char *skip_blanks(const struct scan *s, const char *p)
{
	while (p < s->end && (*p == ' ' || *p == '\n' || *p == '\r' || *p == '\t'))
		p++;
	return p;
}

#define EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

/* Not 0 when one of the eight bytes is not ASCII, a control character, a quote or a backslash. */
static inline uint64_t find_ends(uint64_t bytes)
{
	uint64_t quote = bytes ^ EACH('"'), backslash = bytes ^ EACH('\\');
	uint64_t ends = ((quote - EACH(1)) & ~quote) | ((backslash - EACH(1)) & ~backslash);
	return (ends | (bytes - EACH(' ')) | bytes) & EACH(0x80);
}

static inline bool is_plain(char c)
{
	return c >= ' ' && c != '"' && c != '\\' && (unsigned char)c < 0x80;
}

static inline const char *skip_plain(const char *p, const char *end)
{
	for (uint64_t bytes; end - p >= 8; p += 8) {
		memcpy(&bytes, p, 8);
		if (find_ends(bytes))
			break;
	}
	while (p < end && is_plain(*p))
		p++;
	return p;
}

/* Passes over one thing that is not plain, other than the closing quote. */
static const char *skip_special(struct scan *s, const char *p)
{
	uint32_t code;
	size_t len = 0;
	if (*p == '\\') {
		len = jstring_escape(p, s->end, &code);
		return len ? p + len : fail(s, p, "bad escape in a string");
	}
	if ((unsigned char)*p < 0x80)
		return fail(s, p, "control character in a string");
	len = utf8_char((struct str){p, (size_t)(s->end - p)}, &code);
	return len ? p + len : fail(s, p, "not UTF-8");
}

/* p stands behind the opening quote, the answer behind the closing one. */
static inline const char *skip_string(struct scan *s, const char *p)
{
	for (;;) {
		p = skip_plain(p, s->end);
		if (p == s->end)
			return fail(s, p, "string without its closing quote");
		if (*p == '"')
			return p + 1;
		p = skip_special(s, p);
		if (!p)
			return NULL;
	}
}

static inline bool is_digit(const struct scan *s, const char *p)
{
	return p < s->end && *p >= '0' && *p <= '9';
}

static const char *skip_digits(struct scan *s, const char *p)
{
	if (!is_digit(s, p))
		return fail(s, p, "digit expected");
	while (is_digit(s, p))
		p++;
	return p;
}

static const char *skip_number(struct scan *s, const char *p)
{
	if (*p == '-')
		p++;
	if (p < s->end && *p == '0')
		p++;
	else
		p = skip_digits(s, p);
	if (p && p < s->end && *p == '.')
		p = skip_digits(s, p + 1);
	if (p && p < s->end && (*p == 'e' || *p == 'E')) {
		p++;
		if (p < s->end && (*p == '+' || *p == '-'))
			p++;
		p = skip_digits(s, p);
	}
	return p;
}

static const char *skip_word(struct scan *s, const char *p, const char *word)
{
	size_t len = strlen(word);
	if ((size_t)(s->end - p) < len || memcmp(p, word, len) != 0)
		return fail(s, p, "value expected");
	return p + len;
}

static inline const char *skip_scalar(struct scan *s, const char *p)
{
	switch (*p) {
	case '"':
		return skip_string(s, p + 1);
	case 't':
		return skip_word(s, p, "true");
	case 'f':
		return skip_word(s, p, "false");
	case 'n':
		return skip_word(s, p, "null");
	case '-':
		return skip_number(s, p);
	default:
		if (is_digit(s, p))
			return skip_number(s, p);
		return fail(s, p, "value expected");
	}
}

static inline bool in_object(const struct scan *s)
{
	return s->objects[s->depth / 64] >> s->depth % 64 & 1;
}

static inline const char *push(struct scan *s, const char *p, bool is_object)
{
	if (s->depth == JSCAN_DEPTH)
		return fail(s, p, "nested too deep");
	s->depth++;
	uint64_t *word = &s->objects[s->depth / 64], bit = UINT64_C(1) << s->depth % 64;
	*word = is_object ? *word | bit : *word & ~bit;
	return p + 1;
}

/* From a member's name to its value. */
static inline const char *skip_name(struct scan *s, const char *p)
{
	if (p == s->end || *p != '"')
		return fail(s, p, "member name expected");
	const char *name = p;
	p = skip_string(s, p + 1);
	if (!p)
		return NULL;
	s->name = (struct str){name, (size_t)(p - name)};
	p = skip_blanks(s, p);
	if (p == s->end || *p != ':')
		return fail(s, p, "':' expected");
	return skip_blanks(s, p + 1);
}

/* From the bracket at p to the first value inside: *more. From an empty container to behind it. */
static inline const char *enter(struct scan *s, const char *p, bool *more)
{
	bool is_object = *p == '{';
	p = push(s, p, is_object);
	if (!p)
		return NULL;
	p = skip_blanks(s, p);
	*more = p == s->end || *p != (is_object ? '}' : ']');
	if (*more)
		return is_object ? skip_name(s, p) : p;
	s->depth--;
	return p + 1;
}

/* From behind a value, over the ends of containers deeper than base, to the next value: *more. */
static inline const char *go_on(struct scan *s, const char *p, size_t base, bool *more)
{
	for (*more = false; s->depth > base; s->depth--, p++) {
		bool is_object = in_object(s);
		p = skip_blanks(s, p);
		if (p < s->end && *p == ',') {
			*more = true;
			p = skip_blanks(s, p + 1);
			return is_object ? skip_name(s, p) : p;
		}
		if (p == s->end || *p != (is_object ? '}' : ']'))
			return fail(s, p, is_object ? "',' or '}' expected"
						    : "',' or ']' expected");
	}
	return p;
}

/* Over the value at p, whatever its depth. */
static const char *skip_value(struct scan *s, const char *p)
{
	size_t base = s->depth;
	bool more = true;
	while (more) {
		if (p == s->end)
			return fail(s, p, "value expected");
		more = false;
		if (*p == '{' || *p == '[')
			p = enter(s, p, &more);
		else
			p = skip_scalar(s, p);
		if (p && !more)
			p = go_on(s, p, base, &more);
		if (!p)
			return NULL;
	}
	return p;
}

/* Answers where the first value begins. */
static const char *begin(struct scan *s, struct str text)
{
	const char *from = text.ptr ? text.ptr : "";
	*s = (struct scan){.begin = from, .end = from + text.len};
	if (str_has_prefix(text, "\xef\xbb\xbf"))
		return fail(s, s->begin, "byte order mark");
	return skip_blanks(s, s->begin);
}

static const char *finish(struct scan *s, const char *p)
{
	p = skip_blanks(s, p);
	return p == s->end ? p : fail(s, p, "text after the end of the value");
}

int jscan_check(struct str text, size_t *bad_at, const char **why)
{
	struct scan s;
	const char *p = begin(&s, text);
	p = p ? skip_value(&s, p) : NULL;
	if (p && finish(&s, p))
		return 0;
	*bad_at = (size_t)(s.bad_at - s.begin);
	*why = s.why;
	return -1;
}

/* By their first characters, which tells most apart at no cost. */
static bool may_be(struct str name, const char *wanted)
{
	return name.ptr[1] == '\\' || name.ptr[1] == *wanted || !*wanted;
}

/* False: the second member of a name that is wanted. */
static bool take(struct str name, struct str value, const char *const names[],
    struct str values[], size_t n)
{
	for (size_t i = 0; i < n; i++) {
		if (!may_be(name, names[i]) || !jstring_is(name, str_of(names[i])))
			continue;
		if (values[i].ptr)
			return false;
		values[i] = value;
	}
	return true;
}

int jscan_members(struct str object, const char *const names[], struct str values[], size_t n)
{
	struct scan s;
	bool more;
	const char *p = begin(&s, object);
	for (size_t i = 0; i < n; i++)
		values[i] = (struct str)STR_INIT;
	if (!p || p == s.end || *p != '{')
		return -1;
	p = enter(&s, p, &more);
	while (p && more) {
		struct str name = s.name;
		const char *value = p;
		p = skip_value(&s, p);
		if (p && !take(name, (struct str){value, (size_t)(p - value)}, names, values, n))
			return -1;
		if (p)
			p = go_on(&s, p, 0, &more);
	}
	return p && finish(&s, p) ? 0 : -1;
}

/* Is the value that begins now, the index-th of its array or a member, the one that token means? */
static bool is_meant(const struct scan *s, const struct jpointer_token *token, size_t index)
{
	if (in_object(s))
		return jstring_is(s->name, (struct str){token->name, token->len});
	return token->index == index && index != SIZE_MAX;
}

/* Into the container at p, to the value that token means: *more; or behind the container. */
static const char *seek(struct scan *s, const char *p, const struct jpointer_token *token,
    bool *more)
{
	size_t level = s->depth;
	p = enter(s, p, more);
	for (size_t index = 0; p && *more && !is_meant(s, token, index); index++) {
		p = skip_value(s, p);
		if (p)
			p = go_on(s, p, level, more);
	}
	return p;
}

/* From behind the value that was found, or its want, to the end of the outermost container. */
static const char *leave(struct scan *s, const char *p, const struct jpointer *ptr)
{
	while (p && s->depth) {
		bool more;
		p = go_on(s, p, s->depth - 1, &more);
		if (!p || !more)
			continue;
		if (in_object(s) && is_meant(s, &ptr->tokens[s->depth - 1], 0))
			return fail(s, p, "member twice");
		p = skip_value(s, p);
	}
	return p;
}

int jscan_pointer(struct str text, const struct jpointer *ptr, struct str *value)
{
	struct scan s;
	bool more = true;
	const char *p = begin(&s, text);
	while (p && p < s.end && more && s.depth < ptr->count && (*p == '{' || *p == '['))
		p = seek(&s, p, &ptr->tokens[s.depth], &more);
	bool found = p && more && s.depth == ptr->count;
	const char *from = p;
	if (p && more)
		p = skip_value(&s, p);
	const char *to = p;
	if (p)
		p = leave(&s, p, ptr);
	if (!p || !finish(&s, p))
		return -1;
	if (found)
		*value = (struct str){from, (size_t)(to - from)};
	return found;
}

static inline bool holds_backslash(uint64_t bytes)
{
	uint64_t backslash = bytes ^ EACH('\\');
	return (backslash - EACH(1)) & ~backslash & EACH(0x80);
}

/* Copies what stands before the next backslash; to has room for all up to end. */
static const char *copy_plain(char **to, const char *p, const char *end)
{
	for (uint64_t bytes; end - p >= 8; p += 8, *to += 8) {
		memcpy(&bytes, p, 8);
		if (holds_backslash(bytes))
			break;
		memcpy(*to, &bytes, 8);
	}
	while (p < end && *p != '\\')
		*(*to)++ = *p++;
	return p;
}

bool jscan_unquote(struct str raw, struct buf *out)
{
	if (raw.len < 2 || raw.ptr[0] != '"' || raw.ptr[raw.len - 1] != '"')
		return false;
	const char *p = raw.ptr + 1, *end = raw.ptr + raw.len - 1;
	char *to = buf_room(out, raw.len); /* no escape is shorter than what it means */
	while ((p = copy_plain(&to, p, end)) < end) {
		uint32_t code;
		size_t len = jstring_escape(p, end, &code);
		if (!len) {
			out->data[out->len] = '\0';
			return false;
		}
		to += utf8_put(code, to);
		p += len;
	}
	*to = '\0';
	out->len = (size_t)(to - out->data);
	return true;
}
