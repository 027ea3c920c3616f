#include "batch/parts.h"

#include <stdlib.h>
#include <string.h>

#include "base/date.h"
#include "base/mem.h"
#include "base/num.h"

/* As in a manifest: low enough that no sum of what documents hold overflows. */
#define MOST_RECORDS (INT64_C(1) << 47)

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

static void set_open_part(struct json_t *all, const struct part *one)
{
	struct json_t *o = js_object();
	struct buf name = BUF_INIT;
	js_set_i64(o, "w", one->w);
	set_tally(o, &one->tally);
	if (one->worker)
		js_set_str(o, "worker", str_of(one->worker));
	set_trouble(o, one);
	buf_add_i64(&name, one->partition);
	js_set(all, buf_text(&name), o);
	buf_release(&name);
}

struct json_t *parts_json(const struct parts *p)
{
	static const struct part untroubled;
	const struct part *worst = parts_worst(p);
	struct json_t *o = js_object(), *open = js_object();
	struct tally sum = parts_tally(p);
	js_set_str(o, "group", p->group);
	set_tally(o, &sum);
	set_trouble(o, worst ? worst : &untroubled);
	for (size_t i = 0; i < p->count; i++)
		if (!p->list[i].done)
			set_open_part(open, &p->list[i]);
	js_set(o, "parts", open);
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

static bool fold_open(void *ctx, const char *name, const struct json_t *o)
{
	struct parts *p = ctx;
	struct err ignored = ERR_INIT;
	struct tally tally;
	int64_t partition, w;
	bool good = num_i64(name, 0, INT32_MAX, &partition, &ignored) == 0 &&
	    get_number(o, "w", MOST_RECORDS, &w) && get_tally(o, &tally);
	err_clear(&ignored);
	if (!good)
		return true;
	struct part *one = parts_at(p, (int32_t)partition);
	if (one->done || w < one->w)
		return true;
	one->w = w;
	one->tally = tally;
	get_text(o, "worker", &one->worker);
	get_trouble(o, one);
	return true;
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
