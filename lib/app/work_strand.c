/* The children that do a run, beside each other: --split. */
#include "app/work_int.h"

#include <stdlib.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/file.h"
#include "tool/msg.h"

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

/* Made once: its document may be long. */
static int describe_batch(struct work *w, struct job *j)
{
	struct batch batch = BATCH_INIT;
	struct str id = str_of(j->id);
	if (j->variables.count)
		return 0;
	if (*j->id && work_job_document(w, j, &batch))
		return -1;
	if (js_get(batch.doc, "metadata"))
		js_dump(js_get(batch.doc, "metadata"), &j->metadata);
	variables_add_of_batch(&j->variables, "BATCH_ID", id, id);
	variables_add_of_batch(&j->variables, "BATCH_NAME", batch_member(&batch, "name"), id);
	variables_add_of_batch(&j->variables, "BATCH_METADATA", buf_str(&j->metadata), id);
	batch_release(&batch);
	return 0;
}

static void describe(const struct work *w, const struct chunk *c, const struct strand *s,
    struct variables *v)
{
	const struct work_item *items = s->records->items;
	variables_add(v, SESSION_COMMAND_OF, str_of(w->t->tool->name));
	variables_add(v, "BATCH_STREAM", str_of(w->stream));
	variables_add(v, "BATCH_TOPIC", str_of(s->records->topic));
	variables_add(v, "BATCH_CHUNK", str_of(s->token));
	variables_add(v, "BATCH_REASON", str_of(reasons[c->run.reason]));
	variables_add_i64(v, "BATCH_ATTEMPT", c->run.attempt);
	variables_add_i64(v, "BATCH_PARTITION", s->records->partition);
	variables_add_i64(v, "BATCH_FIRST", items[s->first].offset);
	variables_add_i64(v, "BATCH_LAST", items[s->end - 1].offset);
	variables_add_i64(v, "BATCH_COUNT", (int64_t)(s->end - s->first));
	variables_add_i64(v, "BATCH_SLOT", s->slot + 1);
}

/* However long the metadata is, the command can read it from a file. */
static int describe_metadata(struct strand *s, struct str metadata, struct variables *v, struct err *err)
{
	struct buf path = BUF_INIT;
	if (metadata.len && (s->metadata = file_in_memory(metadata, &path, err)) < 0)
		return -1;
	variables_add(v, "BATCH_METADATA_FILE", metadata.len ? buf_str(&path) : STR("/dev/null"));
	buf_release(&path);
	return 0;
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
	struct job *j = c->piece->job;
	struct buf token = BUF_INIT;
	struct variables own = VARIABLES_INIT;
	work_records_token(s->records, s->first, s->end, &token);
	s->token = buf_detach(&token);
	s->slot = take_slot(w);
	s->input = work_records_input(s->records, s->first, s->end);
	if (describe_batch(w, j) || describe_metadata(s, buf_str(&j->metadata), &own, &w->t->err))
		return -1;
	describe(w, c, s, &own);
	const char **env = variables_list(&j->variables, &own);
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
	free(env);
	variables_release(&own);
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
		*s = control ? (struct strand){.records = &w->control, .end = 1, .metadata = -1}
			     : (struct strand){.records = &c->records, .metadata = -1,
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
		if (c->strands[i].metadata >= 0)
			close(c->strands[i].metadata);
		free(c->strands[i].token);
	}
	free(c->strands);
	c->strands = NULL;
	c->strand_count = 0;
}
