#include "batch/parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/mem.h"
#include "base/num.h"

/* As in a manifest: low enough that no sum of what documents hold overflows. */
#define MOST_RECORDS (INT64_C(1) << 47)

#define MOST_RATE (INT64_C(1) << 30) /* a second */

static const char *const states[] = {
    [PART_RUNNING] = "running",
    [PART_RETRYING] = "retrying",
    [PART_BLOCKED] = "blocked",
};

#define STATES (sizeof(states) / sizeof(*states))

static size_t place(const struct parts *p, int32_t partition)
{
	size_t at = 0;
	while (at < p->count && p->list[at].partition < partition)
		at++;
	return at;
}

const struct part *parts_find(const struct parts *p, int32_t partition)
{
	size_t at = place(p, partition);
	return at < p->count && p->list[at].partition == partition ? &p->list[at] : NULL;
}

struct part *parts_at(struct parts *p, int32_t partition)
{
	size_t at = place(p, partition);
	if (at < p->count && p->list[at].partition == partition)
		return &p->list[at];
	p->list = mem_grow(p->list, &p->cap, p->count + 1, sizeof(*p->list));
	memmove(p->list + at + 1, p->list + at, (p->count - at) * sizeof(*p->list));
	p->count++;
	p->list[at] = (struct part){.partition = partition};
	return &p->list[at];
}

void part_set_text(char **text, struct str value)
{
	char *copy = value.len ? mem_strndup(value.ptr, value.len) : NULL;
	free(*text);
	*text = copy;
}

static void part_release(struct part *one)
{
	free(one->worker);
	free(one->error);
}

void parts_release(struct parts *p)
{
	for (size_t i = 0; i < p->count; i++)
		part_release(&p->list[i]);
	free(p->list);
	*p = (struct parts)PARTS_INIT;
}

/* --- questions */

struct tally parts_tally(const struct parts *p)
{
	struct tally sum = {0, 0, 0};
	for (size_t i = 0; i < p->count; i++) {
		sum.done += p->list[i].tally.done;
		sum.invalid += p->list[i].tally.invalid;
		sum.skipped += p->list[i].tally.skipped;
	}
	return sum;
}

const struct part *parts_worst(const struct parts *p)
{
	const struct part *worst = NULL;
	for (size_t i = 0; i < p->count; i++) {
		const struct part *one = &p->list[i];
		bool troubled = !one->done && (one->state != PART_RUNNING || one->error);
		if (troubled && (!worst || one->state > worst->state))
			worst = one;
	}
	return worst;
}

/* The records of all parts of which that is known. */
static int64_t expected_of(const struct parts *p)
{
	int64_t sum = 0;
	for (size_t i = 0; i < p->count; i++)
		sum += p->list[i].done ? p->list[i].w : p->list[i].expected;
	return sum;
}

static int64_t rate_of(const struct parts *p)
{
	int64_t sum = 0;
	for (size_t i = 0; i < p->count; i++)
		sum += p->list[i].done ? 0 : p->list[i].rate;
	return sum;
}

/* As long as the slowest part takes; -1: not known, be it that a part has not begun, or does not get on. */
static int64_t eta_s(const struct parts *p)
{
	int64_t longest = 0;
	if (p->expected == 0 || expected_of(p) != p->expected)
		return -1;
	for (size_t i = 0; i < p->count; i++) {
		const struct part *one = &p->list[i];
		if (one->done)
			continue;
		if (one->state != PART_RUNNING || one->rate == 0 || one->expected < one->w)
			return -1;
		int64_t takes = ((one->expected - one->w) * 1000 + one->rate - 1) / one->rate;
		longest = takes > longest ? takes : longest;
	}
	return longest;
}

bool parts_are_done(const struct parts *p, const struct extents *manifest)
{
	for (size_t i = 0; i < manifest->count; i++) {
		const struct part *one = parts_find(p, manifest->list[i].partition);
		if (!one || !one->done)
			return false;
	}
	return true;
}

int parts_check(const struct parts *p, const struct extents *manifest, struct err *err)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct part *one = &p->list[i];
		const struct extent *sent = extents_find(manifest, one->partition);
		int64_t want = sent ? sent->count : 0, got = tally_sum(&one->tally);
		if (one->done && want != PARTS_UNCOUNTED && got != want)
			return err_set(err, ST_FAIL,
			    "partition %d: %lld records were processed, and %lld were sent",
			    (int)one->partition, (long long)got, (long long)want);
	}
	return 0;
}

