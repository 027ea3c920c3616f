/* holder: which processes hold a pipe open, for messages about a pipe that does not end. Linux: read from
 * /proc, where a user sees the descriptors of own processes only. */
#ifndef TOOL_HOLDER_H
#define TOOL_HOLDER_H

#include "base/buf.h"

/* Time in ms from the end of a command to the end of its pipes. What the command left running in the background
 * may hold them that much longer; a pipeline's last stages need a moment, too. */
#define HOLDER_PATIENCE_MS 3000

/* Appends "sleep (process 123), cat (process 124)": the processes other than this one that hold the
 * pipe behind fd; "a process" when none can be seen. */
void holder_names(int fd, struct buf *out);

#endif
