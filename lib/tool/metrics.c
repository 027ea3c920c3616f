#include "tool/metrics.h"

#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/mem.h"
#include "base/utf8.h"
#include "tool/file.h"
#include "tool/out.h"

struct metrics_series {
	size_t family;
	char *labels; /* its own, as they stand in the file */
	double value; /* of a histogram the sum */
	uint64_t *buckets; /* not yet cumulated; the last one is +Inf. NULL: no histogram */
};

static void add_label(struct buf *out, const char *name, const char *value)
{
	struct buf text = BUF_INIT;
	utf8_repair(&text, str_of(value));
	buf_printf(out, "%s%s=\"", out->len ? "," : "", name);
	for (size_t i = 0; i < text.len; i++) {
		char c = text.data[i];
		if (c == '\\' || c == '"')
			buf_putc(out, '\\');
		if (c == '\n')
			buf_puts(out, "\\n");
		else
			buf_putc(out, c);
	}
	buf_putc(out, '"');
	buf_release(&text);
}

static struct metrics_series *new_series(struct metrics *m, size_t family, char *labels)
{
	const struct metrics_family *f = &m->families[family];
	m->series = mem_grow(m->series, &m->cap, m->count + 1, sizeof(*m->series));
	struct metrics_series *s = &m->series[m->count++];
	*s = (struct metrics_series){.family = family, .labels = labels};
	if (f->type == METRICS_HISTOGRAM)
		s->buckets = mem_zalloc(f->bound_count + 1, sizeof(*s->buckets));
	return s;
}

static struct metrics_series *find_series(struct metrics *m, size_t family,
    const char *const *values)
{
	const struct metrics_family *f = &m->families[family];
	struct buf labels = BUF_INIT;
	for (size_t i = 0; f->labels[i]; i++)
		add_label(&labels, f->labels[i], values[i]);
	for (size_t i = 0; i < m->count; i++) {
		struct metrics_series *s = &m->series[i];
		if (s->family == family && strcmp(s->labels, buf_text(&labels)) == 0) {
			buf_release(&labels);
			return s;
		}
	}
	return new_series(m, family, buf_detach(&labels));
}

void metrics_init(struct metrics *m, const struct metrics_family *families, size_t count,
    const char *const *common)
{
	*m = (struct metrics){.families = families, .family_count = count};
	for (; *common; common += 2)
		add_label(&m->common, common[0], common[1]);
	for (size_t i = 0; i < count; i++)
		if (!families[i].labels[0])
			find_series(m, i, NULL);
}

void metrics_add(struct metrics *m, size_t family, const char *const *values, double by)
{
	find_series(m, family, values)->value += by;
}

void metrics_set(struct metrics *m, size_t family, const char *const *values, double value)
{
	find_series(m, family, values)->value = value;
}

void metrics_observe(struct metrics *m, size_t family, const char *const *values, double value,
    uint64_t times)
{
	const struct metrics_family *f = &m->families[family];
	struct metrics_series *s = find_series(m, family, values);
	size_t i = 0;
	while (i < f->bound_count && value > f->bounds[i])
		i++;
	s->buckets[i] += times;
	s->value += value * (double)times;
}

/* As short as it can be without being another number. */
static void add_number(struct buf *out, double value)
{
	size_t start = out->len;
	buf_printf(out, "%.15g", value);
	if (strtod(out->data + start, NULL) < value || strtod(out->data + start, NULL) > value) {
		out->len = start;
		buf_printf(out, "%.17g", value);
	}
}

/* NAME{LABELS} and the blank behind. */
static void add_name(struct buf *out, const struct metrics *m, const struct metrics_series *s,
    const char *suffix, const char *le)
{
	struct str parts[] = {buf_str(&m->common), str_of(s->labels), str_of(le)};
	const char *before = "{";
	buf_printf(out, "%s%s", m->families[s->family].name, suffix);
	for (size_t i = 0; i < sizeof(parts) / sizeof(*parts); i++) {
		if (parts[i].len == 0)
			continue;
		buf_puts(out, before);
		buf_add_str(out, parts[i]);
		before = ",";
	}
	buf_puts(out, *before == ',' ? "} " : " ");
}

static void add_histogram(struct buf *out, const struct metrics *m, const struct metrics_series *s)
{
	const struct metrics_family *f = &m->families[s->family];
	struct buf le = BUF_INIT;
	uint64_t count = 0;
	for (size_t i = 0; i <= f->bound_count; i++) {
		buf_clear(&le);
		buf_puts(&le, "le=\"");
		if (i < f->bound_count)
			add_number(&le, f->bounds[i]);
		else
			buf_puts(&le, "+Inf");
		buf_putc(&le, '"');
		count += s->buckets[i];
		add_name(out, m, s, "_bucket", buf_text(&le));
		buf_printf(out, "%llu\n", (unsigned long long)count);
	}
	add_name(out, m, s, "_sum", NULL);
	add_number(out, s->value);
	buf_putc(out, '\n');
	add_name(out, m, s, "_count", NULL);
	buf_printf(out, "%llu\n", (unsigned long long)count);
	buf_release(&le);
}

static void add_series(struct buf *out, const struct metrics *m, const struct metrics_series *s)
{
	if (s->buckets) {
		add_histogram(out, m, s);
		return;
	}
	add_name(out, m, s, "", NULL);
	add_number(out, s->value);
	buf_putc(out, '\n');
}

void metrics_text(const struct metrics *m, struct buf *out)
{
	static const char *const types[] = {"counter", "gauge", "histogram"};
	for (size_t i = 0; i < m->family_count; i++) {
		const struct metrics_family *f = &m->families[i];
		buf_printf(out, "# HELP %s %s\n# TYPE %s %s\n", f->name, f->help, f->name,
		    types[f->type]);
		for (size_t k = 0; k < m->count; k++)
			if (m->series[k].family == i)
				add_series(out, m, &m->series[k]);
	}
}

static int write_to(struct file_tmp *f, struct str text, struct err *err)
{
	struct out o;
	if (fchmod(f->fd, 0644))
		return err_errno(err, ST_FAIL, errno, "%s", f->path);
	out_init(&o, f->fd, f->path);
	int r = out_str(&o, text, err) || out_flush(&o, err) ? -1 : 0;
	out_release(&o);
	return r;
}

int metrics_write(const struct metrics *m, const char *path, struct err *err)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? mem_strndup(path, (size_t)(slash - path + (slash == path))) : mem_strdup(".");
	struct file_tmp f;
	struct buf text = BUF_INIT;
	metrics_text(m, &text);
	int r = file_tmp_open(&f, dir, slash ? slash + 1 : path, err);
	if (r == 0)
		r = write_to(&f, buf_str(&text), err) ? -1 : file_tmp_publish(&f, err);
	file_tmp_abandon(&f);
	buf_release(&text);
	free(dir);
	return r;
}

void metrics_release(struct metrics *m)
{
	for (size_t i = 0; i < m->count; i++) {
		free(m->series[i].labels);
		free(m->series[i].buckets);
	}
	free(m->series);
	buf_release(&m->common);
	*m = (struct metrics){0};
}
