#include "app/intake.h"

#include <string.h>

#include "base/jscan.h"
#include "tool/clock.h"
#include "tool/holder.h"
#include "tool/msg.h"
#include "tool/use.h"

/* A command that is not wanted any more gets this long to end by itself. */
#define GRACE_MS 1000

static int start_command(struct intake *in)
{
	struct tool_ctx *t = in->t;
	const struct proc_spec spec = {.argv = t->operands.command, .out = PROC_PIPE,
	    .in = PROC_NULL, /* at a terminal its own process group may not read */
	    .hide = (const char *const *)t->settings.secret_env};
	if (proc_start(&in->command, &spec, &t->err))
		return -1;
	source_add_fd(&in->source, in->command.out, t->operands.command[0]);
	in->command.out = -1;
	return 0;
}

static int add_inputs(struct intake *in)
{
	struct tool_ctx *t = in->t;
	if (t->operands.command)
		return start_command(in);
	for (int i = 0; i < t->operands.argc; i++)
		if (source_add_file(&in->source, t->operands.argv[i], &t->err))
			return -1;
	return t->operands.argc ? 0 : source_add_file(&in->source, "-", &t->err);
}

int intake_announce(struct tool_ctx *t, const struct sending_options *o)
{
	struct err *err = &t->err;
	for (int i = 0; i < t->operands.argc; i++) {
		const char *name = t->operands.argv[i];
		if (use_is_stdin(name) ? use_stdin("records", err) : use_input("the input", name, err))
			return -1;
	}
	if (!t->operands.argc && !t->operands.command && use_stdin("records", err))
		return -1;
	return o->rejects ? use_output("--rejects", o->rejects, err) : 0;
}

int intake_open(struct intake *in, struct tool_ctx *t, const struct sending_options *o,
    struct pool *pool, size_t longest)
{
	in->t = t;
	in->options = o;
	source_init(&in->source, pool, &o->style, longest);
	if (add_inputs(in))
		return -1;
	return o->rejects ? out_create(&in->rejects, o->rejects, &t->err) : 0;
}

/* What a file's first bytes say of its compression; NULL: nothing. */
static const char *compression_of(struct str head)
{
	static const struct {
		const char *name, *magic;
		size_t len;
	} known[] = {
	    {"gzip", "\x1f\x8b", 2}, {"zstd", "\x28\xb5\x2f\xfd", 4}, {"xz", "\xfd" "7zXZ", 5}, {"bzip2", "BZh", 3}};
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (head.len >= known[i].len && memcmp(head.ptr, known[i].magic, known[i].len) == 0)
			return known[i].name;
	return NULL;
}

/* A key for all records that is also the name of a member of each was probably meant as a pointer. */
static bool is_member(struct str key, struct str record)
{
	struct buf name = BUF_INIT;
	struct str value = {0};
	buf_add_str(&name, key);
	const char *names[] = {buf_text(&name)};
	bool found = jscan_members(record, names, &value, 1) == 0 && value.ptr;
	buf_release(&name);
	return found;
}

/* Notes on what is sent as it is, and was probably meant otherwise. */
static void hint(struct intake *in, const struct source_record *r)
{
	const struct sending_options *o = in->options;
	if (r->number == 1 && o->style.kind == FRAME_DELIM && r->value.len) {
		const char *how = compression_of(r->value);
		if (how)
			msg_note("%s is compressed with %s, and its bytes are sent as they are: "
			    "decompress it first to send its lines", r->name, how);
	}
	if (in->hinted)
		return;
	in->hinted = true;
	if (o->shape.key.ptr && is_member(o->shape.key, r->value))
		msg_note("each record gets the key '%.*s'; for the member of that name use -k /%.*s",
		    (int)o->shape.key.len, o->shape.key.ptr, (int)o->shape.key.len, o->shape.key.ptr);
}

int intake_inspect(struct intake *in, const struct source_record *r)
{
	hint(in, r);
	if (in->options->skip_blank && str_trim(r->value).len == 0)
		return 0;
	if (r->unterminated && in->options->strict) {
		err_set(&in->t->err, ST_FAIL, "the last one has no delimiter at its end");
		return intake_refuse(in, r);
	}
	return 1;
}

/* As it was in the input: the last record of an input gets a delimiter only when another one follows it. */
static int keep_reject(struct intake *in, const struct source_record *r)
{
	struct buf line = BUF_INIT;
	const struct frame_style *style = &in->options->style;
	if (!in->options->rejects)
		return 0;
	if (in->rejects_open)
		frame_put(style, &line, STR(""), false);
	in->rejects_open = r->unterminated;
	frame_put(style, &line, r->value, r->unterminated);
	int failed = out_buf(&in->rejects, &line, &in->t->err);
	buf_release(&line);
	return failed;
}

int intake_refuse(struct intake *in, const struct source_record *r)
{
	struct tool_ctx *t = in->t;
	const char *unit = in->options->style.kind == FRAME_DELIM ? "line" : "record";
	if (in->options->style.kind == FRAME_WHOLE)
		err_wrap(&t->err, "%s", r->name);
	else
		err_wrap(&t->err, "%s, %s %lld", r->name, unit, (long long)r->number);
	in->cut_short = !in->options->skip_invalid;
	if (in->cut_short)
		return -1;
	msg_warn("%s", t->err.text);
	err_clear(&t->err);
	in->rejected++;
	return keep_reject(in, r);
}

int intake_check_held(struct intake *in)
{
	struct tool_ctx *t = in->t;
	const struct deadline now = deadline_start(0);
	if (!t->operands.command || !proc_wait(&in->command, &now))
		return 0;
	if (!in->ended_ms)
		in->ended_ms = clock_mono_ms();
	if (clock_mono_ms() - in->ended_ms < HOLDER_PATIENCE_MS)
		return 0;
	struct buf names = BUF_INIT;
	holder_names(in->source.fd, &names);
	in->cut_short = true;
	if (proc_verdict(&in->command, &t->err) == 0)
		err_set(&t->err, ST_FAIL, "command %s: after its end its output is still held open by %s: what "
		    "runs in the background needs another output", t->operands.command[0], buf_text(&names));
	buf_release(&names);
	return -1;
}

int intake_end(struct intake *in, int64_t wait_ms)
{
	struct deadline d = deadline_start(wait_ms);
	if (!in->t->operands.command)
		return 1;
	if (!proc_wait(&in->command, &d))
		return 0;
	return proc_verdict(&in->command, &in->t->err) ? -1 : 1;
}

int intake_close(struct intake *in, struct err *err)
{
	return in->rejects.name && out_close(&in->rejects, err) ? -1 : 0;
}

void intake_release(struct intake *in)
{
	proc_end(&in->command, GRACE_MS);
	proc_release(&in->command);
	source_release(&in->source);
}
