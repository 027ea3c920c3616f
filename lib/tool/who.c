#include "tool/who.h"

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
