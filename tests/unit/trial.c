#include "batch/trial.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"

/* --- a command, its records, and a clock that only its runs and waits move */

#define MOST 1000

struct world {
	size_t count;
	enum onexit_action bad[MOST]; /* what a run with this record ends with; ONEXIT_DONE: well */
	int64_t outage_from_ms, outage_to_ms; /* every run fails, that is under way then */
	enum onexit_action outage;
	int64_t elsewhere_ms; /* so often a run elsewhere succeeds, unless there is an outage; 0: never */
	const char *report;   /* of every run, while it is not NULL */
	int64_t now_ms;
	int64_t runs, probes;
	int64_t passed_at[MOST]; /* the number of the last run that it passed in; 0: none */
	struct buf log;
};

#define RUN_MS 10

static bool is_out(const struct world *w, int64_t from, int64_t to)
{
	return w->outage_from_ms < w->outage_to_ms && from < w->outage_to_ms &&
	    to > w->outage_from_ms;
}

static enum onexit_action run_records(struct world *w, size_t first, size_t end, int64_t from)
{
	if (is_out(w, from, w->now_ms))
		return w->outage;
	for (size_t i = first; i < end; i++)
		if (w->bad[i] != ONEXIT_DONE)
			return w->bad[i];
	return ONEXIT_DONE;
}

static const struct {
	enum onexit_action action;
	struct ending how;
} endings[] = {
    {ONEXIT_DONE, {ENDING_EXIT, 0}},
    {ONEXIT_ISOLATE, {ENDING_EXIT, 65}},
    {ONEXIT_RETRY, {ENDING_EXIT, 1}},
    {ONEXIT_OUTAGE, {ENDING_EXIT, 75}},
    {ONEXIT_STOP, {ENDING_EXIT, 127}},
    {ONEXIT_HALVE, {ENDING_MEMORY, 0}},
    {ONEXIT_CRASH, {ENDING_SIGNAL, 11}},
};

static void note_run(struct world *w, const struct trial_run *run, enum onexit_action action)
{
	static const char *const reasons[] = {"first", "retry", "isolate", "resume", "probe"};
	buf_printf(&w->log, "%s%s %zu-%zu #%lld %s", w->log.len ? "; " : "", reasons[run->reason],
	    run->first, run->end, (long long)run->attempt, onexit_name(action));
	w->runs++;
	w->probes += run->reason == TRIAL_PROBE;
	for (size_t i = run->first; i < run->end; i++)
		if (action == ONEXIT_DONE && run->reason != TRIAL_PROBE)
			w->passed_at[i] = w->runs;
}

static void run_one(struct world *w, struct trial *t, const struct trial_run *run)
{
	struct report report = REPORT_INIT;
	struct err err = ERR_INIT;
	struct trial_end end = {.began_ms = w->now_ms, .why = STR("no good")};
	assert_int_equal(run->number, w->runs + 1);
	w->now_ms += RUN_MS;
	end.ended_ms = w->now_ms;
	end.action = run_records(w, run->first, run->end, end.began_ms);
	end.how = endings[end.action].how;
	if (w->report) {
		assert_int_equal(report_parse(&report, str_of(w->report), run->end - run->first, &err),
		    0);
		end.report = &report;
		w->report = NULL;
	}
	note_run(w, run, end.action);
	trial_ran(t, &end);
	report_release(&report);
}

static void look_elsewhere(struct world *w, struct trial *t, int64_t from)
{
	int64_t every = w->elsewhere_ms;
	if (!every)
		return;
	for (int64_t at = (from / every + 1) * every; at <= w->now_ms; at += every)
		if (!is_out(w, at - RUN_MS, at))
			trial_contrast(t, at - RUN_MS, at);
}

static void wait_until(struct world *w, struct trial *t, int64_t until_ms)
{
	int64_t from = w->now_ms;
	assert_true(until_ms > w->now_ms);
	w->now_ms = until_ms;
	if (w->elsewhere_ms && until_ms > from + w->elsewhere_ms)
		w->now_ms = from + w->elsewhere_ms;
	look_elsewhere(w, t, from);
}

