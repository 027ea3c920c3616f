#include "base/date.h"

#include "base/num.h"

#define DAY_MS    INT64_C(86400000)
#define HOUR_MS   INT64_C(3600000)
#define MINUTE_MS INT64_C(60000)

struct civil {
	int64_t year, month, day, hour, minute, second, ms;
};

/* Days since 1970-01-01. Years are counted from March, so that the odd day of a leap year is the
 * last of one; 146097 days are 400 years, a whole turn of the calendar. */
static int64_t days_of(int64_t year, int64_t month, int64_t day)
{
	int64_t y = month > 2 ? year : year - 1;
	int64_t day_of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
	return y * 365 + y / 4 - y / 100 + y / 400 + day_of_year - 719468;
}

static void date_of(int64_t days, struct civil *c)
{
	int64_t n = days + 719468;
	int64_t turn = n / 146097, rest = n % 146097;
	int64_t y = (rest - rest / 1460 + rest / 36524 - rest / 146096) / 365;
	int64_t day_of_year = rest - (365 * y + y / 4 - y / 100);
	int64_t m = (5 * day_of_year + 2) / 153;
	c->day = day_of_year - (153 * m + 2) / 5 + 1;
	c->month = m < 10 ? m + 3 : m - 9;
	c->year = turn * 400 + y + (m < 10 ? 0 : 1);
}

static void civil_of(int64_t ms, struct civil *c)
{
	int64_t since = ms - DATE_MIN_MS;
	int64_t rest = since % DAY_MS;
	date_of((DATE_MIN_MS + since - rest) / DAY_MS, c);
	c->hour = rest / HOUR_MS;
	c->minute = rest / MINUTE_MS % 60;
	c->second = rest / 1000 % 60;
	c->ms = rest % 1000;
}

