/* A look at the work without taking part in it: --dry-run and --sample. Joins no group, writes nothing. */
#include "app/work_int.h"

#include <stdlib.h>

#include "base/date.h"
#include "base/mem.h"
#include "kafka/kgroup.h"
#include "tool/msg.h"
#include "tool/sig.h"

/* --- the settings in effect */

static struct json_t *bounds(int64_t min, int64_t max, int64_t first)
{
	struct json_t *o = js_object();
	js_set_i64(o, "min", min);
	js_set_i64(o, "max", max);
	js_set_i64(o, "first", first);
	return o;
}

static void set_real(struct json_t *to, const char *name, double value)
{
	struct buf text = BUF_INIT;
	struct err ignored = ERR_INIT;
	buf_printf(&text, "%.6g", value);
	js_set(to, name, js_parse(buf_str(&text), &ignored));
	buf_release(&text);
	err_clear(&ignored);
}

static struct json_t *backoff(const struct backoff *b)
{
	struct json_t *o = js_object(), *list = js_array();
	for (int i = 0; i < b->count; i++)
		js_append_i64(list, b->list_ms[i]);
	js_set(o, "ms", list);
	if (b->factor) {
		js_set_i64(o, "factor", b->factor);
		js_set_i64(o, "mostMs", b->cap_ms);
	}
	set_real(o, "jitter", b->jitter);
	return o;
}

/* By what happened, the action: {"exit 0":"done", ...}. */
static struct json_t *endings(const struct onexit *t)
{
	struct json_t *o = js_object();
	struct buf all = BUF_INIT;
	onexit_text(t, &all);
	struct str rest = buf_str(&all), line, how;
	while (rest.len) {
		rest = str_cut(rest, '\n', &line);
		struct str action = str_trim(str_cut(line, ':', &how));
		char *name = mem_strndup(how.ptr, how.len);
		js_set_str(o, name, action);
		free(name);
	}
	buf_release(&all);
	return o;
}

static void set_text(struct json_t *to, const char *name, const char *value)
{
	if (value)
		js_set_str(to, name, str_of(value));
}

/* Those that are none unless given. */
static void set_limits(struct json_t *to, const struct work_options *o)
{
	set_text(to, "instance", o->instance);
	if (o->max_load > 0)
		set_real(to, "maxLoad", o->max_load);
	if (o->mem_free > 0)
		js_set_i64(to, "memFree", o->mem_free);
}

static void set_invalid(struct json_t *to, const struct work_options *o)
{
	static const char *const actions[] = {"dead", "skip", "stop"};
	set_text(to, "onInvalid", actions[o->on_invalid]);
	js_set_bool(to, "keepRecords", o->keep_records);
	if (o->quota.most)
		js_set_i64(to, o->quota.percent ? "maxInvalidPercent" : "maxInvalid", o->quota.most);
}

static struct json_t *settings(const struct work *w)
{
	static const char *const orders[] = {"partition", "key", "none"};
	static const char *const formats[] = {"lines", "nul", "envelopes"};
	const struct work_options *o = w->o;
	struct json_t *s = js_object();
	set_text(s, "stream", w->stream);
	set_text(s, "group", o->group);
	set_text(s, "out", o->out);
	set_text(s, "invalid", o->dead);
	js_set(s, "chunk", bounds(o->pace.min, o->pace.max, o->pace.size));
	js_set_i64(s, "targetMs", o->pace.target_us / 1000);
	js_set_i64(s, "lingerMs", o->linger_ms);
	js_set_i64(s, "maxBytes", o->max_bytes);
	js_set(s, "jobs", bounds(o->slots.min, o->slots.max, o->slots.now));
	js_set_i64(s, "split", o->split);
	set_limits(s, o);
	set_text(s, "format", formats[o->format]);
	js_set_bool(s, "pair", o->pair);
	js_set_bool(s, "early", o->early);
	js_set_bool(s, "exactlyOnce", o->exactly_once);
	set_text(s, "order", orders[o->order]);
	if (o->aging_ms != AGENDA_STRICT)
		js_set_i64(s, "agingMs", o->aging_ms);
	js_set_i64(s, "retries", o->rules.retries);
	js_set(s, "backoff", backoff(&o->rules.backoff));
	js_set_i64(s, "timeoutMs", o->timeout_ms);
	js_set_i64(s, "confirmMs", o->rules.confirm_ms);
	js_set_bool(s, "contrast", !o->rules.condemn);
	js_set_i64(s, "breaker", o->breaker);
	set_invalid(s, o);
	js_set_bool(s, "allowPartialRead", o->may_leave_input);
	js_set_i64(s, "drainMs", o->drain_ms);
	js_set_i64(s, "reportMs", o->report_ms);
	js_set(s, "onExit", endings(&o->on_exit));
	return s;
}

