/* The worker's numbers for Prometheus (--metrics). */
#include "app/work_int.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "tool/clock.h"

enum {
	RECORDS,
	CHUNKS,
	DURATION,
	TARGET,
	SLOTS,
	BUSY,
	AGE,
	BREAKER,
	BACKOFF,
	REBALANCES,
	DISCARDED,
	QUEUE_BATCHES,
	QUEUE_RECORDS,
	QUEUE_AGE,
	TIME,
	BUILD,
	FAMILIES,
};

static const double durations[] = {.01, .03, .1, .3, 1, 3, 10, 30, 100, 300};
static const double ages[] = {1, 3, 10, 30, 100, 300, 1000, 3000, 10000, 30000, 100000};

#define COUNT(a) (sizeof(a) / sizeof(*(a)))

static const struct metrics_family families[] = {
    [RECORDS] = {"batch_work_records_total", "Records that were dealt with, by what became of them.",
	METRICS_COUNTER, {"outcome"}, NULL, 0},
    [CHUNKS] = {"batch_work_chunks_total",
	"Chunks: ok in the first run, retried as a whole, isolated by division, failed with nobody to blame, "
	"killed because time was up at the end, aborted because others have them.",
	METRICS_COUNTER, {"outcome"}, NULL, 0},
    [DURATION] = {"batch_work_chunk_duration_seconds", "How long runs of the command took.",
	METRICS_HISTOGRAM, {0}, durations, COUNT(durations)},
    [TARGET] = {"batch_work_chunk_target_records", "Records that the next chunk is to hold.",
	METRICS_GAUGE, {0}, NULL, 0},
    [SLOTS] = {"batch_work_slots", "Commands that may run at once.", METRICS_GAUGE, {0}, NULL, 0},
    [BUSY] = {"batch_work_slots_busy", "Commands that run.", METRICS_GAUGE, {0}, NULL, 0},
    [AGE] = {"batch_work_record_age_seconds",
	"From when a record's batch became ready to when the record was dealt with.",
	METRICS_HISTOGRAM, {"priority"}, ages, COUNT(ages)},
    [BREAKER] = {"batch_work_breaker_open", "1 while all fails and nothing is begun.", METRICS_GAUGE, {0},
	NULL, 0},
    [BACKOFF] = {"batch_work_backoff_chunks", "Chunks that wait to be tried again.", METRICS_GAUGE, {0},
	NULL, 0},
    [REBALANCES] = {"batch_work_rebalances_total", "How often the group gave out its partitions.",
	METRICS_COUNTER, {0}, NULL, 0},
    [DISCARDED] = {"batch_work_checkpoint_discarded_total", "Checkpoints that could not be used.",
	METRICS_COUNTER, {0}, NULL, 0},
    [QUEUE_BATCHES] = {"batch_queue_batches", "Batches that are ready and not ended.", METRICS_GAUGE,
	{"priority"}, NULL, 0},
    [QUEUE_RECORDS] = {"batch_queue_records", "Their records that are not dealt with, as far as was reported.",
	METRICS_GAUGE, {"priority"}, NULL, 0},
    [QUEUE_AGE] = {"batch_queue_oldest_age_seconds", "Since when the first of them is ready.", METRICS_GAUGE,
	{"priority"}, NULL, 0},
    [TIME] = {"batch_exporter_timestamp_seconds", "When this file was written.", METRICS_GAUGE, {0}, NULL, 0},
    [BUILD] = {"batch_build_info", "Always 1: which version of batchutils and of librdkafka.", METRICS_GAUGE,
	{"version", "librdkafka"}, NULL, 0},
};

static const char *const outcomes[] = {"ok", "retried", "isolated", "failed", "killed", "aborted"};
static const char *const classes[] = {"high", "medium", "low"};

/* The name of the file tells workers in one directory apart, who has no other. */
static char *name_of(const char *path)
{
	const char *slash = strrchr(path, '/'), *name = slash ? slash + 1 : path;
	const char *dot = strrchr(name, '.');
	return mem_strndup(name, dot ? (size_t)(dot - name) : strlen(name));
}

