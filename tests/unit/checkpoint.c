#include "batch/checkpoint.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/id.h"
#include "base/murmur2.h"

static void check_text(const struct checkpoint *c, const char *want)
{
	struct buf text = BUF_INIT;
	checkpoint_encode(c, &text);
	assert_string_equal(buf_text(&text), want);
	buf_release(&text);
}

static struct checkpoint example(void)
{
	struct checkpoint c = {.offset = 812, .rate = 12400, .command = 0x5f2c};
	struct checkpoint_part *p = checkpoint_add(&c, STR("nightly 2"));
	p->done.next = 100;
	p->done.below = (struct tally){97, 2, 1};
	doneset_add(&p->done, 104, 200, VERDICT_DONE);
	doneset_add(&p->done, 103, 103, VERDICT_SKIPPED);
	doneset_add(&p->done, 101, 101, VERDICT_DONE);
	checkpoint_intend(p, 1042, 1061, 0);
	checkpoint_intend(p, 1065, 1065, 3);
	checkpoint_intend(p, 1070, 1079, CHECKPOINT_RAN);
	checkpoint_add(&c, STR("b"));
	return c;
}

#define EXAMPLE                                                                                    \
	"b1;c640d161;812;12400;00005f2c[nightly 2]100,97,2,1;1042+19/0,1065+0/3,1070+9;~AQEBYg..BA"         \
	"[b]0,0,0,0;;"

/* As others may have written it: the form must not change. */
static void test_checkpoint_text(void **state)
{
	(void)state;
	struct checkpoint c = CHECKPOINT_INIT;
	check_text(&c, "b1;39777ccd;0;0;00000000");
	c = example();
	check_text(&c, EXAMPLE);
	checkpoint_release(&c);
	checkpoint_add(&c, STR(""))->done.next = c.offset = 7;
	check_text(&c, "b1;5be580d3;7;0;00000000[]7,0,0,0;;");
	checkpoint_release(&c);
}

static void test_checkpoint_back(void **state)
{
	(void)state;
	struct checkpoint c = CHECKPOINT_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(checkpoint_decode(&c, STR(EXAMPLE), 812, &err), 0);
	assert_int_equal(c.offset, 812);
	assert_int_equal(c.rate, 12400);
	assert_int_equal(c.command, 0x5f2c);
	assert_int_equal(c.count, 2);
	const struct checkpoint_part *p = &c.parts[0];
	assert_string_equal(p->id, "nightly 2");
	assert_int_equal(p->done.next, 100);
	assert_int_equal(p->done.count, 3);
	struct tally all = doneset_tally(&p->done);
	assert_int_equal(all.done, 97 + 1 + 97);
	assert_int_equal(all.invalid, 2);
	assert_int_equal(all.skipped, 2);
	assert_int_equal(p->count, 3);
	assert_int_equal(p->intents[0].first, 1042);
	assert_int_equal(p->intents[0].last, 1061);
	assert_int_equal(p->intents[0].deaths, 0);
	assert_int_equal(p->intents[1].first, 1065);
	assert_int_equal(p->intents[1].last, 1065);
	assert_int_equal(p->intents[1].deaths, 3);
	assert_int_equal(p->intents[2].first, 1070);
	assert_int_equal(p->intents[2].last, 1079);
	assert_int_equal(p->intents[2].deaths, CHECKPOINT_RAN);
	assert_string_equal(c.parts[1].id, "b");
	assert_int_equal(c.parts[1].count, 0);
	check_text(&c, EXAMPLE);
	checkpoint_release(&c);
	assert_int_equal(c.count, 0);
}

/* --- the room */

static struct checkpoint largest(size_t intents)
{
	struct checkpoint c = {.offset = DONESET_MOST / 2, .rate = INT64_MAX / 2, .command = UINT32_MAX};
	char id[ID_MAX];
	for (size_t i = 0; i < CHECKPOINT_ALL; i++) {
		memset(id, 'a' + (int)i, sizeof(id));
		struct checkpoint_part *p = checkpoint_add(&c, (struct str){id, i < CHECKPOINT_PARTS ? sizeof(id) : 0});
		p->done.next = DONESET_MOST / 2;
		p->done.below = (struct tally){DONESET_MOST, DONESET_MOST, DONESET_MOST};
		for (int64_t n = 1; n < DONESET_WINDOW; n += 2)
			doneset_add(&p->done, p->done.next + n, p->done.next + n,
			    (enum verdict)(1 + n / 2 % 3));
		for (size_t j = 0; j < intents; j++)
			checkpoint_intend(p, 10 * (int64_t)j, 10 * (int64_t)j + 9,
			    1);
	}
	return c;
}

