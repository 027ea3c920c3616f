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

/* With the part's books as they will be; when it fails, as they were. */
int work_deliver_once(struct work *w, struct chunk *c)
{
	struct piece *p = c->piece;
	int failed = -1;
	c->state = CHUNK_DELIVERING; /* it is no intent any more */
	for (int tries = 0; failed == -1 && tries < TRIES; tries++) {
		if (renew(w))
			return -1;
		struct doneset before = p->done;
		struct tally tally = w->tally;
		struct quota quota = w->quota;
		p->done = (struct doneset)DONESET_INIT;
		doneset_copy(&p->done, &before);
		work_take_verdicts(w, c);
		failed = in_transaction(w, c);
		if (!failed) {
			doneset_release(&before);
			break;
		}
		doneset_release(&p->done);
		p->done = before;
		w->tally = tally;
		w->quota = quota;
		msg_debug(1, "transaction: %s", w->t->err.text ? w->t->err.text : "refused");
		if (failed == 1) {
			err_clear(&w->t->err);
			return renew(w); /* the group will say so, too */
		}
	}
	if (failed)
		return w->t->err.text ? -1 : work_not_delivered(w, w->results);
	err_clear(&w->t->err);
	return work_chunk_finish(w, c);
}
