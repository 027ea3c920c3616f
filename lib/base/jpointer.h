/* jpointer: JSON pointers (RFC 6901), parsed once and used often by jscan_pointer: "" is the whole
 * document, "/member/0" a value in it; ~0 stands for ~ and ~1 for /. */
#ifndef BASE_JPOINTER_H
#define BASE_JPOINTER_H

#include <stddef.h>

#include "base/err.h"

struct jpointer_token {
	char *name; /* owned, unescaped */
	size_t len;
	size_t index; /* as an array's index; SIZE_MAX: it is none */
};

struct jpointer {
	struct jpointer_token *tokens;
	size_t count, cap;
};

#define JPOINTER_INIT {0}

/* ST_USAGE when text is no pointer. Replaces what ptr held. */
int jpointer_parse(const char *text, struct jpointer *ptr, struct err *err);
void jpointer_release(struct jpointer *ptr);

#endif
