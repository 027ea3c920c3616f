#include "batch/checkpoint.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/hex.h"
#include "base/id.h"
#include "base/mem.h"
#include "base/murmur2.h"
#include "base/num.h"

#define MAGIC "b1;"

struct checkpoint_part *checkpoint_add(struct checkpoint *c, struct str id)
{
	struct checkpoint_part *p = &c->parts[c->count++];
	*p = (struct checkpoint_part){.id = mem_strndup(id.ptr, id.len)};
	return p;
}

struct checkpoint_part *checkpoint_find(struct checkpoint *c, const char *id)
{
	for (size_t i = 0; i < c->count; i++)
		if (strcmp(c->parts[i].id, id) == 0)
			return &c->parts[i];
	return NULL;
}

void checkpoint_intend(struct checkpoint_part *p, int64_t first, int64_t last, int64_t deaths)
{
	p->intents = mem_grow(p->intents, &p->cap, p->count + 1, sizeof(*p->intents));
	p->intents[p->count++] = (struct checkpoint_intent){first, last, deaths};
}

static void put_head(const struct checkpoint_part *p, struct buf *out)
{
	const struct tally *t = &p->done.below;
	buf_printf(out, "[%s]%lld,%lld,%lld,%lld;", p->id, (long long)p->done.next,
	    (long long)t->done, (long long)t->invalid, (long long)t->skipped);
}

static void put_intents(const struct checkpoint_part *p, size_t most, struct buf *out)
{
	for (size_t i = 0; i < p->count; i++) {
		const struct checkpoint_intent *in = &p->intents[i];
		size_t before = out->len;
		buf_printf(out, "%s%lld+%lld", i ? "," : "", (long long)in->first,
		    (long long)(in->last - in->first));
		if (in->deaths != CHECKPOINT_RAN)
			buf_printf(out, "/%lld", (long long)in->deaths);
		if (out->len > most) {
			out->len = before;
			return;
		}
	}
}

/* Of records beside the batches it is found again, without harm. */
static bool may_be_cut(const struct checkpoint *c, size_t i)
{
	return c->count > 1 && *c->parts[i].id == '\0';
}

static size_t map_size(const struct checkpoint *c, size_t i)
{
	struct buf map = BUF_INIT;
	doneset_encode(&c->parts[i].done, SIZE_MAX, &map);
	size_t size = map.len;
	buf_release(&map);
	return size;
}

/* What the later ones do not need, and its share at least. */
static size_t room_for_map(const struct checkpoint *c, size_t i, size_t room)
{
	size_t later = 0, share = may_be_cut(c, i) ? 0 : room / (c->count - i);
	for (size_t k = i + 1; k < c->count; k++)
		later += map_size(c, k);
	return later < room && room - later > share ? room - later : share;
}

/* Maps share what the rest leaves. */
static void put_parts(const struct checkpoint *c, size_t room, struct buf *out)
{
	struct buf heads[CHECKPOINT_ALL] = {BUF_INIT}, intents[CHECKPOINT_ALL] = {BUF_INIT};
	for (size_t i = 0; i < c->count; i++) {
		put_head(&c->parts[i], &heads[i]);
		room -= heads[i].len + 1;
	}
	for (size_t i = 0; i < c->count; i++) {
		put_intents(&c->parts[i], room, &intents[i]);
		room -= intents[i].len;
	}
	for (size_t i = 0; i < c->count; i++) {
		buf_add_str(out, buf_str(&heads[i]));
		buf_add_str(out, buf_str(&intents[i]));
		buf_putc(out, ';');
		size_t before = out->len;
		doneset_encode(&c->parts[i].done, room_for_map(c, i, room), out);
		room -= out->len - before;
		buf_release(&heads[i]);
		buf_release(&intents[i]);
	}
}

static void put_start(const struct checkpoint *c, struct buf *out)
{
	buf_printf(out, "%lld;%lld;%08x", (long long)c->offset, (long long)c->rate, (unsigned)c->command);
}

size_t checkpoint_size(const struct checkpoint *c)
{
	struct buf text = BUF_INIT;
	put_start(c, &text);
	for (size_t i = 0; i < c->count; i++) {
		put_head(&c->parts[i], &text);
		put_intents(&c->parts[i], SIZE_MAX, &text);
	}
	size_t size = sizeof(MAGIC) - 1 + 9 + text.len + c->count;
	for (size_t i = 0; i < c->count; i++)
		size += may_be_cut(c, i) ? 0 : map_size(c, i);
	buf_release(&text);
	return size;
}

void checkpoint_encode(const struct checkpoint *c, struct buf *out)
{
	struct buf text = BUF_INIT;
	put_start(c, &text);
	put_parts(c, CHECKPOINT_TEXT - (sizeof(MAGIC) - 1 + 9 + text.len), &text);
	buf_printf(out, MAGIC "%08x;", (unsigned)murmur2(buf_str(&text)));
	buf_add_str(out, buf_str(&text));
	buf_release(&text);
}

