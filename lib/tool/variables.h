/* variables: what a command gets in its environment beside ours, from data that others wrote.
 *
 * The kernel takes no variable of more than 128 KiB and not more than ARG_MAX of all; a NUL byte ends
 * one. A value that does not fit is left out, and so is a variable of that name in our own
 * environment: a command sees the value of its batch or none. */
#ifndef TOOL_VARIABLES_H
#define TOOL_VARIABLES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/str.h"

struct variables {
	struct buf text; /* NAME=VALUE, or just NAME of one that is left out; each ended by NUL */
	size_t count;
};

#define VARIABLES_INIT {BUF_INIT, 0}

/* False: the value does not fit, and the command gets no variable of this name. */
bool variables_add(struct variables *v, const char *name, struct str value);

/* The same, and a warning about the batch's variable that does not fit. */
void variables_add_of_batch(struct variables *v, const char *name, struct str value, struct str batch);

void variables_add_i64(struct variables *v, const char *name, int64_t value);

/* A list for struct process_spec of a's and then b's (NULL: none), which the caller frees. It borrows
 * from both. */
const char **variables_list(const struct variables *a, const struct variables *b);

void variables_release(struct variables *v);

#endif
