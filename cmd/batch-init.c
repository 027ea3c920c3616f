/* batch-init: makes the topics of a stream, or says how those that are there differ. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "app/session.h"
#include "base/num.h"
#include "kafka/kadmin.h"
#include "tool/msg.h"

struct init {
	int64_t partitions, replication, retention_ms, min_isr;
	const char *retention;
	bool grow, yes;
};

/* Records that are gone before anybody reads them are most likely a unit that was mistaken. */
#define SHORT_MS 60000

#define FOR_EVER INT64_MAX /* what retention.ms says by -1 */

/* The notification topic is the only truth: an event must never be dropped in favour of a later one,
 * and a batch's partition must not change. */
static const struct part {
	const char *suffix;
	bool is_log;
} parts[] = {{"in", false}, {"notification", true}, {"out", false}, {"invalid", false}};

#define PARTS (sizeof(parts) / sizeof(*parts))
#define DATA  0
#define LOG   1

struct making {
	struct tool_ctx *t;
	const struct init *init;
	struct kclient *client;
	const struct part *part;
	const struct buf *name;
	struct json_t *report; /* of this topic */
	int64_t data_ms; /* how long the data topic that is there keeps records; 0: there is none yet */
	bool differs;
};

static void difference(struct making *m, const char *what, const char *is, const char *wanted)
{
	struct json_t *list = js_get_rw(m->report, "differs"), *one = js_object();
	if (!list) {
		js_set(m->report, "differs", js_array());
		list = js_get_rw(m->report, "differs");
	}
	js_set_str(one, "setting", str_of(what));
	js_set_str(one, "is", str_of(is));
	js_set_str(one, "wanted", str_of(wanted));
	js_append(list, one);
	msg_warn("topic %s: %s is %s, wanted is %s", buf_text(m->name), what, is, wanted);
	m->differs = true;
}

static void compare_number(struct making *m, const char *what, int64_t is, int64_t wanted)
{
	char a[24], b[24];
	if (wanted < 0 || is == wanted)
		return;
	snprintf(a, sizeof(a), "%lld", (long long)is);
	snprintf(b, sizeof(b), "%lld", (long long)wanted);
	difference(m, what, a, b);
}

static int compare_config(struct making *m, const char *name, const char *wanted)
{
	struct buf is = BUF_INIT;
	if (!m->init->retention && strcmp(name, "retention.ms") == 0)
		return 0; /* nobody asked for it: compare_with_data */
	int failed = kadmin_config(m->client, buf_text(m->name), name, &is, &m->t->deadline,
	    &m->t->err);
	if (!failed && strcmp(buf_text(&is), wanted) != 0)
		difference(m, name, buf_text(&is), wanted);
	buf_release(&is);
	return failed;
}

static int64_t retention_of(const char *text)
{
	long long ms = strtoll(text, NULL, 10);
	return ms < 0 ? FOR_EVER : ms;
}

static void print_retention(char out[24], int64_t ms)
{
	snprintf(out, 24, "%lld", ms == FOR_EVER ? -1 : (long long)ms);
}

/* How long the data topic keeps records, when it is there. */
static int look_at_data(struct making *m, const char *topic)
{
	struct buf text = BUF_INIT;
	int32_t ignored;
	int has = kclient_has_topic(m->client, topic, &ignored, &m->t->deadline, &m->t->err);
	if (has <= 0)
		return has;
	int failed = kadmin_config(m->client, topic, "retention.ms", &text, &m->t->deadline, &m->t->err);
	if (!failed)
		m->data_ms = retention_of(buf_text(&text));
	buf_release(&text);
	return failed;
}

/* Records without their batch's events would belong to nothing. */
static int compare_with_data(struct making *m)
{
	struct buf is = BUF_INIT;
	char wanted[24];
	if (!m->part->is_log || m->init->retention)
		return 0;
	int failed = kadmin_config(m->client, buf_text(m->name), "retention.ms", &is, &m->t->deadline,
	    &m->t->err);
	print_retention(wanted, m->data_ms);
	if (!failed && retention_of(buf_text(&is)) < m->data_ms)
		difference(m, "retention.ms", buf_text(&is), wanted);
	buf_release(&is);
	return failed;
}

