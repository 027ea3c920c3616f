#include "batch/report.h"

#include <stdbool.h>
#include <stdlib.h>

#include "base/mem.h"
#include "base/num.h"

static bool read_action(struct str name, enum report_action *action)
{
	static const char *const names[] = {
	    [REPORT_RETRY] = "retry",
	    [REPORT_INVALID] = "invalid",
	    [REPORT_SKIP] = "skip",
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		if (!str_is(name, names[i]))
			continue;
		*action = (enum report_action)i;
		return true;
	}
	return false;
}

static int read_line(struct str text, size_t records, struct report_line *line, struct err *err)
{
	struct str index, action;
	struct str rest = str_cut(str_trim(text), ' ', &index);
	struct str reason = str_cut(rest, ' ', &action);
	int64_t n;
	if (!read_action(action, &line->action))
		return err_set(err, ST_FAIL, "not INDEX retry|invalid|skip [REASON]");
	if (num_i64_str(index, 0, (int64_t)records - 1, &n, err))
		return err_set(err, ST_FAIL, "its index is not one of %zu records", records);
	line->index = (size_t)n;
	line->reason = reason.ptr ? str_trim(reason) : STR("");
	return 0;
}

static int by_index(const void *a, const void *b)
{
	const struct report_line *x = a, *y = b;
	return (x->index > y->index) - (x->index < y->index);
}

static int check_twice(const struct report *r, struct err *err)
{
	for (size_t i = 1; i < r->count; i++)
		if (r->list[i].index == r->list[i - 1].index)
			return err_set(err, ST_FAIL, "report: record %zu is named twice",
			    r->list[i].index);
	return 0;
}

static int read_lines(struct report *r, struct str text, size_t records, struct err *err)
{
	for (struct str rest = text, one; rest.len;) {
		struct report_line line;
		rest = str_cut(rest, '\n', &one);
		if (read_line(one, records, &line, err))
			return err_wrap(err, "report, line %zu", r->count + 1);
		r->list = mem_grow(r->list, &r->cap, r->count + 1, sizeof(*r->list));
		r->list[r->count++] = line;
	}
	if (r->count)
		qsort(r->list, r->count, sizeof(*r->list), by_index);
	return check_twice(r, err);
}

int report_parse(struct report *r, struct str text, size_t records, struct err *err)
{
	int failed = read_lines(r, text, records, err);
	if (failed)
		report_release(r);
	return failed;
}

void report_add(struct report *to, const struct report *r, size_t shift)
{
	for (size_t i = 0; i < r->count; i++) {
		to->list = mem_grow(to->list, &to->cap, to->count + 1, sizeof(*to->list));
		to->list[to->count] = r->list[i];
		to->list[to->count++].index += shift;
	}
}

void report_release(struct report *r)
{
	free(r->list);
	*r = (struct report)REPORT_INIT;
}
