/* Where the records of a batch are that has no manifest: in each partition from its beginning on, by time, to the end
 * that the log has once it is known that all is sent. Whoever looks later looks no less far. */
#include "app/work_int.h"

#include "base/date.h"
#include "tool/clock.h"
#include "tool/msg.h"

int work_partitions(struct work *w)
{
	struct deadline d = deadline_start(w->t->budget_ms);
	return kclient_topic(kparts_client(w->reader), w->topic, &w->partitions, &d, &w->t->err);
}

int work_piece_bounds(struct work *w, struct piece *p)
{
	struct err *err = &w->t->err;
	const struct share *s = p->share;
	struct deadline d = deadline_start(w->t->budget_ms);
	int64_t from_ms = p->job->created_ms - DATE_SLACK_MS;
	if (p->first >= 0 && p->end >= 0)
		return 0;
	if (!w->edges.topic)
		kends_init(&w->edges, &w->t->settings.kv, w->topic, msg_library);
	if ((p->first < 0 && kclient_offsets(kparts_client(w->reader), s->topic, &s->partition, 1, from_ms, &p->first,
				 &d, err)) ||
	    (p->end < 0 && kends_ask(&w->edges, &s->partition, 1, &p->end, &d, err)))
		return -1;
	if (p->at < p->first)
		p->at = p->first;
	return 0;
}

void work_bounds_close(struct work *w)
{
	kends_release(&w->edges);
}