static enum trial_outcome play(struct world *w, struct trial *t)
{
	struct trial_run run;
	int64_t until_ms;
	for (;;) {
		enum trial_step step = trial_next(t, w->now_ms, &run, &until_ms);
		int64_t from = w->now_ms;
		if (step == TRIAL_ENDED)
			return trial_outcome(t);
		assert_true(w->runs < 10 * MOST);
		if (step == TRIAL_WAIT) {
			wait_until(w, t, until_ms);
			continue;
		}
		run_one(w, t, &run);
		look_elsewhere(w, t, from);
	}
}

static const struct trial_rules plain = {.retries = 0, .confirm_ms = 30000,
    .backoff = {.list_ms = {1000, 5000}, .count = 2}, .ordered = true};
static const struct trial_rules patient = {.retries = 3, .confirm_ms = 30000,
    .backoff = {.list_ms = {1000, 5000}, .count = 2}, .ordered = true};

/* One letter for each record: u, d, i, s. */
static void check_verdicts(const struct trial *t, const char *want)
{
	char got[MOST + 1];
	for (size_t i = 0; i < t->count; i++)
		got[i] = "udis"[trial_record(t, i)->verdict];
	got[t->count] = '\0';
	assert_string_equal(got, want);
}

static void check_play(struct world *w, const struct trial_rules *rules, enum trial_outcome outcome,
    const char *log, const char *verdicts)
{
	struct trial t;
	trial_start(&t, rules, w->count, 0);
	assert_int_equal(play(w, &t), outcome);
	assert_string_equal(buf_text(&w->log), log);
	check_verdicts(&t, verdicts);
	trial_release(&t);
	buf_release(&w->log);
}

static struct world world(size_t count)
{
	return (struct world){.count = count, .now_ms = 1000, .outage_from_ms = -1,
	    .outage_to_ms = -1, .outage = ONEXIT_RETRY};
}

/* --- one after another */

static void test_trial_success(void **state)
{
	(void)state;
	struct world w = world(5);
	struct trial t;
	trial_start(&t, &plain, 5, 0);
	assert_int_equal(play(&w, &t), TRIAL_OK);
	assert_string_equal(buf_text(&w.log), "first 0-5 #1 done");
	check_verdicts(&t, "ddddd");
	assert_int_equal(trial_record(&t, 4)->runs, 1);
	assert_true(trial_takes(&t, 1));
	assert_false(trial_takes(&t, 2));
	assert_null(t.records);
	trial_release(&t);
	buf_release(&w.log);
}

static void test_trial_of_nothing(void **state)
{
	(void)state;
	struct world w = world(0);
	check_play(&w, &plain, TRIAL_OK, "", "");
}

static void test_trial_retry(void **state)
{
	(void)state;
	struct world w = world(5);
	w.outage_from_ms = 0;
	w.outage_to_ms = 1000 + 10 + 1000 + 10 + 4999;
	check_play(&w, &patient, TRIAL_OK,
	    "first 0-5 #1 retry; retry 0-5 #2 retry; retry 0-5 #3 done", "ddddd");
	assert_int_equal(w.now_ms, 1000 + 10 + 1000 + 10 + 5000 + 10);
}

static void test_trial_crash_once_more(void **state)
{
	(void)state;
	struct world w = world(2);
	w.bad[0] = ONEXIT_CRASH;
	check_play(&w, &plain, TRIAL_OK,
	    "first 0-2 #1 crash; retry 0-2 #2 crash; isolate 0-1 #3 crash; isolate 1-2 #3 done; "
	    "isolate 0-1 #4 crash", "id");
	assert_int_equal(w.now_ms, 1000 + 5 * RUN_MS);
}

static void test_trial_stop(void **state)
{
	(void)state;
	struct world w = world(4);
	w.bad[1] = ONEXIT_ISOLATE;
	w.bad[3] = ONEXIT_STOP;
	check_play(&w, &patient, TRIAL_STOPPED,
	    "first 0-4 #1 isolate; isolate 0-2 #2 isolate; isolate 0-1 #3 done; isolate 1-2 #3 isolate; "
	    "isolate 2-4 #2 stop", "duuu");
}

/* Half as many, and again; what fails alone is accused. */
static void test_trial_halve(void **state)
{
	(void)state;
	struct world w = world(4);
	w.bad[2] = ONEXIT_HALVE;
	check_play(&w, &patient, TRIAL_OK,
	    "first 0-4 #1 halve; retry 0-2 #2 done; retry 2-4 #2 halve; retry 2-3 #3 halve; "
	    "retry 3-4 #3 done; isolate 2-3 #4 halve", "ddid");
	w = world(7);
	w.bad[6] = ONEXIT_HALVE;
	check_play(&w, &patient, TRIAL_OK,
	    "first 0-7 #1 halve; retry 0-4 #2 done; retry 4-7 #2 halve; retry 4-6 #3 done; "
	    "retry 6-7 #3 halve; probe 5-6 #4 done; isolate 6-7 #4 halve", "ddddddi");
}