int work_metrics_open(struct work *w)
{
	char *name = name_of(w->o->metrics);
	const char *const common[] = {"stream", w->stream ? w->stream : "", "group", w->o->group, "instance",
	    w->o->instance ? w->o->instance : name, NULL};
	metrics_init(&w->metrics, families, FAMILIES, common);
	for (size_t i = 0; i < COUNT(outcomes); i++)
		metrics_add(&w->metrics, CHUNKS, &outcomes[i], 0);
	for (size_t i = 0; i < COUNT(classes); i++)
		metrics_observe(&w->metrics, AGE, &classes[i], 0, 0);
	metrics_set(&w->metrics, BUILD, (const char *[]){BATCH_VERSION, kversion_text()}, 1);
	free(name);
	return work_metrics_write(w, &w->t->err);
}

void work_metrics_run(struct work *w, const struct chunk *c)
{
	if (w->metrics.family_count)
		metrics_observe(&w->metrics, DURATION, NULL, (double)work_strands_took_ms(c) / 1000, 1);
}

void work_metrics_chunk(struct work *w, struct chunk *c, enum work_outcome outcome)
{
	const struct job *j = c->piece->job;
	uint64_t records = 0;
	if (!w->metrics.family_count || c->piece == c->piece->share->sweep.piece)
		return;
	metrics_add(&w->metrics, CHUNKS, &outcomes[outcome], 1);
	if (!*j->id || outcome >= WORK_KILLED)
		return;
	for (size_t i = 0; i < c->records.count; i++)
		records += trial_record(&c->trial, i)->verdict != VERDICT_UNDONE;
	const char *class = agenda_class(j->priority);
	metrics_observe(&w->metrics, AGE, &class, (double)(clock_wall_ms() - j->ready_ms) / 1000, records);
}

static void set_records(struct work *w)
{
	static const char *const names[] = {"done", "invalid", "skipped"};
	const int64_t values[] = {w->tally.done, w->tally.invalid, w->tally.skipped};
	for (size_t i = 0; i < COUNT(names); i++)
		metrics_set(&w->metrics, RECORDS, &names[i], (double)values[i]);
}

static void set(struct work *w, size_t family, int64_t value)
{
	metrics_set(&w->metrics, family, NULL, (double)value);
}

static void set_state(struct work *w)
{
	int64_t waiting = 0;
	for (const struct chunk *c = w->chunks; c; c = c->next)
		waiting += c->state == CHUNK_WAITING && c->until_ms > w->now_ms;
	set(w, TARGET, w->pace.size);
	set(w, SLOTS, w->slots.now);
	set(w, BUSY, w->running);
	set(w, BREAKER, w->breaker.state != BREAKER_CLOSED);
	set(w, BACKOFF, waiting);
	set(w, REBALANCES, w->rebalances);
	set(w, DISCARDED, w->discarded);
	set(w, TIME, clock_wall_ms() / 1000);
}

/* All of one class of priority. */
static void set_queue(struct work *w, const char *class, int64_t now_ms)
{
	int64_t batches = 0, records = 0, oldest_ms = now_ms;
	size_t at = 0;
	void *value;
	while (map_next(&w->jobs, &at, NULL, &value)) {
		const struct job *j = value;
		const struct tally done = parts_tally(&j->parts);
		if (j->early || j->ending || strcmp(agenda_class(j->priority), class) != 0)
			continue;
		batches++;
		records += j->expected > tally_sum(&done) ? j->expected - tally_sum(&done) : 0;
		oldest_ms = j->ready_ms < oldest_ms ? j->ready_ms : oldest_ms;
	}
	metrics_set(&w->metrics, QUEUE_BATCHES, &class, (double)batches);
	metrics_set(&w->metrics, QUEUE_RECORDS, &class, (double)records);
	metrics_set(&w->metrics, QUEUE_AGE, &class, (double)(now_ms - oldest_ms) / 1000);
}

int work_metrics_write(struct work *w, struct err *err)
{
	set_records(w);
	set_state(w);
	for (size_t i = 0; i < COUNT(classes); i++)
		set_queue(w, classes[i], clock_wall_ms());
	return metrics_write(&w->metrics, w->o->metrics, err);
}
