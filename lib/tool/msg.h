/* msg: the only writer of standard error.
 *
 * One message is one line, `batch-send: text`, or with JSON one object: {"time","tool","level",
 * "message"} and for an error "status". Whatever brokers, files or records put into a text, it
 * cannot drive the terminal (base/utf8.h). A message never changes what a tool does: when
 * standard error is closed or full it is lost. Main thread only. */
#ifndef TOOL_MSG_H
#define TOOL_MSG_H

#include <stdbool.h>

#include "base/err.h"
#include "base/str.h"

void msg_init(const char *tool); /* borrowed; call it first */

/* Says that memory is short. Allocates nothing, and may be called in a signal handler. */
void msg_no_memory(void);

/* quiet hides notes and progress, never an error or a warning; verbose shows msg_debug up to that
 * level. */
void msg_configure(bool quiet, int verbose, bool json);

void msg_error(const struct err *err); /* nothing when it has no text */
void msg_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void msg_note(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
void msg_debug(int level, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A note that somebody asked for just now (SIGUSR1): shown in spite of -q. */
void msg_answer(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* A line that a command said on its standard error, "PREFIX: LINE"; its level in JSON is command. It
 * is data, and shown in spite of -q. */
void msg_command(const char *prefix, struct str line);

/* What a library has to say, by its syslog level: warnings and worse with -v, information with
 * -vv, the rest with -vvv. Fits struct kclient_options. */
void msg_library(int syslog_level, const char *text);

/* Shows line as the last line of the terminal, instead of the one shown before; NULL takes it
 * away. A message goes above it. Nothing unless standard error is a terminal, and neither with
 * quiet nor JSON. */
void msg_status_line(const char *line);

#endif
