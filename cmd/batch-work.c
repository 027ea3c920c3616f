/* batch-work: runs a command over the records of each ready batch, with others of its group. */
#include "app/work.h"

#include "app/session.h"
#include "base/buf.h"
#include "base/id.h"
#include "base/num.h"
#include "batch/agenda.h"

#define LOAD_LEAST 0.01
#define LOAD_MOST  100000

struct asked {
	const char *chunk, *slots, *backoff, *jitter, *max_invalid, *max_load, *out, *dead, *topics, *from;
	struct lanes lanes;
	struct opt_list on_exit;
	bool envelopes, nul, strict, condemn;
	int order, on_invalid;
	int64_t target_ms;
	struct work_options work;
};

/* Without a range there is nothing that they could change. */
static int check_sizes(struct tool_ctx *t, const struct work_options *o)
{
	bool one_size = o->pace.min == o->pace.max;
	if (one_size && o->pace.target_us && tool_gave(t, "target"))
		return tool_usage(t, "--target goes with --chunk MIN..MAX");
	if (one_size && o->slots.min == o->slots.max && (o->max_load > 0 || o->mem_free > 0))
		return tool_usage(t, "--max-load and --mem-free go with --chunk MIN..MAX or -j MIN..MAX");
	return 0;
}

static int sizes(struct tool_ctx *t, struct asked *c)
{
	struct work_options *o = &c->work;
	if (pace_parse(&o->pace, c->chunk, &t->err))
		return tool_refuse(t, "chunk");
	if (slots_parse(&o->slots, c->slots, &t->err))
		return tool_refuse(t, "jobs");
	if (o->split > o->slots.min)
		return tool_usage(t, "--split %lld: -j must be at least as many", (long long)o->split);
	o->pace.target_us = c->target_ms * 1000;
	o->pace.longest_us = 60 * 1000000;
	if (c->max_load && num_real(c->max_load, LOAD_LEAST, LOAD_MOST, &o->max_load, &t->err))
		return tool_usage(t, "--max-load: %s", t->err.text);
	return check_sizes(t, o);
}

static int errors(struct tool_ctx *t, struct asked *c)
{
	struct work_options *o = &c->work;
	for (size_t i = 0; i < c->on_exit.count; i++)
		if (onexit_add(&o->on_exit, c->on_exit.items[i], &t->err))
			return tool_usage(t, "--on-exit: %s", t->err.text);
	if (backoff_parse(&o->rules.backoff, c->backoff, &t->err))
		return tool_refuse(t, "backoff");
	if (c->jitter && backoff_set_jitter(&o->rules.backoff, c->jitter, &t->err))
		return tool_refuse(t, "jitter");
	if (c->max_invalid && quota_parse(&o->quota, c->max_invalid, &t->err))
		return tool_usage(t, "--max-invalid: %s", t->err.text);
	o->rules.condemn = c->condemn;
	o->on_invalid = (enum work_invalid)c->on_invalid;
	return 0;
}

static int topics(struct tool_ctx *t, struct asked *c)
{
	struct work_options *o = &c->work;
	if (lanes_parse(&c->lanes, c->topics, &t->err))
		return tool_usage(t, "-t: %s", t->err.text);
	if (!c->dead && c->on_invalid == WORK_DEAD)
		return tool_usage(t, "-t: say by --invalid TOPIC where invalid records go, or "
		    "--on-invalid skip");
	for (size_t i = 0; i < c->lanes.count && c->strict; i++)
		if (c->lanes.list[i].weight != 1)
			return tool_usage(t, "-t: weights go without --strict-priority");
	o->from_beginning = c->from && str_is(str_of(c->from), "beginning");
	o->from_end = c->from && str_is(str_of(c->from), "end");
	if (c->from && !o->from_beginning && !o->from_end)
		return tool_usage(t, "-o: beginning or end");
	c->lanes.strict = c->strict;
	o->topics = &c->lanes;
	return 0;
}

static int check_names(struct tool_ctx *t, const struct asked *c)
{
	const struct work_options *o = &c->work;
	const struct {
		const char *option, *value;
	} names[] = {{"-G", o->group}, {"--instance", o->instance}, {"--out", c->out}, {"--invalid", c->dead},
	    {"--joblog", o->joblog}, {"--failed-dir", o->failed_dir}, {"--metrics", o->metrics}};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (names[i].value && !*names[i].value)
			return tool_usage(t, "%s: it is empty", names[i].option);
	bool to_topic = c->out && !str_is(str_of(c->out), "-");
	if (to_topic && topic_check(str_of(c->out), "topic", &t->err))
		return tool_usage(t, "--out: %s", t->err.text);
	if (c->dead && topic_check(str_of(c->dead), "topic", &t->err))
		return tool_usage(t, "--invalid: %s", t->err.text);
	return 0;
}

