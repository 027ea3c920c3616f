#include "batch/batch.h"

#include "base/date.h"
#include "base/id.h"
#include "base/num.h"

#define BIT(status) (1u << (status))

/* 2^53: below, a double holds each whole number exactly. */
#define EXACT 9007199254740992.0

static const char *const status_names[BATCH_STATUS_COUNT] = {
    [BATCH_NONE] = "",
    [BATCH_STARTED] = "started",
    [BATCH_SENT] = "sendCompleted",
    [BATCH_COMPLETED] = "completed",
    [BATCH_TERMINATED] = "terminated",
    [BATCH_FAILED] = "failed",
};

/* A failure found late counts too: HRI lets a completed batch fail. */
static const unsigned may[BATCH_STATUS_COUNT] = {
    [BATCH_NONE] = BIT(BATCH_STARTED),
    [BATCH_STARTED] =
	BIT(BATCH_SENT) | BIT(BATCH_COMPLETED) | BIT(BATCH_TERMINATED) | BIT(BATCH_FAILED),
    [BATCH_SENT] = BIT(BATCH_COMPLETED) | BIT(BATCH_FAILED),
    [BATCH_COMPLETED] = BIT(BATCH_FAILED),
    [BATCH_TERMINATED] = 0,
    [BATCH_FAILED] = 0,
};

const char *batch_status_name(enum batch_status status)
{
	return status_names[status];
}

bool batch_status_parse(struct str name, enum batch_status *out)
{
	for (unsigned s = BATCH_STARTED; s < BATCH_STATUS_COUNT; s++) {
		if (str_is(name, status_names[s])) {
			*out = (enum batch_status)s;
			return true;
		}
	}
	return false;
}

bool batch_may(enum batch_status from, enum batch_status to)
{
	return may[from] & BIT(to);
}

bool batch_may_become(enum batch_status from, unsigned wanted)
{
	unsigned reached = BIT(from), before = 0;
	while (reached != before) {
		before = reached;
		for (unsigned s = BATCH_NONE; s < BATCH_STATUS_COUNT; s++)
			reached |= before & BIT(s) ? may[s] : 0;
	}
	return reached & wanted;
}

bool batch_is_finished(enum batch_status status)
{
	return status == BATCH_COMPLETED || status == BATCH_TERMINATED || status == BATCH_FAILED;
}

int batch_parse(struct str text, struct batch *out, struct err *err)
{
	struct str id, status;
	if (text.len > BATCH_DOC_MAX)
		return err_set(err, ST_FAIL, "batch document: larger than %zu bytes", BATCH_DOC_MAX);
	out->doc = js_parse_lax(text, err);
	if (!out->doc)
		return err_wrap(err, "batch document");
	if (!js_get_str(out->doc, "id", &id) || id.len == 0 || memchr(id.ptr, '\0', id.len) ||
	    !js_get_str(out->doc, "status", &status) ||
	    !batch_status_parse(status, &out->status)) {
		batch_release(out);
		return err_set(err, ST_FAIL, "not a batch document: no id (without NUL), or no status known here");
	}
	out->version = 0;
	js_get_i64(out->doc, "version", &out->version);
	return 0;
}

void batch_release(struct batch *b)
{
	js_free(b->doc);
	*b = (struct batch)BATCH_INIT;
}

void batch_copy(const struct batch *from, struct batch *to)
{
	*to = *from;
	to->doc = js_copy(from->doc);
}

struct str batch_member(const struct batch *b, const char *name)
{
	struct str s = STR("");
	js_get_str(b->doc, name, &s);
	return s;
}

struct str batch_id(const struct batch *b)
{
	return batch_member(b, "id");
}

/* Other writers give a whole number as text or as 5.0, too. */
static bool read_number(const struct json_t *doc, const char *name, int64_t *out)
{
	struct err ignored = ERR_INIT;
	struct str text;
	double real;
	if (js_get_i64(doc, name, out))
		return true;
	if (js_get_str(doc, name, &text)) {
		bool ok = num_i64_str(text, INT64_MIN, INT64_MAX, out, &ignored) == 0;
		err_clear(&ignored);
		return ok;
	}
	if (!js_get_real(doc, name, &real) || !(real > -EXACT && real < EXACT) ||
	    (double)(int64_t)real != real) /* a fraction */
		return false;
	*out = (int64_t)real;
	return true;
}

int64_t batch_number(const struct batch *b, const char *name, int64_t otherwise)
{
	int64_t n;
	return read_number(b->doc, name, &n) ? n : otherwise;
}

