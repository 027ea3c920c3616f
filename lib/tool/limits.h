/* limits: what the system lets this process have. */
#ifndef TOOL_LIMITS_H
#define TOOL_LIMITS_H

#include <stdint.h>

#include "base/err.h"

/* So many descriptors may be open: raises the soft limit if need be, which commands inherit. ST_USAGE:
 * the hard limit is lower. */
int limits_descriptors(int64_t wanted, struct err *err);

#endif
