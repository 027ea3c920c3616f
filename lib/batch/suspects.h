/* suspects: single records that failed alone, and what speaks for their guilt (batch/trial.h has
 * the rule). Times say what was before what: a success helps only when its run began after the
 * failure, and a second failure only when its run began after the end of that success. */
#ifndef BATCH_SUSPECTS_H
#define BATCH_SUSPECTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct suspect {
	size_t index;
	bool accused; /* its retries are used up */
	bool by_data; /* the command itself blames the data */
	bool again;   /* it failed again, after a contrast */
	int64_t failed_ms;   /* its first failure ended */
	int64_t contrast_ms; /* the first success after that ended; INT64_MAX: none yet */
};

struct suspects {
	struct suspect *list; /* owned; by index */
	size_t count, cap;
};

#define SUSPECTS_INIT {0}

void suspects_fail(struct suspects *s, size_t index, bool by_data, int64_t began_ms,
    int64_t ended_ms);
struct suspect *suspects_find(struct suspects *s, size_t index); /* NULL: it is none */
void suspects_success(struct suspects *s, int64_t began_ms, int64_t ended_ms);
void suspects_forget(struct suspects *s, size_t first, size_t end); /* those in [first, end) */

bool suspect_has_contrast(const struct suspect *s);
bool suspect_is_condemned(const struct suspect *s);

void suspects_release(struct suspects *s);

#endif