/* Options of one way that were given with another would be ignored silently. */
static int check_way(struct tool_ctx *t, const struct asked *c)
{
	const struct work_options *o = &c->work;
	if (c->topics && t->common.stream)
		return tool_usage(t, "-t TOPIC goes without -s");
	if (c->from && !c->topics)
		return tool_usage(t, "-o goes with -t");
	if (c->topics && o->early)
		return tool_usage(t, "--early is for the batches of a stream");
	if (!c->topics && !o->early && tool_gave(t, "linger"))
		return tool_usage(t, "--linger goes with -t or --early");
	if (o->sample && (c->topics || o->dry_run))
		return tool_usage(t, "--sample is for the batches of a stream, and not for --dry-run");
	if (c->envelopes && c->nul)
		return tool_usage(t, "-0 and -J do not go together");
	return 0;
}

static int check_invalid(struct tool_ctx *t, const struct asked *c)
{
	if (c->on_invalid != WORK_DEAD && (c->dead || c->work.keep_records))
		return tool_usage(t, "--invalid and --keep-records go with --on-invalid dead");
	if (c->on_invalid == WORK_STOP && c->max_invalid)
		return tool_usage(t, "--max-invalid goes without --on-invalid stop");
	if (c->condemn && tool_gave(t, "confirm"))
		return tool_usage(t, "--confirm and --no-contrast exclude each other");
	return 0;
}

static int check_results(struct tool_ctx *t, const struct work_options *o)
{
	bool nowhere = !o->out || str_is(str_of(o->out), "-");
	if (o->exactly_once && nowhere)
		return tool_usage(t, "--exactly-once is for results that go to a topic");
	if (o->pair && !o->out && !o->sample)
		return tool_usage(t, "--pair is for results that go somewhere: --out TOPIC or -");
	return 0;
}

static int check(struct tool_ctx *t, const struct asked *c)
{
	if (!c->work.group)
		return tool_usage(t, "no group: -G GROUP is needed");
	if (t->operands.command_argc == 0)
		return tool_usage(t, "no command: -- COMMAND is needed");
	return check_names(t, c) || check_way(t, c) || check_invalid(t, c) ? -1 : 0;
}

static int run(struct tool_ctx *t)
{
	struct asked *c = t->own;
	struct work_options *o = &c->work;
	const char *stream = NULL;
	struct buf out = BUF_INIT, dead = BUF_INIT;
	if (check(t, c) || (c->topics ? topics(t, c) : session_stream(t, &stream)) || sizes(t, c) ||
	    errors(t, c))
		return -1;
	buf_printf(&out, "%s.out", stream ? stream : "");
	buf_printf(&dead, "%s.invalid", stream ? stream : "");
	o->command = t->operands.command;
	o->format = c->envelopes ? WORK_ENVELOPES : c->nul ? WORK_NUL : WORK_LINES;
	o->order = (enum work_order)c->order;
	o->aging_ms = c->strict ? AGENDA_STRICT : AGENDA_AGING_MS;
	o->out = c->out ? c->out : stream ? buf_text(&out) : "none";
	o->out = str_is(str_of(o->out), "none") ? NULL : o->out;
	o->dead = c->dead ? c->dead : buf_text(&dead);
	o->dead = o->on_invalid == WORK_DEAD ? o->dead : NULL;
	int failed = check_results(t, o);
	o->out = o->sample ? "-" : o->out;
	if (!failed)
		failed = work(t, stream, o);
	buf_release(&out);
	buf_release(&dead);
	return failed;
}

static struct asked asked = {.chunk = "100", .slots = "3", .backoff = "5,15,30",
    .work = {.rules = {.retries = 3, .confirm_ms = 30000}, .breaker = 5, .split = 1,
	.max_bytes = 8 << 20, .linger_ms = 1000, .drain_ms = 30000, .report_ms = 5000}};

