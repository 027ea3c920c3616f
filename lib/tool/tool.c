#include "tool/tool.h"

#include <errno.h>
#include <fcntl.h>
#include <locale.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <unistd.h>

#include "base/str.h"
#include "tool/clock.h"
#include "tool/msg.h"
#include "tool/progress.h"
#include "tool/sig.h"
#include "tool/use.h"

#define CLOSED_PIPE 141 /* 128 + SIGPIPE, as if it had killed us */

/* Otherwise the next file or socket would get the number, and our output. Opened the wrong way
 * round, so that using it still is an error. */
static int fill_descriptors(void)
{
	for (int fd = 0; fd <= STDERR_FILENO; fd++) {
		if (fcntl(fd, F_GETFD) >= 0 || errno != EBADF)
			continue;
		if (open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd)
			return -1;
	}
	return 0;
}

__attribute__((format(printf, 2, 0)))
static int usage_v(struct tool_ctx *t, const char *fmt, va_list ap)
{
	char *text = NULL;
	if (vasprintf(&text, fmt, ap) < 0)
		abort();
	err_set(&t->err, ST_USAGE, "%s (try %s --help)", text, t->tool->name);
	free(text);
	return -1;
}

int tool_usage(struct tool_ctx *t, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	int r = usage_v(t, fmt, ap);
	va_end(ap);
	return r;
}

#define STATUS_COLUMN 9

static void add_usage(const struct tool *tool, struct buf *out)
{
	struct str rest = str_of(tool->usage), form;
	struct buf text = BUF_INIT;
	const char *label = "Usage:";
	while (rest.ptr) {
		rest = str_cut(rest, '\n', &form);
		buf_clear(&text);
		buf_printf(&text, "[OPTION ...] %.*s", (int)form.len, form.ptr);
		size_t start = out->len;
		buf_printf(out, "%-6s %s ", label, tool->name);
		opts_fold(out, out->len - start, buf_text(&text));
		label = "";
	}
	buf_release(&text);
}

static void add_status(struct buf *out, int number, const char *text)
{
	buf_printf(out, "  %-5d  ", number);
	opts_fold(out, STATUS_COLUMN, text);
}

static void add_statuses(struct buf *out)
{
#define X(name, number, text) add_status(out, number, text);
	buf_puts(out, "\nExit status:\n");
	STATUS_TABLE(X)
#undef X
	buf_printf(out, "  128+n  ended by signal n; %d: the reader of standard output went away\n",
	    CLOSED_PIPE);
}

static void add_help(const struct tool *tool, const struct opt_group *groups, struct buf *out)
{
	add_usage(tool, out);
	buf_printf(out, "%s\n", tool->summary);
	opts_help(groups, out);
	add_statuses(out);
	buf_printf(out, "\nMore: man %s, man batchutils\n", tool->name);
}

static int answer(struct tool_ctx *t, const struct opt_group *groups)
{
	struct buf text = BUF_INIT;
	if (t->common.help)
		add_help(t->tool, groups, &text);
	else if (t->common.version)
		buf_printf(&text, "%s (batchutils) %s\n", t->tool->name, BATCH_VERSION);
	else
		opts_list(groups, &text);
	int r = out_buf(&t->out, &text, &t->err);
	buf_release(&text);
	return r;
}

static bool has_property(const struct tool_ctx *t, const char *word)
{
	for (size_t i = 0; i < t->common.properties.count; i++)
		if (strcmp(t->common.properties.items[i], word) == 0)
			return true;
	return false;
}

static int list_settings(struct tool_ctx *t)
{
	struct buf text = BUF_INIT;
	settings_list(&text);
	if (t->tool->list)
		t->tool->list(&text);
	int r = out_buf(&t->out, &text, &t->err);
	buf_release(&text);
	return r;
}

static int dump_settings(struct tool_ctx *t)
{
	struct buf text = BUF_INIT;
	int r = 0;
	if (t->tool->dump) {
		settings_dump(&t->settings, &text);
		r = t->tool->dump(&t->settings.kv, &text, &t->err);
	} else {
		kv_print_redacted(&t->settings.kv, &text);
	}
	if (r == 0)
		r = out_buf(&t->out, &text, &t->err);
	buf_release(&text);
	return r;
}

/* Says which option takes what the user probably meant. */
static int refuse_operand(struct tool_ctx *t, const char *word)
{
	const struct opt *o = t->tool->options;
	while (o->kind != OPT_KIND_END && strcmp(o->name, "name") != 0)
		o++;
	bool takes_name = o->kind != OPT_KIND_END, takes_batch = t->tool->takes & TOOL_BATCH;
	if (!takes_name && !takes_batch)
		return tool_usage(t, "unexpected operand '%s'", word);
	return tool_usage(t, "unexpected operand '%s': %s%s%s", word, takes_batch ? "a batch's id needs -B" : "",
	    takes_batch && takes_name ? ", " : "", takes_name ? "a name needs -n" : "");
}

static int check_operands(struct tool_ctx *t)
{
	const struct operands *o = &t->operands;
	if (o->argc && !(t->tool->takes & TOOL_FILES))
		return refuse_operand(t, o->argv[0]);
	if (o->command && o->command_argc == 0)
		return tool_usage(t, "no command after --");
	if (o->command && o->argc)
		return tool_usage(t, "files and a command: '%s' and %s", o->argv[0], o->command[0]);
	return 0;
}

