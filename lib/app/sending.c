#include "app/sending.h"

#include <stdlib.h>
#include <string.h>

#include "app/atomic.h"
#include "app/deliver.h"
#include "app/intake.h"
#include "base/mem.h"
#include "kafka/ktxn.h"
#include "tool/clock.h"
#include "tool/msg.h"
#include "tool/progress.h"
#include "tool/sig.h"
#include "tool/spool.h"

/* What may be read and not yet acknowledged. */
#define MEMORY_LIMIT ((size_t)24 << 20)

/* So often the batch's events are looked at; and so many records of one read go by without asking
 * the clock. */
#define LOOK_MS    250
#define LOOK_EVERY 512

/* After a signal or a lost batch what is under way gets this long to arrive. */
#define GRACE_MS 1000

struct sending {
	struct tool_ctx *t;
	struct target *target;
	const struct sending_options *options;
	struct klog *log;
	struct kbatch *batch;
	struct deliver *deliver;
	struct past *past;
	struct pool pool;
	struct intake in;
	struct spool spool; /* with options->atomic, and: */
	struct atomic atomic;
	struct progress progress;
	int64_t next_look_ms;
};

static int too_much(struct sending *s)
{
	return err_set(&s->t->err, ST_FAIL, "the input is longer than --max-bytes %lld, too much for "
	    "one transaction of transaction.timeout.ms", (long long)s->options->max_bytes);
}

static int check_size(struct sending *s)
{
	bool atomic = s->options->atomic;
	return atomic && s->in.source.bytes_total > s->options->max_bytes ? too_much(s) : 0;
}

static int check_open(struct sending *s)
{
	struct tool_ctx *t = s->t;
	enum batch_status status = kbatch_fold(s->batch)->status;
	if (status == BATCH_STARTED)
		return 0;
	if (status == BATCH_NONE)
		return batch_missing(s->target->id, s->target->stream, &t->err);
	return err_set(&t->err, ST_STATE, "batch '%s' is %s and takes no more records",
	    s->target->id, batch_status_name(status));
}

static int find_past(struct sending *s, const struct batch *now)
{
	struct tool_ctx *t = s->t;
	if (!s->options->resume)
		return 0;
	if (past_open(&s->past, &t->settings.kv, now, kbatch_fold(s->batch)->created_ms,
		t->budget_ms, msg_library, &t->err))
		return err_wrap(&t->err, "--resume");
	deliver_resume(s->deliver, s->past);
	return 0;
}

/* Who may not complete the batch is told so before the work. */
static int check_completes(struct sending *s, const struct batch *now)
{
	struct batch after = BATCH_INIT;
	struct batch_change change = {.action = BATCH_COMPLETE};
	struct buf owner = BUF_INIT;
	session_owner(s->t, NULL, &owner);
	change.owner = buf_str(&owner);
	int failed = batch_apply(now, &change, &after, &s->t->err);
	batch_release(&after);
	buf_release(&owner);
	return failed;
}

static int open_delivery(struct sending *s, const struct batch *now)
{
	struct tool_ctx *t = s->t;
	const struct sending_options *o = s->options;
	struct buf transaction = BUF_INIT;
	char sender[SESSION_TOKEN];
	session_token(sender);
	ktxn_id(&transaction, batch_member(now, "topic"), batch_id(now));
	const struct deliver_options options = {.sender = sender, .shape = &o->shape,
	    .pool = &s->pool, .give_up_ms = t->budget_ms, .log = msg_library,
	    .transaction = o->atomic ? buf_text(&transaction) : NULL};
	int failed = deliver_open(&s->deliver, &t->settings.kv, now, &options, &t->err) ||
	    deliver_begin(s->deliver, &t->deadline, &t->err);
	if (!failed && o->atomic)
		failed = check_completes(s, now) || spool_open(&s->spool, &t->err);
	buf_release(&transaction);
	return failed;
}