int parts_check_sum(const struct parts *p, int64_t expected, struct err *err)
{
	struct tally sum = parts_tally(p);
	if (tally_sum(&sum) == expected)
		return 0;
	return err_set(err, ST_FAIL, "%lld records were processed, and %lld were sent",
	    (long long)tally_sum(&sum), (long long)expected);
}

/* --- as JSON */

static void set_tally(struct json_t *o, const struct tally *t)
{
	js_set_i64(o, "done", t->done);
	js_set_i64(o, "invalid", t->invalid);
	js_set_i64(o, "skipped", t->skipped);
}

static void set_trouble(struct json_t *o, const struct part *one)
{
	js_set_str(o, "state", str_of(states[one->state]));
	if (one->error)
		js_set_str(o, "lastError", str_of(one->error));
	if (!one->retry_ms)
		return;
	struct buf date = BUF_INIT;
	date_format_s(one->retry_ms, &date);
	js_set_str(o, "retryAt", buf_str(&date));
	buf_release(&date);
}

/* What is not known is not said. */
static void set_outlook(struct json_t *o, int64_t expected, int64_t rate)
{
	if (expected)
		js_set_i64(o, "expected", expected);
	if (rate)
		js_set_real(o, "rate", (double)rate / 1000);
}

static void set_open_part(struct json_t *all, const struct part *one)
{
	struct json_t *o = js_object();
	struct buf name = BUF_INIT;
	js_set_i64(o, "w", one->w);
	set_tally(o, &one->tally);
	set_outlook(o, one->expected, one->rate);
	if (one->worker)
		js_set_str(o, "worker", str_of(one->worker));
	set_trouble(o, one);
	buf_add_i64(&name, one->partition);
	js_set(all, buf_text(&name), o);
	buf_release(&name);
}

static void set_worst(struct json_t *o, const struct parts *p)
{
	static const struct part untroubled;
	const struct part *worst = parts_worst(p);
	set_trouble(o, worst ? worst : &untroubled);
}

static void set_open_parts(struct json_t *o, const struct parts *p)
{
	struct json_t *open = js_object();
	for (size_t i = 0; i < p->count; i++)
		if (!p->list[i].done)
			set_open_part(open, &p->list[i]);
	js_set(o, "parts", open);
}

static struct json_t *sums_json(const struct parts *p, int64_t rate)
{
	struct json_t *o = js_object();
	struct tally sum = parts_tally(p);
	js_set_str(o, "group", p->group);
	set_tally(o, &sum);
	set_outlook(o, p->expected, rate);
	return o;
}

struct json_t *parts_json(const struct parts *p)
{
	struct json_t *o = sums_json(p, 0);
	set_worst(o, p);
	set_open_parts(o, p);
	return o;
}

void parts_set_ranges(const struct parts *p, struct json_t *progress)
{
	struct json_t *all = js_object();
	for (size_t i = 0; i < p->count; i++) {
		const struct part *one = &p->list[i];
		if (!one->done || one->last < one->first)
			continue;
		struct json_t *o = js_object();
		struct buf name = BUF_INIT;
		js_set_i64(o, "first", one->first);
		js_set_i64(o, "last", one->last);
		buf_add_i64(&name, one->partition);
		js_set(all, buf_text(&name), o);
		buf_release(&name);
	}
	js_set(progress, "ranges", all);
}

struct json_t *parts_report(const struct parts *all, const struct parts *own)
{
	struct json_t *o = sums_json(all, rate_of(all));
	int64_t eta = eta_s(all);
	if (eta >= 0)
		js_set_i64(o, "etaSeconds", eta);
	set_worst(o, all);
	set_open_parts(o, own);
	return o;
}

struct json_t *part_json(const struct parts *p, const struct part *one)
{
	struct json_t *o = js_object(), *part = js_object();
	js_set_i64(part, "partition", one->partition);
	if (one->last >= one->first) {
		js_set_i64(part, "first", one->first);
		js_set_i64(part, "last", one->last);
	}
	set_tally(part, &one->tally);
	if (one->worker)
		js_set_str(part, "worker", str_of(one->worker));
	js_set_str(o, "group", p->group);
	js_set(o, "part", part);
	return o;
}

