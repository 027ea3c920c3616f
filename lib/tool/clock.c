#include "tool/clock.h"

#include <errno.h>
#include <stdlib.h>
#include <sys/random.h>
#include <time.h>

#include "tool/sig.h"

static int64_t read_ms(clockid_t id)
{
	struct timespec t;
	clock_gettime(id, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
	return read_ms(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
	return read_ms(CLOCK_REALTIME);
}

static int64_t to_local(int64_t utc_ms)
{
	time_t s = (time_t)((utc_ms - DATE_MIN_MS) / 1000 + DATE_MIN_MS / 1000);
	struct tm tm;
	return localtime_r(&s, &tm) ? utc_ms + (int64_t)tm.tm_gmtoff * 1000 : utc_ms;
}

/* Where clocks are set forward or back, mktime decides. */
static int64_t to_utc(int64_t local_ms)
{
	time_t s = (time_t)((local_ms - DATE_MIN_MS) / 1000 + DATE_MIN_MS / 1000);
	struct tm tm;
	if (!gmtime_r(&s, &tm))
		return local_ms;
	tm.tm_isdst = -1;
	return (int64_t)mktime(&tm) * 1000 + (local_ms - DATE_MIN_MS) % 1000;
}

struct date_now clock_now(bool local)
{
	struct date_now now = {.ms = clock_wall_ms()};
	if (local) {
		now.to_local = to_local;
		now.to_utc = to_utc;
	}
	return now;
}

void clock_random(void *p, size_t n)
{
	char *at = p;
	while (n) {
		ssize_t got = getrandom(at, n, 0);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			abort();
		at += got;
		n -= (size_t)got;
	}
}

struct deadline deadline_start(int64_t budget_ms)
{
	struct deadline d = {INT64_MAX, clock_mono_ms, sig_ended};
	int64_t end_ms;
	if (budget_ms >= 0 && !__builtin_add_overflow(clock_mono_ms(), budget_ms, &end_ms))
		d.end_ms = end_ms;
	return d;
}