static int begin(struct sending *s)
{
	struct tool_ctx *t = s->t;
	struct batch now = BATCH_INIT;
	struct kbatch_options all = KBATCH_OPTIONS_INIT;
	pool_init(&s->pool, MEMORY_LIMIT);
	all.as_is = s->options->atomic; /* what its own last run left open is ended by the fence */
	if (s->options->atomic)
		atomic_watch(&s->atomic, &all);
	int failed = session_log(t, s->target->stream, true, &s->log) ||
	    kbatch_open(&s->batch, s->log, str_of(s->target->id), &all, &t->deadline, &t->err) ||
	    check_open(s) || kbatch_document(s->batch, &now, &t->err) ||
	    open_delivery(s, &now) || find_past(s, &now) || intake_open(&s->in, t, s->options, &s->pool,
		(size_t)deliver_longest(s->deliver)) || check_size(s);
	batch_release(&now);
	progress_init(&s->progress, "sent");
	return failed ? -1 : 0;
}

static int look_at_batch(struct sending *s, struct err *err)
{
	if (kbatch_poll(s->batch, 0, err) < 0 || kclient_alive(kproduce_client(deliver_producer(s->deliver)), err))
		return -1;
	enum batch_status status = kbatch_fold(s->batch)->status;
	if (status == BATCH_STARTED)
		return 0;
	return err_set(err, ST_FAIL, "batch '%s' was %s by another while it was being sent",
	    s->target->id, status == BATCH_FAILED ? "marked as failed" : batch_status_name(status));
}

/* Now and then, between records. */
static int look_around(struct sending *s)
{
	struct tool_ctx *t = s->t;
	struct deliver_counts c = deliver_counts(s->deliver);
	int64_t now_ms = clock_mono_ms();
	deliver_poll(s->deliver, 0);
	if (sig_ended())
		return err_set(&t->err, ST_PARTIAL, "interrupted");
	if (c.failed + c.unknown)
		return err_set(&t->err, ST_PARTIAL, "stopped, since records were not accepted");
	bool spooling = s->options->atomic && !s->atomic.begun;
	const struct progress_at at = {.records = spooling ? s->spool.records : c.acked,
	    .bytes = s->in.source.bytes_read,
	    .bytes_total = s->in.source.bytes_total};
	progress_tick(&s->progress, &at);
	if (now_ms < s->next_look_ms)
		return 0;
	s->next_look_ms = now_ms + LOOK_MS;
	return look_at_batch(s, &t->err);
}

static int send_one(struct sending *s, const struct source_record *r)
{
	struct tool_ctx *t = s->t;
	int wanted = intake_inspect(&s->in, r);
	if (wanted <= 0)
		return wanted;
	switch (deliver_record(s->deliver, r->value, r->block, &t->deadline, &t->err)) {
	case DELIVER_SENT:
		s->in.unterminated = r->unterminated;
		return 0;
	case DELIVER_INVALID:
		return intake_refuse(&s->in, r);
	case DELIVER_FATAL:
		break;
	}
	return -1;
}

static int spool_one(struct sending *s, const struct source_record *r)
{
	struct tool_ctx *t = s->t;
	int wanted = intake_inspect(&s->in, r);
	if (wanted <= 0)
		return wanted;
	if (deliver_check(s->deliver, r->value, &t->err) != DELIVER_SENT)
		return intake_refuse(&s->in, r);
	s->in.unterminated = r->unterminated;
	if (spool_add(&s->spool, r->value, &t->err))
		return -1;
	return s->spool.bytes > s->options->max_bytes ? too_much(s) : 0;
}

/* What was spooled was checked: any answer but one is final. */
static int send_spooled(struct sending *s, const struct source_record *r)
{
	struct tool_ctx *t = s->t;
	return deliver_record(s->deliver, r->value, r->block, &t->deadline, &t->err) == DELIVER_SENT
	    ? 0 : -1;
}

static int each_record(struct sending *s,
    int (*take)(struct sending *s, const struct source_record *r))
{
	struct tool_ctx *t = s->t;
	struct source_record r;
	int64_t bytes_read = 0;
	for (unsigned n = 1;; n++) {
		int state = source_next(&s->in.source, &r, 50, &t->err);
		bool fresh = s->in.source.bytes_read != bytes_read;
		bytes_read = s->in.source.bytes_read;
		if (state < 0) {
			s->in.cut_short = true;
			return -1;
		}
		if (state == SOURCE_END)
			return 0;
		if (state == SOURCE_RECORD && take(s, &r))
			return -1;
		if (state == SOURCE_WAIT && s->in.source.why == SOURCE_NO_BLOCK)
			deliver_poll(s->deliver, 20);
		if (state == SOURCE_WAIT && s->in.source.why == SOURCE_NO_INPUT && intake_check_held(&s->in))
			return -1;
		if ((state == SOURCE_WAIT || fresh || n % LOOK_EVERY == 0) && look_around(s))
			return -1;
	}
}

