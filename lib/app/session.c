#include "app/session.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/id.h"
#include "base/mem.h"
#include "kafka/kends.h"
#include "tool/clock.h"
#include "tool/file.h"
#include "tool/msg.h"
#include "tool/use.h"
#include "tool/who.h"

/* More than any number of manifests that a shell would collect. */
#define STDIN_LIMIT ((size_t)256 << 20)

int session_dump(const struct kv *settings, struct buf *out, struct err *err)
{
	return kclient_dump(KCLIENT_PRODUCER, settings, NULL, out, err);
}

int session_stream(struct tool_ctx *t, const char **stream)
{
	if (!t->stream)
		return tool_usage(t, "no stream given: -s STREAM, or BATCH_STREAM");
	*stream = t->stream;
	return topic_check(str_of(t->stream), "stream", &t->err);
}

static int take_manifest(struct tool_ctx *t, struct target *x, const struct batch *b)
{
	struct manifest m = MANIFEST_INIT;
	const struct json_t *json = js_get(b->doc, "manifest");
	if (!json)
		return 0;
	x->has_manifest = true;
	int64_t records = 0;
	if (manifest_parse(json, &m, &t->err))
		return -1;
	if (!js_get_i64(json, "records", &records) || (records != 0 && m.count == 0)) {
		manifest_release(&m);
		return err_set(&t->err, ST_FAIL, "standard input: a manifest of %lld records names "
		    "no sender", (long long)records);
	}
	int failed = manifest_join(&x->manifest, &m, &t->err);
	manifest_release(&m);
	return failed;
}

/* Who sets BATCH_ID means that batch, and a pipe that says another one is a mistake. */
static int check_environment(struct tool_ctx *t, struct str id)
{
	const char *meant = getenv("BATCH_ID");
	if (t->batch || !meant || !*meant || str_is(id, meant) || getenv(SESSION_COMMAND_OF))
		return 0;
	return tool_usage(t, "standard input holds a document of batch '%.*s', but BATCH_ID in the environment is '%s': "
	    "unset BATCH_ID, or give the batch by -B", (int)id.len, id.ptr, meant);
}

/* One document: all of the same batch; the last one counts, their manifests add up. */
static int take_document(struct tool_ctx *t, struct target *x, struct str text)
{
	struct batch b = BATCH_INIT;
	if (batch_parse(text, &b, &t->err))
		return err_wrap(&t->err, "standard input");
	struct str id = batch_id(&b);
	int failed = check_environment(t, id);
	if (!failed && x->id && !str_is(id, x->id))
		failed = tool_usage(t, "standard input holds a document of batch '%.*s', not of '%s'",
		    (int)id.len, id.ptr, x->id);
	if (failed) {
		batch_release(&b);
		return -1;
	}
	if (!x->id)
		x->id = mem_strndup(id.ptr, id.len);
	failed = take_manifest(t, x, &b);
	batch_release(&x->document);
	x->document = b;
	return failed;
}

/* Nobody types a batch document: somebody forgot to say which batch is meant. */
static int refuse_terminal(struct tool_ctx *t)
{
	if (isatty(STDIN_FILENO) != 1)
		return 0;
	if (t->batch)
		return tool_usage(t, "standard input is a terminal, where the document that batch-send "
		    "prints was expected; --records N or --count says the number without it");
	return tool_usage(t, "-B is missing: give -B %s; the batch's document could also come on standard input, but "
	    "that is a terminal", getenv("BATCH_ID") ? "\"$BATCH_ID\"" : "ID");
}

static int read_documents(struct tool_ctx *t, struct target *x)
{
	struct buf text = BUF_INIT;
	/* A command before this one in a pipe takes its time, so only -m of this command line bounds the wait. */
	const struct deadline patience = t->common.timeout_ms >= 0 ? t->deadline : deadline_start(-1);
	int failed = refuse_terminal(t) || use_stdin("a batch document", &t->err) ||
	    file_read_until(STDIN_FILENO, "a batch document on standard input", STDIN_LIMIT, &patience,
		&text, &t->err);
	struct str one, rest = buf_str(&text);
	while (!failed && rest.len) {
		rest = js_cut(rest, &one);
		if (one.len)
			failed = take_document(t, x, one);
	}
	buf_release(&text);
	return failed;
}

