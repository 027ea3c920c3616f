/* The metadata of a committed offset, which any member of the group may have written: what is taken is
 * within bounds, is written in the room that there is, and comes back. */
#include "fuzz.h"

#include "base/buf.h"
#include "base/id.h"
#include "base/murmur2.h"
#include "batch/checkpoint.h"

#define OFFSET 812

static void check_part(const struct checkpoint_part *p, const struct checkpoint_part *again)
{
	int64_t before = p->done.next;
	assert(strlen(p->id) <= ID_MAX && before >= 0 && before <= DONESET_MOST);
	for (size_t i = 0; i < p->done.count; i++) {
		const struct doneset_range *r = &p->done.list[i];
		assert(r->first >= before && r->first <= r->last && r->last <= DONESET_MOST);
		assert(r->first > p->done.next);
		before = r->last + 1;
	}
	for (size_t i = 0; i < p->count; i++)
		assert(p->intents[i].first >= 0 && p->intents[i].last >= p->intents[i].first);
	assert(strcmp(p->id, again->id) == 0 && p->done.next == again->done.next);
	assert(memcmp(&p->done.below, &again->done.below, sizeof(p->done.below)) == 0);
	assert(again->count <= p->count);
	assert(doneset_top(&again->done) <= doneset_top(&p->done));
}

static void check(const struct checkpoint *c)
{
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	struct checkpoint again = CHECKPOINT_INIT;
	checkpoint_encode(c, &text);
	assert(text.len <= CHECKPOINT_TEXT);
	assert(checkpoint_decode(&again, buf_str(&text), OFFSET, &err) == 0);
	assert(again.count == c->count && again.rate == c->rate && again.command == c->command);
	for (size_t i = 0; i < c->count; i++)
		check_part(&c->parts[i], &again.parts[i]);
	checkpoint_release(&again);
	buf_release(&text);
}

static void decode(struct str text)
{
	struct checkpoint c = CHECKPOINT_INIT;
	struct err err = ERR_INIT;
	if (checkpoint_decode(&c, text, OFFSET, &err) == 0)
		check(&c);
	else
		assert(err.status == ST_FAIL && c.count == 0);
	checkpoint_release(&c);
	err_clear(&err);
}

/* As it is, and with the check sum that it should have. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct buf body = BUF_INIT, text = BUF_INIT;
	decode(fuzz_input(data, size));
	buf_printf(&body, "%d;", OFFSET);
	buf_add(&body, data, size);
	buf_printf(&text, "b1;%08x;", (unsigned)murmur2(buf_str(&body)));
	buf_add_str(&text, buf_str(&body));
	decode(buf_str(&text));
	buf_release(&body);
	buf_release(&text);
	return 0;
}
