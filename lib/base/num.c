#include "base/num.h"

#include <stdbool.h>

#define QUOTE_MAX 64

/* For "%.*s%s": enough of the text to recognise it. */
#define QUOTED(s) (int)((s).len < QUOTE_MAX ? (s).len : QUOTE_MAX), (s).ptr ? (s).ptr : "", \
	    (s).len > QUOTE_MAX ? "..." : ""

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

static bool read_i64(struct str s, int64_t *out)
{
	bool negative = s.len && s.ptr[0] == '-';
	int64_t n = 0;
	if (s.len == negative)
		return false;
	for (size_t i = negative; i < s.len; i++) {
		int digit = s.ptr[i] - '0';
		if (!is_digit(s.ptr[i]) || __builtin_mul_overflow(n, 10, &n) ||
		    __builtin_add_overflow(n, negative ? -digit : digit, &n))
			return false;
	}
	*out = n;
	return true;
}

static int refuse(struct str s, const char *kind, int64_t min, int64_t max, struct err *err)
{
	if (max == INT64_MAX)
		return err_set(err, ST_USAGE, "'%.*s%s' is not %s of at least %lld", QUOTED(s),
		    kind, (long long)min);
	return err_set(err, ST_USAGE, "'%.*s%s' is not %s from %lld to %lld", QUOTED(s), kind,
	    (long long)min, (long long)max);
}

int num_i64_str(struct str s, int64_t min, int64_t max, int64_t *out, struct err *err)
{
	int64_t n;
	if (!read_i64(s, &n) || n < min || n > max)
		return refuse(s, "a whole number", min, max, err);
	*out = n;
	return 0;
}

int num_i64(const char *s, int64_t min, int64_t max, int64_t *out, struct err *err)
{
	return num_i64_str(str_of(s), min, max, out, err);
}

static bool read_digits(struct str s, int64_t *out)
{
	return s.len && is_digit(*s.ptr) && read_i64(s, out);
}

static bool read_real(struct str s, double *out)
{
	struct str whole, digits = str_cut(s, '.', &whole);
	int64_t n, part = 0;
	double unit = 1;
	if (!read_digits(whole, &n))
		return false;
	if (digits.ptr && (digits.len > NUM_FRACTION || !read_digits(digits, &part)))
		return false;
	for (size_t i = 0; i < digits.len; i++)
		unit *= 10;
	*out = (double)n + (double)part / unit;
	return true;
}

int num_real(const char *s, double min, double max, double *out, struct err *err)
{
	double n;
	if (!read_real(str_of(s), &n) || n < min || n > max)
		return err_set(err, ST_USAGE, "'%.*s%s' is not a number from %g to %g, as 0.25",
		    QUOTED(str_of(s)), min, max);
	*out = n;
	return 0;
}

struct unit {
	const char *name;
	int64_t factor;
};

static bool find_unit(const struct unit *units, size_t count, struct str name, int64_t *factor)
{
	for (size_t i = 0; i < count; i++) {
		if (!str_is(name, units[i].name))
			continue;
		*factor = units[i].factor;
		return true;
	}
	return false;
}

/* Cuts a number without a sign and its unit off the beginning of *s. */
static bool cut_quantity(struct str *s, int64_t *n, struct str *unit)
{
	size_t number = 0, end;
	while (number < s->len && is_digit(s->ptr[number]))
		number++;
	for (end = number; end < s->len && !is_digit(s->ptr[end]); end++)
		;
	if (!read_i64((struct str){s->ptr, number}, n))
		return false;
	*unit = (struct str){s->ptr + number, end - number};
	*s = (struct str){s->ptr + end, s->len - end};
	return true;
}

static bool read_size(struct str s, int64_t *bytes)
{
#define POWERS(letter, small, n)                                                                   \
	{letter, INT64_C(1) << 10 * n}, {small, INT64_C(1) << 10 * n},                             \
	    {letter "iB", INT64_C(1) << 10 * n}
	static const struct unit units[] = {
	    {"", 1},
	    {"B", 1},
	    POWERS("K", "k", 1),
	    POWERS("M", "m", 2),
	    POWERS("G", "g", 3),
	    POWERS("T", "t", 4),
	    {"kB", 1000},
	    {"KB", 1000},
	    {"MB", 1000000},
	    {"GB", 1000000000},
	    {"TB", INT64_C(1000000000000)},
	};
#undef POWERS
	struct str unit;
	int64_t n, factor;
	return cut_quantity(&s, &n, &unit) && s.len == 0 &&
	    find_unit(units, sizeof(units) / sizeof(*units), unit, &factor) &&
	    !__builtin_mul_overflow(n, factor, bytes);
}

int num_size(const char *s, int64_t min, int64_t max, int64_t *bytes, struct err *err)
{
	int64_t n;
	if (!read_size(str_of(s), &n) || n < min || n > max)
		return refuse(str_of(s), "a size in bytes (or with K, M, G, T)", min, max, err);
	*bytes = n;
	return 0;
}

static bool read_duration(struct str s, int64_t *ms)
{
	static const struct unit units[] = {
	    {"ms", 1},
	    {"s", 1000},
	    {"m", 60000},
	    {"h", 3600000},
	    {"d", 86400000},
	    {"w", 604800000},
	};
	int64_t n, factor, last = INT64_MAX, sum = 0;
	struct str unit;
	if (read_i64(s, &n) && s.ptr[0] != '-')
		return !__builtin_mul_overflow(n, 1000, ms);
	do {
		if (!cut_quantity(&s, &n, &unit) ||
		    !find_unit(units, sizeof(units) / sizeof(*units), unit, &factor) ||
		    factor >= last || __builtin_mul_overflow(n, factor, &n) ||
		    __builtin_add_overflow(sum, n, &sum))
			return false;
		last = factor;
	} while (s.len);
	*ms = sum;
	return true;
}

int num_duration_ms_str(struct str s, int64_t *ms, struct err *err)
{
	int64_t n;
	if (!read_duration(s, &n) || n > NUM_DURATION_MAX_MS)
		return err_set(err, ST_USAGE,
		    "'%.*s%s' is not a duration (250ms, 30s, 5m, 1h30m, 2d, 1w; at most 36500d)",
		    QUOTED(s));
	*ms = n;
	return 0;
}

int num_duration_ms(const char *s, int64_t *ms, struct err *err)
{
	return num_duration_ms_str(str_of(s), ms, err);
}
