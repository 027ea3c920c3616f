/* fuzz: what the targets share. A target states properties with assert() and is run by libFuzzer with
 * inputs of its own making, see run.sh. Inputs are kept readable: fields between tabs, lines. */
#ifndef FUZZ_FUZZ_H
#define FUZZ_FUZZ_H

#undef NDEBUG
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/str.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static inline struct str fuzz_input(const uint8_t *data, size_t size)
{
	return (struct str){(const char *)data, size};
}

/* Cuts the next field off; one that is "-" alone is absent. */
static inline struct str fuzz_cut(struct str *rest, char sep)
{
	struct str field;
	*rest = str_cut(*rest, sep, &field);
	return str_is(field, "-") ? (struct str)STR_INIT : field;
}

/* The field as a string of its own, cut at its first NUL, for what takes options. */
static inline char *fuzz_text(struct str field)
{
	return mem_strndup(field.ptr ? field.ptr : "", field.len);
}

/* A copy in memory of exactly its size, so that a byte read too many is seen. */
static inline struct str fuzz_exact(struct str field)
{
	return field.ptr ? (struct str){mem_dup(field.ptr, field.len), field.len} : field;
}

static inline void fuzz_free(struct str exact)
{
	free((char *)(uintptr_t)exact.ptr);
}

/* Absent is not the same as empty. */
static inline bool fuzz_same(struct str a, struct str b)
{
	return !a.ptr == !b.ptr && str_eq(a, b);
}

#endif
