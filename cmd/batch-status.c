/* batch-status: one batch as it is, was or will be, or a list of those that match. */
#include "app/query.h"
#include "base/date.h"
#include "tool/clock.h"
#include "tool/msg.h"
#include "tool/sig.h"

struct asked {
	const char *wait, *at, *name, *status, *since, *until;
	struct opt_list metadata;
	int64_t from, size;
	bool local, history, ids, list, streams;
	struct query query;
};

/* How long it may take to look into other partitions when the time budget is over. */
#define ELSEWHERE_MS 2000

#define UNSAID INT64_MIN
#define SIZE 100 /* as many as HRI lists at once */

static int parse_time(struct tool_ctx *t, const char *option, const char *text, int64_t *ms)
{
	const struct asked *c = t->own;
	const struct date_now now = clock_now(c->local);
	if (!text || date_parse_rel(str_of(text), &now, ms, &t->err) == 0)
		return 0;
	return tool_usage(t, "%s: %s", option, t->err.text);
}

struct history {
	struct buf text;
};

/* One event as a line: where it is, what it says, and what the fold made of it. */
static void remember(void *ctx, const struct event *e, enum fold_verdict v)
{
	struct history *h = ctx;
	if (!e) {
		buf_clear(&h->text);
		return;
	}
	struct err ignored = ERR_INIT;
	struct json_t *line = js_object(), *doc = js_parse_lax(e->doc, &ignored);
	struct buf time = BUF_INIT;
	date_format_ms(e->ts_ms, &time);
	js_set_str(line, "time", buf_str(&time));
	js_set_str(line, "type", str_of(event_type_name(e->type, e->status)));
	js_set_i64(line, "version", e->version);
	js_set_str(line, "verdict", str_of(fold_verdict_name(v)));
	js_set_i64(line, "partition", e->partition);
	js_set_i64(line, "offset", e->offset);
	if (doc)
		js_set(line, "batch", doc);
	js_dump(line, &h->text);
	buf_putc(&h->text, '\n');
	js_free(line);
	buf_release(&time);
	err_clear(&ignored);
}

/* Waiting ends too when the wanted status cannot come any more. */
static int wait_for(struct tool_ctx *t, struct kbatch *b, unsigned wanted)
{
	if (kbatch_fold(b)->status == BATCH_NONE)
		return 0; /* said by kbatch_document */
	for (unsigned s = BATCH_STARTED; s < BATCH_STATUS_COUNT; s++)
		if (!batch_may_become((enum batch_status)s, wanted))
			wanted |= 1u << s;
	return kbatch_wait(b, wanted, &t->deadline, &t->err);
}

/* What other software takes for an event of the batch, and no tool of ours does. After a wait that is as it may: the
 * wait has ended, and used the time budget. */
static int tell_elsewhere(struct tool_ctx *t, struct kbatch *b, bool waited)
{
	struct deadline d = waited ? deadline_start(ELSEWHERE_MS) : t->deadline;
	struct err ignored = ERR_INIT;
	if (sig_ended())
		return 0;
	int failed = kbatch_elsewhere(b, &d, waited ? &ignored : &t->err);
	err_clear(&ignored);
	return waited ? 0 : failed;
}

static int answer(struct tool_ctx *t, const struct batch *b, unsigned wanted)
{
	struct str id = batch_id(b);
	if (session_print(t, b))
		return -1;
	if (!wanted || (wanted & (1u << b->status)))
		return 0;
	return err_set(&t->err, ST_FAIL, "batch '%.*s' is %s, and cannot become what --wait waits for",
	    (int)id.len, id.ptr, batch_status_name(b->status));
}

static int one_batch(struct tool_ctx *t, const struct asked *c, const char *stream,
    unsigned wanted)
{
	struct klog *log = NULL;
	struct kbatch *found = NULL;
	struct batch b = BATCH_INIT;
	struct history history = {BUF_INIT};
	struct kbatch_options options = {.until_ms = c->query.at_ms,
	    .seen = c->history ? remember : NULL, .ctx = &history};
	int failed = session_log(t, stream, wanted != 0, &log) ||
	    kbatch_open(&found, log, str_of(t->batch), &options, &t->deadline, &t->err);
	bool in_vain = !failed && wanted && wait_for(t, found, wanted);
	failed = failed || tell_elsewhere(t, found, wanted != 0) || in_vain ||
	    kbatch_document(found, &b, &t->err) ||
	    (c->history ? out_buf(&t->out, &history.text, &t->err) : answer(t, &b, wanted));
	if (found)
		msg_debug(2, "%lld events read to look batches up", (long long)klog_records(log));
	buf_release(&history.text);
	batch_release(&b);
	kbatch_close(found);
	klog_close(log);
	return failed ? -1 : 0;
}