/* What was said elsewhere counts where the command line is silent; NULL: nothing was. */
static const struct kv_entry *setting_of(const struct tool_ctx *t, const struct opt *o)
{
	struct buf name = BUF_INIT;
	buf_printf(&name, "%s.%s", t->tool->section, o->name);
	const struct kv_entry *e = kv_find(&t->settings.kv, buf_text(&name));
	buf_release(&name);
	return opts_gave(&t->operands, o) ? NULL : e;
}

static int set_options(struct tool_ctx *t)
{
	for (const struct opt *o = t->tool->options; o->kind != OPT_KIND_END; o++) {
		const struct kv_entry *e = setting_of(t, o);
		if (e && opts_set(o, e->value, &t->err))
			return err_wrap(&t->err, "%s: %s", e->where, e->name);
	}
	return 0;
}

static const struct opt *find_option(const struct tool_ctx *t, const char *name)
{
	const struct opt *o = t->tool->options;
	while (strcmp(o->name, name) != 0)
		o++;
	return o;
}

bool tool_gave(const struct tool_ctx *t, const char *option)
{
	return opts_gave(&t->operands, find_option(t, option));
}

int tool_refuse(struct tool_ctx *t, const char *option)
{
	const struct kv_entry *e = setting_of(t, find_option(t, option));
	return e ? err_wrap(&t->err, "%s: %s", e->where, e->name)
		 : tool_usage(t, "--%s: %s", option, t->err.text);
}

static int load_settings(struct tool_ctx *t)
{
	if (settings_load(&t->settings, &t->common, t->tool->known, &t->err) ||
	    settings_timeout(&t->settings, &t->common, &t->budget_ms, &t->err))
		return -1;
	if (settings_hold_secret(&t->settings))
		prctl(PR_SET_DUMPABLE, 0);
	if (t->tool->section && set_options(t))
		return -1;
	t->stream = kv_get(&t->settings.kv, "stream");
	t->batch = t->common.batch;
	t->owner = kv_get(&t->settings.kv, "owner");
	if (t->batch && !*t->batch)
		return tool_usage(t, "-B: the batch's id is empty");
	t->deadline = deadline_start(t->budget_ms);
	return 0;
}

static int parse(struct tool_ctx *t, const struct opt_group *groups, int argc, char **argv)
{
	bool command_wanted = t->tool->takes & TOOL_COMMAND;
	struct common *c = &t->common;
	int r = opts_parse(groups, argc, argv, command_wanted, &t->operands, &t->err);
	msg_configure(c->quiet, c->verbose, c->log == LOG_JSON);
	return r ? tool_usage(t, "%s", t->err.text) : 0;
}

static int start(struct tool_ctx *t, int argc, char **argv)
{
	struct opt rows[COMMON_ROWS];
	const struct opt_group groups[] = {
	    {"Options", t->tool->options},
	    {"Common options", rows},
	    {NULL, NULL},
	};
	common_rows(&t->common, t->tool->takes, rows);
	if (parse(t, groups, argc, argv))
		return -1;
	if (t->common.help || t->common.version || t->common.list_options)
		return answer(t, groups);
	if (check_operands(t))
		return -1;
	if (has_property(t, "list"))
		return list_settings(t);
	if (load_settings(t))
		return -1;
	if (has_property(t, "dump"))
		return dump_settings(t);
	for (int i = 0; i < t->operands.command_argc; i++)
		use_argument(t->operands.command[i]);
	return t->tool->run(t);
}

static int close_output(struct tool_ctx *t, int r)
{
	struct err err = ERR_INIT;
	int closed = out_close(&t->out, &err);
	if (r == 0 && closed)
		err_move(&t->err, &err);
	err_clear(&err);
	return r || closed ? -1 : 0;
}

static void release(struct tool_ctx *t)
{
	common_release(&t->common);
	operands_release(&t->operands);
	settings_release(&t->settings);
	err_clear(&t->err);
	use_release();
}

static int finish(struct tool_ctx *t, int r)
{
	progress_end();
	r = close_output(t, r);
	int status = r ? (int)t->err.status : ST_OK;
	if (r && status == ST_OK)
		status = ST_FAIL;
	if (t->out.pipe_closed)
		status = CLOSED_PIPE;
	if (r)
		msg_error(&t->err);
	release(t);
	if (!sig_ended())
		return status;
	sig_reraise(sig_number());
	return 128 + sig_number();
}

int tool_main(int argc, char **argv, const struct tool *tool)
{
	struct tool_ctx t = {.tool = tool, .own = tool->own, .common = COMMON_INIT};
	if (fill_descriptors())
		return ST_FAIL;
	msg_init(tool->name);
	/* For patterns, where ? is a character. Numbers are read and written as in the C locale. */
	setlocale(LC_CTYPE, "");
	sig_setup();
	sig_on_no_memory(msg_no_memory);
	use_standard_outputs();
	out_init_stdout(&t.out);
	return finish(&t, start(&t, argc, argv));
}
