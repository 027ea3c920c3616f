/* machine: how busy the machine is and what it has left, as the kernel tells it in files: for the
 * vetoes of those who would start more. Of memory our control group may have less than the machine
 * (cgroup versions 1 and 2).
 *
 * Each takes the root of the file system, "" but in tests, and answers -1 when it cannot be told. */
#ifndef TOOL_MACHINE_H
#define TOOL_MACHINE_H

#include <stdint.h>

double machine_load(const char *root); /* of the last minute */

/* Bytes that could be had without swapping: of the machine, or in our control group or one above it,
 * whichever is least. Files that were read and can be read again count as free. */
int64_t machine_memory(const char *root);

/* How many processes of our control group the kernel has killed for memory so far. */
int64_t machine_oom_kills(const char *root);

#endif