static int need_document(struct tool_ctx *t, const struct target *x)
{
	if (x->id)
		return 0;
	return err_set(&t->err, ST_FAIL, "standard input is empty where a batch document was "
	    "expected: the command before failed, or give the batch by -B %s", getenv("BATCH_ID") ? "\"$BATCH_ID\"" : "ID");
}

static int choose_stream(struct tool_ctx *t, struct target *x)
{
	const char *stream;
	if (x->document.doc) {
		struct str s = batch_stream(&x->document);
		if (t->common.stream && !str_is(s, t->common.stream))
			return tool_usage(t, "the document on standard input is of stream '%.*s', not "
			    "of '%s'", (int)s.len, s.ptr, t->common.stream);
		x->stream = mem_strndup(s.ptr, s.len);
		return topic_check(s, "stream", &t->err);
	}
	if (session_stream(t, &stream))
		return -1;
	x->stream = mem_strdup(stream);
	return 0;
}

int target_find(struct tool_ctx *t, bool read_always, struct target *out)
{
	if (t->batch) {
		if (id_check(str_of(t->batch), "batch", &t->err))
			return -1;
		out->id = mem_strdup(t->batch);
	}
	if ((!t->batch || read_always) && read_documents(t, out))
		return -1;
	/* The budget is for brokers: the command before may have taken its time. */
	t->deadline = deadline_start(t->budget_ms);
	return need_document(t, out) || choose_stream(t, out) ? -1 : 0;
}

void target_release(struct target *x)
{
	free(x->stream);
	free(x->id);
	batch_release(&x->document);
	manifest_release(&x->manifest);
	*x = (struct target)TARGET_INIT;
}

void session_passed(const struct record *r, const char *why)
{
	msg_debug(2, "%.*s, partition %d, offset %lld: not an event, passed over: %s",
	    (int)r->topic.len, r->topic.ptr, r->partition, (long long)r->offset, why);
}

void session_passed_all(const char *topic, int64_t count)
{
	if (count)
		msg_debug(1, "%s: %lld record%s passed over: not an event", topic, (long long)count,
		    count == 1 ? "" : "s");
}

void session_elsewhere(void *ctx, const struct event *e, int32_t home)
{
	(void)ctx;
	msg_warn("batch '%.*s': its event %s at partition %d, offset %lld counts for no reader: the batch's events "
	    "belong into partition %d, which Java's clients choose; set the writer's partitioner to murmur2",
	    (int)e->id.len, e->id.data, event_type_name(e->type, e->status), e->partition, (long long)e->offset,
	    home);
}

static void on_passed(void *ctx, const struct record *r, const char *why)
{
	(void)ctx;
	session_passed(r, why);
}

static void on_passed_all(void *ctx, const char *topic, int64_t count)
{
	(void)ctx;
	session_passed_all(topic, count);
}

static int open_log(struct tool_ctx *t, const char *stream, struct klog_options options,
    struct klog **out)
{
	options.log = msg_library;
	options.elsewhere = session_elsewhere;
	if (settings_need_brokers(&t->settings, &t->err))
		return -1;
	return klog_open(out, &t->settings.kv, stream, &options, &t->deadline, &t->err);
}

int session_log(struct tool_ctx *t, const char *stream, bool follow, struct klog **out)
{
	const struct klog_options options = {.follow = follow, .passed = on_passed,
	    .passed_all = on_passed_all};
	return open_log(t, stream, options, out);
}

int session_log_to_write(struct tool_ctx *t, const char *stream, struct klog **out)
{
	const struct klog_options options = {.writes = true, .passed = on_passed,
	    .passed_all = on_passed_all};
	return open_log(t, stream, options, out);
}

int session_log_beside(struct tool_ctx *t, const char *stream, struct klog **out)
{
	return open_log(t, stream, (struct klog_options){0}, out);
}