/* The settings wanted of this topic as name, value, ..., NULL. */
struct wanted {
	char retention[24], min_isr[24];
	const char *pairs[7];
};

static void wanted_configs(const struct making *m, const struct part *part, struct wanted *w)
{
	const struct init *init = m->init;
	size_t n = 0;
	int64_t least_ms = part->is_log ? m->data_ms : 0;
	int64_t retention_ms = init->retention && init->retention_ms > least_ms ? init->retention_ms : least_ms;
	*w = (struct wanted){0};
	if (part->is_log) {
		w->pairs[n++] = "cleanup.policy";
		w->pairs[n++] = "delete";
	}
	if (init->retention || least_ms) {
		print_retention(w->retention, retention_ms);
		w->pairs[n++] = "retention.ms";
		w->pairs[n++] = w->retention;
	}
	if (init->min_isr > 0) {
		snprintf(w->min_isr, sizeof(w->min_isr), "%lld", (long long)init->min_isr);
		w->pairs[n++] = "min.insync.replicas";
		w->pairs[n++] = w->min_isr;
	}
}

static int grow(struct making *m, int64_t *partitions)
{
	int64_t wanted = m->init->partitions;
	if (!m->init->grow || m->part->is_log || *partitions >= wanted)
		return 0;
	if (kadmin_grow(m->client, buf_text(m->name), wanted, &m->t->deadline, &m->t->err))
		return -1;
	js_set_i64(m->report, "grownFrom", *partitions);
	*partitions = wanted;
	return 0;
}

static int compare(struct making *m, const struct wanted *w, bool made)
{
	int64_t partitions, replication;
	if (kadmin_layout(m->client, buf_text(m->name), &partitions, &replication,
		&m->t->deadline, &m->t->err) ||
	    grow(m, &partitions))
		return -1;
	js_set_i64(m->report, "partitions", partitions);
	js_set_i64(m->report, "replication", replication);
	js_set_bool(m->report, "created", made);
	if (made)
		return 0;
	if (!(m->init->grow && m->part->is_log))
		compare_number(m, "partitions", partitions, m->init->partitions);
	compare_number(m, "replication", replication, m->init->replication);
	for (const char *const *p = w->pairs; *p; p += 2)
		if (compare_config(m, p[0], p[1]))
			return -1;
	return compare_with_data(m);
}

/* An admin request that waits says nothing of why; asking for a topic does. */
static int connect(struct making *m, const char *topic)
{
	int32_t ignored;
	return kclient_has_topic(m->client, topic, &ignored, &m->t->deadline, &m->t->err) < 0 ? -1
											       : 0;
}

static int report_topic(struct making *m, const struct wanted *w, bool made, struct json_t *topics)
{
	m->report = js_object();
	js_set_str(m->report, "topic", buf_str(m->name));
	int failed = compare(m, w, made);
	js_append(topics, m->report);
	return failed;
}

static int make_stream(struct making *m, const char *stream, struct json_t *topics)
{
	struct kadmin_topic list[PARTS];
	struct wanted wanted[PARTS];
	struct buf names[PARTS] = {BUF_INIT};
	bool made[PARTS] = {false};
	for (size_t i = 0; i < PARTS; i++)
		buf_printf(&names[i], "%s.%s", stream, parts[i].suffix);
	int failed = connect(m, buf_text(&names[DATA])) || look_at_data(m, buf_text(&names[DATA]));
	for (size_t i = 0; i < PARTS; i++) {
		wanted_configs(m, &parts[i], &wanted[i]);
		list[i] = (struct kadmin_topic){
		    .name = buf_text(&names[i]),
		    .partitions = m->init->partitions,
		    .replication = m->init->replication,
		    .configs = wanted[i].pairs,
		};
	}
	failed = failed || kadmin_create(m->client, list, PARTS, made, &m->t->deadline, &m->t->err);
	int without = failed ? 0 : kadmin_spread(m->client, &m->t->settings.kv, list, PARTS,
	    &m->t->deadline);
	if (without > 0)
		msg_warn("stream %s: %d of the brokers did not say in time that they know its "
		    "topics; who asks them may be told that there are none", stream, without);
	if (!failed && m->data_ms == 0 && !made[LOG]) /* not before the brokers know the topics */
		failed = look_at_data(m, list[DATA].name);
	for (size_t i = 0; i < PARTS && !failed; i++) {
		m->part = &parts[i];
		m->name = &names[i];
		failed = report_topic(m, &wanted[i], made[i], topics);
	}
	for (size_t i = 0; i < PARTS; i++)
		buf_release(&names[i]);
	return failed;
}

