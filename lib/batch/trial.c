#include "batch/trial.h"

#include <stdlib.h>

#include "base/mem.h"

enum role {
	ROLE_RECORDS,
	ROLE_CONFIRM, /* an accused record, after a contrast */
	ROLE_PROBE,   /* for a contrast */
};

/* Records that are run together, or divided. */
struct trial_segment {
	size_t first, end;
	enum role role;
	bool isolating; /* one of them is blamed */
	bool guilty;    /* one of them must be bad: no run is needed to know */
	bool infer;     /* if they pass, those behind them are guilty */
	bool resumed;  /* a worker before began to run it, and did not end that */
	int64_t deaths, retries, crashes, outages;
	int64_t not_before_ms;
};

/* The first death proves nothing, since others ran beside it; nor do one or two of those alone: a worker may be killed by
 * others, or the machine may fail. */
static bool is_deadly(const struct trial *t, int64_t deaths)
{
	int64_t alone = deaths - 1;
	return alone > t->rules->retries && alone >= TRIAL_DEATHS;
}

static void push(struct trial *t, struct trial_segment s)
{
	t->stack = mem_grow(t->stack, &t->stack_cap, t->depth + 1, sizeof(*t->stack));
	t->stack[t->depth++] = s;
}

void trial_start(struct trial *t, const struct trial_rules *rules, size_t records, int64_t deaths)
{
	*t = (struct trial){.rules = rules, .count = records, .proven = records,
	    .same.runs = deaths, .wait_until_ms = INT64_MIN, .ended = records == 0};
	push(t, (struct trial_segment){.end = records, .resumed = deaths > 0, .deaths = deaths,
	    .isolating = is_deadly(t, deaths), .guilty = is_deadly(t, deaths)});
}

void trial_resume(struct trial *t)
{
	t->stack[0].resumed = true;
	if (t->same.runs == 0)
		t->same.runs = 1;
}

/* --- records */

static struct trial_record *records_of(struct trial *t)
{
	if (t->records)
		return t->records;
	t->records = mem_zalloc(t->count, sizeof(*t->records));
	for (size_t i = 0; i < t->count; i++)
		t->records[i] = t->same;
	return t->records;
}

static void set_failure(struct trial_record *r, struct ending how, struct str reason)
{
	free(r->reason);
	r->reason = reason.len ? mem_strndup(reason.ptr, reason.len) : NULL;
	r->how = how;
}

/* run 0: by one whose results are thrown away. */
static void settle(struct trial *t, size_t i, enum verdict verdict, int64_t run, size_t run_first)
{
	struct trial_record *r = &t->records[i];
	r->verdict = verdict;
	r->run = run;
	r->run_first = run_first;
	suspects_forget(&t->suspects, i, i + 1);
}

static void undo_from(struct trial *t, size_t first)
{
	for (size_t i = first; i < t->count; i++) {
		t->records[i].verdict = VERDICT_UNDONE;
		t->records[i].run = 0;
	}
	suspects_forget(&t->suspects, first, t->count);
}

/* --- the end */

/* From the first undone record on, and from where the runs began that settled some behind it. */
static void undo_what_overtook(struct trial *t)
{
	size_t cut = 0;
	while (cut < t->count && t->records[cut].verdict != VERDICT_UNDONE)
		cut++;
	for (size_t i = cut; i < t->count; i++)
		if (t->records[i].run && t->records[i].run_first < cut)
			cut = t->records[i].run_first;
	undo_from(t, cut);
}

static void give_up(struct trial *t, enum trial_outcome outcome)
{
	struct trial_record *r = records_of(t);
	for (size_t i = 0; i < t->count; i++) {
		if (r[i].verdict != VERDICT_INVALID)
			continue;
		r[i].verdict = VERDICT_UNDONE;
		r[i].run = 0;
	}
	if (t->rules->ordered)
		undo_what_overtook(t);
	t->outcome = outcome;
	t->ended = true;
}

