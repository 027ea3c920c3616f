#include "kafka/kready.h"

#include "base/id.h"
#include "base/murmur2.h"
#include "broker.h"

#define DAY_MS (INT64_C(24) * 3600 * 1000)

/* A stream of one's own, and the writer of its events. */
struct stream {
	const char *name;
	char topic[100];
	int32_t partitions;
	struct kproduce *events;
	int64_t now_ms;
};

static void begin(struct stream *s, int32_t partitions)
{
	const struct kproduce_options o = {.give_up_ms = 20000, .acked = ignore_ack};
	struct deadline d = soon();
	*s = (struct stream){.name = fresh("stream"), .now_ms = clock_wall_ms()};
	snprintf(s->topic, sizeof(s->topic), "%s.notification", s->name);
	make_topic(s->topic, partitions);
	ok(kproduce_open(&s->events, settings(), s->topic, &o, &err));
	ok(kproduce_check(s->events, &s->partitions, &d, &err));
}

static void put(struct stream *s, const struct batch *b, enum event_type type)
{
	struct event_out out;
	struct deadline d = soon();
	ok(event_encode(b, type, str_of(s->name), str_of("w"), s->now_ms, &out, &err));
	out.record.partition = murmur2_partition(batch_id(b), s->partitions);
	assert_int_equal(kproduce_send(s->events, &out.record, NULL, &err), KPRODUCE_SENT);
	ok(kproduce_flush(s->events, &d, &err));
	event_out_release(&out);
}

/* The batch's id holds the time, or is what the caller says. */
static void create(struct stream *s, struct batch *b, const char *id)
{
	char made[ID_SIZE], in[100];
	unsigned char random[10];
	clock_random(random, sizeof(random));
	id_make(s->now_ms, random, made);
	snprintf(in, sizeof(in), "%s.in", s->name);
	const struct batch_new n = {.id = str_of(id ? id : made), .name = str_of("test"),
	    .owner = str_of("me"), .topic = str_of(in), .data_type = str_of("claims"),
	    .processing = true, .priority = 50, .invalid_threshold = -1, .now_ms = s->now_ms};
	*b = (struct batch)BATCH_INIT;
	ok(batch_create(&n, b, &err));
	put(s, b, EVENT_STATUS);
}

static void change(struct stream *s, struct batch *b, enum batch_action action)
{
	struct batch after = BATCH_INIT;
	const struct batch_change c = {.action = action, .now_ms = s->now_ms, .force = true,
	    .actual = 0, .invalid = 0};
	ok(batch_apply(b, &c, &after, &err));
	batch_release(b);
	*b = after;
	put(s, b, EVENT_STATUS);
}

static struct kready *follow(const struct stream *s, const int64_t *from, int wake)
{
	struct kready *r;
	struct deadline d = soon();
	const struct klog_options o = {0};
	ok(kready_open(&r, settings(), s->name, &o, 7, &d, &err));
	assert_int_equal(kready_partitions(r), s->partitions);
	kready_wake(r, wake);
	ok(kready_start(r, from, &d, &err));
	return r;
}

/* Takes events until all is caught up: how many there were. *status is the batch's after the last of its
 * own, if there was one. */
static int catch_up(struct kready *r, const struct batch *b, enum batch_status *status)
{
	const struct event *e;
	const struct fold *f;
	struct deadline d = soon();
	int count = 0;
	while (!kready_caught_up(r) && deadline_left_ms(&d)) {
		int got = kready_next(r, 50, &e, &f, &d, &err);
		ok(got < 0);
		count += got;
		if (got && str_eq(buf_str(&e->id), batch_id(b)))
			*status = f->status;
	}
	assert_true(kready_caught_up(r));
	return count;
}

static void test_kready_tells_what_counts(void **state)
{
	static const int64_t beginning[] = {-1, -1, -1};
	struct stream s;
	struct batch open, sent, done;
	enum batch_status status = BATCH_NONE;
	int64_t marks[3], again[3];
	(void)state;
	begin(&s, 3);
	create(&s, &open, NULL);
	create(&s, &sent, "nightly");
	create(&s, &done, NULL);
	change(&s, &done, BATCH_COMPLETE);
	change(&s, &sent, BATCH_COMPLETE);
	put(&s, &sent, EVENT_PART);
	put(&s, &sent, EVENT_STATUS); /* a version that was there: does not count */
	change(&s, &done, BATCH_PROCESSED);
	struct kready *r = follow(&s, beginning, -1);
	assert_int_equal(catch_up(r, &sent, &status), 7);
	assert_int_equal(status, BATCH_SENT);
	kready_marks(r, marks);
	kready_close(r);

	/* From the marks what is open looks as before. */
	r = follow(&s, marks, -1);
	status = BATCH_NONE;
	catch_up(r, &sent, &status);
	assert_int_equal(status, BATCH_SENT);
	kready_marks(r, again);
	assert_memory_equal(marks, again, sizeof(marks));
	kready_close(r);
	r = follow(&s, marks, -1);
	catch_up(r, &open, &status);
	assert_int_equal(status, BATCH_STARTED);
	kready_close(r);
	batch_release(&open);
	batch_release(&sent);
	batch_release(&done);
	kproduce_close(s.events);
}

