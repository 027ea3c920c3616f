/* batch-create: starts a batch and prints its document. */
#include <string.h>

#include "app/session.h"
#include "base/id.h"
#include "tool/clock.h"
#include "tool/msg.h"

struct create {
	const char *name, *data_type, *id, *metadata, *owner;
	bool processing;
	int64_t priority, invalid_threshold;
	int64_t now_ms; /* one moment for id, document and event */
};

/* "ingest.acme.claims" carries claims, unless said otherwise. */
static const char *last_word(const char *stream)
{
	const char *dot = strrchr(stream, '.');
	return dot ? dot + 1 : stream;
}

static int document(struct tool_ctx *t, const struct create *c, const char *stream, const char *id,
    struct batch *out)
{
	struct json_t *metadata = NULL;
	struct buf owner = BUF_INIT, topic = BUF_INIT;
	session_owner(t, c->owner, &owner);
	buf_printf(&topic, "%s.in", stream);
	int failed = session_metadata(t, c->metadata, &metadata);
	struct batch_new n = {
	    .id = str_of(id),
	    .name = str_of(c->name),
	    .owner = buf_str(&owner),
	    .topic = buf_str(&topic),
	    .data_type = str_of(c->data_type ? c->data_type : last_word(stream)),
	    .metadata = metadata,
	    .processing = c->processing,
	    .priority = c->priority,
	    .invalid_threshold = c->invalid_threshold,
	    .now_ms = c->now_ms,
	};
	failed = failed || batch_create(&n, out, &t->err);
	js_free(metadata);
	buf_release(&owner);
	buf_release(&topic);
	return failed ? -1 : 0;
}

static int announce(struct tool_ctx *t, const struct create *c, const char *stream,
    const struct batch *b)
{
	struct klog *log = NULL;
	struct kchange *change = NULL;
	char token[SESSION_TOKEN];
	session_token(token);
	int failed = (c->id ? session_log(t, stream, false, &log)
			    : session_log_to_write(t, stream, &log)) ||
	    kchange_open(&change, &t->settings.kv, log, token, t->budget_ms, msg_library,
		&t->err) ||
	    kchange_create(change, b, !c->id, c->now_ms, &t->deadline, &t->err);
	kchange_close(change);
	klog_close(log);
	return failed ? -1 : 0;
}

static int run(struct tool_ctx *t)
{
	struct create *c = t->own;
	const char *stream;
	struct batch b = BATCH_INIT;
	char made[ID_SIZE];
	unsigned char random[10];
	if (!c->name)
		return tool_usage(t, "no name given: -n NAME");
	if (session_stream(t, &stream))
		return -1;
	clock_random(random, sizeof(random));
	c->now_ms = clock_wall_ms();
	id_make(c->now_ms, random, made);
	int failed = document(t, c, stream, c->id ? c->id : made, &b) ||
	    announce(t, c, stream, &b) || session_print_done(t, &b);
	batch_release(&b);
	return failed ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct create c = {.priority = 50, .invalid_threshold = -1};
	const struct opt options[] = {
	    OPT_STR('n', "name", &c.name, "NAME", COMPLETE_NONE, "the batch's name"),
	    OPT_STR(0, "id", &c.id, "ID", COMPLETE_NONE,
		"an id of your own: of two hosts that create it one gets exit status 6"),
	    OPT_STR(0, "data-type", &c.data_type, "TYPE", COMPLETE_NONE,
		"what the records are (the last word of the stream)"),
	    OPT_STR(0, "metadata", &c.metadata, "JSON", COMPLETE_NONE,
		"an object to carry along"),
	    OPT_STR(0, "owner", &c.owner, "NAME", COMPLETE_NONE,
		"who may end the batch (broker user, or login name)"),
	    OPT_FLAG(0, "processing", &c.processing,
		"a worker will process it: sent is not yet completed"),
	    OPT_I64(0, "priority", &c.priority, 0, 100, "N", "0 first, 100 last (50)"),
	    OPT_I64(0, "invalid-threshold", &c.invalid_threshold, -1, INT64_MAX, "N",
		"so many invalid records fail the batch (no limit)"),
	    OPT_END};
	const struct tool tool = {.name = "batch-create",
	    .summary = "Starts a batch and prints its document.",
	    .usage = "-s STREAM -n NAME",
	    .takes = TOOL_STREAM,
	    .options = options,
	    .run = run,
	    .own = &c,
	    SESSION_SETTINGS};
	return tool_main(argc, argv, &tool);
}
