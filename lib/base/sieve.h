/* sieve: a set of strings in a fixed piece of memory (a Bloom filter). What was added it has, for ever;
 * of what was not, it may say so too: seldom (one in a thousand) up to 400 000 strings, more and more
 * often after that. So a yes is to be verified elsewhere, a no is sure. {0} is a valid empty sieve. */
#ifndef BASE_SIEVE_H
#define BASE_SIEVE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/str.h"

struct sieve {
	uint8_t *bits; /* owned; NULL: nothing was added yet */
};

#define SIEVE_INIT {0}

void sieve_add(struct sieve *s, struct str text);
bool sieve_has(const struct sieve *s, struct str text);
void sieve_release(struct sieve *s); /* empty and usable afterwards */

#endif
