/* loop: what one round of an event loop waits for: descriptors, a time, and a byte from elsewhere.
 *
 * Each round: loop_begin, then everybody says what it waits for (loop_add, loop_until), loop_wait,
 * then everybody asks what came (loop_ready) and does what it can without waiting. A round is no
 * longer than LOOP_MS, so that a signal which fell before the wait is seen (sig.h). */
#ifndef TOOL_LOOP_H
#define TOOL_LOOP_H

#include <poll.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

#define LOOP_MS 200

struct loop {
	/* A byte written here ends the wait, from any thread or library; neither end ever blocks. */
	int wake;

	/* private */
	int woken;
	struct pollfd *fds;
	size_t count, cap;
	int64_t until_ms;
};

#define LOOP_INIT {.wake = -1, .woken = -1}

int loop_open(struct loop *l, struct err *err);

void loop_begin(struct loop *l);
size_t loop_add(struct loop *l, int fd, short events); /* fd -1: holds the place, nothing comes */
void loop_until(struct loop *l, int64_t mono_ms);      /* no later than that */
void loop_wait(struct loop *l);

/* What came for that which loop_add gave this number: POLLIN and so on, 0: nothing. */
short loop_ready(const struct loop *l, size_t number);

void loop_close(struct loop *l);

#endif
