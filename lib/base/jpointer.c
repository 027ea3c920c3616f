#include "base/jpointer.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>

#include "base/buf.h"
#include "base/mem.h"

static size_t array_index(struct str text)
{
	size_t index = 0;
	if (text.len == 0 || (text.ptr[0] == '0' && text.len > 1))
		return SIZE_MAX;
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c < '0' || c > '9' || __builtin_mul_overflow(index, 10, &index) ||
		    __builtin_add_overflow(index, (size_t)(c - '0'), &index))
			return SIZE_MAX;
	}
	return index;
}

static bool unescape_token(struct str text, struct buf *out)
{
	for (size_t i = 0; i < text.len; i++) {
		char c = text.ptr[i];
		if (c == '~') {
			c = ++i < text.len ? text.ptr[i] : '\0';
			if (c != '0' && c != '1')
				return false;
			c = c == '0' ? '~' : '/';
		}
		buf_putc(out, c);
	}
	return true;
}

static bool add_token(struct jpointer *ptr, struct str text)
{
	struct buf name = BUF_INIT;
	if (!unescape_token(text, &name)) {
		buf_release(&name);
		return false;
	}
	struct jpointer_token token = {.len = name.len, .index = array_index(buf_str(&name))};
	token.name = buf_detach(&name);
	ptr->tokens = mem_grow(ptr->tokens, &ptr->cap, ptr->count + 1, sizeof(*ptr->tokens));
	ptr->tokens[ptr->count++] = token;
	return true;
}

int jpointer_parse(const char *text, struct jpointer *ptr, struct err *err)
{
	struct str token, rest = str_cut(str_of(text), '/', &token);
	jpointer_release(ptr);
	if (token.len)
		return err_set(err, ST_USAGE, "JSON pointer '%s' does not begin with '/'", text);
	while (rest.ptr) {
		rest = str_cut(rest, '/', &token);
		if (add_token(ptr, token))
			continue;
		jpointer_release(ptr);
		return err_set(err, ST_USAGE, "JSON pointer '%s': '~' must be ~0 or ~1", text);
	}
	return 0;
}

void jpointer_release(struct jpointer *ptr)
{
	for (size_t i = 0; i < ptr->count; i++)
		free(ptr->tokens[i].name);
	free(ptr->tokens);
	*ptr = (struct jpointer)JPOINTER_INIT;
}
