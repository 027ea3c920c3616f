#include "kafka/kparts.h"

#include <stdlib.h>

#include "base/mem.h"
#include "kafka/klane.h"

/* So long a lane may be silent before its broker is nudged, and so long that may take: the answer itself is
 * not needed. */
#define PATIENCE_MS 3
#define NUDGE_MS    1

/* So long a lane that is done may be moved on. */
#define DONE_MS 50

enum thirst {
	EMPTY,   /* the lane was moved here, or gave all it had */
	THIRSTY, /* since thirsty_ms */
	HELPED,
	GIVING,
	DONE,    /* since thirsty_ms */
};

struct kpart {
	struct klane lane;
	struct kparts *parts;
	enum thirst thirst;
	int64_t thirsty_ms;
	struct kpart *next;
};

struct kparts {
	struct kclient *client;
	struct kparts_options options;
	struct kpart *first;
};

int kparts_open(struct kparts **out, const struct kv *settings, const struct kparts_options *options,
    struct err *err)
{
	struct kread_tuning tuning;
	kread_tune(&tuning, options->lanes, KREAD_BRISK_MS);
	struct kclient_options co = {.settings = tuning.pairs, .log = options->log};
	struct kparts *p = mem_zalloc(1, sizeof(*p));
	p->options = *options;
	if (kclient_open(&p->client, KCLIENT_READER, settings, &co, err)) {
		kparts_close(p);
		return -1;
	}
	kclient_wake(p->client, options->wake);
	*out = p;
	return 0;
}

void kparts_close(struct kparts *p)
{
	if (!p)
		return;
	while (p->first)
		kpart_close(p->first);
	kclient_close(p->client);
	free(p);
}

struct kclient *kparts_client(struct kparts *p)
{
	return p->client;
}

int kpart_open(struct kpart **out, struct kparts *p, const char *topic, int32_t partition,
    int64_t start, int64_t end, struct err *err)
{
	struct kpart *l = mem_zalloc(1, sizeof(*l));
	l->parts = p;
	l->next = p->first;
	p->first = l;
	int failed = klane_open(&l->lane, p->client, topic, partition, err);
	l->lane.stays = true;
	if (!failed) {
		kclient_wake_queue(l->lane.in.queue, p->options.wake);
		failed = klane_start(&l->lane, start, end, err);
	}
	if (failed) {
		kpart_close(l);
		return -1;
	}
	*out = l;
	return 0;
}

int kpart_move(struct kpart *l, int64_t start, int64_t end, struct err *err)
{
	l->thirst = EMPTY;
	if (klane_go_on(&l->lane, start, end))
		return 0;
	return klane_start(&l->lane, start, end, err);
}

void kpart_close(struct kpart *l)
{
	if (!l)
		return;
	struct kpart **at = &l->parts->first;
	while (*at != l)
		at = &(*at)->next;
	*at = l->next;
	klane_release(&l->lane);
	free(l);
}

enum kread_state kpart_head(struct kpart *l, const struct record **out, struct err *err)
{
	enum kread_state s = klane_head(&l->lane, out, err);
	if (s == KREAD_RECORD)
		l->thirst = GIVING;
	else if (l->thirst == GIVING)
		l->thirst = EMPTY;
	return s;
}

void kpart_pop(struct kpart *l)
{
	klane_pop(&l->lane);
}

bool kpart_at_end(const struct kpart *l)
{
	return l->lane.at_end;
}

int64_t kpart_position(const struct kpart *l)
{
	return l->lane.next;
}

/* How long it stays. */
static int linger(struct kpart *l, int64_t now_ms)
{
	if (!l->lane.started)
		return -1;
	if (l->thirst != DONE)
		l->thirsty_ms = now_ms;
	l->thirst = DONE;
	if (now_ms - l->thirsty_ms < DONE_MS)
		return (int)(l->thirsty_ms + DONE_MS - now_ms);
	klane_stop(&l->lane);
	return -1;
}

/* How long the lane can wait for help; -1: for ever. */
static int help(struct kpart *l, int64_t now_ms)
{
	if (l->lane.done)
		return linger(l, now_ms);
	if (l->thirst == GIVING || l->thirst == HELPED)
		return -1;
	if (l->thirst == EMPTY)
		l->thirsty_ms = now_ms;
	l->thirst = THIRSTY;
	if (now_ms - l->thirsty_ms < PATIENCE_MS)
		return (int)(l->thirsty_ms + PATIENCE_MS - now_ms);
	klane_nudge(&l->lane, 1, NUDGE_MS);
	l->thirst = HELPED;
	return -1;
}

int kparts_serve(struct kparts *p, int64_t now_ms)
{
	int wait_ms = -1;
	kclient_serve(p->client, 0);
	for (struct kpart *l = p->first; l; l = l->next) {
		int ms = help(l, now_ms);
		if (ms >= 0 && (wait_ms < 0 || ms < wait_ms))
			wait_ms = ms;
	}
	return wait_ms;
}
