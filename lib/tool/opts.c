#include "tool/opts.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"

/* getopt_long answers this plus the row's index for a long option, so that one with a letter too
 * can be told from its letter. */
#define LONG_BASE 256

#define HELP_COLUMN 32
#define HELP_WIDTH  80

struct parser {
	const struct opt **rows; /* of all groups */
	size_t count, cap;
	struct option *longs;
	struct buf shorts;
	struct buf spelled; /* the option at hand as the user wrote it */
};

static void parser_init(struct parser *p, const struct opt_group *groups)
{
	*p = (struct parser){0};
	for (; groups->rows; groups++) {
		for (const struct opt *o = groups->rows; o->kind != OPT_KIND_END; o++) {
			p->rows = mem_grow(p->rows, &p->cap, p->count + 1, sizeof(struct opt *));
			p->rows[p->count++] = o;
		}
	}
	p->longs = mem_zalloc(p->count + 1, sizeof(*p->longs));
	/* '-': operands come in order, whatever POSIXLY_CORRECT says; ':' tells a missing
	 * argument. */
	buf_puts(&p->shorts, "-:");
	for (size_t i = 0; i < p->count; i++) {
		const struct opt *o = p->rows[i];
		int takes = o->arg ? required_argument : no_argument;
		p->longs[i] = (struct option){o->name, takes, NULL, LONG_BASE + (int)i};
		if (o->letter)
			buf_printf(&p->shorts, "%c%s", o->letter, o->arg ? ":" : "");
	}
}

static void parser_release(struct parser *p)
{
	free(p->rows);
	free(p->longs);
	buf_release(&p->shorts);
	buf_release(&p->spelled);
}

/* The row for what getopt_long answered, or in optopt; count: none. */
static size_t find_row(const struct parser *p, int code)
{
	if (code >= LONG_BASE)
		return (size_t)(code - LONG_BASE);
	size_t i = 0;
	while (i < p->count && (code == 0 || p->rows[i]->letter != code))
		i++;
	return i;
}

static void spell(struct parser *p, const char *word, int code)
{
	buf_clear(&p->spelled);
	if (strncmp(word, "--", 2) == 0)
		buf_add(&p->spelled, word, strcspn(word, "="));
	else
		buf_printf(&p->spelled, "-%c", code);
}

static bool is_abbreviation(const struct parser *p, const char *word, size_t row)
{
	return strncmp(word, "--", 2) == 0 && strcmp(buf_text(&p->spelled) + 2, p->rows[row]->name);
}

static size_t least(size_t a, size_t b)
{
	return a < b ? a : b;
}

#define WORD_MOST 32

/* Number of letters to change, add, leave out or swap with the next one to make b of a; both shorter than WORD_MOST. */
static size_t distance(struct str a, struct str b)
{
	size_t d[WORD_MOST + 1][WORD_MOST + 1];
	for (size_t i = 0; i <= a.len; i++)
		d[i][0] = i;
	for (size_t j = 0; j <= b.len; j++)
		d[0][j] = j;
	for (size_t i = 1; i <= a.len; i++) {
		for (size_t j = 1; j <= b.len; j++) {
			size_t changed = d[i - 1][j - 1] + (a.ptr[i - 1] != b.ptr[j - 1]);
			d[i][j] = least(changed, least(d[i - 1][j], d[i][j - 1]) + 1);
			if (i > 1 && j > 1 && a.ptr[i - 1] == b.ptr[j - 2] && a.ptr[i - 2] == b.ptr[j - 1])
				d[i][j] = least(d[i][j], d[i - 2][j - 2] + 1);
		}
	}
	return d[a.len][b.len];
}

/* The name that is nearest to what was written after --, NULL: none is near. */
static const char *nearest(const struct parser *p, struct str written)
{
	size_t best = least(2, written.len / 3) + 1;
	const char *found = NULL;
	for (size_t i = 0; i < p->count && written.len < WORD_MOST; i++) {
		struct str name = str_of(p->rows[i]->name);
		size_t far = name.len < WORD_MOST ? distance(written, name) : WORD_MOST;
		if (far < best) {
			best = far;
			found = p->rows[i]->name;
		}
	}
	return found;
}