/* --- and back */

static bool get_number(const struct json_t *o, const char *name, int64_t most, int64_t *out)
{
	return js_get_i64(o, name, out) && *out >= 0 && *out <= most;
}

static bool get_tally(const struct json_t *o, struct tally *t)
{
	return get_number(o, "done", MOST_RECORDS, &t->done) &&
	    get_number(o, "invalid", MOST_RECORDS, &t->invalid) &&
	    get_number(o, "skipped", MOST_RECORDS, &t->skipped);
}

static void get_text(const struct json_t *o, const char *name, char **text)
{
	struct str value = STR("");
	js_get_str(o, name, &value);
	part_set_text(text, value);
}

static void get_trouble(const struct json_t *o, struct part *one)
{
	struct str state, date;
	struct err ignored = ERR_INIT;
	one->state = PART_RUNNING;
	if (js_get_str(o, "state", &state))
		for (size_t i = 0; i < STATES; i++)
			if (str_is(state, states[i]))
				one->state = (enum part_state)i;
	one->retry_ms = 0;
	if (js_get_str(o, "retryAt", &date))
		date_parse(date, &one->retry_ms, &ignored);
	err_clear(&ignored);
	get_text(o, "lastError", &one->error);
}

/* Nor how many they are, nor how fast they are done. */
static void get_outlook(const struct json_t *o, struct part *one)
{
	double rate;
	int64_t expected;
	if (get_number(o, "expected", MOST_RECORDS, &expected))
		one->expected = expected;
	if (js_get_real(o, "rate", &rate) && rate >= 0 && rate <= (double)MOST_RATE)
		one->rate = (int64_t)(rate * 1000 + 0.5);
}

/* Where its records are need not be said. */
static bool get_place(const struct json_t *o, struct part *one)
{
	one->first = 0;
	one->last = -1;
	if (!js_get(o, "first") && !js_get(o, "last"))
		return true;
	return get_number(o, "first", INT64_MAX, &one->first) &&
	    get_number(o, "last", INT64_MAX, &one->last) && one->last >= one->first;
}

static void fold_done(struct parts *p, const struct json_t *o)
{
	struct part new = {.done = true};
	int64_t partition;
	if (!get_number(o, "partition", INT32_MAX, &partition) || !get_tally(o, &new.tally) ||
	    !get_place(o, &new))
		return;
	struct part *one = parts_at(p, (int32_t)partition);
	if (one->done)
		return;
	part_release(one);
	new.partition = (int32_t)partition;
	new.w = tally_sum(&new.tally);
	get_text(o, "worker", &new.worker);
	*one = new;
}

/* new is empty afterwards. */
static void take_open(struct parts *p, struct part *new)
{
	struct part *one = parts_at(p, new->partition);
	bool counts = !one->done && new->w >= one->w;
	part_release(counts ? one : new);
	if (counts)
		*one = *new;
}

static bool fold_open(void *ctx, const char *name, const struct json_t *o)
{
	struct err ignored = ERR_INIT;
	struct part new = {0};
	int64_t partition;
	bool good = num_i64(name, 0, INT32_MAX, &partition, &ignored) == 0 &&
	    get_number(o, "w", MOST_RECORDS, &new.w) && get_tally(o, &new.tally);
	err_clear(&ignored);
	if (!good)
		return true;
	new.partition = (int32_t)partition;
	get_outlook(o, &new);
	get_text(o, "worker", &new.worker);
	get_trouble(o, &new);
	take_open(ctx, &new);
	return true;
}

void parts_take(struct parts *p, const struct parts *from)
{
	for (size_t i = 0; i < from->count; i++) {
		struct part copy = from->list[i];
		copy.worker = copy.error = NULL;
		part_set_text(&copy.worker, str_of(from->list[i].worker));
		part_set_text(&copy.error, str_of(from->list[i].error));
		take_open(p, &copy);
	}
}

void parts_fold(struct parts *p, const struct json_t *progress)
{
	struct str group;
	if (!js_get_str(progress, "group", &group) || !str_eq(group, p->group))
		return;
	if (js_is_object(js_get(progress, "part")))
		fold_done(p, js_get(progress, "part"));
	if (js_is_object(js_get(progress, "parts")))
		js_each(js_get(progress, "parts"), fold_open, p);
}
