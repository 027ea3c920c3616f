/* err: one failure: the exit status it means and one line of text.
 * Filled at the lowest layer, given context on the way up, printed once at the top: no library
 * function prints. Functions that can fail take a `struct err *` last and answer 0 (done) or -1
 * (failed, err filled); iterators answer 1 (got one), 0 (end), -1 (failed). */
#ifndef BASE_ERR_H
#define BASE_ERR_H

#include "base/status.h"

struct err {
	enum status status;
	char *text; /* owned; NULL when nothing failed; never holds a line break */
};

#define ERR_INIT {ST_OK, 0}

/* Sets status and text, replacing what was there. Always answers -1, so `return err_set(...)`. */
int err_set(struct err *e, enum status status, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* As err_set, and appends ": " and the words for errnum. */
int err_errno(struct err *e, enum status status, int errnum, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* Puts "context: " in front of the text, unless the text begins with the context already; the status stays. Answers -1. */
int err_wrap(struct err *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Moves from into to, which loses what it had; from is empty afterwards. */
void err_move(struct err *to, struct err *from);

/* Forgets the failure; e can be used again. */
void err_clear(struct err *e);

#endif