static bool is_condemned(const struct trial *t, const struct suspect *s)
{
	return suspect_is_condemned(s) || (s->accused && t->rules->condemn);
}

static void pass_sentence(struct trial *t)
{
	for (size_t i = 0; i < t->suspects.count; i++)
		t->records[t->suspects.list[i].index].verdict = VERDICT_INVALID;
	t->ended = true;
}

/* --- what to run next */

static void push_part(struct trial *t, const struct trial_segment *s, size_t first, size_t end,
    bool infer)
{
	bool deadly = is_deadly(t, s->deaths) && end - first > 1;
	int64_t none = s->deaths > 0; /* of it alone; it goes on to be alone */
	push(t, (struct trial_segment){.first = first, .end = end, .isolating = s->isolating,
	    .infer = infer, .deaths = deadly ? s->deaths : none});
}

/* With more isolating runs than this it is cheaper to run one by one: half the records, or what
 * a single culprit takes. */
static int64_t budget(const struct trial *t)
{
	int64_t half = (int64_t)(t->count / 2), single = 1;
	for (size_t size = t->count; size > 1; size /= 2)
		single += 2;
	return half > single ? half : single;
}

static bool is_one_by_one(const struct trial *t, const struct trial_segment *s)
{
	return s->isolating && t->isolations > budget(t);
}

static void divide_at(struct trial *t, const struct trial_segment *s, size_t at, bool infer)
{
	push_part(t, s, at, s->end, false);
	push_part(t, s, s->first, at, infer);
}

/* In two. A culprit on the left costs two runs, since the right part passes for itself, one on the
 * right a single one: so the left part is the smaller. */
static void divide(struct trial *t, const struct trial_segment *s, bool infer)
{
	bool one_by_one = is_one_by_one(t, s);
	size_t size = s->end - s->first, at = s->first + (one_by_one ? 1 : (3 * size + 4) / 8);
	divide_at(t, s, at, infer && !one_by_one);
}

/* Divides what need not be run to know that it must be. */
static bool divide_unrun(struct trial *t)
{
	struct trial_segment s = t->stack[t->depth - 1];
	if (s.end - s.first < 2 || !(s.guilty || is_one_by_one(t, &s)))
		return false;
	t->depth--;
	divide(t, &s, true);
	return true;
}

/* A record that ended so many workers is not run again. */
static bool condemn_deadly(struct trial *t)
{
	struct trial_segment s = t->stack[t->depth - 1];
	if (s.end - s.first > 1 || !is_deadly(t, s.deaths))
		return false;
	t->depth--;
	set_failure(&records_of(t)[s.first], (struct ending){ENDING_WORKER, 0}, STR(""));
	settle(t, s.first, VERDICT_INVALID, 0, s.first);
	return true;
}

/* Puts a probe on the stack; or it waits, or has waited long enough. */
static bool seek_contrast(struct trial *t, int64_t now_ms)
{
	bool own = t->proven < t->count;
	if ((own || t->control) && !t->probe_failed) {
		push(t, (struct trial_segment){.role = ROLE_PROBE, .first = own ? t->proven : 0,
		    .end = own ? t->proven + 1 : 0});
		return true;
	}
	if (t->wait_until_ms == INT64_MIN)
		t->wait_until_ms = now_ms + t->rules->confirm_ms;
	if (now_ms >= t->wait_until_ms)
		give_up(t, TRIAL_RELEASED);
	return false;
}

static const struct suspect *undecided(const struct trial *t)
{
	for (size_t i = 0; i < t->suspects.count; i++)
		if (!is_condemned(t, &t->suspects.list[i]))
			return &t->suspects.list[i];
	return NULL;
}

/* All was run; what is left are those accused without contrast, or once only. */
static bool confirm(struct trial *t, int64_t now_ms)
{
	const struct suspect *s = undecided(t);
	if (!s) {
		pass_sentence(t);
		return false;
	}
	if (!suspect_has_contrast(s))
		return seek_contrast(t, now_ms);
	push(t, (struct trial_segment){.role = ROLE_CONFIRM, .first = s->index,
	    .end = s->index + 1, .isolating = true});
	return true;
}

