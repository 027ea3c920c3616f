#include "batch/event.h"

#include "base/date.h"
#include "base/jscan.h"
#include "base/num.h"

#define HDR_TYPE    "ce_type"
#define HDR_VERSION "ce_batchversion"
#define HDR_WRITER  "ce_batchwriter"

static const char *const status_types[BATCH_STATUS_COUNT] = {
    [BATCH_NONE] = "",
    [BATCH_STARTED] = "batch.created",
    [BATCH_SENT] = "batch.sendCompleted",
    [BATCH_COMPLETED] = "batch.completed",
    [BATCH_TERMINATED] = "batch.terminated",
    [BATCH_FAILED] = "batch.failed",
};

const char *event_type_name(enum event_type type, enum batch_status status)
{
	switch (type) {
	case EVENT_PROGRESS:
		return "batch.progress";
	case EVENT_PART:
		return "batch.part";
	case EVENT_STANDING:
		return "batch.standing";
	case EVENT_STATUS:
		break;
	}
	return status_types[status];
}

static struct str header_value(const struct record *r, const char *name)
{
	const struct header *h = headers_find(&r->headers, name);
	return h ? h->value : (struct str)STR_INIT;
}

/* Id and status as the document says them. */
static bool read_document(const struct record *r, struct event *e, const char **why)
{
	static const char *const names[] = {"id", "status"};
	struct str values[2];
	struct buf status = BUF_INIT;
	*why = "larger than a document may be";
	if (r->value.len > BATCH_DOC_MAX)
		return false;
	*why = "no JSON object";
	if (!r->value.ptr || jscan_members(r->value, names, values, 2))
		return false;
	buf_clear(&e->id);
	*why = "no id";
	if (!values[0].ptr || !jscan_unquote(values[0], &e->id) || e->id.len == 0)
		return false;
	*why = "NUL in its id";
	if (memchr(e->id.data, '\0', e->id.len))
		return false;
	*why = "no status known here";
	bool known = values[1].ptr && jscan_unquote(values[1], &status) &&
	    batch_status_parse(buf_str(&status), &e->status);
	buf_release(&status);
	return known;
}

static bool read_version(struct str text, int64_t *version)
{
	struct err ignored = ERR_INIT;
	bool ok = text.ptr && num_i64_str(text, 1, INT64_MAX - 1, version, &ignored) == 0;
	err_clear(&ignored);
	return ok;
}

/* Type and version as our headers say them; both must agree with the document. */
static bool read_headers(const struct record *r, struct event *e, const char **why)
{
	struct str type = header_value(r, HDR_TYPE), version = header_value(r, HDR_VERSION);
	e->type = EVENT_STATUS;
	e->version = 0;
	if (!type.ptr)
		return true;
	if (str_is(type, "batch.progress"))
		e->type = EVENT_PROGRESS;
	else if (str_is(type, "batch.part"))
		e->type = EVENT_PART;
	else if (str_is(type, "batch.standing"))
		e->type = EVENT_STANDING;
	bool has_version = e->type == EVENT_STATUS || e->type == EVENT_STANDING;
	*why = "bad " HDR_VERSION " header";
	if ((version.ptr || has_version) && !read_version(version, &e->version))
		return false;
	*why = HDR_TYPE " unknown, or not that of the document's status";
	return e->type != EVENT_STATUS || str_is(type, status_types[e->status]);
}

bool event_decode(const struct record *r, struct event *e, const char **why)
{
	if (!read_document(r, e, why) || !read_headers(r, e, why))
		return false;
	*why = "key is not the document's id";
	if (r->key.ptr && !str_eq(r->key, buf_str(&e->id)))
		return false;
	e->doc = r->value;
	e->writer = header_value(r, HDR_WRITER);
	e->partition = r->partition;
	e->offset = r->offset;
	e->ts_ms = r->ts_ms;
	e->stray = false;
	return true;
}

void event_release(struct event *e)
{
	buf_release(&e->id);
	*e = (struct event)EVENT_INIT;
}

/* Where a header's value stands in the text, which moves while it grows. */
struct piece {
	const char *name;
	size_t start, len;
};

static void end_piece(const struct buf *text, struct piece *p, const char *name, size_t start)
{
	*p = (struct piece){name, start, text->len - start};
}

enum { PIECE_ID, PIECE_TIME, PIECE_SOURCE, PIECE_SUBJECT, PIECE_VERSION, PIECE_WRITER, PIECES };

static void write_pieces(const struct batch *b, struct str stream, struct str writer,
    int64_t now_ms, struct buf *t, struct piece p[PIECES])
{
	size_t at = t->len;
	buf_add_str(t, batch_id(b));
	end_piece(t, &p[PIECE_SUBJECT], "ce_subject", at);
	buf_putc(t, '/');
	size_t version_at = t->len;
	buf_add_i64(t, b->version);
	end_piece(t, &p[PIECE_ID], "ce_id", at);
	end_piece(t, &p[PIECE_VERSION], HDR_VERSION, version_at);
	at = t->len;
	date_format_ms(now_ms, t);
	end_piece(t, &p[PIECE_TIME], "ce_time", at);
	at = t->len;
	buf_add_str(t, stream);
	end_piece(t, &p[PIECE_SOURCE], "ce_source", at);
	at = t->len;
	buf_add_str(t, writer);
	end_piece(t, &p[PIECE_WRITER], HDR_WRITER, at);
}

/* What is passed over by every reader must not be written. */
static int check_document(struct str doc, struct err *err)
{
	size_t at;
	const char *why;
	if (doc.len > BATCH_DOC_MAX)
		return err_set(err, ST_FAIL, "the batch's document is larger than %zu bytes",
		    BATCH_DOC_MAX);
	if (jscan_check(doc, &at, &why))
		return err_set(err, ST_FAIL, "the batch's document: %s", why);
	return 0;
}

static void fill_record(const struct batch *b, enum event_type type, const struct piece *pieces,
    size_t doc_at, struct event_out *out)
{
	struct record *r = &out->record;
	const char *text = out->text.data;
	r->key = (struct str){text + pieces[PIECE_SUBJECT].start, pieces[PIECE_SUBJECT].len};
	r->value = (struct str){text + doc_at, out->text.len - doc_at};
	headers_add(&r->headers, STR("ce_specversion"), STR("1.0"));
	headers_add(&r->headers, STR(HDR_TYPE), str_of(event_type_name(type, b->status)));
	headers_add(&r->headers, STR("content-type"), STR("application/json"));
	for (int i = 0; i < PIECES; i++)
		headers_add(&r->headers, str_of(pieces[i].name),
		    (struct str){text + pieces[i].start, pieces[i].len});
}

int event_encode(const struct batch *b, enum event_type type, struct str stream, struct str writer,
    int64_t now_ms, struct event_out *out, struct err *err)
{
	struct piece pieces[PIECES];
	*out = (struct event_out){.record = RECORD_INIT, .text = BUF_INIT};
	out->record.ts_ms = now_ms;
	write_pieces(b, stream, writer, now_ms, &out->text, pieces);
	size_t doc_at = out->text.len;
	js_dump(b->doc, &out->text);
	fill_record(b, type, pieces, doc_at, out);
	if (check_document(out->record.value, err) == 0)
		return 0;
	event_out_release(out);
	return -1;
}

void event_out_release(struct event_out *out)
{
	headers_release(&out->record.headers);
	buf_release(&out->text);
	*out = (struct event_out){.record = RECORD_INIT, .text = BUF_INIT};
}