static struct checkpoint squeeze(size_t intents)
{
	struct checkpoint c = largest(intents), back = CHECKPOINT_INIT;
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	checkpoint_encode(&c, &text);
	assert_in_range(text.len, CHECKPOINT_TEXT - 20, CHECKPOINT_TEXT);
	assert_int_equal(checkpoint_decode(&back, buf_str(&text), c.offset, &err), 0);
	buf_release(&text);
	checkpoint_release(&c);
	assert_int_equal(back.count, CHECKPOINT_ALL);
	return back;
}

static void test_checkpoint_cuts_maps(void **state)
{
	(void)state;
	struct checkpoint c = squeeze(10);
	for (size_t i = 0; i < c.count; i++) {
		assert_int_equal(strlen(c.parts[i].id), i < CHECKPOINT_PARTS ? ID_MAX : 0);
		assert_int_equal(c.parts[i].count, 10);
		assert_int_equal(c.parts[i].done.below.skipped, DONESET_MOST);
		assert_in_range(c.parts[i].done.count, 400, 3000);
	}
	checkpoint_release(&c);
}

static void test_checkpoint_cuts_intents_last(void **state)
{
	(void)state;
	struct checkpoint c = squeeze(140);
	assert_int_equal(c.parts[0].count, 140);
	assert_int_equal(c.parts[1].count, 140);
	assert_in_range(c.parts[2].count, 10, 139);
	assert_int_equal(c.parts[2].intents[9].first, 90);
	assert_int_equal(c.parts[3].count, 0);
	for (size_t i = 0; i < c.count; i++)
		assert_int_equal(c.parts[i].done.next, DONESET_MOST / 2);
	checkpoint_release(&c);
}

static void test_checkpoint_has_room_for_intents(void **state)
{
	(void)state;
	struct checkpoint c = largest(0), back = CHECKPOINT_INIT;
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	for (int64_t i = 1; i <= CHECKPOINT_INTENTS; i++)
		checkpoint_intend(&c.parts[0], 1000000000000 - 1000 * i, 1000000000000 - 1000 * i + 999, 9);
	checkpoint_encode(&c, &text);
	assert_int_equal(checkpoint_decode(&back, buf_str(&text), c.offset, &err), 0);
	assert_int_equal(back.parts[0].count, CHECKPOINT_INTENTS);
	buf_release(&text);
	checkpoint_release(&c);
	checkpoint_release(&back);
}

static void test_checkpoint_find(void **state)
{
	(void)state;
	struct checkpoint c = largest(0);
	assert_ptr_equal(checkpoint_find(&c, ""), &c.parts[CHECKPOINT_PARTS]);
	assert_ptr_equal(checkpoint_find(&c, c.parts[1].id), &c.parts[1]);
	assert_null(checkpoint_find(&c, "a"));
	checkpoint_release(&c);
}

/* One part, a window full of it: nothing is cut. */
static void test_checkpoint_one_part(void **state)
{
	(void)state;
	struct checkpoint c = {.offset = 1000000}, back = CHECKPOINT_INIT;
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	struct checkpoint_part *p = checkpoint_add(&c, STR(""));
	p->done.next = c.offset;
	for (int64_t n = 1; n < DONESET_WINDOW; n += 2)
		doneset_add(&p->done, c.offset + n, c.offset + n, VERDICT_DONE);
	checkpoint_encode(&c, &text);
	assert_in_range(text.len, 0, DONESET_TEXT + 64);
	assert_int_equal(checkpoint_decode(&back, buf_str(&text), c.offset, &err), 0);
	assert_int_equal(doneset_top(&back.parts[0].done), doneset_top(&p->done));
	buf_release(&text);
	checkpoint_release(&c);
	checkpoint_release(&back);
}

