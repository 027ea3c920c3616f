#include "kafka/kparts.h"

#include "broker.h"
#include "kafka/ktxn.h"

static struct kparts *open_parts(size_t lanes, int wake)
{
	struct kparts *p;
	const struct kparts_options o = {.lanes = lanes, .wake = wake};
	ok(kparts_open(&p, settings(), &o, &err));
	return p;
}

static void see_topic(struct kparts *p, const char *topic)
{
	int32_t partitions;
	struct deadline d = soon();
	ok(kclient_topic(kparts_client(p), topic, &partitions, &d, &err));
}

static struct kpart *open_lane(struct kparts *p, const char *topic, int32_t partition, int64_t start,
    int64_t end)
{
	struct kpart *l;
	ok(kpart_open(&l, p, topic, partition, start, end, &err));
	return l;
}

/* The lane's next record, or how else it ends. Sleeps as a caller's loop does. */
static enum kread_state wait_head(struct kparts *p, struct kpart *l, int wake, const struct record **r)
{
	struct deadline d = soon();
	for (;;) {
		enum kread_state s = kpart_head(l, r, &err);
		int ms = kparts_serve(p, clock_mono_ms());
		if (s != KREAD_EMPTY)
			return s;
		int left_ms = deadline_slice_ms(&d, 20000);
		if (!left_ms)
			return KREAD_EMPTY;
		woken(wake, ms >= 0 && ms < left_ms ? ms : left_ms);
	}
}

static void gives(struct kparts *p, struct kpart *l, int wake, int64_t first, int64_t last)
{
	const struct record *r;
	for (int64_t n = first; n <= last; n++) {
		assert_int_equal(wait_head(p, l, wake, &r), KREAD_RECORD);
		assert_int_equal(r->offset, n);
		assert_int_equal(strtoll(r->value.ptr, NULL, 10), n);
		assert_int_equal(kpart_position(l), n);
		kpart_pop(l);
	}
}

static void ends(struct kparts *p, struct kpart *l, int wake, int64_t position)
{
	const struct record *r;
	assert_int_equal(wait_head(p, l, wake, &r), KREAD_DONE);
	assert_int_equal(kpart_position(l), position);
}

static void test_kparts_of_several_topics(void **state)
{
	const char *a = new_topic("a", 2), *b = new_topic("b", 1);
	int wake = new_wake();
	(void)state;
	fill(a, 0, 0, 1000, 20);
	fill(a, 1, 0, 1000, 20);
	fill(b, 0, 0, 1000, 20);
	struct kparts *p = open_parts(3, wake);
	see_topic(p, a);
	see_topic(p, b);
	struct kpart *a0 = open_lane(p, a, 0, 0, 600), *a1 = open_lane(p, a, 1, 990, 1000);
	struct kpart *b0 = open_lane(p, b, 0, 400, 402);
	gives(p, a0, wake, 0, 9);
	gives(p, a1, wake, 990, 999);
	gives(p, b0, wake, 400, 401);
	gives(p, a0, wake, 10, 599);
	ends(p, a0, wake, 600);
	ends(p, a1, wake, 1000);
	ends(p, b0, wake, 402);
	ok(kpart_move(b0, 7, 7, &err));
	ends(p, b0, wake, 7);
	kpart_close(b0);
	b0 = open_lane(p, b, 0, 0, 3);
	gives(p, b0, wake, 0, 2);
	ends(p, b0, wake, 3);
	kparts_close(p);
	close(wake);
}

static int by_size(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;
	return (*x > *y) - (*x < *y);
}

/* What a machine that stands still now and then does not change. */
static int64_t median(int64_t *ms, size_t count)
{
	qsort(ms, count, sizeof(*ms), by_size);
	return ms[count / 2];
}

#define MOVES 50

/* How long a move takes, beside a lane at the end of its log. */
static int64_t move_ms(const char *topic, const struct kv *kv)
{
	int wake = new_wake();
	int64_t took_ms[MOVES];
	struct kparts *p;
	const struct kparts_options o = {.lanes = 2, .wake = wake};
	ok(kparts_open(&p, kv, &o, &err));
	see_topic(p, topic);
	struct kpart *moves = open_lane(p, topic, 0, 0, 20000);
	open_lane(p, topic, 1, 0, INT64_MAX);
	for (int i = 0; i < MOVES; i++) {
		int64_t at = (i * 7919) % 19000, began_ms = clock_mono_ms();
		ok(kpart_move(moves, at, 20000, &err));
		gives(p, moves, wake, at, at + 600);
		took_ms[i] = clock_mono_ms() - began_ms;
	}
	kparts_close(p);
	close(wake);
	return median(took_ms, MOVES);
}

/* Who has the rhythm of one that follows a log waits for the fetch of the other lane. */
static void test_kparts_moves_at_once(void **state)
{
	const char *topic = new_topic("t", 2);
	(void)state;
	fill(topic, 0, 0, 20000, 100);
	struct kv calm;
	settings_of(&calm, (const char *const[]){"fetch.wait.max.ms", "100", NULL});
	int64_t follows_ms = move_ms(topic, &calm), ms = move_ms(topic, settings());
	kv_release(&calm);
	print_message("a move: %lld ms, of who follows %lld\n", (long long)ms, (long long)follows_ms);
	assert_true(ms * 4 < 3 * (follows_ms > KREAD_CALM_MS ? follows_ms : KREAD_CALM_MS));
}

