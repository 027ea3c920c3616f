#include "batch/strangers.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "batch/seq.h"
#include "batch/seqset.h"

#define NAMED_GAPS 20

struct stranger {
	char id[SEQ_SENDER_MAX + 1];
	struct seqset seen;
	int64_t *last; /* by lane: the number that came last */
};

static struct stranger *find(struct strangers *s, struct str sender, size_t lanes)
{
	for (size_t i = 0; i < s->count; i++)
		if (str_is(sender, s->list[i].id))
			return &s->list[i];
	if (s->count == STRANGERS_MOST || sender.len > SEQ_SENDER_MAX)
		return NULL;
	s->list = mem_grow(s->list, &s->cap, s->count + 1, sizeof(*s->list));
	struct stranger *new = &s->list[s->count++];
	*new = (struct stranger){.seen = SEQSET_INIT};
	memcpy(new->id, sender.ptr, sender.len);
	new->last = mem_zalloc(lanes, sizeof(*new->last));
	return new;
}

bool strangers_take(struct strangers *s, struct str sender, int64_t n, size_t lane, size_t lanes)
{
	struct stranger *of = find(s, sender, lanes);
	if (!of)
		return true;
	if (n <= of->last[lane])
		return false;
	of->last[lane] = n;
	seqset_add(&of->seen, n);
	return true;
}

void strangers_missing(const struct strangers *s, int64_t expected, struct buf *out)
{
	for (size_t i = 0; i < s->count; i++) {
		const struct stranger *of = &s->list[i];
		int64_t total = s->count == 1 ? expected : seqset_last(&of->seen);
		struct buf gaps = BUF_INIT;
		seqset_missing(&of->seen, total, NAMED_GAPS, &gaps);
		if (gaps.len)
			buf_printf(out, "%s%s:%s", out->len ? "; " : "", of->id, buf_text(&gaps));
		buf_release(&gaps);
	}
}

void strangers_release(struct strangers *s)
{
	for (size_t i = 0; i < s->count; i++) {
		seqset_release(&s->list[i].seen);
		free(s->list[i].last);
	}
	free(s->list);
	*s = (struct strangers)STRANGERS_INIT;
}
