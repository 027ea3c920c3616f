/* batch-watch: follows the events of a stream: each batch's document whenever it changes. */
#include "app/watching.h"
#include "base/date.h"
#include "base/id.h"
#include "tool/clock.h"

struct asked {
	const char *name, *status, *until, *since;
	bool local;
	struct opt_list metadata;
	struct watching_options watching;
};

static int check(struct tool_ctx *t, const struct asked *c)
{
	const struct watching_options *o = &c->watching;
	if (o->group && c->since)
		return tool_usage(t, "-G goes on where the group stood: --since does not go with it");
	if (o->within_ms >= 0 && !o->expect)
		return tool_usage(t, "--within goes with --expect");
	if (o->expect && (o->group || o->exec || c->until || o->until_end || o->most >= 0 ||
			     c->name || c->status || c->metadata.count || o->progress))
		return tool_usage(t, "--expect goes with -B, --since and --within only");
	return 0;
}

/* With -B no event of the batch is missed, not even those before now. An id of ours tells since when
 * there can be any. */
static int64_t default_since(const struct tool_ctx *t, const struct watching_options *o)
{
	const int64_t slack_ms = 3600 * 1000, day_ms = 24 * slack_ms;
	int64_t made_ms;
	if (o->expect)
		return clock_wall_ms() - day_ms;
	if (!t->batch)
		return KLOG_END;
	bool tells = id_time(str_of(t->batch), &made_ms) && made_ms <= clock_wall_ms();
	return tells ? made_ms - slack_ms : KLOG_BEGINNING;
}

static int run(struct tool_ctx *t)
{
	struct asked *c = t->own;
	struct watching_options *o = &c->watching;
	const char *stream;
	if (check(t, c) || session_stream(t, &stream))
		return -1;
	const struct date_now now = clock_now(c->local);
	o->since_ms = default_since(t, o);
	if (c->since &&
	    date_parse_rel(str_of(c->since), &now, &o->since_ms, &t->err))
		return tool_usage(t, "--since: %s", t->err.text);
	o->query.name = c->name;
	o->query.metadata = &c->metadata;
	if ((c->status && query_statuses(t, c->status, &o->query.statuses)) ||
	    (c->until && query_statuses(t, c->until, &o->until)))
		return -1;
	return watch(t, stream, o);
}

int main(int argc, char **argv)
{
	struct asked c = {.watching = {.most = -1, .within_ms = -1}};
	struct watching_options *o = &c.watching;
	const struct opt options[] = {
	    OPT_STR('n', "name", &c.name, "PATTERN", COMPLETE_NONE, "batches whose name matches, * and ? being wild"),
	    OPT_STR(0, "status", &c.status, "STATUS,...", COMPLETE_STATUS,
		"batches that become so"),
	    OPT_LIST(0, "metadata", &c.metadata, "NAME[=VALUE]", COMPLETE_NONE,
		"batches with this in their metadata; may be repeated"),
	    OPT_STR(0, "since", &c.since, "TIME", COMPLETE_NONE,
		"from then on (now; with -B from the batch's start)"),
	    OPT_FLAG(0, "local", &c.local, "days, and times without a zone, are this machine's"),
	    OPT_STR('G', "group", &o->group, "GROUP", COMPLETE_GROUP,
		"go on where this consumer group stood, and share its work"),
	    OPT_STR(0, "until", &c.until, "STATUS,...", COMPLETE_STATUS,
		"end when a batch becomes so"),
	    OPT_STR(0, "expect", &o->expect, "PATTERN", COMPLETE_NONE,
		"end when a batch of that name was completed, since a day ago or --since"),
	    OPT_DUR(0, "within", &o->within_ms, "TIME",
		"with --expect: wait so long for it; then exit status 1 (0s)"),
	    OPT_STR(0, "exec", &o->exec, "COMMAND", COMPLETE_NONE,
		"run this shell command for each, the document on its standard input"),
	    OPT_FLAG(0, "progress", &o->progress, "events of progress too"),
	    OPT_I64('c', "count", &o->most, 0, INT64_MAX, "N", "end after N events"),
	    OPT_FLAG('e', "exit", &o->until_end, "end where the log ends now"),
	    OPT_END};
	const struct tool tool = {.name = "batch-watch",
	    .summary = "Follows a stream: prints a batch's document whenever it changes.",
	    .usage = "-s STREAM [-B ID] [--until STATUS]\n"
		     "-s STREAM --expect PATTERN [--within TIME]",
	    .takes = TOOL_STREAM | TOOL_BATCH,
	    .options = options,
	    .run = run,
	    .own = &c,
	    SESSION_SETTINGS};
	int status = tool_main(argc, argv, &tool);
	opt_list_release(&c.metadata);
	return status;
}