static int print(struct work *w, struct json_t *doc)
{
	struct buf line = BUF_INIT;
	js_dump(doc, &line);
	buf_putc(&line, '\n');
	int failed = out_buf(&w->t->out, &line, &w->t->err);
	buf_release(&line);
	js_free(doc);
	return failed;
}

static int print_settings(struct work *w)
{
	struct json_t *o = js_object();
	js_set(o, "settings", settings(w));
	return print(w, o);
}

/* --- what is ready */

/* All that can be worked on, in the order of the agenda, which the caller releases. */
struct ready {
	struct agenda agenda;
	struct entry {
		struct agenda_item item;
		struct job *job;
	} *list;
};

static void ready_init(struct work *w, struct ready *r)
{
	size_t at = 0, n = 0;
	void *value;
	agenda_init(&r->agenda, w->o->aging_ms);
	r->list = mem_zalloc(w->jobs.count, sizeof(*r->list));
	while (map_next(&w->jobs, &at, NULL, &value)) {
		struct job *j = value;
		struct entry *e = &r->list[n++];
		e->job = j;
		e->item = (struct agenda_item){.name = str_of(j->id), .ready_ms = j->ready_ms,
		    .priority = j->priority};
		agenda_add(&r->agenda, &e->item, 0);
	}
}

static struct job *ready_take(struct ready *r)
{
	struct agenda_item *item = agenda_first(&r->agenda, 0);
	if (!item)
		return NULL;
	agenda_remove(item);
	return ((struct entry *)((char *)item - offsetof(struct entry, item)))->job;
}

static void ready_release(struct ready *r)
{
	agenda_release(&r->agenda);
	free(r->list);
}

/* --- --dry-run */

/* Its records, and the partitions in which some of them are not dealt with. */
static void add_parts(struct json_t *to, struct job *j, const struct extents *x)
{
	struct json_t *open = js_array();
	struct tally done = parts_tally(&j->parts);
	for (size_t i = 0; i < x->count; i++) {
		int32_t partition = x->list[i].partition;
		const struct part *said = parts_find(&j->parts, partition);
		if (!said || !said->done)
			js_append_i64(open, partition);
	}
	if (j->expected >= 0)
		js_set_i64(to, "records", j->expected);
	js_set_i64(to, "done", tally_sum(&done));
	js_set(to, "openPartitions", open);
}

static int print_job(struct work *w, struct job *j)
{
	struct batch b = BATCH_INIT;
	struct extents x = EXTENTS_INIT;
	struct buf since = BUF_INIT;
	int failed = work_job_document(w, j, &b) ||
	    work_job_extents(w, j, &x);
	if (!failed) {
		struct json_t *o = js_object();
		date_format_ms(j->ready_ms, &since);
		js_set_str(o, "id", str_of(j->id));
		js_set_str(o, "name", batch_member(&b, "name"));
		js_set_i64(o, "priority", j->priority);
		set_text(o, "class", agenda_class(j->priority));
		js_set_str(o, "readyAt", buf_str(&since));
		add_parts(o, j, &x);
		failed = print(w, o);
	}
	buf_release(&since);
	extents_release(&x);
	batch_release(&b);
	return failed;
}

/* The partitions of a topic: where each begins and ends, and where the group stands. */
struct places {
	int32_t count, *partitions;
	int64_t *first, *end, *committed;
};

static int find_places(struct work *w, const char *topic, struct places *p)
{
	struct kclient *c = kparts_client(w->reader);
	const struct deadline *d = &w->t->deadline;
	struct err *err = &w->t->err;
	if (kclient_topic(c, topic, &p->count, d, err))
		return -1;
	size_t n = (size_t)p->count;
	p->partitions = mem_zalloc(n, sizeof(*p->partitions));
	p->first = mem_zalloc(n, sizeof(*p->first));
	p->end = mem_zalloc(n, sizeof(*p->end));
	p->committed = mem_zalloc(n, sizeof(*p->committed));
	for (size_t i = 0; i < n; i++)
		p->partitions[i] = (int32_t)i;
	return kclient_offsets(c, topic, p->partitions, n, KOFFSET_BEGINNING, p->first, d, err) ||
		kclient_offsets(c, topic, p->partitions, n, KOFFSET_END, p->end, d, err) ||
		kgroup_committed(&w->t->settings.kv, w->o->group, topic, p->partitions, n, p->committed, d,
		    err)
	    ? -1
	    : 0;
}

