/* who: who runs this process, and where. */
#ifndef TOOL_WHO_H
#define TOOL_WHO_H

#include "base/buf.h"

/* Appends the login name of the user, or the number of one without a name. */
void who_name(struct buf *out);

void who_host(struct buf *out); /* appends the name of this machine */

#endif
