#include "kafka/ktxn.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "kafka/kparts.h"
#include "member.h"
#include "other.h"

static struct kproduce *open_producer(const char *id, const char *topic)
{
	struct kproduce *p;
	struct deadline d = soon();
	int32_t ignored;
	const struct kproduce_options o = {.transaction = id, .acked = ignore_ack};
	ok(kproduce_open(&p, settings(), topic, &o, &err));
	ok(kproduce_check(p, &ignored, &d, &err));
	return p;
}

static void begin(struct kproduce *p)
{
	struct deadline d = soon();
	ok(ktxn_begin(p, &d, &err));
}

static void put(struct kproduce *p, const char *value)
{
	struct record r = RECORD_INIT;
	r.partition = 0;
	r.value = str_of(value);
	assert_int_equal(kproduce_send(p, &r, NULL, &err), KPRODUCE_SENT);
}

static int offsets(struct kproduce *p, struct kmember *m, const char *topic, int64_t offset)
{
	struct deadline d = soon();
	const struct kmember_part part = {topic, 0, offset, "b1;n=1"};
	return ktxn_offsets(p, m, &part, 1, &d, &err);
}

static enum ktxn_end commit(struct kproduce *p)
{
	struct deadline d = soon();
	return ktxn_commit(p, &d, &err);
}

/* How many records of committed transactions the topic's first partition shows now. */
static int visible(const char *topic)
{
	struct kparts *p;
	struct kpart *l;
	const struct kparts_options o = {.lanes = 1, .wake = -1};
	struct deadline d = soon();
	int32_t partition = 0;
	int64_t end;
	const struct record *r;
	int count = 0;
	enum kread_state s = KREAD_EMPTY;
	ok(kparts_open(&p, settings(), &o, &err));
	ok(kclient_topic(kparts_client(p), topic, &partition, &d, &err));
	partition = 0;
	ok(kclient_offsets(kparts_client(p), topic, &partition, 1, KOFFSET_END, &end, &d, &err));
	ok(kpart_open(&l, p, topic, 0, 0, end, &err));
	for (; s != KREAD_DONE && deadline_left_ms(&d); s = kpart_head(l, &r, &err)) {
		if (s == KREAD_RECORD) {
			count++;
			kpart_pop(l);
		}
	}
	assert_int_equal(s, KREAD_DONE);
	kparts_close(p);
	return count;
}

/* The same when it is as many: a commit is answered before all can see it. */
static int committed(const char *topic, int wanted)
{
	struct deadline d = soon();
	int count = visible(topic);
	while (count < wanted && deadline_left_ms(&d))
		count = visible(topic);
	return count;
}

static void test_ktxn_many_in_a_row(void **state)
{
	const char *in = new_topic("in", 1), *out = new_topic("out", 1), *group = fresh("group");
	(void)state;
	struct kmember *m = join(group, in);
	assert_int_equal(next_of(m, NULL), KMEMBER_ASSIGNED);
	struct kproduce *p = open_producer(out, out);
	int64_t began_ms = clock_mono_ms();
	for (int i = 1; i <= 200; i++) {
		begin(p);
		put(p, "one");
		ok(offsets(p, m, in, i));
		assert_int_equal(commit(p), KTXN_COMMITTED);
		assert_false(ktxn_is_spent(p));
	}
	print_message("200 transactions with offsets: %lld ms\n", (long long)(clock_mono_ms() - began_ms));
	kproduce_close(p);
	leave(m);
	assert_int_equal(committed(out, 200), 200);
	m = join(group, in);
	assert_int_equal(next_of(m, NULL), KMEMBER_ASSIGNED);
	assert_int_equal(part_of(m, in, 0)->offset, 200);
	assert_string_equal(part_of(m, in, 0)->metadata, "b1;n=1");
	leave(m);
}

static void test_ktxn_aborted_leaves_nothing(void **state)
{
	const char *in = new_topic("in", 1), *out = new_topic("out", 1), *group = fresh("group");
	(void)state;
	struct kmember *m = join(group, in);
	assert_int_equal(next_of(m, NULL), KMEMBER_ASSIGNED);
	struct kproduce *p = open_producer(out, out);
	begin(p);
	put(p, "one");
	ok(offsets(p, m, in, 10));
	ktxn_abort(p);
	assert_true(ktxn_is_spent(p));
	kproduce_close(p);
	p = open_producer(out, out);
	begin(p);
	put(p, "two");
	ok(offsets(p, m, in, 5));
	assert_int_equal(commit(p), KTXN_COMMITTED);
	kproduce_close(p);
	leave(m);
	assert_int_equal(committed(out, 1), 1);
	m = join(group, in);
	assert_int_equal(next_of(m, NULL), KMEMBER_ASSIGNED);
	assert_int_equal(part_of(m, in, 0)->offset, 5);
	leave(m);
}