static void test_trial_outage(void **state)
{
	(void)state;
	struct world w = world(3);
	w.bad[1] = ONEXIT_OUTAGE;
	check_play(&w, &patient, TRIAL_RELEASED,
	    "first 0-3 #1 outage; retry 0-3 #2 outage; retry 0-3 #3 outage; retry 0-3 #4 outage", "uuu");
	assert_int_equal(w.now_ms, 1000 + 4 * RUN_MS + 1000 + 5000 + 5000);
}

/* --- isolation */

static void test_trial_isolate(void **state)
{
	(void)state;
	struct world w = world(8);
	struct trial t;
	w.bad[2] = ONEXIT_ISOLATE;
	trial_start(&t, &patient, 8, 0);
	assert_int_equal(play(&w, &t), TRIAL_OK);
	assert_string_equal(buf_text(&w.log),
	    "first 0-8 #1 isolate; isolate 0-3 #2 isolate; isolate 0-1 #3 done; isolate 1-2 #3 done; "
	    "isolate 2-3 #3 isolate; isolate 3-8 #2 done");
	check_verdicts(&t, "ddiddddd");
	const struct trial_record *bad = trial_record(&t, 2);
	assert_int_equal(bad->how.how, ENDING_EXIT);
	assert_int_equal(bad->how.number, 65);
	assert_string_equal(bad->reason, "no good");
	assert_int_equal(bad->runs, 3);
	assert_int_equal(bad->run, 0);
	const bool taken[] = {false, false, false, true, true, false, true};
	for (int64_t run = 1; run <= 6; run++)
		assert_int_equal(trial_takes(&t, run), taken[run]);
	trial_release(&t);
	buf_release(&w.log);
}

/* A single record has its own retries, and needs success between two failures. */
static void test_trial_isolate_after_retries(void **state)
{
	(void)state;
	struct world w = world(2);
	struct trial_rules once = patient;
	once.retries = 1;
	w.bad[0] = ONEXIT_RETRY;
	check_play(&w, &once, TRIAL_OK,
	    "first 0-2 #1 retry; retry 0-2 #2 retry; isolate 0-1 #3 retry; isolate 0-1 #4 retry; "
	    "isolate 1-2 #3 done; isolate 0-1 #5 retry", "id");
	assert_int_equal(w.now_ms, 1000 + 6 * RUN_MS + 2 * 1000);
}

/* The last one: nothing else gives a contrast, so one that passed is run again. */
static void test_trial_probe(void **state)
{
	(void)state;
	struct world w = world(2);
	w.bad[1] = ONEXIT_ISOLATE;
	check_play(&w, &plain, TRIAL_OK, "first 0-2 #1 isolate; isolate 0-1 #2 done; "
	    "isolate 1-2 #2 isolate; probe 0-1 #3 done", "di");
	w = world(2);
	w.bad[1] = ONEXIT_RETRY;
	check_play(&w, &plain, TRIAL_OK, "first 0-2 #1 retry; isolate 0-1 #2 done; "
	    "isolate 1-2 #2 retry; probe 0-1 #3 done; isolate 1-2 #3 retry", "di");
}

/* What comes out of it is no result. */
static void test_trial_takes_no_probe(void **state)
{
	(void)state;
	struct world w = world(2);
	struct trial t;
	w.bad[1] = ONEXIT_ISOLATE;
	trial_start(&t, &plain, 2, 0);
	assert_int_equal(play(&w, &t), TRIAL_OK);
	assert_int_equal(w.runs, 4);
	for (int64_t run = 1; run <= 4; run++)
		assert_int_equal(trial_takes(&t, run), run == 2);
	trial_release(&t);
	buf_release(&w.log);
}

static void test_trial_control(void **state)
{
	(void)state;
	struct world w = world(1);
	struct trial t;
	w.bad[0] = ONEXIT_RETRY;
	trial_start(&t, &plain, 1, 0);
	t.control = true;
	assert_int_equal(play(&w, &t), TRIAL_OK);
	assert_string_equal(buf_text(&w.log),
	    "first 0-1 #1 retry; probe 0-0 #1 done; isolate 0-1 #2 retry");
	check_verdicts(&t, "i");
	trial_release(&t);
	buf_release(&w.log);
}

