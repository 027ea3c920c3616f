/* A command that ends in any way, with any report: the trial asks for runs that make sense, comes to an end,
 * and its verdicts fit its outcome. */
#include "fuzz.h"

#include <stdio.h>

#include "batch/trial.h"

#define MOST      12
#define MOST_RUNS 20000

struct bytes {
	const uint8_t *data;
	size_t size;
};

/* After the last byte everything goes well. */
static unsigned take(struct bytes *b, unsigned below)
{
	if (b->size == 0)
		return 0;
	b->size--;
	return *b->data++ % below;
}

static void take_report(struct bytes *b, size_t records, struct report *r, char *text)
{
	static const char *const actions[] = {"retry", "invalid why", "skip"};
	size_t len = 0;
	struct err err = ERR_INIT;
	for (size_t i = 0; i < records; i++) {
		unsigned action = take(b, 6);
		if (action < 3)
			len += (size_t)sprintf(text + len, "%zu %s\n", i, actions[action]);
	}
	assert(report_parse(r, (struct str){text, len}, records, &err) == 0);
}

static void run_one(struct trial *t, const struct trial_run *run, struct bytes *b, int64_t *now_ms)
{
	char text[MOST * 20];
	struct report report = REPORT_INIT;
	struct trial_end end = {.action = (enum onexit_action)take(b, 7), .began_ms = *now_ms,
	    .why = STR("why"), .random = take(b, 256)};
	*now_ms += take(b, 20);
	end.ended_ms = *now_ms;
	if (take(b, 4) == 3 && run->reason != TRIAL_PROBE) {
		take_report(b, run->end - run->first, &report, text);
		end.report = &report;
	}
	trial_ran(t, &end);
	report_release(&report);
}

static void check_run(const struct trial *t, const struct trial_run *run, int64_t number)
{
	assert(run->end <= t->count && run->attempt >= 1 && run->deaths >= 0);
	assert(run->first < run->end || (run->reason == TRIAL_PROBE && run->end == 0));
	assert(run->number == number);
	for (size_t i = run->first; i < run->end; i++)
		assert((trial_record(t, i)->verdict == VERDICT_UNDONE) ==
		    (run->reason != TRIAL_PROBE));
}

static void check_verdicts(const struct trial *t)
{
	bool undone = false;
	for (size_t i = 0; i < t->count; i++) {
		const struct trial_record *r = trial_record(t, i);
		undone = undone || r->verdict == VERDICT_UNDONE;
		if (trial_outcome(t) == TRIAL_OK)
			assert(!undone);
		else
			assert(r->verdict != VERDICT_INVALID);
		assert(!undone || !t->rules->ordered || r->verdict == VERDICT_UNDONE);
		assert(r->verdict != VERDICT_DONE || r->run > 0);
		assert(r->verdict != VERDICT_UNDONE || r->run == 0);
		assert(r->run == 0 || trial_takes(t, r->run));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct bytes b = {data, size};
	struct trial_rules rules = {.retries = take(&b, 3), .confirm_ms = take(&b, 50),
	    .backoff = {.list_ms = {take(&b, 9)}, .count = 1}, .ordered = take(&b, 2),
	    .condemn = take(&b, 4) == 3};
	struct trial t;
	struct trial_run run;
	enum trial_step step;
	int64_t now_ms = 0, until_ms, runs = 0;
	trial_start(&t, &rules, take(&b, MOST + 1), take(&b, 6));
	t.control = take(&b, 2);
	while ((step = trial_next(&t, now_ms, &run, &until_ms)) != TRIAL_ENDED) {
		if (take(&b, 8) == 7) {
			trial_contrast(&t, now_ms - take(&b, 30), now_ms);
		} else if (step == TRIAL_WAIT) {
			assert(until_ms > now_ms);
			now_ms = until_ms;
		} else {
			check_run(&t, &run, ++runs);
			run_one(&t, &run, &b, &now_ms);
		}
		assert(runs < MOST_RUNS);
	}
	check_verdicts(&t);
	trial_release(&t);
	return 0;
}
