/* num: numbers in options, settings and headers. A text is a number as a whole or is refused
 * (ST_USAGE); the message quotes it and says what is allowed. There are no blanks, no '+', no 0x.
 * *out is left alone when it is refused. */
#ifndef BASE_NUM_H
#define BASE_NUM_H

#include <stdint.h>

#include "base/err.h"
#include "base/str.h"

/* A decimal integer from min to max. */
int num_i64(const char *s, int64_t min, int64_t max, int64_t *out, struct err *err);
int num_i64_str(struct str s, int64_t min, int64_t max, int64_t *out, struct err *err);

/* A number from min to max, with up to NUM_FRACTION digits behind a point if need be: "12", "0.25". */
#define NUM_FRACTION 6
int num_real(const char *s, double min, double max, double *out, struct err *err);

/* Bytes: a number, and K, k or KiB for 1024, kB or KB for 1000, so up to T, t, TiB and TB; or B. */
int num_size(const char *s, int64_t min, int64_t max, int64_t *bytes, struct err *err);

/* A time span, at most NUM_DURATION_MAX_MS: "250ms", "30s", "5m", "1h", "2d", "1w", or several in
 * falling order, "1h30m". A number alone is seconds. */
#define NUM_DURATION_MAX_MS (36500 * INT64_C(86400000))
int num_duration_ms(const char *s, int64_t *ms, struct err *err);
int num_duration_ms_str(struct str s, int64_t *ms, struct err *err);

#endif
