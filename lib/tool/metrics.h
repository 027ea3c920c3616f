/* metrics: counters, gauges and histograms in a file that Prometheus' node_exporter collects
 * (textfile).
 *
 * What there is, is a table that the tool has at compile time, so that names and help texts are the
 * same in every file. A series is there from its first value on; a family without labels of its
 * own begins with 0, for the others say so once (metrics_add with 0). The common labels, which tell
 * one writer from another, stand on all of them. No client timestamps, and no number or id belongs into
 * a label. Usage: metrics_init, values at any time, metrics_write now and then. */
#ifndef TOOL_METRICS_H
#define TOOL_METRICS_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

#define METRICS_LABELS 3

enum metrics_type { METRICS_COUNTER, METRICS_GAUGE, METRICS_HISTOGRAM };

struct metrics_family {
	const char *name, *help;
	enum metrics_type type;
	const char *labels[METRICS_LABELS + 1]; /* of its own, ended by NULL */
	const double *bounds;                   /* of a histogram: rising, without +Inf */
	size_t bound_count;
};

struct metrics_series; /* private */

struct metrics {
	const struct metrics_family *families;
	size_t family_count;
	struct buf common; /* as it stands in the file */
	struct metrics_series *series;
	size_t count, cap;
};

/* families is borrowed; common are names and values in turn, ended by NULL. */
void metrics_init(struct metrics *m, const struct metrics_family *families, size_t count,
    const char *const *common);

/* family is its number in the table, values are those of its labels; NULL if it has none. */
void metrics_add(struct metrics *m, size_t family, const char *const *values, double by);
void metrics_set(struct metrics *m, size_t family, const char *const *values, double value);
void metrics_observe(struct metrics *m, size_t family, const char *const *values, double value,
    uint64_t times);

void metrics_text(const struct metrics *m, struct buf *out);

/* The file is replaced as a whole, and everybody may read it. Only names in ".prom" are collected. */
int metrics_write(const struct metrics *m, const char *path, struct err *err);

void metrics_release(struct metrics *m);

#endif