static int unknown(const struct parser *p, size_t meant, struct err *err)
{
	if (meant < p->count)
		return err_set(err, ST_USAGE, "unknown option %s; --%s has to be written out",
		    buf_text(&p->spelled), p->rows[meant]->name);
	struct str written = buf_str(&p->spelled);
	const char *near = str_has_prefix(written, "--")
	    ? nearest(p, (struct str){written.ptr + 2, written.len - 2}) : NULL;
	if (near)
		return err_set(err, ST_USAGE, "unknown option %s: did you mean --%s?", buf_text(&p->spelled), near);
	return err_set(err, ST_USAGE, "unknown option %s", buf_text(&p->spelled));
}

static int refuse(const struct parser *p, int code, size_t row, struct err *err)
{
	const char *spelled = buf_text(&p->spelled);
	if (row == p->count)
		return unknown(p, row, err);
	if (code == ':')
		return err_set(err, ST_USAGE, "option %s needs an argument: %s", spelled,
		    p->rows[row]->arg);
	return err_set(err, ST_USAGE, "option %s takes no argument", spelled);
}

static int set_choice(const struct opt *o, const char *value, struct err *err)
{
	struct str rest = str_of(o->words), word;
	for (int i = 0; rest.ptr; i++) {
		rest = str_cut(rest, '|', &word);
		if (!str_is(word, value))
			continue;
		*o->to.number = i;
		return 0;
	}
	return err_set(err, ST_USAGE, "'%s' is none of %s", value, o->words);
}

int opts_set(const struct opt *o, const char *value, struct err *err)
{
	switch (o->kind) {
	case OPT_KIND_FLAG:
		*o->to.flag = true;
		return 0;
	case OPT_KIND_COUNT:
		++*o->to.number;
		return 0;
	case OPT_KIND_STR:
		*o->to.text = value;
		return 0;
	case OPT_KIND_I64:
		return num_i64(value, o->min, o->max, o->to.i64, err);
	case OPT_KIND_DUR:
		return num_duration_ms(value, o->to.i64, err);
	case OPT_KIND_SIZE:
		return num_size(value, o->min, o->max, o->to.i64, err);
	case OPT_KIND_CHOICE:
		return set_choice(o, value, err);
	case OPT_KIND_LIST:
		o->to.list->items = mem_grow(o->to.list->items, &o->to.list->cap,
		    o->to.list->count + 1, sizeof(char *));
		o->to.list->items[o->to.list->count++] = value;
		return 0;
	case OPT_KIND_END:
		break;
	}
	return 0;
}

bool opts_gave(const struct operands *rest, const struct opt *row)
{
	for (size_t i = 0; i < rest->given_count; i++)
		if (rest->given[i] == row)
			return true;
	return false;
}

static int take(struct parser *p, size_t row, const char *value, struct operands *rest,
    struct err *err)
{
	const struct opt *o = p->rows[row];
	if (o->arg && o->kind != OPT_KIND_LIST && opts_gave(rest, o))
		return err_set(err, ST_USAGE, "option %s is given twice", buf_text(&p->spelled));
	rest->given = mem_grow(rest->given, &rest->given_cap, rest->given_count + 1, sizeof(*rest->given));
	rest->given[rest->given_count++] = o;
	return opts_set(o, value, err) ? err_wrap(err, "option %s", buf_text(&p->spelled)) : 0;
}

static void add_operand(struct operands *rest, char *word)
{
	rest->argv = mem_grow(rest->argv, &rest->cap, (size_t)rest->argc + 1, sizeof(char *));
	rest->argv[rest->argc++] = word;
}

