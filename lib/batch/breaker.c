#include "batch/breaker.h"

bool breaker_admits(struct breaker *b, int64_t now_ms)
{
	if (b->state == BREAKER_CLOSED)
		return true;
	if (b->state == BREAKER_PROBE || now_ms < b->until_ms)
		return false;
	b->state = BREAKER_PROBE;
	return true;
}

void breaker_succeeded(struct breaker *b)
{
	b->state = BREAKER_CLOSED;
	b->failures = b->openings = 0;
}

static void open_for_a_while(struct breaker *b, int64_t now_ms)
{
	int64_t wait_ms = BREAKER_FIRST_MS;
	for (int64_t i = 0; i < b->openings && wait_ms < b->longest_ms; i++)
		wait_ms *= 2;
	b->state = BREAKER_OPEN;
	b->until_ms = now_ms + (wait_ms < b->longest_ms ? wait_ms : b->longest_ms);
	b->openings++;
}

void breaker_failed(struct breaker *b, int64_t now_ms)
{
	b->failures++;
	if (b->state == BREAKER_PROBE || (b->state == BREAKER_CLOSED && b->failures >= b->limit))
		open_for_a_while(b, now_ms);
}

void breaker_released(struct breaker *b, int64_t now_ms)
{
	if (b->state != BREAKER_OPEN)
		open_for_a_while(b, now_ms);
}

void breaker_lost(struct breaker *b, int64_t now_ms)
{
	if (b->state != BREAKER_PROBE)
		return;
	b->state = BREAKER_OPEN;
	b->until_ms = now_ms;
}
