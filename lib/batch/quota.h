/* quota: how many invalid records a worker puts up with: --max-invalid N, or P% of the last
 * QUOTA_WINDOW records, once it saw QUOTA_LEAST. */
#ifndef BATCH_QUOTA_H
#define BATCH_QUOTA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define QUOTA_WINDOW 1000
#define QUOTA_LEAST  20

struct quota {
	int64_t most; /* 0: any number */
	bool percent;
	int64_t seen, invalid;      /* of all, or of those in the window */
	bool window[QUOTA_WINDOW];  /* which were invalid; with percent */
	size_t at;
};

#define QUOTA_INIT {0}

/* "20" or "5%", at least 1. ST_USAGE. */
int quota_parse(struct quota *q, const char *text, struct err *err);

void quota_add(struct quota *q, bool invalid); /* one more record */
bool quota_is_reached(const struct quota *q);

#endif