/* Until the top of the stack is to be run; false: it ended, or waits for contrast. */
static bool prepare(struct trial *t, int64_t now_ms)
{
	while (!t->ended) {
		bool doubtful = t->doubts > TRIAL_DOUBTS;
		if (t->depth && t->stack[t->depth - 1].role != ROLE_RECORDS)
			return true;
		if (t->depth == 0 || doubtful) {
			if (!(doubtful ? seek_contrast(t, now_ms) : confirm(t, now_ms)))
				return false;
		} else if (!condemn_deadly(t) && !divide_unrun(t)) {
			return true;
		}
	}
	return false;
}

static enum trial_reason reason_of(const struct trial *t, const struct trial_segment *s)
{
	if (s->role == ROLE_PROBE)
		return TRIAL_PROBE;
	if (s->isolating)
		return TRIAL_ISOLATE;
	if (t->runs)
		return TRIAL_RETRY;
	return s->resumed ? TRIAL_RESUME : TRIAL_FIRST;
}

static int64_t runs_of(const struct trial *t, const struct trial_segment *s)
{
	if (s->first == s->end)
		return 0;
	return t->records ? t->records[s->first].runs : t->same.runs;
}

enum trial_step trial_next(struct trial *t, int64_t now_ms, struct trial_run *run,
    int64_t *until_ms)
{
	if (!prepare(t, now_ms)) {
		*until_ms = t->wait_until_ms;
		return t->ended ? TRIAL_ENDED : TRIAL_WAIT;
	}
	const struct trial_segment *s = &t->stack[t->depth - 1];
	*until_ms = s->not_before_ms;
	*run = (struct trial_run){.first = s->first, .end = s->end, .reason = reason_of(t, s),
	    .number = t->runs + 1, .attempt = runs_of(t, s) + 1, .deaths = s->deaths};
	return now_ms < s->not_before_ms ? TRIAL_WAIT : TRIAL_RUN;
}

/* --- a failure */

static void accuse(struct trial *t, size_t index, const struct trial_end *end)
{
	struct suspect *s = suspects_find(&t->suspects, index);
	s->accused = true;
	if (is_condemned(t, s) || s->by_data)
		return;
	t->doubts++;
	t->doubted_ms = end->ended_ms;
}

static void blame(struct trial *t, struct trial_segment *s, const struct trial_end *end)
{
	if (s->end - s->first == 1) {
		accuse(t, s->first, end);
		return;
	}
	s->isolating = true;
	if (t->isolations == 0)
		t->isolations = 1;
	divide(t, s, true);
}

static void run_later(struct trial *t, const struct trial_segment *s, int64_t retry,
    const struct trial_end *end)
{
	struct trial_segment later = *s;
	later.not_before_ms =
	    end->ended_ms + backoff_delay_ms(&t->rules->backoff, retry, end->random);
	push(t, later);
}

static void fail_outage(struct trial *t, struct trial_segment *s, const struct trial_end *end)
{
	if (s->outages == t->rules->retries)
		give_up(t, TRIAL_RELEASED);
	else
		run_later(t, s, ++s->outages, end);
}

static void fail_retry(struct trial *t, struct trial_segment *s, const struct trial_end *end)
{
	bool repeated = s->role == ROLE_RECORDS && (!s->isolating || s->end - s->first == 1);
	if (repeated && s->retries < t->rules->retries)
		run_later(t, s, ++s->retries, end);
	else
		blame(t, s, end);
}

static void fail_crash(struct trial *t, struct trial_segment *s, const struct trial_end *end)
{
	if (s->isolating || s->crashes++)
		blame(t, s, end);
	else
		push(t, *s);
}

