#include "tool/msg.h"

#include <errno.h>
#include <poll.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/date.h"
#include "base/json.h"
#include "base/utf8.h"
#include "tool/clock.h"

#define FULL_WAIT_MS 200 /* for a reader of a non-blocking pipe */
#define ERASE        "\r\033[K"

static struct {
	const char *tool;
	bool quiet, json, line_shown;
	int verbose;
} msg = {.tool = "batch"};

void msg_init(const char *tool)
{
	msg.tool = tool;
}

/* Only what POSIX lets a signal handler call. */
static void write_plain(const char *text)
{
	ssize_t ignored = write(STDERR_FILENO, text, strlen(text));
	(void)ignored;
}

void msg_no_memory(void)
{
	write_plain(msg.tool);
	write_plain(": memory is short (ulimit -v), and a library gave up: allow more, or no limit\n");
}

void msg_configure(bool quiet, int verbose, bool json)
{
	msg.quiet = quiet;
	msg.verbose = verbose;
	msg.json = json;
}

static void write_stderr(struct str s)
{
	struct pollfd p = {.fd = STDERR_FILENO, .events = POLLOUT};
	while (s.len) {
		ssize_t n = write(STDERR_FILENO, s.ptr, s.len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN && poll(&p, 1, FULL_WAIT_MS) > 0)
			continue;
		if (n < 0)
			return;
		s.ptr += n;
		s.len -= (size_t)n;
	}
}

static void add_json(struct buf *line, const char *level, struct str text, const struct err *err)
{
	buf_puts(line, "{\"time\":\"");
	date_format_ms(clock_wall_ms(), line);
	buf_puts(line, "\",\"tool\":");
	js_quote(line, str_of(msg.tool));
	buf_printf(line, ",\"level\":\"%s\",\"message\":", level);
	js_quote(line, text);
	if (err)
		buf_printf(line, ",\"status\":%d", (int)err->status);
	buf_putc(line, '}');
}

static void say(const char *level, struct str text, const struct err *err)
{
	struct buf visible = BUF_INIT, line = BUF_INIT;
	utf8_escape(&visible, text, 0);
	if (msg.line_shown)
		buf_puts(&line, ERASE);
	msg.line_shown = false;
	if (msg.json)
		add_json(&line, level, buf_str(&visible), err);
	else
		buf_printf(&line, "%s: %s", msg.tool, buf_text(&visible));
	buf_putc(&line, '\n');
	write_stderr(buf_str(&line));
	buf_release(&line);
	buf_release(&visible);
}

__attribute__((format(printf, 2, 0)))
static void say_v(const char *level, const char *fmt, va_list ap)
{
	char *text;
	if (vasprintf(&text, fmt, ap) < 0)
		return;
	say(level, str_of(text), NULL);
	free(text);
}

void msg_error(const struct err *err)
{
	if (err->text)
		say("error", str_of(err->text), err);
}

void msg_warn(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say_v("warning", fmt, ap);
	va_end(ap);
}

void msg_note(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (!msg.quiet)
		say_v("note", fmt, ap);
	va_end(ap);
}

void msg_answer(const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	say_v("note", fmt, ap);
	va_end(ap);
}

void msg_debug(int level, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	if (msg.verbose >= level)
		say_v("debug", fmt, ap);
	va_end(ap);
}

void msg_command(const char *prefix, struct str line)
{
	struct buf text = BUF_INIT;
	buf_printf(&text, "%s: ", prefix);
	buf_add_str(&text, line);
	say("command", buf_str(&text), NULL);
	buf_release(&text);
}

void msg_library(int syslog_level, const char *text)
{
	int wanted = syslog_level <= 4 ? 1 : syslog_level <= 6 ? 2 : 3;
	msg_debug(wanted, "%s", text);
}

/* A line that wraps could not be taken away again. */
static size_t columns(void)
{
	struct winsize w;
	return ioctl(STDERR_FILENO, TIOCGWINSZ, &w) == 0 && w.ws_col > 1 ? w.ws_col - 1U : 79;
}

void msg_status_line(const char *text)
{
	if (!text && !msg.line_shown)
		return;
	if (text && (msg.quiet || msg.json || isatty(STDERR_FILENO) != 1))
		return;
	struct buf line = BUF_INIT;
	buf_puts(&line, ERASE);
	buf_printf(&line, "%.*s", (int)columns(), text ? text : "");
	write_stderr(buf_str(&line));
	buf_release(&line);
	msg.line_shown = text != NULL;
}