static void test_trial_no_contrast(void **state)
{
	(void)state;
	struct world w = world(1);
	w.bad[0] = ONEXIT_ISOLATE;
	check_play(&w, &plain, TRIAL_RELEASED, "first 0-1 #1 isolate", "u");
	assert_int_equal(w.now_ms, 1000 + RUN_MS + 30000);
	struct trial_rules condemn = plain;
	condemn.condemn = true;
	w = world(1);
	w.bad[0] = ONEXIT_RETRY;
	check_play(&w, &condemn, TRIAL_OK, "first 0-1 #1 retry", "i");
}

static void test_trial_contrast_elsewhere(void **state)
{
	(void)state;
	struct world w = world(1);
	w.elsewhere_ms = 700;
	w.bad[0] = ONEXIT_ISOLATE;
	check_play(&w, &plain, TRIAL_OK, "first 0-1 #1 isolate", "i");
	assert_int_equal(w.now_ms, 1000 + RUN_MS + 700);
	w = world(1);
	w.elsewhere_ms = 700;
	w.bad[0] = ONEXIT_RETRY;
	check_play(&w, &plain, TRIAL_OK, "first 0-1 #1 retry; isolate 0-1 #2 retry", "i");
}

static void play_all_bad(struct world *w, struct trial *t, enum onexit_action action)
{
	*w = world(20);
	for (size_t i = 0; i < w->count; i++)
		w->bad[i] = action;
	trial_start(t, &plain, w->count, 0);
}

static void test_trial_all_bad(void **state)
{
	(void)state;
	struct world w;
	struct trial t;
	play_all_bad(&w, &t, ONEXIT_RETRY);
	assert_int_equal(play(&w, &t), TRIAL_RELEASED);
	check_verdicts(&t, "uuuuuuuuuuuuuuuuuuuu");
	assert_true(w.runs <= 12);
	trial_release(&t);
	buf_release(&w.log);
	play_all_bad(&w, &t, ONEXIT_ISOLATE);
	assert_int_equal(play(&w, &t), TRIAL_RELEASED);
	check_verdicts(&t, "uuuuuuuuuuuuuuuuuuuu");
	assert_true(w.runs <= 31);
	trial_release(&t);
	buf_release(&w.log);
	play_all_bad(&w, &t, ONEXIT_RETRY);
	t.control = true;
	assert_int_equal(play(&w, &t), TRIAL_OK);
	check_verdicts(&t, "iiiiiiiiiiiiiiiiiiii");
	trial_release(&t);
	buf_release(&w.log);
}

/* --- how many runs: the numbers that batch-work's design promises */

static uint32_t draw(uint64_t *random, uint32_t below)
{
	*random = *random * UINT64_C(6364136223846793005) + 1442695040888963407u;
	return (uint32_t)(*random >> 33) % below;
}

struct count {
	int64_t most, sum, times;
};

static void count_runs(struct world *w, struct count *c)
{
	struct trial t;
	trial_start(&t, &plain, w->count, 0);
	w->now_ms = 1000;
	w->elsewhere_ms = RUN_MS;
	w->runs = w->probes = 0;
	buf_clear(&w->log);
	assert_int_equal(play(w, &t), TRIAL_OK);
	for (size_t i = 0; i < w->count; i++)
		assert_int_equal(trial_record(&t, i)->verdict == VERDICT_INVALID,
		    w->bad[i] != ONEXIT_DONE);
	trial_release(&t);
	int64_t runs = w->runs - w->probes;
	c->most = runs > c->most ? runs : c->most;
	c->sum += runs;
	c->times++;
}

static void check_count(const struct count *c, int64_t most, double mean)
{
	assert_in_range(c->most, 1, most);
	assert_true((double)c->sum <= mean * (double)c->times);
}

static struct count count_one_bad(size_t count)
{
	struct world w = world(count);
	struct count c = {0};
	for (size_t i = 0; i < count; i++) {
		w.bad[i] = ONEXIT_ISOLATE;
		count_runs(&w, &c);
		w.bad[i] = ONEXIT_DONE;
	}
	buf_release(&w.log);
	return c;
}

