/* batch-send: delivers records into a batch, and prints its document with the manifest of what arrived. */
#include <string.h>

#include "app/intake.h"
#include "tool/use.h"

/* Within the 15 s of a transaction also over a line of 200 Mbit/s. */
#define MAX_BYTES ((int64_t)256 << 20)

struct send {
	const char *delimiter, *key, *key_delimiter, *compression;
	struct opt_list headers;
	bool nul, length_prefixed, whole, envelope, keep_time, json, empty_is_null;
	int on_invalid;
	struct frame_style key_style;
	struct sending_options sending;
};

static int choose_framing(struct tool_ctx *t, struct send *c)
{
	struct sending_options *o = &c->sending;
	int ways = (c->delimiter != NULL) + c->nul + c->length_prefixed + c->whole;
	if (ways > 1)
		return tool_usage(t, "-D, -0, --length-prefixed and --whole exclude each other");
	if (c->envelope && ways)
		return tool_usage(t, "an envelope (-J) is one line: no other framing goes with it");
	o->style = (struct frame_style)FRAME_STYLE_LINES;
	o->delimiter_text = c->nul ? "\\0" : c->delimiter ? c->delimiter : "\\n";
	if (c->length_prefixed || c->whole)
		o->style.kind = c->whole ? FRAME_WHOLE : FRAME_LENGTH;
	else if (frame_delim_parse(o->delimiter_text, &o->style, &t->err))
		return tool_usage(t, "-D: %s", t->err.text);
	return 0;
}

static int choose_shape(struct tool_ctx *t, struct send *c)
{
	struct shape *s = &c->sending.shape;
	s->envelope = c->envelope;
	s->keep_time = c->keep_time;
	s->json = c->json;
	s->empty_is_null = c->empty_is_null;
	if (c->keep_time && !c->envelope)
		return tool_usage(t, "--keep-time goes with -J");
	if (c->keep_time && c->sending.resume)
		return tool_usage(t, "--resume looks for records by their time: --keep-time does "
		    "not go with it");
	if (c->key && c->key_delimiter)
		return tool_usage(t, "-k and -K exclude each other");
	if (c->key && shape_set_key(s, c->key, &t->err))
		return tool_usage(t, "-k: %s", t->err.text);
	if (c->key_delimiter) {
		if (frame_delim_parse(c->key_delimiter, &c->key_style, &t->err))
			return tool_usage(t, "-K: %s", t->err.text);
		s->key_delimiter = (struct str){c->key_style.delim, c->key_style.delim_len};
	}
	for (size_t i = 0; i < c->headers.count; i++)
		if (shape_add_header(s, c->headers.items[i], &t->err))
			return -1;
	return 0;
}

static bool needs_stdin(const struct tool_ctx *t)
{
	bool needs = !t->operands.argc && !t->operands.command;
	for (int i = 0; i < t->operands.argc; i++)
		needs |= use_is_stdin(t->operands.argv[i]);
	return needs;
}

static int run(struct tool_ctx *t)
{
	struct send *c = t->own;
	struct target x = TARGET_INIT;
	c->sending.skip_invalid = c->on_invalid == 1;
	if (c->sending.rejects && !c->sending.skip_invalid)
		return tool_usage(t, "--rejects goes with --on-invalid skip");
	if (c->sending.max_bytes && !c->sending.atomic)
		return tool_usage(t, "--max-bytes goes with --atomic");
	if (!c->sending.max_bytes)
		c->sending.max_bytes = MAX_BYTES;
	if (c->sending.atomic && c->sending.resume)
		return tool_usage(t, "--atomic and --resume exclude each other: of an interrupted "
		    "transaction nothing was delivered");
	if (choose_framing(t, c) || choose_shape(t, c))
		return -1;
	if (!t->batch && needs_stdin(t))
		return tool_usage(t, "without -B the batch is on standard input, so its records "
		    "must come from FILEs or a COMMAND");
	if (c->compression)
		kv_set(&t->settings.kv, "compression.type", c->compression, KV_FLAG, "-z", false);
	int failed = intake_announce(t, &c->sending) || target_find(t, false, &x) || sending_run(t, &x, &c->sending);
	target_release(&x);
	return failed ? -1 : 0;
}

