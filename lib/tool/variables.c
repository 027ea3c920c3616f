#include "tool/variables.h"

#include <string.h>
#include <unistd.h>

#include "base/mem.h"
#include "tool/msg.h"

/* MAX_ARG_STRLEN of linux/binfmts.h: of one variable, with its name and the NUL at its end. */
#define LONGEST ((size_t)128 << 10)

/* How much room one variable may take: a few of that length fit beside our own environment. */
static size_t longest(void)
{
	long all = sysconf(_SC_ARG_MAX);
	size_t used = 0, room;
	for (char **e = environ; e && *e; e++)
		used += strlen(*e) + 1 + sizeof(*e);
	room = all > 0 && (size_t)all > used ? ((size_t)all - used) / 4 : 0;
	return room < LONGEST ? room : LONGEST;
}

static bool fits(const char *name, struct str value)
{
	return strlen(name) + value.len + 2 <= longest() &&
	    !(value.len && memchr(value.ptr, '\0', value.len));
}

bool variables_add(struct variables *v, const char *name, struct str value)
{
	bool does = fits(name, value);
	buf_puts(&v->text, name);
	if (does) {
		buf_putc(&v->text, '=');
		buf_add_str(&v->text, value);
	}
	buf_putc(&v->text, '\0');
	v->count++;
	return does;
}

void variables_add_of_batch(struct variables *v, const char *name, struct str value, struct str batch)
{
	enum { SHOWN = 100 };
	if (variables_add(v, name, value))
		return;
	msg_warn("batch '%.*s%s': the command gets no %s: a value of %zu bytes%s does not fit in its environment",
	    (int)(batch.len < SHOWN ? batch.len : SHOWN), batch.ptr, batch.len < SHOWN ? "" : "...", name,
	    value.len, value.len && memchr(value.ptr, '\0', value.len) ? ", one of them NUL," : "");
}

void variables_add_i64(struct variables *v, const char *name, int64_t value)
{
	struct buf text = BUF_INIT;
	buf_add_i64(&text, value);
	variables_add(v, name, buf_str(&text));
	buf_release(&text);
}

static const char **list(const struct variables *v, const char **to)
{
	const char *at = v->text.data;
	for (size_t i = 0; i < v->count; i++, at += strlen(at) + 1)
		*to++ = at;
	return to;
}

const char **variables_list(const struct variables *a, const struct variables *b)
{
	const char **all = mem_zalloc(a->count + (b ? b->count : 0) + 1, sizeof(*all));
	const char **end = list(a, all);
	if (b)
		list(b, end);
	return all;
}

void variables_release(struct variables *v)
{
	buf_release(&v->text);
	*v = (struct variables)VARIABLES_INIT;
}