/* --- and back: whatever the check sum says, a number is looked at before it is believed */

static bool take_number(struct str text, int64_t *n)
{
	struct err ignored = ERR_INIT;
	bool good = num_i64_str(text, 0, DONESET_MOST, n, &ignored) == 0;
	err_clear(&ignored);
	return good;
}

static bool cut_number(struct str *rest, char sep, int64_t *n)
{
	struct str text;
	*rest = str_cut(*rest, sep, &text);
	return take_number(text, n);
}

static bool take_intent(struct checkpoint_part *p, struct str text)
{
	int64_t first, more, deaths = CHECKPOINT_RAN;
	if (!cut_number(&text, '+', &first) || !cut_number(&text, '/', &more) ||
	    (text.ptr && !take_number(text, &deaths)) || more > DONESET_MOST - first)
		return false;
	checkpoint_intend(p, first, first + more, deaths);
	return true;
}

static bool take_intents(struct checkpoint_part *p, struct str text)
{
	struct str one;
	if (text.len == 0)
		return text.ptr != NULL;
	while (text.ptr) {
		text = str_cut(text, ',', &one);
		if (!take_intent(p, one))
			return false;
	}
	return true;
}

static bool has_room(const struct checkpoint *c, struct str id)
{
	size_t of_batches = 0;
	for (size_t i = 0; i < c->count; i++) {
		if (str_is(id, c->parts[i].id))
			return false;
		of_batches += *c->parts[i].id != '\0';
	}
	return id.len == 0 || of_batches < CHECKPOINT_PARTS;
}

/* ID]NEXT,DONE,INVALID,SKIPPED;INTENTS;MAP */
static bool take_part(struct checkpoint *c, struct str text)
{
	struct str id, head, intents;
	struct err ignored = ERR_INIT;
	text = str_cut(text, ']', &id);
	if (!text.ptr || id.len > ID_MAX || !has_room(c, id))
		return false;
	struct checkpoint_part *p = checkpoint_add(c, id);
	struct str map = str_cut(str_cut(text, ';', &head), ';', &intents);
	bool good = map.ptr && cut_number(&head, ',', &p->done.next) &&
	    cut_number(&head, ',', &p->done.below.done) &&
	    cut_number(&head, ',', &p->done.below.invalid) &&
	    take_number(head, &p->done.below.skipped) && take_intents(p, intents) &&
	    doneset_decode(&p->done, map, &ignored) == 0;
	err_clear(&ignored);
	return good;
}

static bool take_command(struct str text, uint32_t *command)
{
	struct buf again = BUF_INIT;
	*command = 0;
	for (size_t i = 0; i < text.len && i < 8; i++)
		*command = *command << 4 | (uint32_t)(hex_digit(text.ptr[i]) & 15);
	buf_printf(&again, "%08x", (unsigned)*command);
	bool good = str_eq(buf_str(&again), text);
	buf_release(&again);
	return good;
}

static bool take_all(struct checkpoint *c, struct str text)
{
	struct str command;
	if (!cut_number(&text, ';', &c->offset) || !cut_number(&text, ';', &c->rate))
		return false;
	text = str_cut(text, '[', &command);
	if (!take_command(command, &c->command))
		return false;
	while (text.ptr) {
		struct str part;
		text = str_cut(text, '[', &part);
		if (!take_part(c, part))
			return false;
	}
	return true;
}

static bool is_whole(struct str check, struct str text)
{
	struct buf want = BUF_INIT;
	buf_printf(&want, "%08x", (unsigned)murmur2(text));
	bool whole = text.ptr && str_eq(check, buf_str(&want));
	buf_release(&want);
	return whole;
}

int checkpoint_decode(struct checkpoint *c, struct str text, int64_t offset, struct err *err)
{
	struct str check;
	if (!str_has_prefix(text, MAGIC))
		return err_set(err, ST_FAIL, "another program's");
	text.ptr += sizeof(MAGIC) - 1;
	text.len -= sizeof(MAGIC) - 1;
	text = str_cut(text, ';', &check);
	if (!is_whole(check, text) || !take_all(c, text)) {
		checkpoint_release(c);
		return err_set(err, ST_FAIL, "damaged");
	}
	if (c->offset != offset) {
		int64_t theirs = c->offset;
		checkpoint_release(c);
		return err_set(err, ST_FAIL, "of offset %lld, not %lld", (long long)theirs,
		    (long long)offset);
	}
	return 0;
}

void checkpoint_release(struct checkpoint *c)
{
	for (size_t i = 0; i < c->count; i++) {
		free(c->parts[i].id);
		free(c->parts[i].intents);
		doneset_release(&c->parts[i].done);
	}
	*c = (struct checkpoint)CHECKPOINT_INIT;
}