/* More than there are options. */
#define OPTIONS 32

static void option_rows(struct send *c, struct opt out[OPTIONS])
{
	const struct opt rows[] = {
	    OPT_STR('D', "delimiter", &c->delimiter, "TEXT", COMPLETE_NONE,
		"records end with it; \\n \\t \\0 \\xNN are known (\\n)"),
	    OPT_FLAG('0', "null", &c->nul, "records end with a NUL byte"),
	    OPT_FLAG(0, "length-prefixed", &c->length_prefixed,
		"records begin with their length, 4 bytes, big-endian"),
	    OPT_FLAG(0, "whole", &c->whole, "each FILE is one record"),
	    OPT_FLAG('J', "envelope", &c->envelope,
		"records are envelopes as batch-consume -J and kcat -J write them"),
	    OPT_FLAG(0, "keep-time", &c->keep_time,
		"with -J: records keep the envelopes' timestamps"),
	    OPT_STR('k', "key", &c->key, "KEY|/POINTER", COMPLETE_NONE,
		"key of every record, or the JSON pointer to it"),
	    OPT_STR('K', "key-delimiter", &c->key_delimiter, "TEXT", COMPLETE_NONE,
		"the key stands before TEXT in each record"),
	    OPT_LIST('H', "header", &c->headers, "NAME=VALUE", COMPLETE_NONE,
		"a header for every record; may be repeated"),
	    OPT_FLAG('Z', "empty-is-null", &c->empty_is_null,
		"an empty value or key is sent as null"),
	    OPT_STR('z', "compression", &c->compression, "CODEC", "none|gzip|snappy|lz4|zstd",
		"how records are compressed (lz4)"),
	    OPT_FLAG(0, "json", &c->json, "refuse records that are not JSON"),
	    OPT_FLAG(0, "skip-blank", &c->sending.skip_blank, "blank lines are no records"),
	    OPT_FLAG(0, "strict", &c->sending.strict,
		"refuse a last record without its delimiter"),
	    OPT_FLAG(0, "resume", &c->sending.resume,
		"an earlier run with this input was interrupted: send only the rest"),
	    OPT_FLAG(0, "atomic", &c->sending.atomic,
		"records and completion in one transaction: readers see all or nothing"),
	    OPT_SIZE(0, "max-bytes", &c->sending.max_bytes, 1, INT64_MAX, "SIZE",
		"with --atomic: refuse an input of more bytes (256M)"),
	    OPT_I64(0, "min-records", &c->sending.min_records, 0, INT64_MAX, "N",
		"fail, without a document, when the input has fewer records"),
	    OPT_CHOICE(0, "on-invalid", &c->on_invalid, "stop|skip",
		"what a record that cannot be sent does (stop)"),
	    OPT_STR(0, "rejects", &c->sending.rejects, "FILE", COMPLETE_FILE,
		"with --on-invalid skip: where refused records go"),
	    OPT_END};
	memcpy(out, rows, sizeof(rows));
}

int main(int argc, char **argv)
{
	struct send c = {0};
	struct opt options[OPTIONS];
	option_rows(&c, options);
	const struct tool tool = {.name = "batch-send",
	    .summary = "Delivers records into a batch, and prints its document with the manifest.",
	    .usage = "-s STREAM -B ID [FILE ...]\n"
		     "-s STREAM -B ID -- COMMAND [ARG ...]\n"
		     "FILE ... < DOCUMENT",
	    .takes = TOOL_STREAM | TOOL_BATCH | TOOL_FILES | TOOL_COMMAND,
	    .options = options,
	    .run = run,
	    .own = &c,
	    SESSION_SETTINGS};
	int status = tool_main(argc, argv, &tool);
	shape_release(&c.sending.shape);
	opt_list_release(&c.headers);
	return status;
}
