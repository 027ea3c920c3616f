#include "batch/onexit.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"

#define HIGHEST 255

static const char *const names[] = {
    [ONEXIT_DONE] = "done",
    [ONEXIT_ISOLATE] = "isolate",
    [ONEXIT_RETRY] = "retry",
    [ONEXIT_OUTAGE] = "outage",
    [ONEXIT_STOP] = "stop",
    [ONEXIT_HALVE] = "halve",
    [ONEXIT_CRASH] = "crash",
};

static const struct onexit_rule defaults[] = {
    {0, 0, ONEXIT_DONE},
    {65, 65, ONEXIT_ISOLATE},
    {69, 69, ONEXIT_OUTAGE},
    {75, 75, ONEXIT_OUTAGE},
    {77, 78, ONEXIT_STOP},
    {126, 127, ONEXIT_STOP},
    {137, 137, ONEXIT_HALVE},
    {255, 255, ONEXIT_STOP},
};

/* By name, since the numbers are not the same on every machine. */
static const struct {
	const char *name;
	enum onexit_action action;
} signals[] = {
    {"KILL", ONEXIT_HALVE},
    {"SEGV", ONEXIT_CRASH},
    {"ABRT", ONEXIT_CRASH},
    {"BUS", ONEXIT_CRASH},
    {"FPE", ONEXIT_CRASH},
};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

const char *onexit_name(enum onexit_action action)
{
	return names[action];
}

static bool find_action(struct str name, enum onexit_action *action)
{
	for (size_t i = 0; i < COUNT(names); i++) {
		if (!str_is(name, names[i]))
			continue;
		*action = (enum onexit_action)i;
		return true;
	}
	return false;
}

static int parse_codes(struct str text, struct onexit_rule *rule, struct err *err)
{
	struct str low, high = str_cut(text, '-', &low);
	int64_t first, last;
	if (num_i64_str(low, 1, HIGHEST, &first, err) ||
	    num_i64_str(high.ptr ? high : low, 1, HIGHEST, &last, err))
		return -1;
	if (last < first)
		return err_set(err, ST_USAGE, "%lld comes after %lld", (long long)first,
		    (long long)last);
	rule->first = (int)first;
	rule->last = (int)last;
	return 0;
}

int onexit_add(struct onexit *t, const char *text, struct err *err)
{
	struct onexit_rule rule;
	struct str codes, action = str_cut(str_of(text), '=', &codes);
	if (!find_action(action, &rule.action))
		return err_set(err, ST_USAGE, "'%s' is not CODE[-CODE]=ACTION with one of the "
		    "actions done, isolate, retry, outage, stop, halve, crash", text);
	if (parse_codes(codes, &rule, err))
		return err_wrap(err, "'%s'", text);
	t->rules = mem_grow(t->rules, &t->cap, t->count + 1, sizeof(*t->rules));
	t->rules[t->count++] = rule;
	return 0;
}

static const struct onexit_rule *match(const struct onexit_rule *rules, size_t count, int code)
{
	for (size_t i = 0; i < count; i++)
		if (code >= rules[i].first && code <= rules[i].last)
			return &rules[i];
	return NULL;
}

bool onexit_has(const struct onexit *t, int code)
{
	return match(t->rules, t->count, code) != NULL;
}

static enum onexit_action by_status(const struct onexit *t, int code)
{
	const struct onexit_rule *rule = match(t->rules, t->count, code);
	if (!rule)
		rule = match(defaults, COUNT(defaults), code);
	return rule ? rule->action : ONEXIT_RETRY;
}

static enum onexit_action by_signal(int number)
{
	const char *name = sigabbrev_np(number);
	for (size_t i = 0; name && i < COUNT(signals); i++)
		if (strcmp(name, signals[i].name) == 0)
			return signals[i].action;
	return ONEXIT_RETRY;
}

enum onexit_action onexit_find(const struct onexit *t, struct ending how)
{
	switch (how.how) {
	case ENDING_EXIT:
		return by_status(t, how.number);
	case ENDING_SIGNAL:
		return by_signal(how.number);
	case ENDING_TIMEOUT:
	case ENDING_MEMORY:
	case ENDING_WORKER:
	case ENDING_NONE:
		break;
	}
	return ONEXIT_HALVE;
}

void onexit_text(const struct onexit *t, struct buf *out)
{
	for (int first = 0, last; first <= HIGHEST; first = last + 1) {
		enum onexit_action action = by_status(t, first);
		for (last = first; last < HIGHEST && by_status(t, last + 1) == action; last++)
			;
		buf_printf(out, first == last ? "exit %d" : "exit %d-%d", first, last);
		buf_printf(out, ": %s\n", names[action]);
	}
	for (size_t i = 0; i < COUNT(signals); i++)
		buf_printf(out, "SIG%s: %s\n", signals[i].name, names[signals[i].action]);
	buf_printf(out, "any other signal: %s\n", names[ONEXIT_RETRY]);
	buf_printf(out, "out of time or memory: %s\n", names[ONEXIT_HALVE]);
}

static void signal_text(int number, struct buf *out)
{
	const char *name = sigabbrev_np(number);
	if (name)
		buf_printf(out, "killed by SIG%s", name);
	else
		buf_printf(out, "killed by signal %d", number);
}

void ending_text(struct ending how, struct buf *out)
{
	switch (how.how) {
	case ENDING_EXIT:
		buf_printf(out, "exit status %d", how.number);
		break;
	case ENDING_SIGNAL:
		signal_text(how.number, out);
		break;
	case ENDING_TIMEOUT:
		buf_puts(out, "out of time");
		break;
	case ENDING_MEMORY:
		buf_puts(out, "out of memory");
		break;
	case ENDING_WORKER:
		buf_puts(out, "ended the worker");
		break;
	case ENDING_NONE:
		buf_puts(out, "not run");
		break;
	}
}

void onexit_release(struct onexit *t)
{
	free(t->rules);
	*t = (struct onexit)ONEXIT_INIT;
}
