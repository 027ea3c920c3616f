/* unload: writes the records of one batch (lib/kafka's kfetch) to an output (lib/tool's out), and
 * proves them. Values go out as their senders cut them, so that what comes out is byte for byte what
 * went in; or as envelopes; or by a format. */
#ifndef APP_UNLOAD_H
#define APP_UNLOAD_H

#include <stdbool.h>

#include "batch/format.h"
#include "batch/frame.h"
#include "kafka/kfetch.h"
#include "tool/out.h"

struct unload_style {
	bool envelope;
	const struct format *format;      /* NULL: none */
	const struct frame_style *frame;  /* NULL: as the sender's manifest says, else lines */
	const char *key_delimiter;        /* key and this before each value; NULL: no key */
};

/* Nothing of a record's headers goes out. */
bool unload_is_plain(const struct unload_style *style);

/* One record on its own, ended with its delimiter. */
int unload_record(const struct unload_style *style, const struct frame_style *frame,
    const struct record *r, bool unterminated, struct out *o, struct buf *scratch, struct err *err);

struct unload_hooks {
	/* Called a few times a second with what was written so far; -1 and err end the unloading. */
	int (*tick)(void *ctx, const struct kfetch_counts *so_far, struct err *err);
	void *ctx;
	const bool *patient; /* while it is true waits have no end; NULL: they always have */
};

/* All of it, flushed and verified. Each wait for the broker is at most idle_ms long (ST_TIME). -1 with
 * ST_FAIL: the output failed, or what was written is not the batch. */
int unload_batch(struct kfetch *f, const struct unload_style *style, struct out *o,
    int64_t idle_ms, const struct unload_hooks *hooks, struct err *err);

#endif