static struct count count_five_bad(size_t count)
{
	struct world w = world(count);
	struct count c = {0};
	uint64_t random = 20261121;
	for (int n = getenv("BATCH_UNIT_QUICK") ? 200 : 2000; n > 0; n--) {
		memset(w.bad, 0, sizeof(w.bad));
		for (int left = 5; left > 0;) {
			uint32_t at = draw(&random, (uint32_t)count);
			left -= w.bad[at] == ONEXIT_DONE;
			w.bad[at] = ONEXIT_ISOLATE;
		}
		count_runs(&w, &c);
	}
	buf_release(&w.log);
	return c;
}

static void test_trial_count_of_runs(void **state)
{
	(void)state;
	struct count c = count_one_bad(20);
	check_count(&c, 9, 7.7);
	c = count_one_bad(100);
	check_count(&c, 14, 11.2);
	c = count_five_bad(20);
	check_count(&c, 26, 23);
	c = count_five_bad(100);
	check_count(&c, 47, 38.5);
	c = count_five_bad(1000);
	check_count(&c, 74, 63);
}

/* One culprit costs at most 2 log2(n) runs beside the first. */
static void test_trial_count_of_extra_runs(void **state)
{
	(void)state;
	for (size_t n = 2; n <= 128; n++) {
		struct count c = count_one_bad(n);
		assert_true(UINT64_C(1) << (c.most - 1) <= n * n);
	}
}

/* However many are bad: half the records to isolate, then one by one. */
static void test_trial_count_when_many_are_bad(void **state)
{
	(void)state;
	struct world w = world(100);
	for (int share = 1; share <= 10; share++) {
		struct count c = {0};
		for (size_t i = 0; i < w.count; i++)
			w.bad[i] = i * (size_t)share % 10 < (size_t)share ? ONEXIT_ISOLATE : ONEXIT_DONE;
		count_runs(&w, &c);
		assert_in_range(c.most, 1, 151);
	}
	buf_release(&w.log);
}

/* --- outages, at any time, with and without bad records */

static bool has_bad(const struct world *w)
{
	for (size_t i = 0; i < w->count; i++)
		if (w->bad[i] != ONEXIT_DONE)
			return true;
	return false;
}

static void check_justice(const struct world *w, const struct trial *t)
{
	bool ok = trial_outcome(t) == TRIAL_OK;
	for (size_t i = 0; i < w->count; i++) {
		enum verdict verdict = trial_record(t, i)->verdict;
		bool bad = w->bad[i] != ONEXIT_DONE;
		assert_true(verdict != VERDICT_INVALID || (ok && bad));
		assert_true(verdict != VERDICT_DONE || !bad);
		assert_true(verdict != VERDICT_UNDONE || !ok);
		assert_int_equal(trial_record(t, i)->run != 0, verdict == VERDICT_DONE);
	}
}

/* Who is done passed, for the last time, before those behind it, and before any that is undone. */
static void check_order(const struct world *w, const struct trial *t)
{
	int64_t last = 0;
	bool undone = false;
	for (size_t i = 0; i < w->count; i++) {
		enum verdict verdict = trial_record(t, i)->verdict;
		undone = undone || verdict == VERDICT_UNDONE;
		if (verdict != VERDICT_DONE)
			continue;
		assert_false(undone);
		assert_true(w->passed_at[i] >= last);
		assert_int_equal(w->passed_at[i], trial_record(t, i)->run);
		last = w->passed_at[i];
	}
}

static void draw_world(struct world *w, uint64_t *random)
{
	static const enum onexit_action kinds[] = {
	    ONEXIT_RETRY, ONEXIT_RETRY, ONEXIT_HALVE, ONEXIT_CRASH};
	*w = world(1 + draw(random, 24));
	for (uint32_t bad = draw(random, 5); bad > 0; bad--)
		w->bad[draw(random, (uint32_t)w->count)] = kinds[draw(random, 4)];
	w->outage_from_ms = 1000 + draw(random, 400);
	w->outage_to_ms = w->outage_from_ms + draw(random, 3) * draw(random, 2000);
	w->elsewhere_ms = draw(random, 2) * 37;
}