int64_t batch_began_ms(const struct batch *b, int64_t created_ms)
{
	struct err ignored = ERR_INIT;
	int64_t ms;
	bool is_date = date_parse(batch_member(b, "startDate"), &ms, &ignored) == 0;
	err_clear(&ignored);
	return is_date && ms < created_ms && created_ms - ms <= DATE_SLACK_MS ? ms : created_ms;
}

struct str batch_stream(const struct batch *b)
{
	struct str topic = batch_member(b, "topic");
	if (str_has_suffix(topic, ".in"))
		topic.len -= 3;
	return topic;
}

void batch_need_topic(struct batch *b, const char *stream)
{
	struct buf topic = BUF_INIT;
	if (batch_member(b, "topic").len)
		return;
	buf_printf(&topic, "%s.in", stream);
	js_set_str(b->doc, "topic", buf_str(&topic));
	buf_release(&topic);
}

bool batch_is_elsewhere(const struct batch *b, struct str topic)
{
	struct str own = batch_member(b, "topic");
	return own.len && !str_eq(own, topic);
}

/* By the name of today, or the old one; negative: by neither. */
static int64_t count_of(const struct batch *b)
{
	int64_t n = batch_number(b, "expectedRecordCount", -1);
	return n < 0 ? batch_number(b, "recordCount", -1) : n;
}

int64_t batch_expected(const struct batch *b)
{
	int64_t n = count_of(b);
	if (n < 0)
		js_get_i64(js_get(b->doc, "manifest"), "records", &n);
	return n < 0 ? -1 : n;
}

static void set_date(struct json_t *doc, const char *name, int64_t ms)
{
	struct buf text = BUF_INIT;
	date_format_s(ms, &text);
	js_set_str(doc, name, buf_str(&text));
	buf_release(&text);
}

static void set_status(struct batch *b, enum batch_status status)
{
	b->status = status;
	js_set_str(b->doc, "status", str_of(batch_status_name(status)));
	js_set_i64(b->doc, "version", b->version);
}

/* Readers look for a batch from the time in its id on. */
static int check_time(const struct batch_new *n, struct err *err)
{
	int64_t ms;
	if (!id_time(n->id, &ms) || ms - DATE_SLACK_MS <= n->now_ms)
		return 0;
	return err_set(err, ST_USAGE, "batch id '%.*s' holds a time to come (UUID of version 7): "
	    "its events would not be found", (int)n->id.len, n->id.ptr);
}

int batch_create(const struct batch_new *n, struct batch *out, struct err *err)
{
	if (id_check(n->id, "batch id", err) || id_check(n->name, "batch name", err) ||
	    id_check(n->owner, "owner", err) || id_check(n->data_type, "data type", err) ||
	    id_check(n->topic, "topic", err) ||
	    check_time(n, err))
		return -1;
	struct json_t *doc = js_object();
	js_set_str(doc, "id", n->id);
	js_set_str(doc, "name", n->name);
	js_set_str(doc, "integratorId", n->owner);
	js_set_str(doc, "topic", n->topic);
	js_set_str(doc, "dataType", n->data_type);
	*out = (struct batch){.doc = doc, .version = 1};
	set_status(out, BATCH_STARTED);
	set_date(doc, "startDate", n->now_ms);
	js_set_i64(doc, "invalidThreshold", n->invalid_threshold > 0 ? n->invalid_threshold : -1);
	js_set_bool(doc, "processing", n->processing);
	js_set_i64(doc, "priority", n->priority);
	if (n->metadata)
		js_set(doc, "metadata", js_copy(n->metadata));
	return 0;
}

/* -1 and 0: no limit. */
static int64_t threshold(const struct batch *from)
{
	return batch_number(from, "invalidThreshold", -1);
}

static bool has_too_many_invalid(const struct batch *from, const struct batch_change *c)
{
	return c->action == BATCH_PROCESSED && threshold(from) > 0 && c->invalid >= threshold(from);
}

static enum batch_status target(const struct batch *from, const struct batch_change *c)
{
	bool processing = false;
	switch (c->action) {
	case BATCH_COMPLETE:
		js_get_bool(from->doc, "processing", &processing);
		return processing ? BATCH_SENT : BATCH_COMPLETED;
	case BATCH_TERMINATE:
		return BATCH_TERMINATED;
	case BATCH_PROCESSED:
		return has_too_many_invalid(from, c) ? BATCH_FAILED : BATCH_COMPLETED;
	case BATCH_FAIL:
		return BATCH_FAILED;
	}
	return BATCH_NONE;
}

static const char *verb(enum batch_action action)
{
	static const char *const verbs[] = {
	    [BATCH_COMPLETE] = "completed",
	    [BATCH_TERMINATE] = "terminated",
	    [BATCH_PROCESSED] = "marked as processed",
	    [BATCH_FAIL] = "marked as failed",
	};
	return verbs[action];
}

