/* Batches whose last event in the log is not how they stand: another writer's that came too late, or one of ours that
 * another overtook. */
#include "app/work_int.h"

#include "tool/clock.h"
#include "tool/msg.h"

/* Each worker waits for a time of its own, within this one, for another worker to be first. */
#define OTHERS_MS 2000

/* Until the answer that was written comes by. */
#define AGAIN_MS 10000

static int answer(struct work *w, struct str id)
{
	struct batch b = BATCH_INIT;
	struct deadline d = deadline_start(w->t->budget_ms);
	int unsettled = kready_look(w->ready, id, &b, &d, &w->t->err);
	if (unsettled <= 0)
		return unsettled;
	msg_debug(1, "batch '%.*s': the last event in the log is not how it stands: it is %s, which is written again",
	    (int)id.len, id.ptr, batch_status_name(b.status));
	int failed = work_post(w, &b, EVENT_STANDING, NULL);
	batch_release(&b);
	return failed ? -1 : 1;
}

static int64_t first_due(const struct work *w)
{
	uint16_t random;
	clock_random(&random, sizeof(random));
	return w->now_ms + (w->o->once ? 0 : random % OTHERS_MS);
}

int work_settle(struct work *w)
{
	size_t at = 0;
	struct str id;
	int64_t *due_ms;
	if (!w->events || !kready_caught_up(w->ready))
		return 0;
	while (kready_unsettled(w->ready, &at, &id, &due_ms)) {
		if (*due_ms == 0)
			*due_ms = first_due(w);
		if (*due_ms > w->now_ms) {
			loop_until(&w->loop, *due_ms);
			continue;
		}
		*due_ms = w->now_ms + AGAIN_MS;
		int answered = answer(w, id);
		if (answered < 0)
			return -1;
		if (answered == 0) { /* and it is forgotten: the map has changed */
			w->again = true;
			return 0;
		}
	}
	return 0;
}

bool work_is_settled(const struct work *w)
{
	size_t at = 0;
	struct str id;
	int64_t *due_ms;
	return !w->events || !kready_unsettled(w->ready, &at, &id, &due_ms);
}