static const struct opt options[] = {
    OPT_STR('G', "group", &asked.work.group, "GROUP", COMPLETE_GROUP,
	"the consumer group whose members share the work"),
    OPT_STR('t', "topic", &asked.topics, "TOPIC[:WEIGHT],...", COMPLETE_TOPIC,
	"any topics instead of a stream's batches, by weight"),
    OPT_STR('o', "offset", &asked.from, "beginning|end", "beginning|end",
	"with -t: where a group without an offset begins"),
    OPT_DUR(0, "linger", &asked.work.linger_ms, "TIME",
	"with -t or --early: so long a chunk waits to be full (1s)"),
    OPT_FLAG(0, "early", &asked.work.early, "work on batches that are still being sent, too"),
    OPT_STR(0, "instance", &asked.work.instance, "NAME", COMPLETE_NONE,
	"whoever comes back under this name keeps its partitions"),
    OPT_STR('j', "jobs", &asked.slots, "N|MIN..MAX", COMPLETE_NONE,
	"so many commands at once (3)"),
    OPT_I64(0, "split", &asked.work.split, 1, SLOTS_MOST, "N",
	"divide a chunk among N commands beside each other (1)"),
    OPT_STR(0, "chunk", &asked.chunk, "N|MIN..MAX[,FIRST]", COMPLETE_NONE,
	"so many records to a command (100)"),
    OPT_DUR(0, "target", &asked.target_ms, "TIME", "with MIN..MAX: how long a command should take"),
    OPT_SIZE(0, "max-bytes", &asked.work.max_bytes, 1, INT64_C(1) << 30, "SIZE",
	"never more than this to a command (8M)"),
    OPT_STR(0, "max-load", &asked.max_load, "LOAD", COMPLETE_NONE,
	"do not grow while the machine's load is higher"),
    OPT_SIZE(0, "mem-free", &asked.work.mem_free, 0, INT64_MAX, "SIZE",
	"do not grow while less memory is free"),
    OPT_FLAG('J', "json-envelope", &asked.envelopes, "records as envelopes, in and out"),
    OPT_FLAG('0', "null", &asked.nul, "records end with NUL instead of newline"),
    OPT_STR(0, "out", &asked.out, "none|TOPIC|-", COMPLETE_TOPIC,
	"where results go (STREAM.out)"),
    OPT_STR(0, "invalid", &asked.dead, "TOPIC", COMPLETE_TOPIC,
	"where invalid records go (STREAM.invalid)"),
    OPT_FLAG(0, "pair", &asked.work.pair, "a line out for each record in: it gets its key and batchSeq"),
    OPT_CHOICE(0, "order", &asked.order, "partition|key|none",
	"what keeps its order (partition)"),
    OPT_FLAG(0, "strict-priority", &asked.strict, "priority alone decides; low ones may starve"),
    OPT_LIST(0, "on-exit", &asked.on_exit, "CODE[-CODE]=ACTION", COMPLETE_NONE,
	"done, isolate, retry, outage, stop, halve or crash; may be repeated"),
    OPT_I64(0, "retries", &asked.work.rules.retries, 0, 1000, "N", "runs after the first (3)"),
    OPT_STR(0, "backoff", &asked.backoff, "LIST|BASE*N..MAX", COMPLETE_NONE,
	"waits before retries (5,15,30)"),
    OPT_STR(0, "jitter", &asked.jitter, "0..1", COMPLETE_NONE, "how much of a wait is drawn"),
    OPT_DUR(0, "time-limit", &asked.work.timeout_ms, "TIME", "end a command that takes longer"),
    OPT_DUR(0, "confirm", &asked.work.rules.confirm_ms, "TIME",
	"how long to wait for another run's success before nobody is blamed (30s)"),
    OPT_FLAG(0, "no-contrast", &asked.condemn, "blame a record that fails alone, though nothing else succeeds"),
    OPT_I64(0, "breaker", &asked.work.breaker, 1, 1000000, "N",
	"begin nothing for a while after N failures in a row (5)"),
    OPT_CHOICE(0, "on-invalid", &asked.on_invalid, "dead|skip|stop",
	"invalid records go to STREAM.invalid, are only counted and told, or stop the worker"),
    OPT_STR(0, "max-invalid", &asked.max_invalid, "N|P%", COMPLETE_NONE,
	"stop when so many records were invalid"),
    OPT_FLAG(0, "keep-records", &asked.work.keep_records, "an invalid record's envelope goes with it"),
    OPT_FLAG(0, "allow-partial-read", &asked.work.may_leave_input,
	"a command need not read all its input"),
    OPT_FLAG(0, "exactly-once", &asked.work.exactly_once,
	"results and progress in one transaction"),
    OPT_DUR(0, "report", &asked.work.report_ms, "TIME", "say in the log how far it is, so often (5s)"),
    OPT_DUR(0, "drain", &asked.work.drain_ms, "TIME",
	"what runs may go on for so long when it must end (30s)"),
    OPT_STR(0, "joblog", &asked.work.joblog, "FILE", COMPLETE_FILE,
	"a line for each run, in the columns of GNU parallel"),
    OPT_STR(0, "failed-dir", &asked.work.failed_dir, "DIR", COMPLETE_DIR,
	"keep the input and the end of failed runs there"),
    OPT_STR(0, "metrics", &asked.work.metrics, "FILE", COMPLETE_FILE,
	"numbers for Prometheus, written at each report"),
    OPT_FLAG(0, "once", &asked.work.once, "work off what is ready, then end"),
    OPT_FLAG(0, "dry-run", &asked.work.dry_run, "print the settings and which batches are ready; do nothing"),
    OPT_I64(0, "sample", &asked.work.sample, 1, PACE_MOST, "N",
	"print what comes out for N records; do nothing else"),
    OPT_END};

int main(int argc, char **argv)
{
	const struct tool tool = {.name = "batch-work",
	    .summary = "Runs a command over each ready batch of batch-create --processing, in chunks.",
	    .usage = "-s STREAM -G GROUP -- COMMAND [ARG ...]\n"
		     "-t TOPIC[:WEIGHT],... -G GROUP -- COMMAND [ARG ...]",
	    .takes = TOOL_STREAM | TOOL_COMMAND,
	    .options = options,
	    .section = "work",
	    .run = run,
	    .own = &asked,
	    SESSION_SETTINGS};
	int status = tool_main(argc, argv, &tool);
	opt_list_release(&asked.on_exit);
	onexit_release(&asked.work.on_exit);
	lanes_release(&asked.lanes);
	return status;
}