/* The queue is full each time that the reader comes back, and the fetcher, which sleeps up to a second then, must be
 * woken. */
static void test_kparts_does_not_wait_after_a_pause(void **state)
{
	const char *topic = new_topic("t", 1);
	int wake = new_wake();
	int64_t took_ms[20];
	(void)state;
	fill(topic, 0, 0, 200000, 200);
	struct kparts *p = open_parts(4, wake);
	see_topic(p, topic);
	struct kpart *l = open_lane(p, topic, 0, 0, INT64_MAX);
	for (int i = 0; i < 20; i++) {
		int64_t began_ms = clock_mono_ms();
		gives(p, l, wake, i * 10000, i * 10000 + 9999);
		took_ms[i] = clock_mono_ms() - began_ms;
		poll(NULL, 0, 200);
	}
	int64_t ms = median(took_ms, 20);
	print_message("10000 records of 200 bytes after a pause: %lld ms\n", (long long)ms);
	assert_in_range(ms, 0, 400);
	kparts_close(p);
	close(wake);
}

static void send_transactions(const char *topic, int count)
{
	struct kproduce *p;
	struct deadline d = soon();
	int32_t ignored;
	const struct kproduce_options o = {.transaction = topic, .acked = ignore_ack};
	ok(kproduce_open(&p, settings(), topic, &o, &err));
	ok(kproduce_check(p, &ignored, &d, &err));
	for (int i = 0; i < count; i++) {
		struct record r = RECORD_INIT;
		r.partition = 0;
		r.value = str_of("x");
		ok(ktxn_begin(p, &d, &err));
		assert_int_equal(kproduce_send(p, &r, NULL, &err), KPRODUCE_SENT);
		assert_int_equal(ktxn_commit(p, &d, &err), KTXN_COMMITTED);
	}
	kproduce_close(p);
}

/* Every second offset is a marker, the last one too. */
static void test_kparts_passes_over_gaps(void **state)
{
	const char *topic = new_topic("t", 1);
	int wake = new_wake();
	const struct record *r;
	(void)state;
	send_transactions(topic, 5);
	struct kparts *p = open_parts(1, wake);
	see_topic(p, topic);
	struct kpart *l = open_lane(p, topic, 0, 0, 10);
	for (int64_t offset = 0; offset < 10; offset += 2) {
		assert_int_equal(wait_head(p, l, wake, &r), KREAD_RECORD);
		assert_int_equal(r->offset, offset);
		kpart_pop(l);
		assert_int_equal(kpart_position(l), offset + 1);
	}
	ends(p, l, wake, 10);
	ok(kpart_move(l, 4, INT64_MAX, &err));
	for (int i = 0; i < 3; i++) {
		assert_int_equal(wait_head(p, l, wake, &r), KREAD_RECORD);
		kpart_pop(l);
	}
	for (struct deadline d = soon(); kpart_position(l) < 10 && deadline_left_ms(&d);) {
		assert_int_equal(kpart_head(l, &r, &err), KREAD_EMPTY);
		woken(wake, 1000);
	}
	assert_int_equal(kpart_position(l), 10);
	kparts_close(p);
	close(wake);
}

static void test_kparts_wakes_who_follows(void **state)
{
	const char *topic = new_topic("t", 2);
	int wake = new_wake();
	const struct record *r;
	(void)state;
	struct kparts *p = open_parts(2, wake);
	see_topic(p, topic);
	struct kpart *l = open_lane(p, topic, 1, 0, INT64_MAX);
	while (kpart_head(l, &r, &err) == KREAD_EMPTY && woken(wake, 300))
		;
	for (int64_t n = 0; n < 3; n++) {
		fill(topic, 1, n, 1, 10);
		while (kpart_head(l, &r, &err) == KREAD_EMPTY)
			assert_true(woken(wake, 10000));
		gives(p, l, wake, n, n);
	}
	kparts_close(p);
	close(wake);
}

static void test_kparts_says_what_is_gone(void **state)
{
	const char *topic = new_topic("t", 1);
	int wake = new_wake();
	const struct record *r;
	(void)state;
	fill(topic, 0, 0, 10, 10);
	struct kparts *p = open_parts(1, wake);
	see_topic(p, topic);
	struct kpart *l = open_lane(p, topic, 0, 50, 60);
	assert_int_equal(wait_head(p, l, wake, &r), KREAD_ERROR);
	assert_non_null(strstr(err.text, "offset 50 is not in the log"));
	ok(kpart_move(l, 5, 10, &err));
	gives(p, l, wake, 5, 9);
	kparts_close(p);
	close(wake);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kparts_of_several_topics),
	    cmocka_unit_test(test_kparts_moves_at_once),
	    cmocka_unit_test(test_kparts_does_not_wait_after_a_pause),
	    cmocka_unit_test(test_kparts_passes_over_gaps),
	    cmocka_unit_test(test_kparts_wakes_who_follows),
	    cmocka_unit_test(test_kparts_says_what_is_gone),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
