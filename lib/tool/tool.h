/* tool: what every main does before and after its job.
 *
 * Before: no standard descriptor is left closed, signals are set up, options parsed, settings
 * gathered; --help, --version, --list-options, -X list and -X dump are answered. After: standard
 * output is closed and checked, the one error is told, and the exit status follows from both. A
 * main fills a struct tool with its option rows, bound to its variables, and returns tool_main().
 */
#ifndef TOOL_TOOL_H
#define TOOL_TOOL_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/deadline.h"
#include "base/err.h"
#include "base/kv.h"
#include "tool/common.h"
#include "tool/opts.h"
#include "tool/out.h"
#include "tool/settings.h"

/* struct tool, takes: */
#define TOOL_STREAM  COMMON_STREAM /* -s */
#define TOOL_BATCH   COMMON_BATCH  /* -B */
#define TOOL_FILES   4u            /* operands */
#define TOOL_COMMAND 8u            /* `--` and a command */

struct tool_ctx;

struct tool {
	const char *name;    /* "batch-send" */
	const char *summary; /* what it does, for --help: one sentence */
	const char *usage;   /* what follows the name and [OPTION ...], one form a line */
	unsigned takes;      /* sum of TOOL_* */
	const struct opt *options; /* its own, ended by OPT_END */
	const char *section;       /* the setting SECTION.NAME is the default of --NAME; NULL: of none */

	/* 0: all of it done. -1: t->err says what not, and its status is the exit status (without
	 * a text it is quiet). After a signal the process ends by that signal, whatever run
	 * answers. */
	int (*run)(struct tool_ctx *t);
	void *own; /* the tool's: comes back as t->own */

	/* The settings of the library that main joins in; each may be NULL. */
	bool (*known)(const char *setting);
	void (*list)(struct buf *out);
	int (*dump)(const struct kv *settings, struct buf *out, struct err *err);
};

struct tool_ctx {
	const struct tool *tool;
	void *own;
	struct common common;
	struct operands operands;
	struct settings settings;
	const char *stream, *owner;         /* from the settings; NULL: not given */
	const char *batch;                  /* -B; NULL: not given */
	int64_t budget_ms;                  /* -m */
	struct deadline deadline;           /* the same, counted from the start */
	struct out out;                     /* standard output; run need not flush it */
	struct err err;
};

/* The exit status, or it ends by a signal. tool and what it points to must live that long. */
int tool_main(int argc, char **argv, const struct tool *tool);

/* For conflicts between options, found by run: ST_USAGE, the text and where to look. Answers -1. */
int tool_usage(struct tool_ctx *t, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Was this one of the tool's own options given on the command line? */
bool tool_gave(const struct tool_ctx *t, const char *option);

/* t->err says what is wrong with the value of this option, which may have come from a setting: adds where it was
 * said. Only for tools with a section. Answers -1. */
int tool_refuse(struct tool_ctx *t, const char *option);

#endif
