#include "tool/talk.h"

#include "tool/msg.h"

static void add_to_line(struct talk *t, struct str s)
{
	size_t room = TALK_LINE - t->line.len;
	size_t taken = s.len < room ? s.len : room;
	buf_add(&t->line, s.ptr, taken);
	t->cut += s.len - taken;
}

static void pass_on(struct talk *t)
{
	if (t->cut)
		buf_printf(&t->line, " (and %zu bytes)", t->cut);
	msg_command(t->prefix, buf_str(&t->line));
	buf_clear(&t->line);
	t->cut = 0;
}

/* Twice the length is let in, so that bytes are moved once in a while only. */
static void keep_tail(struct talk *t, struct str s)
{
	if (s.len > TALK_TAIL) {
		s.ptr += s.len - TALK_TAIL;
		s.len = TALK_TAIL;
	}
	if (t->tail.len + s.len > 2 * TALK_TAIL) {
		struct str kept = talk_tail(t);
		memmove(t->tail.data, kept.ptr, kept.len);
		t->tail.len = kept.len;
	}
	buf_add_str(&t->tail, s);
}

void talk_add(struct talk *t, struct str bytes)
{
	keep_tail(t, bytes);
	while (t->prefix && bytes.len) {
		struct str line, rest = str_cut(bytes, '\n', &line);
		add_to_line(t, line);
		if (rest.ptr)
			pass_on(t);
		bytes = rest;
	}
}

void talk_end(struct talk *t)
{
	if (t->line.len)
		pass_on(t);
}

struct str talk_tail(const struct talk *t)
{
	struct str all = buf_str(&t->tail);
	size_t len = all.len < TALK_TAIL ? all.len : TALK_TAIL;
	return (struct str){all.ptr + all.len - len, len};
}

void talk_release(struct talk *t)
{
	buf_release(&t->line);
	buf_release(&t->tail);
}