static void fail_halve(struct trial *t, struct trial_segment *s, const struct trial_end *end)
{
	if (s->end - s->first == 1)
		blame(t, s, end);
	else
		divide_at(t, s, s->first + (s->end - s->first + 1) / 2, false);
}

static void note_suspect(struct trial *t, const struct trial_segment *s,
    const struct trial_end *end)
{
	set_failure(&t->records[s->first], end->how, end->why);
	suspects_fail(&t->suspects, s->first, end->action == ONEXIT_ISOLATE, end->began_ms,
	    end->ended_ms);
}

static void fail(struct trial *t, struct trial_segment *s, const struct trial_end *end)
{
	bool blamed = end->action != ONEXIT_OUTAGE && end->action != ONEXIT_STOP;
	if (s->end - s->first == 1 && blamed)
		note_suspect(t, s, end);
	switch (end->action) {
	case ONEXIT_DONE:
		break;
	case ONEXIT_ISOLATE:
		blame(t, s, end);
		break;
	case ONEXIT_RETRY:
		fail_retry(t, s, end);
		break;
	case ONEXIT_OUTAGE:
		fail_outage(t, s, end);
		break;
	case ONEXIT_STOP:
		give_up(t, TRIAL_STOPPED);
		break;
	case ONEXIT_HALVE:
		fail_halve(t, s, end);
		break;
	case ONEXIT_CRASH:
		fail_crash(t, s, end);
		break;
	}
}

/* --- how a run ended */

static void take_success(struct trial *t, int64_t began_ms, int64_t ended_ms)
{
	suspects_success(&t->suspects, began_ms, ended_ms);
	if (began_ms < t->doubted_ms)
		return;
	t->doubts = 0;
	t->wait_until_ms = INT64_MIN;
	t->probe_failed = false;
}

void trial_contrast(struct trial *t, int64_t began_ms, int64_t ended_ms)
{
	take_success(t, began_ms, ended_ms);
}

static const struct report_line *named(const struct report *report, size_t index)
{
	for (size_t low = 0, high = report ? report->count : 0; low < high;) {
		size_t mid = low + (high - low) / 2;
		if (report->list[mid].index == index)
			return &report->list[mid];
		if (report->list[mid].index < index)
			low = mid + 1;
		else
			high = mid;
	}
	return NULL;
}

/* The verdicts of the report; how many. */
static size_t settle_named(struct trial *t, const struct trial_segment *s,
    const struct trial_end *end, int64_t run)
{
	size_t settled = 0;
	for (size_t i = 0; end->report && i < end->report->count; i++) {
		const struct report_line *line = &end->report->list[i];
		size_t index = s->first + line->index;
		if (line->action == REPORT_RETRY)
			continue;
		set_failure(&t->records[index], end->how, line->reason);
		settle(t, index, line->action == REPORT_SKIP ? VERDICT_SKIPPED : VERDICT_INVALID,
		    run, s->first);
		settled++;
	}
	return settled;
}

/* The last stretch of undone records of s before `end`; false: none. What comes first must be put
 * on the stack last. */
static bool last_undone(const struct trial *t, const struct trial_segment *s, size_t end,
    struct trial_segment *stretch)
{
	*stretch = *s;
	stretch->infer = stretch->guilty = false;
	while (end > s->first && t->records[end - 1].verdict != VERDICT_UNDONE)
		end--;
	stretch->end = end;
	while (end > s->first && t->records[end - 1].verdict == VERDICT_UNDONE)
		end--;
	stretch->first = end;
	return stretch->first < stretch->end;
}

static void fail_named(struct trial *t, const struct trial_segment *s, const struct trial_end *end)
{
	struct trial_segment one;
	struct trial_end retry = *end;
	retry.action = ONEXIT_RETRY;
	for (size_t at = s->end; last_undone(t, s, at, &one); at = one.first) {
		retry.why = named(end->report, one.first - s->first)->reason;
		fail(t, &one, &retry);
	}
}

