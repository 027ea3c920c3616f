/* For LD_PRELOAD: the tools' wall clock is CLOCK_OFF seconds off. librdkafka keeps the true one, because its
 * waits end at times of a clock that the kernel reads, and nobody can change that for it alone. */
#include <dlfcn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static int is_tool(const void *caller)
{
	Dl_info at;
	return dladdr(caller, &at) && at.dli_fname && strstr(at.dli_fname, "batch-");
}

int clock_gettime(clockid_t id, struct timespec *ts)
{
	const char *off = getenv("CLOCK_OFF");
	int r = (int)syscall(SYS_clock_gettime, id, ts);
	if (r == 0 && off && id == CLOCK_REALTIME && is_tool(__builtin_return_address(0)))
		ts->tv_sec += atol(off);
	return r;
}
