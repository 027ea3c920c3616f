/* Plain topics: a partition is a part without end, whose records' numbers are their offsets. */
#include "app/work_int.h"

#include <stdlib.h>

#include "base/mem.h"
#include "tool/clock.h"
#include "tool/msg.h"

static int edge(struct work *w, const struct share *s, int64_t when, int64_t *offset)
{
	struct deadline d = deadline_start(w->t->budget_ms);
	return kclient_offsets(kparts_client(w->reader), s->topic, &s->partition, 1, when, offset, &d,
	    &w->t->err);
}

/* Where the group stands, or where it shall begin. */
static int start_of(struct work *w, struct share *s, int64_t *offset)
{
	const struct work_options *o = w->o;
	*offset = s->committed;
	if (*offset >= 0)
		return 0;
	if (o->from_beginning || o->from_end)
		return edge(w, s, o->from_end ? KOFFSET_END : KOFFSET_BEGINNING, offset);
	return err_set(&w->t->err, ST_STATE, "topic %s, partition %d: group %s has no offset there, or "
	    "lost it: say by -o beginning or -o end where to begin", s->topic, s->partition, o->group);
}

int work_stream_add(struct work *w, struct share *s)
{
	struct piece *p = mem_zalloc(1, sizeof(*p));
	struct checkpoint *c = &s->before;
	p->job = &w->plain;
	p->share = s;
	p->end = INT64_MAX;
	if (start_of(w, s, &p->first) || (w->o->once && edge(w, s, KOFFSET_END, &p->end))) {
		free(p);
		return -1;
	}
	p->done.next = p->first;
	if (c->count == 1 && !*c->parts[0].id && c->parts[0].done.next == p->first)
		work_take_up(p, &c->parts[0]);
	if (w->o->once)
		session_note_held(w->t, kparts_client(w->reader), s->topic, &s->partition, &p->end, 1);
	s->reached = p->first;
	s->dirty = true; /* where a group begins is written down */
	p->at = p->number = p->first;
	work_piece_add(w, p);
	msg_debug(1, "topic %s, partition %d: from offset %lld on", s->topic, s->partition,
	    (long long)p->first);
	return 0;
}
