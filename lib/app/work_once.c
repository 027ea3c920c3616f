/* --exactly-once: a chunk's end is one transaction. */
#include "app/work_int.h"

#include "kafka/ktxn.h"
#include "tool/clock.h"
#include "tool/msg.h"

/* So often one that was aborted is tried again. */
#define TRIES 3

/* All or nothing: what came out, and that it is done. 1: the partition was taken away; -1: it is not done; -2: nobody
 * knows. */
static int in_transaction(struct work *w, struct chunk *c)
{
	struct err *err = &w->t->err;
	struct deadline d = deadline_start(w->t->budget_ms);
	struct buf text = BUF_INIT;
	int failed = ktxn_begin(w->results, &d, err) || work_deliver_all(w, c) ||
		kproduce_flush(w->results, &d, err) || w->undelivered
	    ? -1
	    : 0;
	struct kmember_part part = {.topic = c->records.topic,
	    .partition = c->records.partition};
	part.offset = work_share_text(w, c->piece->share, &text);
	part.metadata = buf_text(&text);
	if (!failed)
		failed = ktxn_offsets(w->results, w->member, &part, 1, &d, err);
	if (failed)
		ktxn_abort(w->results);
	else
		switch (ktxn_commit(w->results, &d, err)) {
		case KTXN_COMMITTED:
			c->piece->share->committed = part.offset;
			break;
		case KTXN_ABORTED:
			failed = -1;
			break;
		case KTXN_UNKNOWN:
			failed = -2;
			break;
		}
	buf_release(&text);
	return failed;
}

/* A spent producer makes room for another one. */
static int renew(struct work *w)
{
	if (!ktxn_is_spent(w->results))
		return 0;
	kproduce_close(w->results);
	w->results = NULL;
	w->undelivered = false;
	return work_results_open(w);
}

/* Is there room for what is done, with the part's books as they will be? Of a released chunk the rest cannot wait for
 * others, so nothing of it is done then, and it is asked for again. 0: it waits; -1: for ever. */
static int find_room(struct work *w, struct chunk *c, bool first)
{
	bool all = trial_outcome(&c->trial) == TRIAL_OK;
	if ((c->held && !all) || work_room_to_deliver(w, c, first && all))
		return 1;
	if (!all)
		trial_undo(&c->trial);
	c->held = true;
	c->held_at = all ? c->piece->share->delivered : -1;
	return all && first
	    ? err_set(&w->t->err, ST_FAIL, "topic %s, partition %d: there is no room beside the group's offset for what is "
		  "done above it: begin once more with --order none", c->records.topic, c->records.partition)
	    : 0;
}

/* The books of a part before a chunk's verdicts are taken. */
struct books {
	struct doneset done;
	struct tally tally;
	struct quota quota;
};

static struct books open_books(struct work *w, struct chunk *c)
{
	struct piece *p = c->piece;
	struct books b = {.done = p->done, .tally = w->tally, .quota = w->quota};
	p->done = (struct doneset)DONESET_INIT;
	doneset_copy(&p->done, &b.done);
	work_take_verdicts(w, c);
	return b;
}

static void restore(struct work *w, struct piece *p, struct books *b)
{
	doneset_release(&p->done);
	p->done = b->done;
	w->tally = b->tally;
	w->quota = b->quota;
}

/* With the part's books as they will be; when it fails, as they were. */
int work_deliver_once(struct work *w, struct chunk *c)
{
	struct piece *p = c->piece;
	int failed = -1;
	bool first = work_chunk_is_first(c);
	for (int tries = 0; failed == -1 && tries < TRIES; tries++) {
		if (renew(w))
			return -1;
		struct books before = open_books(w, c);
		int room = find_room(w, c, first);
		failed = room > 0 ? in_transaction(w, c) : -1;
		if (!failed) {
			doneset_release(&before.done);
			break;
		}
		restore(w, p, &before);
		if (room <= 0)
			return room < 0 ? -1 : 1;
		msg_debug(1, "transaction: %s", w->t->err.text ? w->t->err.text : "refused");
		if (failed == 1) {
			err_clear(&w->t->err);
			return renew(w); /* the group will say so, too */
		}
	}
	if (failed)
		return w->t->err.text ? -1 : work_not_delivered(w, w->results);
	err_clear(&w->t->err);
	p->share->delivered++;
	return work_chunk_finish(w, c);
}