static int print(struct tool_ctx *t, struct json_t *report)
{
	struct buf line = BUF_INIT;
	js_dump(report, &line);
	buf_putc(&line, '\n');
	int failed = out_buf(&t->out, &line, &t->err);
	buf_release(&line);
	return failed;
}

/* Elsewhere a number is one of seconds: too short a life for what was meant in days, or milliseconds. */
static int take_retention(struct tool_ctx *t, struct init *init)
{
	const char *text = init->retention;
	if (num_duration_ms(text, &init->retention_ms, &t->err))
		return tool_usage(t, "--retention: %s", t->err.text);
	if (text[strspn(text, "0123456789")] == '\0')
		return tool_usage(t, "--retention %s: a unit is wanted: %sd, %sh, %sm or the like", text, text,
		    text, text);
	if (init->retention_ms < SHORT_MS && !init->yes)
		return tool_usage(t, "--retention %s: the brokers would delete records after less than a minute; "
		    "give --yes if that is meant", text);
	return 0;
}

static int run(struct tool_ctx *t)
{
	struct init *init = t->own;
	const char *stream;
	struct making m = {.t = t, .init = init};
	if (session_stream(t, &stream))
		return -1;
	if (init->grow && init->partitions < 1)
		return tool_usage(t, "--grow needs --partitions N");
	if (init->retention && take_retention(t, init))
		return -1;
	const struct kclient_options options = {.log = msg_library,
	    .right = init->grow ? KRIGHT_ALTER : NULL};
	if (settings_need_brokers(&t->settings, &t->err) ||
	    kclient_open(&m.client, KCLIENT_ADMIN, &t->settings.kv, &options, &t->err))
		return -1;
	struct json_t *report = js_object(), *topics = js_array();
	js_set_str(report, "stream", str_of(stream));
	int failed = make_stream(&m, stream, topics);
	js_set(report, "topics", topics);
	failed = failed || print(t, report);
	js_free(report);
	kclient_close(m.client);
	if (!failed && m.differs)
		return err_set(&t->err, ST_FAIL, "stream %s is there, and differs from what was "
		    "asked for", stream);
	return failed ? -1 : 0;
}

int main(int argc, char **argv)
{
	struct init init = {.partitions = -1, .replication = -1, .min_isr = -1};
	const struct opt options[] = {
	    OPT_I64(0, "partitions", &init.partitions, 1, 100000, "N",
		"partitions of each topic (the broker's default)"),
	    OPT_I64(0, "replication", &init.replication, 1, 1000, "R",
		"replicas of each partition (the broker's default)"),
	    OPT_STR(0, "retention", &init.retention, "TIME", COMPLETE_NONE,
		"how long records are kept, with a unit (the broker's default)"),
	    OPT_FLAG(0, "yes", &init.yes, "take a --retention of less than a minute"),
	    OPT_I64(0, "min-isr", &init.min_isr, 1, 1000, "N",
		"so many replicas must have a record before it is acknowledged"),
	    OPT_FLAG(0, "grow", &init.grow,
		"add partitions where there are fewer; never to the notification topic"),
	    OPT_END};
	const struct tool tool = {.name = "batch-init",
	    .summary = "Makes the topics of a stream, or says how those that are there differ.",
	    .usage = "-s STREAM",
	    .takes = TOOL_STREAM,
	    .options = options,
	    .run = run,
	    .own = &init,
	    SESSION_SETTINGS};
	return tool_main(argc, argv, &tool);
}
