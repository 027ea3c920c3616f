#include "batch/backoff.h"

#include "base/num.h"

#define FACTOR_MOST   100
#define FACTOR_JITTER 0.1

static int parse_list(struct backoff *b, struct str text, struct err *err)
{
	for (struct str rest = text, one; rest.ptr; b->count++) {
		rest = str_cut(rest, ',', &one);
		if (b->count == BACKOFF_MOST)
			return err_set(err, ST_USAGE, "more than %d delays", BACKOFF_MOST);
		if (num_duration_ms_str(one, &b->list_ms[b->count], err))
			return -1;
	}
	return 0;
}

/* "2..5m" */
static int parse_factor(struct backoff *b, struct str text, struct err *err)
{
	struct str factor, cap = str_cut(text, '.', &factor);
	if (!str_has_prefix(cap, "."))
		return err_set(err, ST_USAGE, "what follows '*' is not FACTOR..LONGEST");
	cap.ptr++;
	cap.len--;
	if (num_i64_str(factor, 2, FACTOR_MOST, &b->factor, err) ||
	    num_duration_ms_str(cap, &b->cap_ms, err))
		return -1;
	if (b->cap_ms < b->list_ms[0])
		return err_set(err, ST_USAGE, "the longest delay is shorter than the first");
	b->jitter = FACTOR_JITTER;
	return 0;
}

int backoff_parse(struct backoff *b, const char *text, struct err *err)
{
	struct backoff new = {0};
	struct str list, factor = str_cut(str_of(text), '*', &list);
	if (factor.ptr) {
		new.count = 1;
		if (num_duration_ms_str(list, &new.list_ms[0], err) ||
		    parse_factor(&new, factor, err))
			return err_wrap(err, "back-off '%s'", text);
	} else if (parse_list(&new, list, err)) {
		return err_wrap(err, "back-off '%s'", text);
	}
	*b = new;
	return 0;
}

int backoff_set_jitter(struct backoff *b, const char *text, struct err *err)
{
	return num_real(text, 0, 1, &b->jitter, err);
}

static int64_t grown_ms(const struct backoff *b, int64_t retry)
{
	int64_t ms = b->list_ms[0];
	for (int64_t i = 1; i < retry && ms > 0 && ms < b->cap_ms; i++)
		ms *= b->factor;
	return ms < b->cap_ms ? ms : b->cap_ms;
}

int64_t backoff_delay_ms(const struct backoff *b, int64_t retry, uint32_t random)
{
	double share = random / 4294967296.0;
	int64_t ms = b->factor ? grown_ms(b, retry)
			       : b->list_ms[retry < b->count ? retry - 1 : b->count - 1];
	return (int64_t)((double)ms * (1 - b->jitter + b->jitter * share));
}