/* What has room is there again, each record with its verdict, however the parts share it. */
static void check_whole(const struct checkpoint *c)
{
	struct checkpoint back = CHECKPOINT_INIT;
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	checkpoint_encode(c, &text);
	assert_int_equal(text.len, checkpoint_size(c));
	assert_int_equal(checkpoint_decode(&back, buf_str(&text), c->offset, &err), 0);
	for (size_t i = 0; i < c->count; i++) {
		const struct doneset *was = &c->parts[i].done, *is = &back.parts[i].done;
		assert_int_equal(back.parts[i].count, c->parts[i].count);
		assert_int_equal(is->count, was->count);
		for (size_t k = 0; k < was->count; k++) {
			assert_int_equal(is->list[k].first, was->list[k].first);
			assert_int_equal(is->list[k].last, was->list[k].last);
			assert_int_equal(is->list[k].verdict, was->list[k].verdict);
		}
	}
	buf_release(&text);
	checkpoint_release(&back);
}

/* Each second record is done, each verdict in turn: there is no longer text for so many records. */
static void alternate(struct checkpoint_part *p, int64_t records)
{
	p->done.next = 1000;
	for (int64_t n = 1; n < records; n += 2)
		doneset_add(&p->done, 1000 + n, 1000 + n, (enum verdict)(1 + n / 2 % 3));
	checkpoint_intend(p, 1000, 1099, 2);
	checkpoint_intend(p, 1200, 1299, CHECKPOINT_RAN);
}

static void test_checkpoint_keeps_what_has_room(void **state)
{
	(void)state;
	static const char *const ids[] = {"", "a", "bb", "ccc", "dddd"};
	for (size_t large = 1; large < CHECKPOINT_ALL; large++) {
		struct checkpoint c = {.offset = 1000};
		for (size_t i = 0; i < CHECKPOINT_ALL; i++)
			alternate(checkpoint_add(&c, str_of(ids[i])), i == large ? 6000 : i > 0 ? 100 : 0);
		assert_in_range(checkpoint_size(&c), 3000, CHECKPOINT_TEXT);
		check_whole(&c);
		checkpoint_release(&c);
	}
}

/* What became of records beside the batches gives way to the batches. */
static void test_checkpoint_cuts_strays_first(void **state)
{
	(void)state;
	struct checkpoint c = {.offset = 1000}, back = CHECKPOINT_INIT;
	struct buf text = BUF_INIT;
	struct err err = ERR_INIT;
	alternate(checkpoint_add(&c, STR("")), 12000);
	alternate(checkpoint_add(&c, STR("a")), 3000);
	alternate(checkpoint_add(&c, STR("b")), 3000);
	assert_in_range(checkpoint_size(&c), 3000, CHECKPOINT_TEXT);
	checkpoint_encode(&c, &text);
	assert_in_range(text.len, CHECKPOINT_TEXT - 20, CHECKPOINT_TEXT);
	assert_int_equal(checkpoint_decode(&back, buf_str(&text), 1000, &err), 0);
	assert_int_equal(back.parts[1].done.count, c.parts[1].done.count);
	assert_int_equal(back.parts[2].done.count, c.parts[2].done.count);
	assert_in_range(back.parts[0].done.count, 10, c.parts[0].done.count - 1);
	buf_release(&text);
	checkpoint_release(&c);
	checkpoint_release(&back);
}

/* --- what is not taken */

static void check_refused(struct str text, int64_t offset, const char *why)
{
	struct checkpoint c = CHECKPOINT_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(checkpoint_decode(&c, text, offset, &err), -1);
	assert_int_equal(err.status, ST_FAIL);
	assert_string_equal(err.text, why);
	assert_int_equal(c.count, 0);
	err_clear(&err);
}

static void test_checkpoint_foreign(void **state)
{
	(void)state;
	check_refused((struct str)STR_INIT, 812, "another program's");
	check_refused(STR(""), 812, "another program's");
	check_refused(STR("{\"host\":\"a\"}"), 812, "another program's");
	check_refused(STR("b2;00000000;812;0;00000000"), 812, "another program's");
}

static void test_checkpoint_stale(void **state)
{
	(void)state;
	check_refused(STR(EXAMPLE), 811, "of offset 812, not 811");
	check_refused(STR(EXAMPLE), 0, "of offset 812, not 0");
}

