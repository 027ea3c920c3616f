#include "base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/mem.h"

__attribute__((format(printf, 1, 0))) static char *vtext(const char *fmt, va_list ap)
{
	char *text;
	return vasprintf(&text, fmt, ap) < 0 ? mem_strdup("out of memory") : text;
}

/* One failure is one line, whatever a broker or a file put into it. */
static void one_line(char *text)
{
	for (; *text; text++)
		if (*text == '\n' || *text == '\r')
			*text = ' ';
}

static void replace(struct err *e, enum status status, char *text)
{
	free(e->text);
	one_line(text);
	e->status = status;
	e->text = text;
}

int err_set(struct err *e, enum status status, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *text = vtext(fmt, ap);
	va_end(ap);
	replace(e, status, text);
	return -1;
}

int err_errno(struct err *e, enum status status, int errnum, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *text = vtext(fmt, ap);
	va_end(ap);
	struct buf b = BUF_INIT;
	buf_printf(&b, "%s: %s", text, strerror(errnum));
	free(text);
	replace(e, status, buf_detach(&b));
	return -1;
}

/* True if text begins with this context already: "batch 'b': why", "batch 'b' is started". */
static bool has_context(const char *text, const char *context)
{
	size_t len = strlen(context);
	return text && strncmp(text, context, len) == 0 && (text[len] == ':' || text[len] == ' ');
}

int err_wrap(struct err *e, const char *fmt, ...)
{
	va_list ap;
	va_start(ap, fmt);
	char *context = vtext(fmt, ap);
	va_end(ap);
	if (has_context(e->text, context)) {
		free(context);
		return -1;
	}
	struct buf b = BUF_INIT;
	buf_printf(&b, "%s: %s", context, e->text ? e->text : "failed");
	free(context);
	replace(e, e->status, buf_detach(&b));
	return -1;
}

void err_move(struct err *to, struct err *from)
{
	free(to->text);
	*to = *from;
	*from = (struct err)ERR_INIT;
}

void err_clear(struct err *e)
{
	free(e->text);
	*e = (struct err)ERR_INIT;
}
