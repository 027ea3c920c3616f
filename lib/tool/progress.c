#include "tool/progress.h"

#include <inttypes.h>

#include "tool/clock.h"
#include "tool/msg.h"
#include "tool/sig.h"

#define REDRAW_MS 200
#define SETTLE_MS 1000 /* before that no time left is worth telling */

void progress_init(struct progress *p, const char *what)
{
	int64_t now_ms = clock_mono_ms();
	*p = (struct progress){what, now_ms, now_ms + REDRAW_MS};
}

static void add_bytes(struct buf *out, double bytes)
{
	static const char *const units[] = {"B", "kB", "MB", "GB", "TB"};
	size_t i = 0;
	while (bytes >= 1000 && i + 1 < sizeof(units) / sizeof(*units)) {
		bytes /= 1000;
		i++;
	}
	buf_printf(out, i ? "%.1f %s" : "%.0f %s", bytes, units[i]);
}

static void add_span(struct buf *out, int64_t s)
{
	if (s >= 3600)
		buf_printf(out, "%" PRId64 " h %" PRId64 " min", s / 3600, s / 60 % 60);
	else if (s >= 60)
		buf_printf(out, "%" PRId64 " min %" PRId64 " s", s / 60, s % 60);
	else
		buf_printf(out, "%" PRId64 " s", s);
}

void progress_text(const char *what, const struct progress_at *at, int64_t elapsed_ms,
    struct buf *out)
{
	double per_ms = elapsed_ms > 0 ? (double)at->bytes / (double)elapsed_ms : 0;
	buf_printf(out, "%s %" PRId64 " record%s, ", what, at->records,
	    at->records == 1 ? "" : "s");
	add_bytes(out, (double)at->bytes);
	if (elapsed_ms > 0) {
		buf_puts(out, ", ");
		add_bytes(out, per_ms * 1000);
		buf_puts(out, "/s");
	}
	if (at->bytes_total <= 0 || at->bytes > at->bytes_total)
		return;
	buf_printf(out, ", %d %%", (int)((double)at->bytes * 100 / (double)at->bytes_total));
	if (elapsed_ms < SETTLE_MS || at->bytes == 0)
		return;
	buf_puts(out, ", ");
	add_span(out, (int64_t)((double)(at->bytes_total - at->bytes) / per_ms / 1000));
	buf_puts(out, " left");
}

void progress_tick(struct progress *p, const struct progress_at *at)
{
	int64_t now_ms = clock_mono_ms();
	bool asked = sig_take_usr1();
	if (!asked && now_ms < p->next_ms)
		return;
	struct buf text = BUF_INIT;
	progress_text(p->what, at, now_ms - p->start_ms, &text);
	if (asked)
		msg_answer("%s", buf_text(&text));
	msg_status_line(buf_text(&text));
	buf_release(&text);
	p->next_ms = now_ms + REDRAW_MS;
}

void progress_end(void)
{
	msg_status_line(NULL);
}
