/* batch-consume: records of one batch, of every finished batch, or of a plain topic. */
#include <stdlib.h>
#include <string.h>

#include "app/consuming.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/num.h"
#include "tool/clock.h"

struct consume {
	/* how records look */
	const char *delimiter, *key_delimiter, *format_text;
	bool nul, length_prefixed, envelope, show_null;
	/* one batch */
	bool unordered, early, no_wait;
	/* every finished batch */
	const char *group, *exec, *dir;
	bool may_leave_input;
	/* a topic */
	const char *topic, *offset;
	struct opt_list partitions, keys, headers, greps;
	/* topic and group */
	int64_t count;
	bool until_end, local;

	struct frame_style frame, key_frame;
	char *key_text;
	struct format format;
	struct filter filter;
	struct range range;
	int64_t *partition_list;
};

static int choose_style(struct tool_ctx *t, struct consume *c, struct unload_style *s)
{
	const char *delimiter = c->nul ? "\\0" : c->delimiter;
	int ways = (c->delimiter != NULL) + c->nul + c->length_prefixed + c->envelope +
	    (c->format_text != NULL);
	if (ways > 1)
		return tool_usage(t, "-D, -0, --length-prefixed, -f and -J exclude each other");
	if (c->key_delimiter && (c->envelope || c->format_text || c->length_prefixed))
		return tool_usage(t, "-K goes with delimited values only");
	s->envelope = c->envelope;
	if (delimiter || c->length_prefixed) {
		c->frame = (struct frame_style){.kind = FRAME_LENGTH};
		if (delimiter && frame_delim_parse(delimiter, &c->frame, &t->err))
			return tool_usage(t, "-D: %s", t->err.text);
		s->frame = &c->frame;
	}
	if (c->format_text) {
		if (format_parse(&c->format, c->format_text, &t->err))
			return tool_usage(t, "-f: %s", t->err.text);
		if (c->show_null)
			c->format.null_text = STR("NULL");
		s->format = &c->format;
	}
	if (c->key_delimiter) {
		if (frame_delim_parse(c->key_delimiter, &c->key_frame, &t->err))
			return tool_usage(t, "-K: %s", t->err.text);
		c->key_text = mem_strndup(c->key_frame.delim, c->key_frame.delim_len);
		s->key_delimiter = c->key_text;
	}
	return 0;
}

static int one_batch(struct tool_ctx *t, struct consume *c, const struct consuming_options *o)
{
	struct target x = TARGET_INIT;
	const struct consuming_batch how = {.no_wait = c->no_wait, .early = c->early};
	int failed = target_find(t, false, &x) || consume_batch(t, &x, o, &how);
	target_release(&x);
	return failed ? -1 : 0;
}

static int finished_batches(struct tool_ctx *t, struct consume *c,
    const struct consuming_options *o)
{
	const char *stream;
	const struct consuming_group how = {.group = c->group, .exec = c->exec, .dir = c->dir,
	    .may_leave_input = c->may_leave_input, .until_end = c->until_end, .most = c->count};
	if (c->exec && c->dir)
		return tool_usage(t, "--exec and --to-dir exclude each other");
	return session_stream(t, &stream) || consume_group(t, stream, o, &how) ? -1 : 0;
}

static int choose_filter(struct tool_ctx *t, struct consume *c)
{
	for (size_t i = 0; i < c->keys.count; i++)
		filter_add_key(&c->filter, c->keys.items[i]);
	for (size_t i = 0; i < c->headers.count; i++)
		if (filter_add_header(&c->filter, c->headers.items[i], &t->err))
			return -1;
	for (size_t i = 0; i < c->greps.count; i++)
		if (filter_add_grep(&c->filter, c->greps.items[i], &t->err))
			return -1;
	return 0;
}

static int choose_partitions(struct tool_ctx *t, struct consume *c)
{
	c->partition_list = mem_zalloc(c->partitions.count, sizeof(*c->partition_list));
	for (size_t i = 0; i < c->partitions.count; i++)
		if (num_i64(c->partitions.items[i], 0, INT32_MAX, &c->partition_list[i], &t->err))
			return tool_usage(t, "-p: %s", t->err.text);
	return 0;
}

static int plain_topic(struct tool_ctx *t, struct consume *c, const struct consuming_options *o)
{
	const char *offset = c->offset ? c->offset : c->group ? "stored" : "beginning";
	if (topic_check(str_of(c->topic), "topic", &t->err) || choose_filter(t, c) ||
	    choose_partitions(t, c))
		return -1;
	const struct date_now now = clock_now(c->local);
	if (range_parse(&c->range, offset, &now, &t->err))
		return tool_usage(t, "-o: %s", t->err.text);
	if (c->range.start == RANGE_STORED && !c->group)
		return tool_usage(t, "-o stored needs -G GROUP");
	const struct consuming_topic how = {
	    .topic = c->topic,
	    .group = c->group,
	    .range = c->range,
	    .partitions = c->partitions.count ? c->partition_list : NULL,
	    .partition_count = c->partitions.count,
	    .filter = &c->filter,
	    .most = c->count,
	    .until_end = c->until_end,
	};
	return consume_topic(t, o, &how);
}

