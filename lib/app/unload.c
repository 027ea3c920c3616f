#include "app/unload.h"

#include "batch/envelope.h"
#include "tool/clock.h"
#include "tool/sig.h"

#define SLICE_MS 200

/* So often the clock is asked while records come without a pause. */
#define LOOK_EVERY 4096

bool unload_is_plain(const struct unload_style *style)
{
	return !style->envelope && !style->format;
}

static int put_key(const struct unload_style *style, const struct record *r, struct out *o,
    struct err *err)
{
	if (!style->key_delimiter)
		return 0;
	return out_str(o, r->key, err) || out_puts(o, style->key_delimiter, err) ? -1 : 0;
}

static int put_value(const struct frame_style *frame, struct str value, bool unterminated,
    struct out *o, struct buf *scratch, struct err *err)
{
	if (frame->kind == FRAME_DELIM) {
		if (out_str(o, value, err))
			return -1;
		return unterminated ? 0 : out_write(o, frame->delim, frame->delim_len, err);
	}
	buf_clear(scratch);
	frame_put(frame, scratch, value, unterminated);
	return out_buf(o, scratch, err);
}

int unload_record(const struct unload_style *style, const struct frame_style *frame,
    const struct record *r, bool unterminated, struct out *o, struct buf *scratch, struct err *err)
{
	buf_clear(scratch);
	if (style->envelope) {
		envelope_write(r, scratch);
		buf_putc(scratch, '\n');
		return out_buf(o, scratch, err);
	}
	if (style->format) {
		format_put(style->format, r, scratch);
		return out_buf(o, scratch, err);
	}
	if (put_key(style, r, o, err))
		return -1;
	return put_value(frame, r->value, unterminated, o, scratch, err);
}

struct unloading {
	struct kfetch *fetch;
	const struct unload_style *style;
	struct out *out;
	const struct unload_hooks *hooks;
	int64_t idle_ms;
	int64_t seen, seen_ms; /* records looked at, and when there was last a new one */
	const struct sender *sender; /* whose framing is in frame */
	struct frame_style frame;
	struct buf scratch;
};

/* How this sender's input was cut. Envelopes have no bytes between them: their values go as lines. */
static int frame_of(const struct sender *s, struct frame_style *frame, struct err *err)
{
	*frame = (struct frame_style)FRAME_STYLE_LINES;
	if (frame_kind_parse(str_of(s->framing), &frame->kind) && frame->kind == FRAME_DELIM &&
	    s->delimiter && frame_delim_parse(s->delimiter, frame, err)) {
		err->status = ST_FAIL; /* not the user's mistake */
		return err_wrap(err, "manifest of sender %s", s->id);
	}
	return 0;
}

static int put(struct unloading *u, const struct record *r, struct err *err)
{
	const struct sender *s = kfetch_sender(u->fetch);
	if (u->style->frame) {
		u->frame = *u->style->frame;
	} else if (!s && kfetch_manifest(u->fetch) && kfetch_manifest(u->fetch)->count) {
		return err_set(err, ST_FAIL, "its senders cut their records in different ways: say "
		    "by -D, -0, --length-prefixed or -J how to write them");
	} else if (s && s != u->sender) {
		u->sender = s;
		if (frame_of(s, &u->frame, err))
			return -1;
	}
	bool unterminated = s && s->unterminated && kfetch_at_last(u->fetch);
	return unload_record(u->style, &u->frame, r, unterminated, u->out, &u->scratch, err);
}

static int late(const struct unloading *u, struct err *err)
{
	struct deadline over = deadline_start(0);
	return kfetch_late(u->fetch, &over, err);
}

/* Between records, now and then. */
static int look_around(struct unloading *u, bool idle, struct err *err)
{
	int64_t now_ms = clock_mono_ms();
	struct kfetch_counts so_far = kfetch_counts(u->fetch);
	if (sig_ended())
		return err_set(err, ST_FAIL, "interrupted after %lld records",
		    (long long)so_far.records);
	int64_t seen = so_far.records + so_far.passed + so_far.duplicates;
	if (seen != u->seen || (u->hooks->patient && *u->hooks->patient))
		u->seen_ms = now_ms;
	u->seen = seen;
	if (u->idle_ms >= 0 && now_ms - u->seen_ms > u->idle_ms)
		return late(u, err);
	/* Whoever reads a pipe wants to see what there is; his time is not the broker's. */
	if (idle && out_flush(u->out, err))
		return -1;
	u->seen_ms += clock_mono_ms() - now_ms;
	return u->hooks->tick(u->hooks->ctx, &so_far, err);
}

static int run(struct unloading *u, struct err *err)
{
	const struct record *r;
	for (unsigned n = 1;; n++) {
		enum kread_state s = kfetch_next(u->fetch, SLICE_MS, &r, err);
		if (s == KREAD_ERROR)
			return -1;
		if (s == KREAD_DONE)
			return 0;
		if (s == KREAD_RECORD && put(u, r, err))
			return -1;
		if ((s == KREAD_EMPTY || n % LOOK_EVERY == 0) &&
		    look_around(u, s == KREAD_EMPTY, err))
			return -1;
	}
}

int unload_batch(struct kfetch *f, const struct unload_style *style, struct out *o,
    int64_t idle_ms, const struct unload_hooks *hooks, struct err *err)
{
	struct unloading u = {.fetch = f, .style = style, .out = o, .hooks = hooks,
	    .idle_ms = idle_ms, .seen_ms = clock_mono_ms(), .frame = FRAME_STYLE_LINES};
	int failed = run(&u, err) || out_flush(o, err) || kfetch_verify(f, err);
	buf_release(&u.scratch);
	return failed ? -1 : 0;
}