/* Nobody is condemned for an outage; without one everybody gets what he deserves. */
static void test_trial_justice(void **state)
{
	(void)state;
	uint64_t random = 20261121;
	int released = 0, rounds = getenv("BATCH_UNIT_QUICK") ? 500 : 20000;
	for (int round = 0; round < rounds; round++) {
		struct world w;
		struct trial t;
		struct trial_rules rules = plain;
		draw_world(&w, &random);
		rules.ordered = draw(&random, 2);
		rules.retries = draw(&random, 3);
		rules.backoff = (struct backoff){.list_ms = {draw(&random, 50)}, .count = 1};
		trial_start(&t, &rules, w.count, 0);
		t.control = draw(&random, 2);
		released += play(&w, &t) == TRIAL_RELEASED;
		check_justice(&w, &t);
		if (rules.ordered)
			check_order(&w, &t);
		if (w.outage_to_ms == w.outage_from_ms && (t.control || !has_bad(&w)))
			assert_int_equal(trial_outcome(&t), TRIAL_OK);
		trial_release(&t);
		buf_release(&w.log);
	}
	assert_in_range(released, rounds / 20, rounds / 2);
}

/* It is away from the third run on: the culprit is found before that, and yet not condemned. */
static void test_trial_outage_in_the_middle(void **state)
{
	(void)state;
	struct world w = world(20);
	w.bad[2] = ONEXIT_RETRY;
	w.outage_from_ms = 1000 + 6 * RUN_MS;
	w.outage_to_ms = 1000000;
	struct trial t;
	trial_start(&t, &plain, w.count, 0);
	assert_int_equal(play(&w, &t), TRIAL_RELEASED);
	check_verdicts(&t, "dduuuuuuuuuuuuuuuuuu");
	trial_release(&t);
	buf_release(&w.log);
}

/* The accused passes after all: those behind it run again, their first results are not taken. */
static void test_trial_overtaken(void **state)
{
	(void)state;
	struct world w = world(3);
	struct trial t;
	w.outage_from_ms = 1000;
	w.outage_to_ms = 1000 + 2 * RUN_MS;
	trial_start(&t, &plain, 3, 0);
	assert_int_equal(play(&w, &t), TRIAL_OK);
	assert_string_equal(buf_text(&w.log),
	    "first 0-3 #1 retry; isolate 0-1 #2 retry; isolate 1-3 #2 done; isolate 0-1 #3 done; "
	    "retry 1-3 #3 done");
	check_verdicts(&t, "ddd");
	assert_false(trial_takes(&t, 3));
	assert_true(trial_takes(&t, 4));
	assert_true(trial_takes(&t, 5));
	trial_release(&t);
	buf_release(&w.log);
	struct trial_rules any = plain;
	any.ordered = false;
	w.now_ms = 1000;
	w.runs = 0;
	check_play(&w, &any, TRIAL_OK, "first 0-3 #1 retry; isolate 0-1 #2 retry; "
	    "isolate 1-3 #2 done; isolate 0-1 #3 done", "ddd");
}

/* --- reports */

static void check_report(const char *report, enum onexit_action bad, const char *log,
    const char *verdicts)
{
	struct world w = world(6);
	w.report = report;
	w.bad[5] = bad;
	check_play(&w, &patient, TRIAL_OK, log, verdicts);
}

static void test_trial_report(void **state)
{
	(void)state;
	check_report("1 invalid no code\n4 skip", ONEXIT_DONE, "first 0-6 #1 done", "diddsd");
	check_report("0 retry\n1 retry\n3 retry\n4 invalid", ONEXIT_DONE,
	    "first 0-6 #1 done; retry 0-2 #2 done; retry 3-4 #2 done", "ddddid");
	check_report("0 skip\n2 invalid\n3 retry", ONEXIT_ISOLATE,
	    "first 0-6 #1 isolate; retry 1-2 #2 done; retry 3-6 #2 isolate; isolate 3-4 #3 done; "
	    "isolate 4-5 #3 done; isolate 5-6 #3 isolate; probe 4-5 #4 done", "sdiddi");
	check_report("0 invalid\n1 invalid\n2 skip\n3 skip\n4 skip\n5 invalid", ONEXIT_CRASH,
	    "first 0-6 #1 crash", "iisssi");
}

static void test_trial_report_reason(void **state)
{
	(void)state;
	struct world w = world(3);
	struct trial t;
	w.report = "1 invalid no code\n";
	trial_start(&t, &plain, 3, 0);
	assert_int_equal(play(&w, &t), TRIAL_OK);
	const struct trial_record *bad = trial_record(&t, 1);
	assert_string_equal(bad->reason, "no code");
	assert_int_equal(bad->how.number, 0);
	assert_int_equal(bad->run, 1);
	assert_null(trial_record(&t, 0)->reason);
	trial_release(&t);
	buf_release(&w.log);
}

