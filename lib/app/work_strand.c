/* The children that do a run, beside each other: --split. */
#include "app/work_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tool/msg.h"

/* Of the batch: BATCH_ID, BATCH_NAME and BATCH_METADATA; then those of the strand. */
enum { OF_BATCH = 3, VARIABLES = OF_BATCH + 10 };

static const char *const reasons[] = {
    [TRIAL_FIRST] = "first",
    [TRIAL_RETRY] = "retry",
    [TRIAL_ISOLATE] = "isolate",
    [TRIAL_RESUME] = "resume",
    [TRIAL_PROBE] = "probe",
};

/* --- slots */

static int take_slot(struct work *w)
{
	int slot = 0;
	while (w->slot_taken[slot])
		slot++;
	w->slot_taken[slot] = true;
	w->running++;
	return slot;
}

static void give_slot(struct work *w, struct strand *s)
{
	if (s->slot < 0)
		return;
	w->slot_taken[s->slot] = false;
	w->running--;
	s->slot = -1;
}

/* --- the environment */

static void variable(struct buf *b, const char *name, struct str value)
{
	buf_printf(b, "%s=", name);
	buf_add_str(b, value);
	buf_putc(b, '\0');
}

static void number(struct buf *b, const char *name, int64_t value)
{
	buf_printf(b, "%s=%lld", name, (long long)value);
	buf_putc(b, '\0');
}

/* Made once: its document may be long. */
static int describe_batch(struct work *w, struct job *j)
{
	struct batch batch = BATCH_INIT;
	struct buf metadata = BUF_INIT;
	if (j->variables.len)
		return 0;
	if (*j->id && work_job_document(w, j, &batch))
		return -1;
	if (js_get(batch.doc, "metadata"))
		js_dump(js_get(batch.doc, "metadata"), &metadata);
	variable(&j->variables, "BATCH_ID", str_of(j->id));
	variable(&j->variables, "BATCH_NAME", batch_member(&batch, "name"));
	variable(&j->variables, "BATCH_METADATA", buf_str(&metadata));
	buf_release(&metadata);
	batch_release(&batch);
	return 0;
}

static void describe(const struct work *w, const struct chunk *c, const struct strand *s, struct buf *b)
{
	const struct work_item *items = s->records->items;
	variable(b, "BATCH_STREAM", str_of(w->stream));
	variable(b, "BATCH_TOPIC", str_of(s->records->topic));
	variable(b, "BATCH_CHUNK", str_of(s->token));
	variable(b, "BATCH_REASON", str_of(reasons[c->run.reason]));
	number(b, "BATCH_ATTEMPT", c->run.attempt);
	number(b, "BATCH_PARTITION", s->records->partition);
	number(b, "BATCH_FIRST", items[s->first].offset);
	number(b, "BATCH_LAST", items[s->end - 1].offset);
	number(b, "BATCH_COUNT", (int64_t)(s->end - s->first));
	number(b, "BATCH_SLOT", s->slot + 1);
}

/* Each of the NAME=VALUE that stand one after the other. */
static void list_variables(const struct buf *b, const char **env)
{
	for (const char *at = b->data; at < b->data + b->len; at += strlen(at) + 1)
		*env++ = at;
}

/* --- start */

size_t work_strands_wanted(const struct work *w, const struct chunk *c)
{
	size_t records = c->run.end - c->run.first, most = (size_t)w->o->split;
	if (c->run.reason == TRIAL_ISOLATE || c->run.reason == TRIAL_PROBE)
		return 1;
	return records < most ? records : most;
}

static int start(struct work *w, const struct chunk *c, struct strand *s)
{
	const char *env[VARIABLES + 1] = {0};
	struct buf token = BUF_INIT, own = BUF_INIT;
	work_records_token(s->records, s->first, s->end, &token);
	s->token = buf_detach(&token);
	s->slot = take_slot(w);
	s->input = work_records_input(s->records, s->first, s->end);
	if (describe_batch(w, c->piece->job))
		return -1;
	describe(w, c, s, &own);
	list_variables(&c->piece->job->variables, env);
	list_variables(&own, env + OF_BATCH);
	const struct child_spec spec = {
	    .argv = w->o->command,
	    .env = env,
	    .hide = (const char *const *)w->t->settings.secret_env,
	    .in = s->input,
	    .may_leave_input = w->o->may_leave_input,
	    .drop_out = !w->o->out,
	    .prefix = w->o->command[0],
	    .timeout_ms = w->o->timeout_ms,
	    .grace_ms = 5000,
	    .root = "",
	};
	int failed = child_start(&s->child, &spec, &w->t->err);
	buf_release(&own);
	if (failed)
		return -1;
	msg_debug(2, "%s: %zu records, %s run, attempt %lld", s->token, s->end - s->first,
	    reasons[c->run.reason], (long long)c->run.attempt);
	return 0;
}

int work_strands_start(struct work *w, struct chunk *c)
{
	bool control = c->run.first == c->run.end;
	size_t records = c->run.end - c->run.first, n = work_strands_wanted(w, c);
	work_strands_release(w, c);
	c->strands = mem_zalloc(n, sizeof(*c->strands));
	for (; c->strand_count < n; c->strand_count++) {
		struct strand *s = &c->strands[c->strand_count];
		size_t i = c->strand_count;
		*s = control ? (struct strand){.records = &w->control, .end = 1}
			     : (struct strand){.records = &c->records,
				   .first = c->run.first + records * i / n,
				   .end = c->run.first + records * (i + 1) / n};
		if (start(w, c, s)) {
			c->strand_count++;
			return -1;
		}
	}
	return 0;
}

/* --- in the loop */

void work_strands_watch(struct work *w, struct chunk *c)
{
	for (size_t i = 0; i < c->strand_count; i++)
		if (c->strands[i].child.pid)
			child_watch(&c->strands[i].child, &w->loop);
}

int work_strands_step(struct work *w, struct chunk *c)
{
	bool all = true;
	for (size_t i = 0; i < c->strand_count; i++) {
		struct strand *s = &c->strands[i];
		if (s->child.pid && child_step(&s->child, &w->loop))
			give_slot(w, s);
		all &= s->child.pid == 0;
	}
	return all;
}

void work_strands_kill(struct chunk *c)
{
	for (size_t i = 0; i < c->strand_count; i++)
		child_kill(&c->strands[i].child);
}

void work_strands_stop(struct chunk *c)
{
	for (size_t i = 0; i < c->strand_count; i++)
		child_stop(&c->strands[i].child);
}

int64_t work_strands_took_ms(const struct chunk *c)
{
	int64_t took_ms = 0;
	for (size_t i = 0; i < c->strand_count; i++)
		if (c->strands[i].child.end.took_ms > took_ms)
			took_ms = c->strands[i].child.end.took_ms;
	return took_ms;
}

void work_strands_release(struct work *w, struct chunk *c)
{
	for (size_t i = 0; i < c->strand_count; i++) {
		give_slot(w, &c->strands[i]);
		child_release(&c->strands[i].child);
		free(c->strands[i].token);
	}
	free(c->strands);
	c->strands = NULL;
	c->strand_count = 0;
}
