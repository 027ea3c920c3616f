#include "tool/who.h"

#include <limits.h>
#include <pwd.h>
#include <unistd.h>

void who_name(struct buf *out)
{
	const struct passwd *p = getpwuid(geteuid());
	if (p && *p->pw_name)
		buf_puts(out, p->pw_name);
	else
		buf_add_i64(out, (long long)geteuid());
}

void who_host(struct buf *out)
{
	char name[HOST_NAME_MAX + 1] = "localhost";
	gethostname(name, sizeof(name) - 1);
	buf_puts(out, name);
}
