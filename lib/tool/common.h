/* common: the options that all tools have. What they mean together with the environment and the
 * configuration file is settings.h. */
#ifndef TOOL_COMMON_H
#define TOOL_COMMON_H

#include <stdbool.h>
#include <stdint.h>

#include "tool/opts.h"

#define COMMON_STREAM 1u /* the tool has -s */
#define COMMON_BATCH  2u /* the tool has -B */

enum common_log { LOG_TEXT, LOG_JSON };

struct common {
	const char *brokers, *stream, *batch, *config, *profile; /* NULL: not given */
	struct opt_list properties;                              /* -X, as written */
	int64_t timeout_ms;                                      /* -1: not given */
	int log;                                                 /* enum common_log */
	int verbose;
	bool quiet, help, version, list_options;
};

#define COMMON_INIT {.timeout_ms = -1}
#define COMMON_ROWS 16

/* Fills rows, bound to c; takes is a sum of COMMON_*. */
void common_rows(struct common *c, unsigned takes, struct opt rows[COMMON_ROWS]);

void common_release(struct common *c);

#endif
