/* work: the worker behind batch-work: a member of a consumer group that runs a command over the records of
 * ready batches, in chunks. man/batch-work.1 says what is promised.
 *
 * One thread, one loop: the group, the reader, the producer and the children are each asked what they
 * have, and nothing waits but the loop itself. A partition that is ours (work_group.c) is a share, a batch
 * in it a piece (work_share.c). It is read (work_read.c), if need be between the bounds of work_bounds.c,
 * into chunks (work_chunk.c); one is taken from the piece that is first (work_begin.c) and goes with its
 * trial through runs of the command (work_run.c), each of one or several children (work_strand.c), to the
 * delivery of what came out of it (work_deliver.c; work_once.c in one transaction, when work_room.c has room
 * for it), results (work_results.c) and invalid records (work_letter.c), by the producers of work_send.c, and
 * into what is committed (work_checkpoint.c). Batches and their end are work_jobs.c's, how far they are
 * work_report.c's; records that belong to none are sought by work_stray.c, where work_cover.c lets it. Plain
 * topics have shares with one piece each (work_stream.c). --dry-run and --sample are work_look.c's, --metrics
 * work_metrics.c's.
 */
#ifndef APP_WORK_H
#define APP_WORK_H

#include "batch/backoff.h"
#include "batch/breaker.h"
#include "batch/lanes.h"
#include "batch/onexit.h"
#include "batch/pace.h"
#include "batch/quota.h"
#include "batch/slots.h"
#include "batch/trial.h"
#include "tool/tool.h"

enum work_order { WORK_BY_PARTITION, WORK_BY_KEY, WORK_NONE };
enum work_format { WORK_LINES, WORK_NUL, WORK_ENVELOPES };
enum work_invalid { WORK_DEAD, WORK_SKIP, WORK_STOP };

struct work_options {
	const char *group, *instance; /* instance NULL: a member like any other */
	struct lanes *topics;         /* any topics; NULL: the batches of a stream */
	bool from_end;                /* of topics of which the group has no offset: their end, else */
	bool from_beginning;          /* their beginning; neither: that is an error */
	bool early;                   /* batches that are still being sent, too */
	int64_t linger_ms;            /* of topics and of those: so long a chunk waits to be full */
	char *const *command;         /* ended by NULL */

	enum work_format format;
	bool pair;               /* a line out for each record in */
	const char *out, *dead;  /* topics of results and of invalid records; out NULL: none, "-": standard output */
	enum work_invalid on_invalid;
	bool keep_records;       /* an invalid record's envelope goes with it */

	struct onexit on_exit;
	struct trial_rules rules;
	struct pace pace;
	struct slots slots;
	struct quota quota;
	int64_t split; /* so many commands do a run beside each other */
	int64_t breaker, max_bytes, aging_ms, timeout_ms, drain_ms, report_ms;
	double max_load;         /* 0: no limit */
	int64_t mem_free;        /* bytes; 0: no limit */
	enum work_order order;
	bool once, exactly_once;
	bool dry_run;            /* print what there is to do, and the settings */
	int64_t sample;          /* run the command over so many records, and print what comes out; 0: work */
	bool may_leave_input;
	const char *joblog, *failed_dir, *metrics; /* NULL: none */
};

/* Until a signal, or with once until nothing is left. -1: the command cannot do its work (ST_FAIL), the
 * membership is over, or too many records were invalid. */
int work(struct tool_ctx *t, const char *stream, const struct work_options *o); /* stream NULL: of o->topics */

#endif
