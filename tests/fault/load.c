/* For LD_PRELOAD: the load of the machine is what the file LOADAVG says. */
#include <fcntl.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

int open(const char *path, int flags, ...)
{
	const char *instead = getenv("LOADAVG");
	va_list rest;
	va_start(rest, flags);
	mode_t mode = va_arg(rest, mode_t);
	va_end(rest);
	if (instead && strcmp(path, "/proc/loadavg") == 0)
		path = instead;
	return (int)syscall(SYS_openat, AT_FDCWD, path, flags, mode);
}
