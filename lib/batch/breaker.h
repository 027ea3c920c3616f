/* breaker: stops a worker from beginning chunks while everything fails, and lets one through now
 * and then to see whether that is over.
 *
 * It opens after `limit` failed runs of whole chunks without a success in between, or at once when
 * a trial was released. After 5 s, 10 s, 20 s ... up to longest_ms one chunk may begin, the probe,
 * best a small one: its success closes the breaker, and so does any other; its failure opens it for
 * longer. */
#ifndef BATCH_BREAKER_H
#define BATCH_BREAKER_H

#include <stdbool.h>
#include <stdint.h>

#define BREAKER_FIRST_MS 5000

enum breaker_state {
	BREAKER_CLOSED, /* all may begin */
	BREAKER_OPEN,   /* none may, until its time is up */
	BREAKER_PROBE,  /* one began */
};

struct breaker {
	int64_t limit, longest_ms; /* the caller's to set */
	enum breaker_state state;  /* the caller's to read */
	int64_t until_ms;          /* when it is open */
	int64_t failures, openings; /* private: since the last success */
};

/* May a chunk begin? After true one must: of an open breaker it is the probe. */
bool breaker_admits(struct breaker *b, int64_t now_ms);

void breaker_succeeded(struct breaker *b);
void breaker_failed(struct breaker *b, int64_t now_ms);
void breaker_released(struct breaker *b, int64_t now_ms);

/* The probe ended without an answer, its partition being lost for one. */
void breaker_lost(struct breaker *b, int64_t now_ms);

#endif