/* An accused record that passes after all was overtaken by those behind it. */
static void redo_behind(struct trial *t, const struct trial_segment *s)
{
	if (s->role != ROLE_CONFIRM || !t->rules->ordered || s->end == t->count)
		return;
	undo_from(t, s->end);
	push(t, (struct trial_segment){.first = s->end, .end = t->count});
}

static void pass(struct trial *t, const struct trial_segment *s, const struct trial_end *end)
{
	bool done = false, silent = !end->report || end->report->count == 0;
	struct trial_segment *behind = t->depth ? &t->stack[t->depth - 1] : NULL;
	if (silent && s->infer && behind && behind->first == s->end)
		behind->guilty = true;
	settle_named(t, s, end, t->runs);
	for (size_t i = s->first; i < s->end; i++) {
		if (!silent && named(end->report, i - s->first))
			continue;
		settle(t, i, VERDICT_DONE, t->runs, s->first);
		t->proven = i;
		done = true;
	}
	if (done) {
		take_success(t, end->began_ms, end->ended_ms);
		redo_behind(t, s);
	}
	fail_named(t, s, end);
}

/* Those that the report settles explain the failure: the others run again without them. */
static bool settle_failed(struct trial *t, const struct trial_segment *s,
    const struct trial_end *end)
{
	struct trial_segment one;
	if (end->action == ONEXIT_OUTAGE || end->action == ONEXIT_STOP ||
	    settle_named(t, s, end, 0) == 0)
		return false;
	for (size_t at = s->end; last_undone(t, s, at, &one); at = one.first)
		push(t, one);
	return true;
}

static void end_probe(struct trial *t, const struct trial_end *end)
{
	if (end->action == ONEXIT_DONE)
		take_success(t, end->began_ms, end->ended_ms);
	else if (end->action == ONEXIT_STOP)
		give_up(t, TRIAL_STOPPED);
	else
		t->probe_failed = true;
}

/* The common case: one run, and all is done. */
static bool pass_at_once(struct trial *t, const struct trial_segment *s,
    const struct trial_end *end)
{
	bool named_some = end->report && end->report->count;
	if (t->records || s->end - s->first < t->count || end->action != ONEXIT_DONE || named_some)
		return false;
	t->same.verdict = VERDICT_DONE;
	t->same.runs++;
	t->same.run = t->runs;
	return true;
}

void trial_ran(struct trial *t, const struct trial_end *end)
{
	struct trial_segment s = t->stack[--t->depth];
	t->runs++;
	t->isolations += s.isolating;
	if (pass_at_once(t, &s, end))
		return;
	records_of(t);
	for (size_t i = s.first; i < s.end; i++)
		t->records[i].runs++;
	if (s.role == ROLE_PROBE)
		end_probe(t, end);
	else if (end->action == ONEXIT_DONE)
		pass(t, &s, end);
	else if (!settle_failed(t, &s, end))
		fail(t, &s, end);
}

void trial_settle(struct trial *t, size_t i, enum verdict verdict, struct str reason)
{
	set_failure(&records_of(t)[i], (struct ending){ENDING_NONE, 0}, reason);
	settle(t, i, verdict, 0, i);
}

enum trial_outcome trial_outcome(const struct trial *t)
{
	return t->outcome;
}

const struct trial_record *trial_record(const struct trial *t, size_t i)
{
	return t->records ? &t->records[i] : &t->same;
}

void trial_undo(struct trial *t)
{
	records_of(t);
	undo_from(t, 0);
}

bool trial_takes(const struct trial *t, int64_t run)
{
	for (size_t i = 0; i < t->count; i++)
		if (trial_record(t, i)->run == run)
			return true;
	return false;
}

void trial_release(struct trial *t)
{
	for (size_t i = 0; t->records && i < t->count; i++)
		free(t->records[i].reason);
	free(t->records);
	free(t->stack);
	suspects_release(&t->suspects);
	*t = (struct trial){0};
}