/* A group that has no offset would begin where it was told to; if it was not, there is no lag either. */
static int print_place(struct work *w, const char *topic, const struct places *p, int32_t i)
{
	struct json_t *o = js_object();
	int64_t from = p->committed[i];
	js_set_str(o, "topic", str_of(topic));
	js_set_i64(o, "partition", i);
	if (from >= 0)
		js_set_i64(o, "offset", from);
	else if (w->o->from_beginning || w->o->from_end)
		from = w->o->from_end ? p->end[i] : p->first[i];
	js_set_i64(o, "end", p->end[i]);
	if (from >= 0)
		js_set_i64(o, "lag", p->end[i] > from ? p->end[i] - from : 0);
	return print(w, o);
}

static int print_topic(struct work *w, const char *topic)
{
	struct places p = {0};
	int failed = find_places(w, topic, &p);
	for (int32_t i = 0; i < p.count && !failed; i++)
		failed = print_place(w, topic, &p, i);
	free(p.partitions);
	free(p.first);
	free(p.end);
	free(p.committed);
	return failed;
}

int work_dry_run(struct work *w)
{
	struct ready r;
	struct job *j;
	int failed = print_settings(w);
	for (size_t i = 0; w->o->topics && i < w->o->topics->count && !failed; i++)
		failed = print_topic(w, w->o->topics->list[i].topic);
	ready_init(w, &r);
	while (!failed && (j = ready_take(&r)))
		failed = print_job(w, j);
	ready_release(&r);
	return failed;
}

/* --- --sample */

/* The next records of the partition: 1; 0: there are no more. */
static int next_chunk(struct work *w, struct share *s, struct chunk **c)
{
	while (agenda_first(&s->agenda, w->now_ms) && !sig_ended()) {
		loop_begin(&w->loop);
		int got = work_share_fill(w, s, c);
		if (got)
			return got;
		if (deadline_left_ms(&w->t->deadline) == 0)
			return err_set(&w->t->err, ST_TIME, "topic %s, partition %d: not read in time",
			    s->topic, s->partition);
		work_wait(w);
	}
	return 0;
}

static int end_strand(struct work *w, struct strand *s)
{
	struct err *err = &w->t->err;
	struct str text;
	return child_verdict(&s->child, err) ||
		work_output_check(w, s, s->end - s->first, err) ||
		capture_text(&s->child.out, &text, err) || out_str(&w->t->out, text, err)
	    ? -1
	    : 0;
}

static int end_run(struct work *w, struct chunk *c)
{
	int failed = 0;
	for (size_t i = 0; i < c->strand_count && !failed; i++)
		failed = end_strand(w, &c->strands[i]);
	return failed;
}

static int run_chunk(struct work *w, struct chunk *c)
{
	c->run = (struct trial_run){.end = c->records.count, .reason = TRIAL_FIRST, .number = 1,
	    .attempt = 1};
	if (work_chunk_start(w, c))
		return -1;
	do {
		if (sig_ended())
			work_strands_stop(c);
		loop_begin(&w->loop);
		work_wait(w);
	} while (work_strands_step(w, c) == 0);
	return end_run(w, c);
}

static int sample_share(struct work *w, struct share *s)
{
	struct chunk *c = NULL;
	int got = 0;
	while (w->pace.size > 0 && (got = next_chunk(w, s, &c)) > 0) {
		work_share_begin(w, c);
		if (c->unfit)
			msg_warn("topic %s, partition %d, offset %lld: left out, the value holds what ends a record",
			    s->topic, s->partition, (long long)c->records.items[0].offset);
		else if (run_chunk(w, c))
			return -1;
		w->pace.size -= (int64_t)c->records.count;
		c->state = CHUNK_READY;
		work_chunk_drop(w, c);
	}
	return got < 0 ? -1 : 0;
}

static int sample_job(struct work *w, const struct job *j)
{
	int failed = 0;
	w->pace.size = w->o->sample;
	for (size_t i = 0; i < w->share_count && !failed; i++)
		failed = sample_share(w, &w->shares[i]);
	if (!failed && w->pace.size == w->o->sample && !sig_ended())
		return err_set(&w->t->err, ST_FAIL, "batch '%s': none of its records are there", j->id);
	return failed;
}

/* The first that has records left: 0; -1. */
static int choose(struct work *w, struct ready *r, struct job **out)
{
	while ((*out = ready_take(r))) {
		if (work_shares_add(w, *out))
			return -1;
		if ((*out)->mine)
			return 0;
	}
	return err_set(&w->t->err, ST_STATE, "stream %s: no batch is ready to be worked on", w->stream);
}

int work_sample(struct work *w)
{
	struct ready r;
	struct job *j;
	if (work_partitions(w))
		return -1;
	work_shares_all(w, w->partitions);
	ready_init(w, &r);
	int failed = choose(w, &r, &j) || sample_job(w, j) ? -1 : 0;
	ready_release(&r);
	return failed;
}