static int64_t days_in(int64_t year, int64_t month)
{
	return month == 12 ? 31 : days_of(year, month + 1, 1) - days_of(year, month, 1);
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* Cuts exactly count digits off the beginning of *s. */
static bool cut_digits(struct str *s, size_t count, int64_t *n)
{
	if (s->len < count)
		return false;
	*n = 0;
	for (size_t i = 0; i < count; i++) {
		if (!is_digit(s->ptr[i]))
			return false;
		*n = *n * 10 + (s->ptr[i] - '0');
	}
	*s = (struct str){s->ptr + count, s->len - count};
	return true;
}

static bool cut_any(struct str *s, const char *chars)
{
	if (s->len == 0 || s->ptr[0] == '\0' || !strchr(chars, s->ptr[0]))
		return false;
	*s = (struct str){s->ptr + 1, s->len - 1};
	return true;
}

static bool cut_date(struct str *s, struct civil *c)
{
	return cut_digits(s, 4, &c->year) && cut_any(s, "-") && cut_digits(s, 2, &c->month) &&
	    cut_any(s, "-") && cut_digits(s, 2, &c->day) && c->year >= 1 && c->month >= 1 &&
	    c->month <= 12 && c->day >= 1 && c->day <= days_in(c->year, c->month);
}

static bool cut_fraction(struct str *s, int64_t *ms)
{
	int64_t digit, weight = 100;
	if (!cut_any(s, "."))
		return true;
	if (s->len == 0 || !is_digit(s->ptr[0]))
		return false;
	for (; cut_digits(s, 1, &digit); weight /= 10)
		*ms += digit * weight;
	return true;
}

/* A leap second, 23:59:60, is the first second of the next minute, as on most clocks. */
static bool cut_time(struct str *s, struct civil *c)
{
	return cut_any(s, "Tt ") && cut_digits(s, 2, &c->hour) && cut_any(s, ":") &&
	    cut_digits(s, 2, &c->minute) && cut_any(s, ":") && cut_digits(s, 2, &c->second) &&
	    cut_fraction(s, &c->ms) && c->hour < 24 && c->minute < 60 &&
	    (c->second < 60 || (c->second == 60 && c->minute == 59));
}

static bool read_zone(struct str s, int64_t *offset_ms)
{
	int64_t hours, minutes, sign = s.len && s.ptr[0] == '-' ? -1 : 1;
	*offset_ms = 0;
	if (cut_any(&s, "Zz"))
		return s.len == 0;
	if (!cut_any(&s, "+-") || !cut_digits(&s, 2, &hours))
		return false;
	cut_any(&s, ":");
	if (!cut_digits(&s, 2, &minutes) || s.len || hours > 23 || minutes > 59)
		return false;
	*offset_ms = sign * (hours * HOUR_MS + minutes * MINUTE_MS);
	return true;
}

static bool read_number(struct str s, int64_t *ms)
{
	int64_t digits = (int64_t)s.len;
	if (digits < 9 || digits > 18 || !cut_digits(&s, s.len, ms))
		return false;
	if (digits < 13)
		*ms *= 1000;
	return true;
}

/* *zoneless says that nothing but the zone is wanting; to_utc, unless NULL, is for such times and for dates. */
static bool read_date(struct str s, int64_t (*to_utc)(int64_t), int64_t *ms, bool *zoneless)
{
	struct civil c = {0};
	int64_t offset_ms = 0;
	*zoneless = false;
	if (!cut_date(&s, &c))
		return false;
	bool local = to_utc && s.len == 0;
	if (s.len) {
		if (!cut_time(&s, &c))
			return false;
		*zoneless = s.len == 0;
		local = to_utc && s.len == 0;
		if (!local && !read_zone(s, &offset_ms))
			return false;
	}
	*ms = days_of(c.year, c.month, c.day) * DAY_MS + c.hour * HOUR_MS + c.minute * MINUTE_MS +
	    c.second * 1000 + c.ms - offset_ms;
	if (local)
		*ms = to_utc(*ms);
	return true;
}

bool date_lacks_zone(struct str text)
{
	int64_t ignored;
	bool zoneless;
	return !read_date(text, NULL, &ignored, &zoneless) && zoneless;
}

static int shown_len(struct str s)
{
	return s.len < 64 ? (int)s.len : 64;
}

static int parse(struct str text, int64_t (*to_utc)(int64_t), int64_t *ms, struct err *err)
{
	int64_t n;
	bool zoneless = false;
	if (!read_number(text, &n) && !read_date(text, to_utc, &n, &zoneless)) {
		if (zoneless)
			return err_set(err, ST_USAGE, "time '%.*s' has no zone: add Z or +HH:MM, or say --local",
			    shown_len(text), text.ptr);
		return err_set(err, ST_USAGE,
		    "'%.*s' is not a time (2026-11-21T10:30:00Z, 2026-11-21, seconds or "
		    "milliseconds since 1970, -1h, today, yesterday)",
		    shown_len(text), text.ptr ? text.ptr : "");
	}
	if (n < DATE_MIN_MS || n > DATE_MAX_MS)
		return err_set(err, ST_USAGE, "time '%.*s' is not in the years 1 to 9999",
		    shown_len(text), text.ptr);
	*ms = n;
	return 0;
}

int date_parse(struct str text, int64_t *ms, struct err *err)
{
	return parse(text, NULL, ms, err);
}

/* The midnight that began the day which was `days` days before. */
static int64_t midnight(const struct date_now *now, int64_t days)
{
	int64_t local_ms = now->to_local ? now->to_local(now->ms) : now->ms;
	int64_t begin_ms = local_ms - (local_ms - DATE_MIN_MS) % DAY_MS - days * DAY_MS;
	return now->to_utc ? now->to_utc(begin_ms) : begin_ms;
}

int date_parse_rel(struct str text, const struct date_now *now, int64_t *ms, struct err *err)
{
	int64_t ago_ms = 0;
	bool today = str_is(text, "today");
	if (today || str_is(text, "yesterday")) {
		*ms = midnight(now, today ? 0 : 1);
		return 0;
	}
	bool relative = text.len && text.ptr[0] == '-';
	if (!relative && !str_is(text, "now"))
		return parse(text, now->to_utc, ms, err);
	if (relative &&
	    num_duration_ms_str((struct str){text.ptr + 1, text.len - 1}, &ago_ms, err))
		return -1;
	*ms = now->ms - ago_ms;
	return 0;
}

static void format(int64_t ms, bool with_ms, struct buf *out)
{
	struct civil c;
	civil_of(ms < DATE_MIN_MS ? DATE_MIN_MS : ms > DATE_MAX_MS ? DATE_MAX_MS : ms, &c);
	buf_printf(out, "%04d-%02d-%02dT%02d:%02d:%02d", (int)c.year, (int)c.month, (int)c.day,
	    (int)c.hour, (int)c.minute, (int)c.second);
	if (with_ms)
		buf_printf(out, ".%03d", (int)c.ms);
	buf_putc(out, 'Z');
}

void date_format_s(int64_t ms, struct buf *out)
{
	format(ms, false, out);
}

void date_format_ms(int64_t ms, struct buf *out)
{
	format(ms, true, out);
}