/* Each byte changed, each end cut off. */
static void test_checkpoint_damaged(void **state)
{
	(void)state;
	char text[] = EXAMPLE;
	size_t len = sizeof(text) - 1;
	for (size_t i = 3; i < len; i++) {
		check_refused((struct str){text, i}, 812, "damaged");
		for (unsigned bit = 0; bit < 8; bit++) {
			text[i] = (char)((unsigned char)text[i] ^ 1u << bit);
			check_refused((struct str){text, len}, 812, "damaged");
			text[i] = (char)((unsigned char)text[i] ^ 1u << bit);
		}
	}
}

static void check_nonsense(const char *body)
{
	struct buf text = BUF_INIT;
	buf_printf(&text, "b1;%08x;%s", (unsigned)murmur2(str_of(body)), body);
	check_refused(buf_str(&text), 812, "damaged");
	buf_release(&text);
}

/* With the right check sum, for who writes it on purpose. */
static void test_checkpoint_nonsense(void **state)
{
	(void)state;
	static const char *const bodies[] = {
	    "",
	    "812",
	    "812;0",
	    "812;0;0",
	    "812;0;0000000G",
	    "812;0;0000000A",
	    "812;0;000000000",
	    "-1;0;00000000",
	    "812;x;00000000",
	    "812;0;00000000;",
	    "812;0;00000000[",
	    "812;0;00000000[a",
	    "812;0;00000000[a]",
	    "812;0;00000000[a]0,0,0,0",
	    "812;0;00000000[a]0,0,0,0;",
	    "812;0;00000000[a]0,0,0;;",
	    "812;0;00000000[a]0,0,0,0,0;;",
	    "812;0;00000000[a]0,0,-1,0;;",
	    "812;0;00000000[a]4611686018427387905,0,0,0;;",
	    "812;0;00000000[a]0,0,0,0;,;",
	    "812;0;00000000[a]0,0,0,0;1;",
	    "812;0;00000000[a]0,0,0,0;1+;",
	    "812;0;00000000[a]0,0,0,0;1+1/-1;",
	    "812;0;00000000[a]0,0,0,0;1+1/;",
	    "812;0;00000000[a]0,0,0,0;1/1;",
	    "812;0;00000000[a]0,0,0,0;-1+1/1;",
	    "812;0;00000000[a]0,0,0,0;1+1/1,;",
	    "812;0;00000000[a]0,0,0,0;4611686018427387904+1/1;",
	    "812;0;00000000[a]0,0,0,0;1+4611686018427387904/1;",
	    "812;0;00000000[a]0,0,0,0;;A",
	    "812;0;00000000[a]0,0,0,0;;AQ;",
	    "812;0;00000000[a]0,0,0,0;;[b]0,0,0,0;;[c]0,0,0,0;;[d]0,0,0,0;;[e]0,0,0,0;;",
	    "812;0;00000000[a]0,0,0,0;;[a]0,0,0,0;;",
	    "812;0;00000000[]0,0,0,0;;[]0,0,0,0;;",
	};
	for (size_t i = 0; i < sizeof(bodies) / sizeof(*bodies); i++)
		check_nonsense(bodies[i]);
	char body[ID_MAX + 100];
	snprintf(body, sizeof(body), "812;0;00000000[%0*d]0,0,0,0;;", ID_MAX + 1, 0);
	check_nonsense(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_checkpoint_text),
	    cmocka_unit_test(test_checkpoint_back),
	    cmocka_unit_test(test_checkpoint_cuts_maps),
	    cmocka_unit_test(test_checkpoint_cuts_intents_last),
	    cmocka_unit_test(test_checkpoint_has_room_for_intents),
	    cmocka_unit_test(test_checkpoint_find),
	    cmocka_unit_test(test_checkpoint_one_part),
	    cmocka_unit_test(test_checkpoint_keeps_what_has_room),
	    cmocka_unit_test(test_checkpoint_cuts_strays_first),
	    cmocka_unit_test(test_checkpoint_foreign),
	    cmocka_unit_test(test_checkpoint_stale),
	    cmocka_unit_test(test_checkpoint_damaged),
	    cmocka_unit_test(test_checkpoint_nonsense),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