static void test_ktxn_fenced_is_spent(void **state)
{
	const char *out = new_topic("out", 1);
	(void)state;
	struct kproduce *p = open_producer(out, out);
	begin(p);
	put(p, "one");
	struct kproduce *after = open_producer(out, out);
	begin(after);
	assert_int_not_equal(commit(p), KTXN_COMMITTED);
	assert_true(ktxn_is_spent(p));
	kproduce_close(p);
	assert_false(ktxn_is_spent(after));
	put(after, "two");
	assert_int_equal(commit(after), KTXN_COMMITTED);
	assert_false(ktxn_is_spent(after));
	kproduce_close(after);
	assert_int_equal(committed(out, 1), 1);
}

/* Every connection that this process has. */
static void cut_connections(void)
{
	for (int fd = 3; fd < 100; fd++) {
		struct sockaddr_in peer;
		socklen_t size = sizeof(peer);
		if (getpeername(fd, (struct sockaddr *)&peer, &size) == 0)
			shutdown(fd, SHUT_RDWR);
	}
}

static void test_ktxn_cut_off_is_spent(void **state)
{
	const char *out = new_topic("out", 1);
	(void)state;
	struct kproduce *p = open_producer(out, out);
	begin(p);
	put(p, "one");
	assert_int_equal(commit(p), KTXN_COMMITTED);
	assert_false(ktxn_is_spent(p));
	begin(p);
	put(p, "two");
	cut_connections();
	assert_int_equal(commit(p), KTXN_COMMITTED);
	assert_true(ktxn_is_spent(p));
	kproduce_close(p);
	assert_int_equal(committed(out, 2), 2);
}

/* Who was frozen, and begins a transaction before he was told that his partitions are another's. */
static void transactions_of_the_frozen(bool another_stays)
{
	const char *in = new_topic("in", 1), *group = fresh("group");
	char out[100];
	struct other frozen;
	snprintf(out, sizeof(out), "%s.out", in);
	make_topic(out, 1);
	other_start(&frozen, "transaction", group, in);
	other_says(&frozen, "assigned");
	other_freeze(&frozen);
	struct kmember *m = join(group, in);
	assert_int_equal(next_of(m, NULL), KMEMBER_ASSIGNED);
	struct kproduce *p = open_producer("another", out);
	begin(p);
	put(p, "right");
	ok(offsets(p, m, in, 100));
	assert_int_equal(commit(p), KTXN_COMMITTED);
	kproduce_close(p);
	if (!another_stays)
		leave(m);
	other_tell(&frozen, "50");
	other_thaw(&frozen);
	other_says(&frozen, "refused");
	other_end(&frozen);
	if (another_stays)
		leave(m);
	assert_int_equal(committed(out, 1), 1);
	m = join(group, in);
	assert_int_equal(next_of(m, NULL), KMEMBER_ASSIGNED);
	assert_int_equal(part_of(m, in, 0)->offset, 100);
	leave(m);
}

static void test_ktxn_frozen_while_another_works(void **state)
{
	(void)state;
	transactions_of_the_frozen(true);
}

static void test_ktxn_frozen_while_another_came_and_went(void **state)
{
	(void)state;
	transactions_of_the_frozen(false);
}

/* The other process: once it is told an offset it tries to commit it with a result. */
static int be_worker(const char *group, const char *in)
{
	char line[32], out[100];
	snprintf(out, sizeof(out), "%s.out", in);
	const char *const topics[] = {in, NULL};
	struct kmember *m = join_as(group, topics, NULL, quick);
	struct kproduce *p = open_producer(out, out);
	if (next_of(m, NULL) != KMEMBER_ASSIGNED)
		return 1;
	other_report("assigned");
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	begin(p);
	put(p, "wrong");
	int answer = offsets(p, m, in, strtoll(line, NULL, 10));
	other_report(answer > 0 ? "refused" : answer < 0 ? err.text : "accepted");
	if (answer)
		ktxn_abort(p);
	else
		commit(p);
	kproduce_close(p);
	leave(m);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_ktxn_many_in_a_row),
	    cmocka_unit_test(test_ktxn_aborted_leaves_nothing),
	    cmocka_unit_test(test_ktxn_fenced_is_spent),
	    cmocka_unit_test(test_ktxn_cut_off_is_spent),
	    cmocka_unit_test(test_ktxn_frozen_while_another_works),
	    cmocka_unit_test(test_ktxn_frozen_while_another_came_and_went),
	};
	if (argc == 4)
		return be_worker(argv[2], argv[3]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
