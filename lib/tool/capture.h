/* capture: what a command gives out, kept until it is known whether it counts.
 *
 * The first CAPTURE_MEMORY bytes stay in memory; of more all goes to a file without a name (file.h).
 * capture_add often, then capture_text once; capture_release forgets all. {0} is an empty one. */
#ifndef TOOL_CAPTURE_H
#define TOOL_CAPTURE_H

#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

#define CAPTURE_MEMORY ((size_t)1 << 20)

struct capture {
	size_t len;

	/* private */
	struct buf memory; /* all of it, or the file's name for messages */
	bool in_file;
	int fd;
	void *map; /* NULL: not mapped */
};

#define CAPTURE_INIT {0}

int capture_add(struct capture *c, struct str bytes, struct err *err); /* ST_FAIL: disk full */

/* All that was added, as one text that is borrowed until capture_release. Nothing is added after
 * it. A file is mapped, not read: it takes no memory that the kernel cannot take back. */
int capture_text(struct capture *c, struct str *all, struct err *err);

void capture_release(struct capture *c);

#endif