/* Verdicts of a run whose results are thrown away. */
static void test_trial_report_of_failure(void **state)
{
	(void)state;
	struct world w = world(3);
	struct trial t;
	w.bad[2] = ONEXIT_ISOLATE;
	w.report = "0 skip\n2 invalid";
	trial_start(&t, &plain, 3, 0);
	assert_int_equal(play(&w, &t), TRIAL_OK);
	assert_string_equal(buf_text(&w.log), "first 0-3 #1 isolate; retry 1-2 #2 done");
	check_verdicts(&t, "sdi");
	assert_false(trial_takes(&t, 1));
	assert_true(trial_takes(&t, 2));
	trial_release(&t);
	buf_release(&w.log);
}

/* The first run settles all but one, which an outage keeps from being done. */
static void check_left_behind(bool ordered, const char *verdicts)
{
	struct world w = world(6);
	struct trial t;
	struct trial_rules rules = plain;
	rules.ordered = ordered;
	rules.retries = 1;
	w.report = "1 invalid\n3 retry";
	w.outage = ONEXIT_OUTAGE;
	w.outage_from_ms = 1000 + RUN_MS;
	w.outage_to_ms = 1000000;
	trial_start(&t, &rules, 6, 0);
	assert_int_equal(play(&w, &t), TRIAL_RELEASED);
	check_verdicts(&t, verdicts);
	assert_int_equal(trial_takes(&t, 1), !ordered);
	assert_int_equal(trial_record(&t, 1)->run, 0);
	trial_release(&t);
	buf_release(&w.log);
}

/* Results of a run are taken or not as a whole. */
static void test_trial_left_behind(void **state)
{
	(void)state;
	check_left_behind(false, "dududd");
	check_left_behind(true, "uuuuuu");
}

/* In an outage a report counts for nothing. */
static void test_trial_report_of_outage(void **state)
{
	(void)state;
	struct world w = world(2);
	w.bad[1] = ONEXIT_OUTAGE;
	w.report = "0 invalid";
	check_play(&w, &plain, TRIAL_RELEASED, "first 0-2 #1 outage", "uu");
	w = world(2);
	w.bad[1] = ONEXIT_OUTAGE;
	w.report = "0 retry\n1 skip";
	check_play(&w, &plain, TRIAL_RELEASED, "first 0-2 #1 outage", "uu");
}

/* --- workers that died */

static void test_trial_resume(void **state)
{
	(void)state;
	struct world w = world(4);
	struct trial t;
	struct trial_run run;
	int64_t until_ms;
	trial_start(&t, &patient, 4, 1);
	assert_int_equal(trial_next(&t, w.now_ms, &run, &until_ms), TRIAL_RUN);
	assert_int_equal(run.reason, TRIAL_RESUME);
	assert_int_equal(run.attempt, 2);
	assert_int_equal(run.deaths, 1);
	assert_int_equal(play(&w, &t), TRIAL_OK);
	assert_int_equal(trial_record(&t, 0)->runs, 2);
	trial_release(&t);
	buf_release(&w.log);
}

/* It has run before, and no worker's death is known of it: it is run as another first time, but is told so. */
static void test_trial_resume_without_death(void **state)
{
	(void)state;
	struct trial t;
	struct trial_run run;
	int64_t until_ms;
	trial_start(&t, &patient, 4, 0);
	trial_resume(&t);
	assert_int_equal(trial_next(&t, 0, &run, &until_ms), TRIAL_RUN);
	assert_int_equal(run.reason, TRIAL_RESUME);
	assert_int_equal(run.attempt, 2);
	assert_int_equal(run.deaths, 0);
	assert_int_equal(run.end, 4);
	trial_release(&t);
}

/* Nobody is condemned for the death that it shared with others, nor for those of which an operator may be the cause. */
static void test_trial_few_deaths(void **state)
{
	(void)state;
	for (int64_t deaths = 1; deaths <= 3; deaths++) {
		struct trial t;
		struct trial_run run;
		int64_t until_ms;
		trial_start(&t, &plain, 1, deaths);
		assert_int_equal(trial_next(&t, 0, &run, &until_ms), TRIAL_RUN);
		assert_int_equal(run.reason, TRIAL_RESUME);
		assert_int_equal(run.deaths, deaths);
		trial_release(&t);
	}
}