/* The status after the action, when table, owner and the action's own start allow it. */
static int check(const struct batch *from, const struct batch_change *c, enum batch_status *to,
    struct err *err)
{
	struct str id = batch_id(from), owner = batch_member(from, "integratorId");
	*to = target(from, c);
	bool wrong_start = (c->action == BATCH_COMPLETE && from->status != BATCH_STARTED) ||
	    (c->action == BATCH_PROCESSED && from->status != BATCH_SENT);
	if (wrong_start || !batch_may(from->status, *to))
		return err_set(err, ST_STATE, "batch '%.*s' is %s and cannot be %s", (int)id.len,
		    id.ptr, batch_status_name(from->status), verb(c->action));
	bool owners_only = c->action == BATCH_COMPLETE || c->action == BATCH_TERMINATE;
	if (c->force || !owner.len || str_eq(owner, c->owner) || !(owners_only || c->metadata))
		return 0;
	return err_set(err, ST_STATE, "%sbatch '%.*s' belong%s to '%.*s', not to '%.*s' "
	    "(--force overrides)", owners_only ? "" : "the metadata of ", (int)id.len, id.ptr,
	    owners_only ? "s" : "", (int)owner.len, owner.ptr, (int)c->owner.len, c->owner.ptr);
}

static void set_counts(struct json_t *doc, const struct batch_change *c)
{
	if (c->actual >= 0)
		js_set_i64(doc, "actualRecordCount", c->actual);
	if (c->invalid >= 0)
		js_set_i64(doc, "invalidRecordCount", c->invalid);
}

static void set_expected(struct json_t *doc, int64_t n)
{
	js_set_i64(doc, "recordCount", n);
	js_set_i64(doc, "expectedRecordCount", n);
}

/* A reader of today does not know the old name, and none expects a text. */
static void keep_expected(struct batch *b)
{
	int64_t n = count_of(b);
	if (n >= 0)
		set_expected(b->doc, n);
}

static void set_failure(const struct batch *from, const struct batch_change *c, struct json_t *doc)
{
	struct buf text = BUF_INIT;
	if (has_too_many_invalid(from, c))
		buf_printf(&text, "%lld invalid records, and the threshold is %lld",
		    (long long)c->invalid, (long long)threshold(from));
	else
		buf_add_str(&text, c->message);
	js_set_str(doc, "failureMessage", buf_str(&text));
	buf_release(&text);
}

static void drop_moment(struct json_t *o)
{
	static const char *const names[] = {"state", "rate", "retryAt", "etaSeconds", "chunk", "slots"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		js_remove(o, names[i]);
}

static bool drop_moment_of_part(void *ctx, const char *name, const struct json_t *value)
{
	(void)value;
	drop_moment(js_get_rw(ctx, name));
	return true;
}

void batch_end_progress(struct batch *b)
{
	struct json_t *progress = js_get_rw(b->doc, "progress"), *parts = js_get_rw(progress, "parts");
	if (!batch_is_finished(b->status))
		return;
	drop_moment(progress);
	if (js_is_object(parts))
		js_each(parts, drop_moment_of_part, parts);
}

int batch_apply(const struct batch *from, const struct batch_change *c, struct batch *to,
    struct err *err)
{
	enum batch_status status;
	if (check(from, c, &status, err))
		return -1;
	batch_copy(from, to);
	to->version = from->version + 1;
	set_status(to, status);
	if (c->action == BATCH_COMPLETE)
		set_expected(to->doc, c->expected);
	else
		keep_expected(to);
	if (c->action == BATCH_COMPLETE && c->manifest)
		js_set(to->doc, "manifest", js_copy(c->manifest));
	if (c->action == BATCH_PROCESSED || c->action == BATCH_FAIL)
		set_counts(to->doc, c);
	if (status == BATCH_FAILED)
		set_failure(from, c, to->doc);
	if (c->metadata)
		js_set(to->doc, "metadata", js_copy(c->metadata));
	if (batch_is_finished(status))
		set_date(to->doc, "endDate", c->now_ms);
	batch_end_progress(to);
	return 0;
}

int batch_missing(const char *id, const char *stream, struct err *err)
{
	int64_t ignored;
	if (id_time(str_of(id), &ignored))
		return err_set(err, ST_STATE, "no batch '%s' in stream %s", id, stream);
	return err_set(err, ST_STATE, "no batch '%s' in stream %s; if that is a name: batch-status -s %s -n %s%s%s",
	    id, stream, stream, strchr(id, '\'') ? "" : "'", strchr(id, '\'') ? "NAME" : id,
	    strchr(id, '\'') ? "" : "'");
}
