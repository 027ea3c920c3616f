#include "tool/limits.h"

#include <errno.h>
#include <sys/resource.h>

int limits_descriptors(int64_t wanted, struct err *err)
{
	struct rlimit l;
	if (getrlimit(RLIMIT_NOFILE, &l))
		return err_errno(err, ST_FAIL, errno, "open files");
	if ((rlim_t)wanted <= l.rlim_cur)
		return 0;
	if ((rlim_t)wanted > l.rlim_max)
		return err_set(err, ST_USAGE, "%lld open files are needed, and %llu are allowed (ulimit -Hn)",
		    (long long)wanted, (unsigned long long)l.rlim_max);
	l.rlim_cur = (rlim_t)wanted;
	if (setrlimit(RLIMIT_NOFILE, &l))
		return err_errno(err, ST_FAIL, errno, "open files");
	return 0;
}
