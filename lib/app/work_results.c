/* What a command gave out: is it fit for a topic, and into the topic. */
#include "app/work_int.h"

#include <string.h>

#include "base/id.h"
#include "base/murmur2.h"
#include "batch/envelope.h"
#include "tool/out.h"

#define HEADER_OVERHEAD 10  /* two lengths, of at most five bytes each */
#define RESULT_OVERHEAD 128 /* its lengths and times, and the names of our headers */

/* What batch-work sets itself is not there twice. */
static void add_brought(struct headers *to, const struct headers *brought, bool of_batch, bool paired)
{
	for (size_t i = 0; i < brought->count; i++) {
		struct str name = brought->list[i].name;
		if (str_is(name, "batchChunk") || (of_batch && str_is(name, HDR_BATCH_ID)) ||
		    (paired && str_is(name, HDR_BATCH_SEQ)))
			continue;
		headers_add(to, name, brought->list[i].value);
	}
}

/* A line of results as a record; of a pair, by the record that it came from. */
static int result_of(struct work *w, struct chunk *c, struct str line, const struct record *from,
    struct str token, struct record *out)
{
	struct headers headers = out->headers;
	struct record brought = RECORD_INIT;
	headers_clear(&headers);
	*out = (struct record)RECORD_INIT;
	out->value = line;
	if (w->o->format == WORK_ENVELOPES) {
		if (envelope_read(line, &brought, &w->scratch, &w->t->err)) {
			out->headers = headers;
			return err_wrap(&w->t->err, "a result of %.*s", (int)token.len, token.ptr);
		}
		out->key = brought.key;
		out->value = brought.value.len && !str_lies_in(brought.value, line) ? work_keep(c, brought.value)
										    : brought.value;
		add_brought(&headers, &brought.headers, *c->piece->job->id, from);
		headers_release(&brought.headers);
	}
	if (*c->piece->job->id)
		headers_add(&headers, STR(HDR_BATCH_ID), str_of(c->piece->job->id));
	headers_add(&headers, STR("batchChunk"), token);
	if (from) {
		const struct header *seq = headers_find(&from->headers, HDR_BATCH_SEQ);
		if (!out->key.ptr)
			out->key = from->key;
		if (seq)
			headers_add(&headers, seq->name, seq->value);
	}
	out->headers = headers;
	out->partition = out->key.ptr && !from ? murmur2_partition(out->key, w->out_partitions)
					       : work_partition_for(c, w->out_partitions);
	return 0;
}

/* The next record that this run settled as done. */
static size_t next_done(const struct chunk *c, const struct output *o, size_t i)
{
	while (i < o->end && (trial_record(&c->trial, i)->verdict != VERDICT_DONE ||
				 trial_record(&c->trial, i)->run != o->run))
		i++;
	return i;
}

static int send_output(struct work *w, struct chunk *c, struct output *o)
{
	struct err *err = &w->t->err;
	struct record r = RECORD_INIT, from = RECORD_INIT;
	struct buf token = BUF_INIT;
	struct str text, line;
	char end = w->o->format == WORK_NUL ? '\0' : '\n';
	size_t at = next_done(c, o, o->first);
	int failed = capture_text(&o->text, &text, err);
	work_records_token(&c->records, o->first, o->end, &token);
	while (!failed && text.len) {
		text = str_cut(text, end, &line);
		if (w->o->pair && at < o->end)
			work_records_get(&c->records, at, &from);
		failed = result_of(w, c, line, w->o->pair ? &from : NULL, buf_str(&token), &r) ||
		    work_send(w->results, w->out_at, &r, &c->parcel, err);
		at = next_done(c, o, at + 1);
	}
	headers_release(&r.headers);
	headers_release(&from.headers);
	buf_release(&token);
	return failed ? -1 : 0;
}

static bool go_to_topic(const struct work *w)
{
	return w->results && w->o->out && strcmp(w->o->out, "-") != 0;
}

/* At most so long is what a result gets beside what the command wrote. */
static size_t added_len(const struct work *w, const struct strand *s)
{
	struct record from = RECORD_INIT;
	size_t longest = 0;
	for (size_t i = s->first; w->o->pair && i < s->end; i++) {
		work_records_get(s->records, i, &from);
		const struct header *seq = headers_find(&from.headers, HDR_BATCH_SEQ);
		size_t len = from.key.len + (seq ? seq->value.len : 0);
		longest = len > longest ? len : longest;
	}
	headers_release(&from.headers);
	return longest + ID_MAX + strlen(s->token) + RESULT_OVERHEAD;
}

/* Can it become a result? */
static int check_line(struct work *w, struct str line, size_t added, struct record *r, struct err *why)
{
	size_t len = line.len;
	if (w->o->format == WORK_ENVELOPES) {
		if (envelope_read(line, r, &w->scratch, why))
			return -1;
		len = r->key.len + r->value.len;
		for (size_t i = 0; i < r->headers.count; i++)
			len += r->headers.list[i].name.len + r->headers.list[i].value.len + HEADER_OVERHEAD;
	}
	if ((int64_t)(len + added) > kproduce_longest(w->results))
		return err_set(why, ST_FAIL, "%zu bytes, and up to %zu that are added: longer than "
		    "message.max.bytes=%lld", len, added, (long long)kproduce_longest(w->results));
	return 0;
}

/* Can the lines of a run's output become results? `records` of them are wanted when they are paired. */
int work_output_check(struct work *w, struct strand *s, size_t records, struct err *why)
{
	char end = w->o->format == WORK_NUL ? '\0' : '\n';
	bool looks = go_to_topic(w);
	size_t added = looks ? added_len(w, s) : 0, lines = 0;
	struct record r = RECORD_INIT;
	struct str text, line;
	int failed = capture_text(&s->child.out, &text, why);
	for (; !failed && text.len; lines++) {
		text = str_cut(text, end, &line);
		failed = looks && check_line(w, line, added, &r, why);
	}
	headers_release(&r.headers);
	if (failed)
		return err_wrap(why, "line %zu of the output", lines);
	if (w->o->pair && lines != records)
		return err_set(why, ST_FAIL, "%zu lines came out for %zu records", lines, records);
	return 0;
}

static int print_output(struct work *w, struct output *o)
{
	struct str text;
	return capture_text(&o->text, &text, &w->t->err) ||
		out_write(&w->t->out, text.ptr, text.len, &w->t->err)
	    ? -1
	    : 0;
}

int work_output_send(struct work *w, struct chunk *c, struct output *o)
{
	return go_to_topic(w) ? send_output(w, c, o) : print_output(w, o);
}
