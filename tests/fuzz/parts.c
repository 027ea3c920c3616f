/* The progress that strangers write: what is taken is within bounds and adds up, and what is written of it
 * is taken the same. Lines are events, one after another. */
#include "fuzz.h"

#include <jansson.h>

#include "batch/parts.h"

static void fold(struct parts *p, struct str text)
{
	struct err err = ERR_INIT;
	struct json_t *json = js_parse(text, &err);
	parts_fold(p, json);
	js_free(json);
	err_clear(&err);
}

static void check_part(const struct part *one)
{
	const struct tally *t = &one->tally;
	assert(one->partition >= 0 && one->w >= 0 && one->first >= 0 && one->last >= one->first - 1);
	assert(t->done >= 0 && t->invalid >= 0 && t->skipped >= 0);
	assert(!one->done || one->w == tally_sum(t));
}

static void check_again(const struct parts *p)
{
	struct parts again = {.group = p->group};
	struct json_t *open = parts_json(p), *twice;
	parts_fold(&again, open);
	for (size_t i = 0; i < p->count; i++) {
		struct json_t *done = part_json(p, &p->list[i]);
		if (p->list[i].done)
			parts_fold(&again, done);
		js_free(done);
	}
	assert(again.count == p->count);
	twice = parts_json(&again);
	assert(json_equal(open, twice));
	js_free(open);
	js_free(twice);
	parts_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct parts p = {.group = STR("g")};
	for (struct str rest = fuzz_input(data, size), one; rest.ptr;) {
		rest = str_cut(rest, '\n', &one);
		fold(&p, one);
	}
	for (size_t i = 0; i < p.count; i++) {
		check_part(&p.list[i]);
		assert(i == 0 || p.list[i - 1].partition < p.list[i].partition);
	}
	check_again(&p);
	js_free(parts_report(&p, &p));
	parts_release(&p);
	return 0;
}
