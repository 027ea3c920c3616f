#include "batch/filter.h"

#include <limits.h>
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "base/mem.h"

/* An expression without special characters is looked for as it stands: many times faster. */
struct filter_grep {
	struct str literal; /* absent: use regex */
	regex_t regex;
};

void filter_add_key(struct filter *f, const char *text)
{
	f->keys = mem_grow(f->keys, &f->key_cap, f->key_count + 1, sizeof(*f->keys));
	f->keys[f->key_count++] = str_of(text);
}

int filter_add_header(struct filter *f, const char *text, struct err *err)
{
	struct header h;
	h.value = str_cut(str_of(text), '=', &h.name);
	if (h.name.len == 0)
		return err_set(err, ST_USAGE, "header '%s': not NAME=VALUE or NAME", text);
	f->headers = mem_grow(f->headers, &f->header_cap, f->header_count + 1, sizeof(*f->headers));
	f->headers[f->header_count++] = h;
	return 0;
}

int filter_add_grep(struct filter *f, const char *regex, struct err *err)
{
	struct filter_grep g = {0};
	if (*regex && !strpbrk(regex, "\\^$.[]|()*+?{}")) {
		g.literal = str_of(regex);
	} else {
		int code = regcomp(&g.regex, regex, REG_EXTENDED);
		if (code) {
			char why[128];
			regerror(code, &g.regex, why, sizeof(why));
			return err_set(err, ST_USAGE, "regular expression '%s': %s", regex, why);
		}
	}
	f->greps = mem_grow(f->greps, &f->grep_cap, f->grep_count + 1, sizeof(*f->greps));
	f->greps[f->grep_count++] = g;
	return 0;
}

static bool key_matches(const struct filter *f, struct str key)
{
	for (size_t i = 0; i < f->key_count; i++)
		if (key.ptr && str_eq(key, f->keys[i]))
			return true;
	return f->key_count == 0;
}

static bool has_header(const struct headers *list, const struct header *want)
{
	for (size_t i = 0; i < list->count; i++) {
		const struct header *h = &list->list[i];
		if (!str_eq(h->name, want->name))
			continue;
		if (!want->value.ptr || (h->value.ptr && str_eq(h->value, want->value)))
			return true;
	}
	return false;
}

static bool grep_matches(const struct filter_grep *g, struct str value)
{
	if (!value.ptr || value.len > INT_MAX)
		return false;
	if (g->literal.ptr)
		return memmem(value.ptr, value.len, g->literal.ptr, g->literal.len) != NULL;
	regmatch_t span = {0, (regoff_t)value.len};
	return regexec(&g->regex, value.ptr, 1, &span, REG_STARTEND) == 0;
}

bool filter_match(const struct filter *f, const struct record *r)
{
	if (!key_matches(f, r->key))
		return false;
	for (size_t i = 0; i < f->header_count; i++)
		if (!has_header(&r->headers, &f->headers[i]))
			return false;
	for (size_t i = 0; i < f->grep_count; i++)
		if (!grep_matches(&f->greps[i], r->value))
			return false;
	return true;
}

void filter_release(struct filter *f)
{
	for (size_t i = 0; i < f->grep_count; i++)
		if (!f->greps[i].literal.ptr)
			regfree(&f->greps[i].regex);
	free(f->keys);
	free(f->headers);
	free(f->greps);
	*f = (struct filter)FILTER_INIT;
}
