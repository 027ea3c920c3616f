#include "batch/quota.h"

#include "base/num.h"
#include "base/str.h"

int quota_parse(struct quota *q, const char *text, struct err *err)
{
	struct str number = str_of(text);
	struct quota new = {.percent = str_has_suffix(number, "%")};
	number.len -= new.percent;
	if (num_i64_str(number, 1, new.percent ? 100 : INT64_MAX, &new.most, err))
		return err_wrap(err, "'%s' is not N or P%%", text);
	*q = new;
	return 0;
}

static void slide(struct quota *q, bool invalid)
{
	if (q->seen == QUOTA_WINDOW)
		q->invalid -= q->window[q->at];
	else
		q->seen++;
	q->invalid += invalid;
	q->window[q->at] = invalid;
	q->at = (q->at + 1) % QUOTA_WINDOW;
}

void quota_add(struct quota *q, bool invalid)
{
	if (q->percent) {
		slide(q, invalid);
		return;
	}
	q->seen++;
	q->invalid += invalid;
}

bool quota_is_reached(const struct quota *q)
{
	if (q->most == 0)
		return false;
	if (!q->percent)
		return q->invalid >= q->most;
	return q->seen >= QUOTA_LEAST && 100 * q->invalid >= q->most * q->seen;
}
