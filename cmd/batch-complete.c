/* batch-complete: ends a batch, with the proof of what was sent. */
#include "app/session.h"
#include "kafka/kfetch.h"
#include "tool/clock.h"
#include "tool/msg.h"
#include "tool/sig.h"

struct complete {
	int64_t records, actual, invalid;
	const char *metadata, *owner;
	bool count, force, processed;
};

static int check(struct tool_ctx *t, const struct complete *c)
{
	if (c->count && c->records >= 0)
		return tool_usage(t, "--records and --count exclude each other");
	if (c->processed && (c->count || c->records >= 0))
		return tool_usage(t, "--processed takes --actual and --invalid, not a count of "
		    "what was sent");
	if (c->processed != (c->actual >= 0) || (c->invalid >= 0 && !c->processed))
		return tool_usage(t, "--processed and --actual N go together, --invalid N with them");
	return 0;
}

static int late(struct kfetch *f, struct err *err)
{
	struct deadline over = deadline_start(0);
	return kfetch_late(f, &over, err);
}

static int count_records(struct tool_ctx *t, struct kfetch *f, int64_t *records)
{
	const struct record *r;
	struct kfetch_counts before = {0};
	int64_t moved_ms = clock_mono_ms();
	for (;;) {
		if (sig_ended())
			return err_set(&t->err, ST_FAIL, "interrupted");
		struct kfetch_counts c = kfetch_counts(f);
		if (c.records != before.records || c.passed != before.passed)
			moved_ms = clock_mono_ms();
		before = c;
		switch (kfetch_next(f, 200, &r, &t->err)) {
		case KREAD_ERROR:
			return -1;
		case KREAD_DONE:
			*records = kfetch_counts(f).records;
			return 0;
		case KREAD_EMPTY:
			if (clock_mono_ms() - moved_ms > t->budget_ms)
				return late(f, &t->err);
			break;
		case KREAD_RECORD:
			break;
		}
	}
}

/* --count: looks at every record that the topic holds. */
static int scan(struct tool_ctx *t, const struct target *x, int64_t *records)
{
	struct klog *log = NULL;
	struct kbatch *found = NULL;
	struct kfetch *fetch = NULL;
	struct batch b = BATCH_INIT;
	const struct kbatch_options all = KBATCH_OPTIONS_INIT;
	int failed = session_log(t, x->stream, false, &log) ||
	    kbatch_open(&found, log, str_of(x->id), &all, &t->deadline, &t->err) ||
	    kbatch_document(found, &b, &t->err);
	if (!failed) {
		js_remove(b.doc, "manifest");
		/* From the beginning: a record's time is its sender's, and may be older than the batch. */
		const struct kfetch_options options = {.created_ms = 0, .log = msg_library};
		failed = kfetch_open(&fetch, &t->settings.kv, &b, &options, &t->deadline,
			     &t->err) ||
		    count_records(t, fetch, records);
	}
	kfetch_close(fetch);
	batch_release(&b);
	kbatch_close(found);
	klog_close(log);
	return failed ? -1 : 0;
}

/* The number of records, and the manifest if there is one; of no records an empty one says so. */
static int sent(struct tool_ctx *t, const struct complete *c, const struct target *x,
    struct batch_change *change, struct json_t **manifest)
{
	change->expected = c->records;
	if (c->count && scan(t, x, &change->expected))
		return -1;
	if (x->has_manifest) {
		int64_t records = manifest_records(&x->manifest);
		if (change->expected >= 0 && change->expected != records)
			return err_set(&t->err, ST_FAIL, "the manifests on standard input say %lld "
			    "records, not %lld", (long long)records, (long long)change->expected);
		change->expected = records;
	} else if (change->expected < 0) {
		return err_set(&t->err, ST_FAIL, "no manifest on standard input (the document that "
		    "batch-send prints), and neither --records nor --count");
	}
	if (x->has_manifest || change->expected == 0)
		*manifest = manifest_json(&x->manifest);
	change->manifest = *manifest;
	return 0;
}

static int run(struct tool_ctx *t)
{
	const struct complete *c = t->own;
	struct target x = TARGET_INIT;
	struct buf owner = BUF_INIT;
	struct json_t *metadata = NULL, *manifest = NULL;
	/* Standard input is read for manifests only when nothing else says the count. */
	bool by_manifest = !c->processed && !c->count && c->records < 0;
	if (check(t, c))
		return -1;
	session_owner(t, c->owner, &owner);
	struct batch_change change = {
	    .action = c->processed ? BATCH_PROCESSED : BATCH_COMPLETE,
	    .owner = buf_str(&owner),
	    .force = c->force,
	    .actual = c->actual,
	    .invalid = c->processed && c->invalid < 0 ? 0 : c->invalid,
	};
	int failed = session_metadata(t, c->metadata, &metadata) ||
	    target_find(t, by_manifest, &x) ||
	    (!c->processed && sent(t, c, &x, &change, &manifest));
	change.metadata = metadata;
	failed = failed || session_change(t, &x, &change);
	js_free(metadata);
	js_free(manifest);
	buf_release(&owner);
	target_release(&x);
	return failed ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct complete c = {.records = -1, .actual = -1, .invalid = -1};
	const struct opt options[] = {
	    OPT_I64(0, "records", &c.records, 0, INT64_MAX, "N",
		"so many records were sent; without, standard input holds manifests"),
	    OPT_FLAG(0, "count", &c.count, "count what is in the topic"),
	    OPT_STR(0, "metadata", &c.metadata, "JSON", COMPLETE_NONE,
		"an object that replaces the batch's metadata"),
	    OPT_STR(0, "owner", &c.owner, "NAME", COMPLETE_NONE,
		"act as this owner (broker user, or login name)"),
	    OPT_FLAG(0, "force", &c.force, "complete a batch, or replace its metadata, that belongs to another"),
	    OPT_FLAG(0, "processed", &c.processed,
		"as its worker: what was sent is processed"),
	    OPT_I64(0, "actual", &c.actual, 0, INT64_MAX, "N",
		"with --processed: records processed"),
	    OPT_I64(0, "invalid", &c.invalid, 0, INT64_MAX, "N",
		"with --processed: invalid among them (0)"),
	    OPT_END};
	const struct tool tool = {.name = "batch-complete",
	    .summary = "Ends a batch, with the proof of what was sent, and prints its document.",
	    .usage = "-s STREAM -B ID [--records N | --count]\n"
		     "< DOCUMENTS",
	    .takes = TOOL_STREAM | TOOL_BATCH,
	    .options = options,
	    .run = run,
	    .own = &c,
	    SESSION_SETTINGS};
	return tool_main(argc, argv, &tool);
}