/* A record that ends its worker: how many workers does it cost until it is condemned? What was not
 * in the last run's bounds is taken for done, as another trial's. */
static int64_t count_deaths(size_t count, size_t poison, const struct trial_rules *rules)
{
	size_t first = 0;
	int64_t deaths = 0;
	for (int64_t workers = 0;; workers++) {
		struct trial t;
		struct trial_run run;
		int64_t until_ms, now_ms = 1000;
		trial_start(&t, rules, count, deaths);
		while (trial_next(&t, now_ms, &run, &until_ms) == TRIAL_RUN &&
		    (poison < first + run.first || poison >= first + run.end)) {
			struct trial_end end = {.action = ONEXIT_DONE, .began_ms = now_ms,
			    .ended_ms = now_ms + 10};
			now_ms += 10;
			trial_ran(&t, &end);
		}
		bool ended = trial_next(&t, now_ms, &run, &until_ms) == TRIAL_ENDED;
		if (ended) {
			const struct trial_record *r = trial_record(&t, poison - first);
			assert_int_equal(r->verdict, VERDICT_INVALID);
			assert_int_equal(r->how.how, ENDING_WORKER);
		}
		trial_release(&t);
		if (ended)
			return workers;
		first += run.first;
		count = run.end - run.first;
		deaths = run.deaths + 1;
	}
}

static void test_trial_poison(void **state)
{
	(void)state;
	assert_int_equal(count_deaths(1, 0, &plain), 1 + TRIAL_DEATHS);
	assert_int_equal(count_deaths(1, 0, &patient), 1 + 4);
	for (size_t poison = 0; poison < 100; poison++)
		assert_in_range(count_deaths(100, poison, &patient), 1 + 4 + 4, 1 + 4 + 10 + 4);
}

static void test_trial_settle(void **state)
{
	(void)state;
	struct trial t;
	trial_start(&t, &plain, 2, 0);
	trial_settle(&t, 0, VERDICT_INVALID, STR("why"));
	trial_settle(&t, 1, VERDICT_SKIPPED, STR(""));
	check_verdicts(&t, "is");
	assert_string_equal(trial_record(&t, 0)->reason, "why");
	assert_int_equal(trial_record(&t, 0)->how.how, ENDING_NONE);
	assert_int_equal(trial_record(&t, 0)->runs, 0);
	assert_int_equal(trial_outcome(&t), TRIAL_OK);
	assert_false(trial_takes(&t, 1));
	trial_release(&t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_trial_success),
	    cmocka_unit_test(test_trial_of_nothing),
	    cmocka_unit_test(test_trial_retry),
	    cmocka_unit_test(test_trial_crash_once_more),
	    cmocka_unit_test(test_trial_stop),
	    cmocka_unit_test(test_trial_halve),
	    cmocka_unit_test(test_trial_outage),
	    cmocka_unit_test(test_trial_isolate),
	    cmocka_unit_test(test_trial_isolate_after_retries),
	    cmocka_unit_test(test_trial_probe),
	    cmocka_unit_test(test_trial_takes_no_probe),
	    cmocka_unit_test(test_trial_control),
	    cmocka_unit_test(test_trial_no_contrast),
	    cmocka_unit_test(test_trial_contrast_elsewhere),
	    cmocka_unit_test(test_trial_all_bad),
	    cmocka_unit_test(test_trial_count_of_runs),
	    cmocka_unit_test(test_trial_count_of_extra_runs),
	    cmocka_unit_test(test_trial_count_when_many_are_bad),
	    cmocka_unit_test(test_trial_justice),
	    cmocka_unit_test(test_trial_outage_in_the_middle),
	    cmocka_unit_test(test_trial_overtaken),
	    cmocka_unit_test(test_trial_report),
	    cmocka_unit_test(test_trial_report_reason),
	    cmocka_unit_test(test_trial_report_of_failure),
	    cmocka_unit_test(test_trial_left_behind),
	    cmocka_unit_test(test_trial_report_of_outage),
	    cmocka_unit_test(test_trial_resume),
	    cmocka_unit_test(test_trial_settle),
	    cmocka_unit_test(test_trial_resume_without_death),
	    cmocka_unit_test(test_trial_few_deaths),
	    cmocka_unit_test(test_trial_poison),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