void session_note_held(struct tool_ctx *t, struct kclient *c, const char *topic, const int32_t *partitions,
    const int64_t *ends, size_t count)
{
	struct kends all;
	struct kends_held h;
	struct buf text = BUF_INIT;
	struct err ignored = ERR_INIT;
	struct deadline d = deadline_start(t->budget_ms);
	kends_init(&all, &t->settings.kv, topic, msg_library);
	if (kends_find_held(&all, c, partitions, ends, count, &h, &d, &ignored) > 0) {
		kends_describe(&all, &h, &d, &text);
		msg_note("%s", buf_text(&text));
	}
	kends_release(&all);
	buf_release(&text);
	err_clear(&ignored);
}

void session_owner(const struct tool_ctx *t, const char *option, struct buf *out)
{
	const char *user = kv_get(&t->settings.kv, "sasl.username");
	if (option)
		buf_puts(out, option);
	else if (t->owner)
		buf_puts(out, t->owner);
	else if (user)
		buf_puts(out, user);
	else
		who_name(out);
}

void session_token(char out[SESSION_TOKEN])
{
	unsigned char random[(SESSION_TOKEN - 1) / 2];
	clock_random(random, sizeof(random));
	id_hex(random, sizeof(random), out);
}

/* The action was done, and ended in a way nobody hopes for. */
static int tell_failure(struct tool_ctx *t, const struct batch_change *c, const struct batch *after)
{
	struct str id = batch_id(after), why = batch_member(after, "failureMessage");
	if (c->action == BATCH_FAIL || after->status != BATCH_FAILED)
		return 0;
	return err_set(&t->err, ST_FAIL, "batch '%.*s' has failed: %.*s", (int)id.len, id.ptr,
	    (int)why.len, why.ptr);
}

int session_change(struct tool_ctx *t, const struct target *x, struct batch_change *c)
{
	struct klog *log = NULL;
	struct kchange *change = NULL;
	struct batch after = BATCH_INIT;
	char token[SESSION_TOKEN];
	session_token(token);
	c->now_ms = clock_wall_ms();
	int failed = session_log(t, x->stream, false, &log) ||
	    kchange_open(&change, &t->settings.kv, log, token, t->budget_ms, msg_library,
		&t->err) ||
	    kchange_apply(change, str_of(x->id), c, &after, &t->deadline, &t->err) ||
	    session_print_done(t, &after) || tell_failure(t, c, &after);
	batch_release(&after);
	kchange_close(change);
	klog_close(log);
	return failed ? -1 : 0;
}

void session_settle(struct tool_ctx *t, const struct target *x)
{
	struct klog *log = NULL;
	struct kchange *change = NULL;
	struct err err = ERR_INIT;
	struct deadline d = deadline_start(t->budget_ms);
	const struct klog_options options = {.log = msg_library};
	char token[SESSION_TOKEN];
	session_token(token);
	if (klog_open(&log, &t->settings.kv, x->stream, &options, &d, &err) ||
	    kchange_open(&change, &t->settings.kv, log, token, t->budget_ms, msg_library, &err) ||
	    kchange_settle(change, str_of(x->id), clock_wall_ms(), &d, &err))
		msg_warn("batch '%s': %s", x->id, err.text);
	err_clear(&err);
	kchange_close(change);
	klog_close(log);
}

int session_print(struct tool_ctx *t, const struct batch *b)
{
	struct buf line = BUF_INIT;
	js_dump(b->doc, &line);
	buf_putc(&line, '\n');
	int failed = out_buf(&t->out, &line, &t->err);
	buf_release(&line);
	return failed;
}

int session_metadata(struct tool_ctx *t, const char *text, struct json_t **out)
{
	*out = NULL;
	if (!text)
		return 0;
	*out = js_parse(str_of(text), &t->err);
	if (!*out)
		return tool_usage(t, "--metadata: %s", t->err.text);
	if (!js_is_object(*out))
		return tool_usage(t, "--metadata: a JSON object is wanted");
	return 0;
}

int session_print_done(struct tool_ctx *t, const struct batch *b)
{
	struct str id = batch_id(b);
	if (session_print(t, b) == 0 && out_flush(&t->out, &t->err) == 0)
		return 0;
	return err_wrap(&t->err, "batch '%.*s' is %s now, but its document could not be printed",
	    (int)id.len, id.ptr, batch_status_name(b->status));
}