/* The command's end decides whether its output was all of it. */
static int end_command(struct sending *s)
{
	int ended;
	while ((ended = intake_end(&s->in, LOOK_MS)) == 0)
		if (look_around(s))
			return -1;
	return ended < 0 ? -1 : 0;
}

/* An extractor that found nothing often ends with 0 all the same. */
static int check_count(struct sending *s)
{
	int64_t least = s->options->min_records;
	int64_t records = s->options->atomic ? s->spool.records : deliver_counts(s->deliver).sent;
	if (records >= least)
		return 0;
	return err_set(&s->t->err, ST_FAIL, "the input has %lld records, fewer than --min-records %lld",
	    (long long)records, (long long)least);
}

static int end_past(struct sending *s)
{
	struct deliver_counts c = deliver_counts(s->deliver);
	if (!s->past)
		return 0;
	msg_debug(1, "%lld of %lld records had been delivered before", (long long)c.resumed,
	    (long long)c.sent);
	return past_end(s->past, c.sent, &s->t->err);
}

/* What was sent is finished even if sending could not be, and the counts are told. */
static int finish(struct sending *s, bool failed)
{
	struct tool_ctx *t = s->t;
	struct err why = ERR_INIT, after = ERR_INIT;
	struct deadline grace = deadline_start(failed ? GRACE_MS : t->budget_ms);
	grace.interrupted = failed ? NULL : grace.interrupted;
	err_move(&why, &t->err);
	int lost = deliver_end(s->deliver, &grace, &after);
	struct deliver_counts c = deliver_counts(s->deliver);
	if (!failed) {
		err_move(&t->err, &after);
		err_clear(&why);
		return lost;
	}
	/* Of what stopped the sending, and what became of the records sent, the worse decides. */
	enum status status = lost ? after.status : why.status;
	if (status == ST_FAIL && s->in.cut_short && c.acked)
		status = ST_PARTIAL;
	err_set(&t->err, status, "%s: %s%s%lld records of batch '%s' were delivered",
	    why.text, lost ? after.text : "", lost ? "; " : "", (long long)c.acked,
	    s->target->id);
	err_clear(&why);
	err_clear(&after);
	return -1;
}

static void describe(const struct sending *s, struct sender *out)
{
	const struct sending_options *o = s->options;
	deliver_sender(s->deliver, out);
	out->rejected = s->in.rejected;
	out->framing =
	    mem_strdup(o->shape.envelope ? "envelope" : frame_kind_name(o->style.kind));
	if (!o->shape.envelope && o->style.kind == FRAME_DELIM)
		out->delimiter = mem_strdup(o->delimiter_text);
	out->unterminated = out->delimiter && s->in.unterminated;
}

/* The document as it is now, with this sender's manifest and those that came with it. */
static int print(struct sending *s)
{
	struct tool_ctx *t = s->t;
	struct batch b = BATCH_INIT;
	struct sender mine = {0};
	describe(s, &mine);
	int failed = manifest_add(&s->target->manifest, &mine, &t->err) ||
	    kbatch_document(s->batch, &b, &t->err);
	if (!failed) {
		js_set(b.doc, "manifest", manifest_json(&s->target->manifest));
		failed = session_print(t, &b) || out_flush(&t->out, &t->err);
	}
	sender_release(&mine);
	batch_release(&b);
	if (!failed)
		return 0;
	return err_wrap(&t->err, "%lld records of batch '%s' were delivered, but its document "
	    "could not be printed", (long long)deliver_counts(s->deliver).acked, s->target->id);
}

static int tell_rejected(struct sending *s)
{
	long long acked = (long long)deliver_counts(s->deliver).acked;
	msg_debug(1, "%lld records into batch '%s'", acked, s->target->id);
	if (!s->in.rejected)
		return 0;
	return err_set(&s->t->err, ST_PARTIAL, "%lld records delivered, %lld refused and left out",
	    acked, (long long)s->in.rejected);
}

