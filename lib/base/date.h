/* date: points in time, milliseconds since 1970-01-01T00:00:00Z, and their texts. Years 1 to
 * 9999 of the Gregorian calendar. Does not know what time it is, and of time zones only the
 * offsets. */
#ifndef BASE_DATE_H
#define BASE_DATE_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

/* By so much the clocks of hosts may differ: of those that make ids, events and records. */
#define DATE_SLACK_MS (INT64_C(3600) * 1000)

#define DATE_MIN_MS INT64_C(-62135596800000) /* 0001-01-01T00:00:00Z */
#define DATE_MAX_MS INT64_C(253402300799999) /* 9999-12-31T23:59:59.999Z */

/* RFC 3339: 2026-11-21T10:30:00Z, also with a fraction of a second (cut to milliseconds), a
 * blank for the T, +01:00 or +0100 for the Z. Or a date alone: its midnight UTC. Or a number: of
 * 9 to 12 digits seconds since 1970, of 13 and more milliseconds. ST_USAGE otherwise, and for a
 * time without a zone: nobody's local time is guessed. */
int date_parse(struct str text, int64_t *ms, struct err *err);

/* True if it is a time of day without a zone, which date_parse refuses. */
bool date_lacks_zone(struct str text);

/* What now is, and whose days count: from UTC to what local clocks show, counted as if that were UTC, and
 * back. NULL, both: UTC. */
struct date_now {
	int64_t ms;
	int64_t (*to_local)(int64_t utc_ms);
	int64_t (*to_utc)(int64_t local_ms);
};

/* Also "now"; "-1h", "-30m": as long before now as a duration (base/num.h) says; "today" and "yesterday":
 * the midnight that began that day. Local days count for these and for dates alone, and then a time
 * without a zone is local time. */
int date_parse_rel(struct str text, const struct date_now *now, int64_t *ms, struct err *err);

/* Append YYYY-MM-DDTHH:MM:SSZ, and the same with milliseconds, .mmm. Times are rounded down; those
 * outside the range, as a record's timestamp may be, show as the nearer end of it. */
void date_format_s(int64_t ms, struct buf *out);
void date_format_ms(int64_t ms, struct buf *out);

#endif