/* Options of one way that were given with another would be ignored silently. */
static int check_way(struct tool_ctx *t, const struct consume *c)
{
	bool batch = t->common.batch || (!c->topic && !c->group);
	bool browses = c->offset || c->partitions.count || c->keys.count || c->headers.count ||
	    c->greps.count;
	if (c->topic && (t->common.batch || t->common.stream))
		return tool_usage(t, "-t TOPIC goes without -s and -B");
	if (t->common.batch && c->group)
		return tool_usage(t, "-B and -G exclude each other");
	if (!batch && (c->early || c->no_wait))
		return tool_usage(t, "--early and --no-wait go with one batch (-B)");
	if (batch && (c->until_end || c->count >= 0))
		return tool_usage(t, "-c and -e go with -G or -t");
	if (!c->topic && browses)
		return tool_usage(t, "-o, -p, --key, --header and --grep go with -t");
	if ((c->exec || c->dir) && (c->topic || !c->group))
		return tool_usage(t, "--exec and --to-dir go with -s STREAM -G GROUP");
	if (c->may_leave_input && !c->exec)
		return tool_usage(t, "--allow-partial-read goes with --exec");
	if (c->show_null && !c->format_text)
		return tool_usage(t, "-Z goes with -f");
	if (c->unordered && c->topic)
		return tool_usage(t, "--unordered goes with batches: a topic's records come as they "
		    "are");
	if (c->early && c->no_wait)
		return tool_usage(t, "--early and --no-wait exclude each other");
	return 0;
}

static int run(struct tool_ctx *t)
{
	struct consume *c = t->own;
	struct consuming_options o = {.unordered = c->unordered};
	if (check_way(t, c) || choose_style(t, c, &o.style))
		return -1;
	if (c->topic)
		return plain_topic(t, c, &o);
	if (c->group)
		return finished_batches(t, c, &o);
	return one_batch(t, c, &o);
}

static void consume_release(struct consume *c)
{
	opt_list_release(&c->partitions);
	opt_list_release(&c->keys);
	opt_list_release(&c->headers);
	opt_list_release(&c->greps);
	format_release(&c->format);
	filter_release(&c->filter);
	free(c->partition_list);
	free(c->key_text);
}

/* More than there are options. */
#define OPTIONS 32

static void option_rows(struct consume *c, struct opt out[OPTIONS])
{
	const struct opt rows[] = {
	    OPT_FLAG(0, "unordered", &c->unordered,
		"records as they arrive, not in input order"),
	    OPT_FLAG(0, "early", &c->early, "follow a batch that is still being sent"),
	    OPT_FLAG(0, "no-wait", &c->no_wait, "do not wait for the batch to finish"),
	    OPT_STR('G', "group", &c->group, "GROUP", COMPLETE_GROUP,
		"every finished batch, each to one member of GROUP"),
	    OPT_STR(0, "exec", &c->exec, "COMMAND", COMPLETE_NONE,
		"with -G: a shell command for each batch, on its standard input"),
	    OPT_FLAG(0, "allow-partial-read", &c->may_leave_input,
		"with --exec: the command need not read all its input"),
	    OPT_STR(0, "to-dir", &c->dir, "DIR", COMPLETE_DIR,
		"with -G: a file for each batch, named by its id"),
	    OPT_STR('t', "topic", &c->topic, "TOPIC", COMPLETE_TOPIC, "records of any topic"),
	    OPT_STR('o', "offset", &c->offset, "RANGE", COMPLETE_NONE,
		"beginning|end|stored|N|-N|A:B|@TIME|@FROM:TO (beginning)"),
	    OPT_FLAG(0, "local", &c->local, "days, and times without a zone, are this machine's"),
	    OPT_LIST('p', "partition", &c->partitions, "N", COMPLETE_NONE,
		"only this partition; may be repeated"),
	    OPT_LIST(0, "key", &c->keys, "TEXT", COMPLETE_NONE,
		"only records of this key; repeated: of any of them"),
	    OPT_LIST(0, "header", &c->headers, "NAME[=VALUE]", COMPLETE_NONE,
		"only records with this header; repeated: with all of them"),
	    OPT_LIST(0, "grep", &c->greps, "REGEX", COMPLETE_NONE,
		"only records whose value matches; repeated: all of them"),
	    OPT_I64('c', "count", &c->count, 0, INT64_MAX, "N",
		"end after N records (-t) or batches (-G)"),
	    OPT_FLAG('e', "exit", &c->until_end, "end where the topic ends now"),
	    OPT_STR('D', "delimiter", &c->delimiter, "TEXT", COMPLETE_NONE,
		"end each value with it (as it was sent)"),
	    OPT_FLAG('0', "null", &c->nul, "end each value with a NUL byte"),
	    OPT_FLAG(0, "length-prefixed", &c->length_prefixed,
		"begin each value with its length, 4 bytes, big-endian"),
	    OPT_STR('K', "key-delimiter", &c->key_delimiter, "TEXT", COMPLETE_NONE,
		"print each key, and TEXT, before the value"),
	    OPT_STR('f', "format", &c->format_text, "FORMAT", COMPLETE_NONE,
		"print each record by a format, as kcat -f"),
	    OPT_FLAG('J', "envelope", &c->envelope, "print each record as one line of JSON"),
	    OPT_FLAG('Z', "null-text", &c->show_null, "with -f: print NULL for what is null"),
	    OPT_END};
	memcpy(out, rows, sizeof(rows));
}

int main(int argc, char **argv)
{
	struct consume c = {.count = -1};
	struct opt options[OPTIONS];
	option_rows(&c, options);
	const struct tool tool = {.name = "batch-consume",
	    .summary = "Writes the records of a batch, of every finished batch, or of a topic.",
	    .usage = "-s STREAM -B ID\n"
		     "-s STREAM -G GROUP [--exec COMMAND | --to-dir DIR]\n"
		     "-t TOPIC [-o RANGE]\n"
		     "< DOCUMENT",
	    .takes = TOOL_STREAM | TOOL_BATCH,
	    .options = options,
	    .run = run,
	    .own = &c,
	    SESSION_SETTINGS};
	int status = tool_main(argc, argv, &tool);
	consume_release(&c);
	return status;
}