/* 1: one more was taken. 0: that was the last, with optind behind it and behind `--`. */
static int next(struct parser *p, int argc, char **argv, struct operands *rest, struct err *err)
{
	const char *word = optind < argc ? argv[optind > 0 ? optind : 1] : NULL;
	int code = getopt_long(argc, argv, buf_text(&p->shorts), p->longs, NULL);
	if (code == -1)
		return 0;
	if (code == 1) {
		add_operand(rest, optarg);
		return 1;
	}
	bool bad = code == '?' || code == ':';
	size_t row = find_row(p, bad ? optopt : code);
	spell(p, word, bad ? optopt : code);
	if (row < p->count && is_abbreviation(p, word, row))
		return unknown(p, row, err);
	if (bad)
		return refuse(p, code, row, err);
	return take(p, row, optarg, rest, err) ? -1 : 1;
}

int opts_parse(const struct opt_group *groups, int argc, char **argv, bool command_wanted,
    struct operands *rest, struct err *err)
{
	struct parser p;
	int r, end = 1;
	parser_init(&p, groups);
	optind = 0; /* glibc: begin anew */
	opterr = 0;
	while ((r = next(&p, argc, argv, rest, err)) > 0)
		end = optind;
	if (r == 0 && command_wanted && optind > end) {
		rest->command = argv + optind;
		rest->command_argc = argc - optind;
	} else if (r == 0) {
		for (int i = optind; i < argc; i++)
			add_operand(rest, argv[i]);
	}
	parser_release(&p);
	return r;
}

/* Up to where a line of so many columns is cut: at its last blank that is not within brackets. */
static size_t line_length(const char *text, size_t columns)
{
	size_t at = 0, cut = 0;
	int depth = 0;
	for (; text[at] && (at <= columns || cut == 0); at++) {
		depth += (text[at] == '[') - (text[at] == ']');
		if (text[at] == ' ' && depth == 0 && at > strspn(text, " "))
			cut = at;
	}
	return at > columns && cut > 0 ? cut : at;
}

void opts_fold(struct buf *out, size_t column, const char *text)
{
	for (;;) {
		size_t len = line_length(text, HELP_WIDTH - column);
		buf_printf(out, "%.*s\n", (int)len, text);
		text += len + strspn(text + len, " ");
		if (!*text)
			return;
		buf_printf(out, "%*s", (int)column, "");
	}
}

static void help_row(const struct opt *o, struct buf *out)
{
	size_t start = out->len;
	if (o->letter)
		buf_printf(out, "  -%c, ", o->letter);
	else
		buf_puts(out, "      ");
	buf_printf(out, "--%s%s%s", o->name, o->arg ? " " : "", o->arg ? o->arg : "");
	if (out->len - start > HELP_COLUMN - 2) {
		buf_putc(out, '\n');
		start = out->len;
	}
	buf_printf(out, "%*s", (int)(HELP_COLUMN - (out->len - start)), "");
	opts_fold(out, HELP_COLUMN, o->help);
}

void opts_help(const struct opt_group *groups, struct buf *out)
{
	for (; groups->rows; groups++) {
		if (groups->rows->kind == OPT_KIND_END)
			continue;
		buf_printf(out, "\n%s:\n", groups->title);
		for (const struct opt *o = groups->rows; o->kind != OPT_KIND_END; o++)
			help_row(o, out);
	}
}

void opts_list(const struct opt_group *groups, struct buf *out)
{
	for (; groups->rows; groups++)
		for (const struct opt *o = groups->rows; o->kind != OPT_KIND_END; o++)
			buf_printf(out, "%c\t%s\t%s\t%s\t%s\n", o->letter ? o->letter : '-',
			    o->name, o->arg ? o->arg : "-", o->words, o->help);
}

void operands_release(struct operands *o)
{
	free(o->argv);
	free(o->given);
	*o = (struct operands)OPERANDS_INIT;
}

void opt_list_release(struct opt_list *l)
{
	free(l->items);
	*l = (struct opt_list){0};
}
