/* opts: options as a table whose rows point at the caller's variables. --help, --list-options
 * (read by the completions and by the man pages' test) and the parser all work from the same
 * rows.
 *
 * The variables keep their values when an option is not given: they are the defaults. An option
 * that takes a value may be given once (OPT_LIST: as often as wanted); a second time is an error,
 * since one of the two would be lost silently. Long names must be written out: an abbreviation
 * would break when an option is added. Options and operands may be mixed; `--` ends the options.
 * Texts are borrowed from argv. Conflicts between options are the caller's to check, after
 * parsing. */
#ifndef TOOL_OPTS_H
#define TOOL_OPTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

enum opt_kind {
	OPT_KIND_END,
	OPT_KIND_FLAG,
	OPT_KIND_COUNT,
	OPT_KIND_STR,
	OPT_KIND_I64,
	OPT_KIND_DUR,
	OPT_KIND_SIZE,
	OPT_KIND_CHOICE,
	OPT_KIND_LIST,
};

struct opt_list {
	const char **items; /* the array is owned, the texts are borrowed */
	size_t count, cap;
};

struct opt {
	enum opt_kind kind;
	char letter; /* 0: none */
	const char *name;
	union {
		bool *flag;
		int *number;
		const char **text;
		int64_t *i64;
		struct opt_list *list;
	} to;
	const char *arg;   /* its name in the help; NULL: takes none */
	const char *words; /* what completes it: one of COMPLETE_*, or the words, "a|b" */
	const char *help;  /* one line */
	int64_t min, max;  /* of OPT_I64 and OPT_SIZE */
};

#define COMPLETE_NONE   "none"
#define COMPLETE_FILE   "file"
#define COMPLETE_DIR    "dir"
#define COMPLETE_STREAM "stream"
#define COMPLETE_BATCH  "batch"
#define COMPLETE_STATUS "status"
#define COMPLETE_TOPIC  "topic"
#define COMPLETE_GROUP  "group"

/* Macros: L is the letter or 0, N the long name, P the address of the variable, H the help. */
#define OPT_FLAG(L, N, P, H)  {OPT_KIND_FLAG, L, N, {.flag = (P)}, NULL, COMPLETE_NONE, H, 0, 0}
#define OPT_COUNT(L, N, P, H) {OPT_KIND_COUNT, L, N, {.number = (P)}, NULL, COMPLETE_NONE, H, 0, 0}
#define OPT_STR(L, N, P, ARG, WORDS, H)  {OPT_KIND_STR, L, N, {.text = (P)}, ARG, WORDS, H, 0, 0}
#define OPT_LIST(L, N, P, ARG, WORDS, H) {OPT_KIND_LIST, L, N, {.list = (P)}, ARG, WORDS, H, 0, 0}

/* A whole number, or a size with its unit (base/num.h), from MIN to MAX; int64_t. */
#define OPT_I64(L, N, P, MIN, MAX, ARG, H)                                                         \
	{OPT_KIND_I64, L, N, {.i64 = (P)}, ARG, COMPLETE_NONE, H, MIN, MAX}
#define OPT_SIZE(L, N, P, MIN, MAX, ARG, H)                                                        \
	{OPT_KIND_SIZE, L, N, {.i64 = (P)}, ARG, COMPLETE_NONE, H, MIN, MAX}

/* A time span in milliseconds; int64_t. */
#define OPT_DUR(L, N, P, ARG, H) {OPT_KIND_DUR, L, N, {.i64 = (P)}, ARG, COMPLETE_NONE, H, 0, 0}

/* One of WORDS, "stop|skip": the variable, an int, becomes its index. */
#define OPT_CHOICE(L, N, P, WORDS, H)                                                              \
	{OPT_KIND_CHOICE, L, N, {.number = (P)}, WORDS, WORDS, H, 0, 0}

#define OPT_END {OPT_KIND_END, 0, NULL, {NULL}, NULL, NULL, NULL, 0, 0}

/* Rows under a title. A list of groups ends with rows NULL. */
struct opt_group {
	const char *title; /* "Options" */
	const struct opt *rows;
};

/* What is not an option, in order. */
struct operands {
	char **argv; /* the array is owned */
	int argc;
	size_t cap;
	char **command; /* what follows `--`, if that was asked for; ended by NULL; NULL: no `--` */
	int command_argc;
	const struct opt **given; /* the options that were; the array is owned */
	size_t given_count, given_cap;
};

#define OPERANDS_INIT {0}

/* -1: ST_USAGE and a text that names the option as it was written. With command_wanted all that
 * follows `--` is a command, otherwise more operands. Uses getopt_long and its global state. */
int opts_parse(const struct opt_group *groups, int argc, char **argv, bool command_wanted,
    struct operands *rest, struct err *err);

/* Was the option of this row given? */
bool opts_gave(const struct operands *rest, const struct opt *row);

/* As if it had been given with this value, which is borrowed, too. */
int opts_set(const struct opt *row, const char *value, struct err *err);

/* Appends the part of --help that lists the options. */
void opts_help(const struct opt_group *groups, struct buf *out);

/* Appends the text, whose first line begins at this column, in lines of at most 80 columns, cut at blanks
 * outside of brackets; the lines that follow are indented to the column. The parts of --help are written by this. */
void opts_fold(struct buf *out, size_t column, const char *text);

/* Appends a line for each option: LETTER, NAME, ARGUMENT, WORDS, HELP, separated by tabs; "-" for
 * no letter and no argument. */
void opts_list(const struct opt_group *groups, struct buf *out);

void operands_release(struct operands *o);
void opt_list_release(struct opt_list *l);

#endif