static int check(struct tool_ctx *t, const struct asked *c)
{
	bool lists = c->name || c->status || c->since || c->until || c->metadata.count ||
	    c->from || c->size != UNSAID || c->ids || c->list;
	if (t->common.batch && lists)
		return tool_usage(t, "-B asks for one batch: no filter goes with it");
	if (!t->batch && (c->wait || c->history))
		return tool_usage(t, "--wait and --history need -B ID");
	if (c->wait && (c->history || c->at))
		return tool_usage(t, "--wait goes with neither --history nor --at");
	if (c->ids && c->list)
		return tool_usage(t, "--list prints documents: --ids does not go with it");
	if (c->streams && (t->common.batch || lists || c->wait || c->history || c->at))
		return tool_usage(t, "--streams goes alone");
	return 0;
}

static int run(struct tool_ctx *t)
{
	struct asked *c = t->own;
	struct query *q = &c->query;
	const char *stream;
	unsigned wanted = 0;
	if (check(t, c))
		return -1;
	if (c->streams)
		return query_streams(t);
	q->name = c->name;
	q->metadata = &c->metadata;
	q->from = c->from;
	q->size = c->size == UNSAID ? SIZE : c->size;
	q->tell_rest = c->size == UNSAID;
	q->ids = c->ids;
	q->list = c->list;
	if (session_stream(t, &stream) || parse_time(t, "--at", c->at, &q->at_ms) ||
	    parse_time(t, "--since", c->since, &q->since_ms) ||
	    parse_time(t, "--until", c->until, &q->until_ms) ||
	    (c->status && query_statuses(t, c->status, &q->statuses)) ||
	    (c->wait && query_statuses(t, c->wait, &wanted)))
		return -1;
	return t->batch ? one_batch(t, c, stream, wanted) : query_run(t, stream, q);
}

int main(int argc, char **argv)
{
	struct asked c = {.size = UNSAID,
	    .query = {.since_ms = KLOG_BEGINNING, .until_ms = INT64_MAX, .at_ms = INT64_MAX}};
	const struct opt options[] = {
	    OPT_STR(0, "wait", &c.wait, "STATUS,...", COMPLETE_STATUS,
		"wait until it is so; exit status 1 when it ended otherwise"),
	    OPT_FLAG(0, "history", &c.history, "its events, and which of them count"),
	    OPT_STR(0, "at", &c.at, "TIME", COMPLETE_NONE, "the state as it was at that time"),
	    OPT_STR('n', "name", &c.name, "PATTERN", COMPLETE_NONE,
		"batches whose name matches, * and ? being wild"),
	    OPT_STR(0, "status", &c.status, "STATUS,...", COMPLETE_STATUS,
		"batches that are so"),
	    OPT_STR(0, "since", &c.since, "TIME", COMPLETE_NONE,
		"batches started then or later; reads less of the log"),
	    OPT_STR(0, "until", &c.until, "TIME", COMPLETE_NONE, "batches started before"),
	    OPT_FLAG(0, "local", &c.local, "days, and times without a zone, are this machine's"),
	    OPT_LIST(0, "metadata", &c.metadata, "NAME[=VALUE]", COMPLETE_NONE,
		"batches with this in their metadata; may be repeated"),
	    OPT_I64(0, "from", &c.from, 0, INT64_MAX, "N", "leave out the first N (0)"),
	    OPT_I64(0, "size", &c.size, -1, INT64_MAX, "N", "at most N; -1: all (100)"),
	    OPT_FLAG(0, "ids", &c.ids, "print ids only"),
	    OPT_FLAG(0, "list", &c.list, "print one object: the results, and in total how many match"),
	    OPT_FLAG(0, "streams", &c.streams, "print the streams there are, and nothing else"),
	    OPT_END};
	const struct tool tool = {.name = "batch-status",
	    .summary = "Shows one batch, or lists those that match, the youngest first.",
	    .usage = "-s STREAM -B ID\n"
		     "-s STREAM\n"
		     "--streams",
	    .takes = TOOL_STREAM | TOOL_BATCH,
	    .options = options,
	    .run = run,
	    .own = &c,
	    SESSION_SETTINGS};
	int status = tool_main(argc, argv, &tool);
	opt_list_release(&c.metadata);
	return status;
}
