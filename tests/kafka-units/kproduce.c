#include "kafka/kproduce.h"

#include "broker.h"

#define TOPICS 3
#define EACH   100

struct seen {
	int acked;
	bool each[TOPICS][EACH]; /* the cookies point here */
};

static void on_acked(void *ctx, const struct kack *ack)
{
	struct seen *s = ctx;
	bool *cookie = ack->cookie;
	assert_int_equal(ack->result, KACK_DONE);
	assert_in_range(ack->offset, 0, EACH - 1);
	assert_false(*cookie);
	*cookie = true;
	s->acked++;
}

/* One after the other, each with the value of its place among all. */
static void test_kproduce_to_several_topics(void **state)
{
	struct kproduce *p;
	struct seen seen = {0};
	struct deadline d = soon();
	size_t at[TOPICS] = {0};
	int32_t partitions[TOPICS];
	int fd = new_wake();
	const struct kproduce_options o = {.give_up_ms = 20000, .acked = on_acked, .ctx = &seen};
	(void)state;
	ok(kproduce_open(&p, settings(), new_topic("one", 1), &o, &err));
	ok(kproduce_check(p, &partitions[0], &d, &err));
	ok(kproduce_add(p, new_topic("two", 2), &at[1], &partitions[1], &d, &err));
	ok(kproduce_add(p, new_topic("three", 3), &at[2], &partitions[2], &d, &err));
	assert_int_equal(partitions[1], 2);
	assert_int_equal(partitions[2], 3);
	kclient_wake(kproduce_client(p), fd);
	for (int i = 0; i < EACH; i++) {
		for (int t = 0; t < TOPICS; t++) {
			struct record r = RECORD_INIT;
			r.partition = 0;
			r.value = str_of("x");
			assert_int_equal(kproduce_send_to(p, at[t], &r, &seen.each[t][i], &err),
			    KPRODUCE_SENT);
		}
	}
	while (seen.acked < TOPICS * EACH) {
		assert_true(woken(fd, 10000));
		kproduce_poll(p, 0);
	}
	assert_int_equal(kproduce_in_flight(p), 0);
	kproduce_close(p);
	close(fd);
}

static void test_kproduce_says_which_topic_is_missing(void **state)
{
	struct kproduce *p;
	struct deadline d = soon();
	size_t at;
	int32_t partitions;
	const struct kproduce_options o = {.give_up_ms = 20000, .acked = ignore_ack};
	(void)state;
	ok(kproduce_open(&p, settings(), new_topic("one", 1), &o, &err));
	assert_int_equal(kproduce_add(p, "u.is.not.there", &at, &partitions, &d, &err), -1);
	assert_int_equal(err.status, ST_STATE);
	assert_non_null(strstr(err.text, "u.is.not.there"));
	kproduce_close(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kproduce_to_several_topics),
	    cmocka_unit_test(test_kproduce_says_which_topic_is_missing),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