/* Every record is acknowledged, or why not. */
static int await_all(struct sending *s, const struct deadline *d)
{
	struct tool_ctx *t = s->t;
	if (deliver_end(s->deliver, d, &t->err) == 0)
		return 0;
	const struct err *why = kproduce_trouble(deliver_producer(s->deliver));
	return err_set(&t->err, why->text ? why->status : ST_TIME, "%s",
	    why->text ? why->text : "no acknowledgement in time");
}

static int complete(struct sending *s, struct batch *after)
{
	struct tool_ctx *t = s->t;
	struct buf owner = BUF_INIT;
	struct sender mine = {0};
	struct json_t *manifest = NULL;
	struct deadline d = deadline_start(t->budget_ms);
	session_owner(t, NULL, &owner);
	struct batch_change change = {.action = BATCH_COMPLETE, .owner = buf_str(&owner),
	    .now_ms = clock_wall_ms()};
	int failed = await_all(s, &d);
	if (!failed) {
		describe(s, &mine);
		failed = manifest_add(&s->target->manifest, &mine, &t->err);
		change.expected = manifest_records(&s->target->manifest);
		change.manifest = manifest = manifest_json(&s->target->manifest);
	}
	failed = failed || atomic_end(&s->atomic, &change, after, &d);
	js_free(manifest);
	sender_release(&mine);
	buf_release(&owner);
	return failed;
}

static void explain_abort(struct sending *s)
{
	struct err *err = &s->t->err, ended = ERR_INIT;
	/* A fence tells that somebody took over, the batch tells who. */
	if (look_at_batch(s, &ended))
		err_move(err, &ended);
	err_clear(&ended);
	err_set(err, err->status == ST_PARTIAL ? ST_FAIL : err->status,
	    "%s; the transaction is aborted, and no record of it counts", err->text);
}

/* All was spooled and is good: now the transaction, as short as can be. */
static int send_atomically(struct sending *s, struct batch *after)
{
	struct tool_ctx *t = s->t;
	struct deadline d = deadline_start(t->budget_ms);
	s->atomic.t = t;
	s->atomic.target = s->target;
	s->atomic.log = s->log;
	s->atomic.batch = s->batch;
	s->atomic.deliver = s->deliver;
	source_release(&s->in.source);
	int failed = spool_read(&s->spool, &s->in.source, &s->pool,
			 (size_t)deliver_longest(s->deliver), &t->err) ||
	    atomic_begin(&s->atomic, &d) || look_at_batch(s, &t->err) || each_record(s, send_spooled) ||
	    complete(s, after);
	if (failed && s->atomic.begun)
		explain_abort(s);
	return failed;
}

static int run_atomic(struct sending *s)
{
	struct tool_ctx *t = s->t;
	struct batch after = BATCH_INIT;
	int failed = each_record(s, spool_one) || end_command(s) || check_count(s) || intake_close(&s->in, &t->err) ||
	    send_atomically(s, &after) || session_print_done(t, &after);
	batch_release(&after);
	return failed;
}

static int run_plain(struct sending *s)
{
	bool stopped = each_record(s, send_one) || end_command(s) || end_past(s) || check_count(s);
	return finish(s, stopped) || intake_close(&s->in, &s->t->err) || look_at_batch(s, &s->t->err) || print(s);
}

int sending_run(struct tool_ctx *t, struct target *x, const struct sending_options *o)
{
	struct sending s = {.t = t, .target = x, .options = o, .in = INTAKE_INIT,
	    .spool = SPOOL_INIT};
	int failed = begin(&s) || (o->atomic ? run_atomic(&s) : run_plain(&s));
	progress_end();
	struct err late = ERR_INIT;
	if (failed)
		intake_close(&s.in, &late);
	err_clear(&late);
	failed = failed || tell_rejected(&s);
	atomic_close(&s.atomic);
	deliver_close(s.deliver);
	past_close(s.past);
	intake_release(&s.in);
	spool_close(&s.spool);
	pool_release(&s.pool);
	kbatch_close(s.batch);
	klog_close(s.log);
	return failed ? -1 : 0;
}
