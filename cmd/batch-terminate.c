/* batch-terminate: gives a batch up, or marks it as failed. */
#include "app/session.h"

struct terminate {
	const char *failed, *metadata, *owner;
	int64_t actual, invalid;
	bool force;
};

static int run(struct tool_ctx *t)
{
	const struct terminate *c = t->own;
	struct target x = TARGET_INIT;
	struct buf owner = BUF_INIT;
	struct json_t *metadata = NULL;
	if (!c->failed && (c->actual >= 0 || c->invalid >= 0))
		return tool_usage(t, "--actual and --invalid go with --failed");
	if (c->failed && !*c->failed)
		return tool_usage(t, "--failed: the message is empty: say why the batch failed");
	session_owner(t, c->owner, &owner);
	int failed = session_metadata(t, c->metadata, &metadata) || target_find(t, false, &x);
	struct batch_change change = {
	    .action = c->failed ? BATCH_FAIL : BATCH_TERMINATE,
	    .owner = buf_str(&owner),
	    .force = c->force,
	    .metadata = metadata,
	    .actual = c->actual,
	    .invalid = c->invalid,
	    .message = str_of(c->failed),
	};
	failed = failed || session_change(t, &x, &change);
	js_free(metadata);
	buf_release(&owner);
	target_release(&x);
	return failed ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct terminate c = {.actual = -1, .invalid = -1};
	const struct opt options[] = {
	    OPT_STR(0, "failed", &c.failed, "MESSAGE", COMPLETE_NONE,
		"mark it as failed, for this reason"),
	    OPT_I64(0, "actual", &c.actual, 0, INT64_MAX, "N",
		"with --failed: records processed"),
	    OPT_I64(0, "invalid", &c.invalid, 0, INT64_MAX, "N",
		"with --failed: invalid among them"),
	    OPT_STR(0, "metadata", &c.metadata, "JSON", COMPLETE_NONE,
		"an object that replaces the batch's metadata"),
	    OPT_STR(0, "owner", &c.owner, "NAME", COMPLETE_NONE,
		"act as this owner (broker user, or login name)"),
	    OPT_FLAG(0, "force", &c.force, "terminate a batch, or replace its metadata, that belongs to another"),
	    OPT_END};
	const struct tool tool = {.name = "batch-terminate",
	    .summary = "Gives a batch up, or marks it as failed, and prints its document.",
	    .usage = "-s STREAM -B ID [--failed MESSAGE]\n"
		     "< DOCUMENT",
	    .takes = TOOL_STREAM | TOOL_BATCH,
	    .options = options,
	    .run = run,
	    .own = &c,
	    SESSION_SETTINGS};
	return tool_main(argc, argv, &tool);
}