static void test_kready_wakes_and_marks_move_on(void **state)
{
	static const int64_t beginning[] = {-1};
	struct stream s;
	struct batch one, two;
	enum batch_status ignored;
	const struct event *e;
	const struct fold *f;
	struct deadline d = soon();
	int64_t mark;
	int got, fd = new_wake();
	(void)state;
	begin(&s, 1);
	create(&s, &one, NULL);                 /* 0 */
	create(&s, &two, NULL);                 /* 1 */
	struct kready *r = follow(&s, beginning, fd);
	assert_int_equal(catch_up(r, &one, &ignored), 2);
	kready_marks(r, &mark);
	assert_int_equal(mark, 0);
	assert_int_equal(kready_next(r, 0, &e, &f, &d, &err), 0);
	change(&s, &one, BATCH_COMPLETE);       /* 2 */
	while ((got = kready_next(r, 0, &e, &f, &d, &err)) == 0)
		assert_true(woken(fd, 10000));
	assert_int_equal(got, 1);
	assert_int_equal(f->status, BATCH_SENT);
	change(&s, &one, BATCH_PROCESSED);      /* 3 */
	while ((got = kready_next(r, 0, &e, &f, &d, &err)) == 0)
		assert_true(woken(fd, 10000));
	assert_int_equal(f->status, BATCH_COMPLETED);
	kready_marks(r, &mark);
	assert_int_equal(mark, 1);
	change(&s, &two, BATCH_TERMINATE);      /* 4 */
	while ((got = kready_next(r, 0, &e, &f, &d, &err)) == 0)
		assert_true(woken(fd, 10000));
	kready_marks(r, &mark);
	assert_int_equal(mark, 5);
	kready_close(r);
	r = follow(&s, &mark, -1);
	assert_true(kready_caught_up(r));
	kready_close(r);
	batch_release(&one);
	batch_release(&two);
	kproduce_close(s.events);
	close(fd);
}

static void test_kready_does_not_wait_for_what_was_given_up(void **state)
{
	static const int64_t beginning[] = {-1};
	struct stream s;
	struct batch old, named, sent, young;
	enum batch_status status = BATCH_NONE;
	int64_t mark;
	(void)state;
	begin(&s, 1);
	s.now_ms -= 8 * DAY_MS;
	create(&s, &old, NULL);            /* 0 */
	create(&s, &named, "named");       /* 1 */
	create(&s, &sent, "sent");         /* 2 */
	change(&s, &sent, BATCH_COMPLETE); /* 3 */
	s.now_ms += 8 * DAY_MS;
	create(&s, &young, NULL);          /* 4 */
	struct kready *r = follow(&s, beginning, -1);
	catch_up(r, &old, &status);
	kready_marks(r, &mark);
	assert_int_equal(mark, 2);
	kready_close(r);
	change(&s, &sent, BATCH_PROCESSED); /* 5 */
	r = follow(&s, &mark, -1);
	catch_up(r, &old, &status);
	kready_marks(r, &mark);
	assert_int_equal(mark, 4);
	kready_close(r);

	/* If they go on after all, they are known. */
	change(&s, &old, BATCH_COMPLETE);
	change(&s, &named, BATCH_COMPLETE);
	r = follow(&s, &mark, -1);
	status = BATCH_NONE;
	catch_up(r, &old, &status);
	assert_int_equal(status, BATCH_SENT);
	kready_close(r);
	r = follow(&s, &mark, -1);
	status = BATCH_NONE;
	catch_up(r, &named, &status);
	assert_int_equal(status, BATCH_SENT);
	kready_close(r);
	batch_release(&old);
	batch_release(&named);
	batch_release(&sent);
	batch_release(&young);
	kproduce_close(s.events);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kready_tells_what_counts),
	    cmocka_unit_test(test_kready_wakes_and_marks_move_on),
	    cmocka_unit_test(test_kready_does_not_wait_for_what_was_given_up),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
