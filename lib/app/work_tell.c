/* What a worker says on standard error while all goes its way: notes, which -q hides. */
#include "app/work_int.h"

#include "base/jscan.h"
#include "tool/msg.h"

void work_tell_retry(const struct work *w, const struct chunk *c)
{
	const struct work_item *items = c->records.items;
	const struct trial_run *r = &c->run;
	if (c->state != CHUNK_WAITING || c->until_ms <= w->now_ms || r->end <= r->first)
		return;
	msg_note("topic %s, partition %d, offsets %lld to %lld: %zu record%s again in %.3g s: %s", c->records.topic,
	    c->records.partition, (long long)items[r->first].offset, (long long)items[r->end - 1].offset,
	    r->end - r->first, r->end - r->first == 1 ? "" : "s", (double)(c->until_ms - w->now_ms) / 1000,
	    c->piece->error ? c->piece->error : "its run failed");
}

void work_tell_passed(struct work *w, const struct fold *f)
{
	static const char *const names[] = {"processing"};
	struct str value;
	if (f->status == BATCH_COMPLETED && jscan_members(buf_str(&f->doc), names, &value, 1) == 0 &&
	    !str_is(value, "true"))
		w->passed++;
}

void work_tell_end(const struct work *w)
{
	const struct tally *t = &w->tally;
	struct buf text = BUF_INIT;
	int64_t all = tally_sum(t);
	buf_printf(&text, "%lld record%s: %lld done", (long long)all, all == 1 ? "" : "s", (long long)t->done);
	if (t->invalid)
		buf_printf(&text, ", %lld invalid%s%s", (long long)t->invalid, w->o->dead ? " -> " : "",
		    w->o->dead ? w->o->dead : "");
	if (t->skipped)
		buf_printf(&text, ", %lld skipped", (long long)t->skipped);
	if (all)
		msg_note("%s", buf_text(&text));
	if (w->passed)
		msg_note("%lld finished batch%s made without batch-create --processing, and not for a worker",
		    (long long)w->passed, w->passed == 1 ? " was" : "es were");
	if (w->foreign)
		msg_note("%lld batch%s passed over: records in another topic than %s", (long long)w->foreign,
		    w->foreign == 1 ? " was" : "es were", w->topic);
	buf_release(&text);
}
