#include "kafka/kmember.h"

#include "kafka/kmember_int.h"
#include "member.h"
#include "other.h"

/* Nothing happens to m for so long. */
static void quiet(struct kmember *m, int ms)
{
	for (int64_t end_ms = clock_mono_ms() + ms; clock_mono_ms() < end_ms;)
		assert_int_equal(kmember_poll(m, 20, &err), KMEMBER_NOTHING);
}

static enum kmember_commit commit(struct kmember *m, const char *topic, int32_t partition, int64_t offset,
    const char *metadata)
{
	struct deadline d = soon();
	const struct kmember_part p = {topic, partition, offset, metadata};
	return kmember_commit_now(m, &p, 1, &d, &err);
}

static void test_kmember_owns_all_and_comes_back(void **state)
{
	const char *topics[] = {new_topic("a", 2), new_topic("b", 3), NULL};
	const char *group = fresh("group");
	(void)state;
	struct kmember *m = join_as(group, topics, NULL, patient);
	assert_int_equal(next_of(m, NULL), KMEMBER_ASSIGNED);
	assert_int_equal(owned(m), 5);
	assert_int_equal(part_of(m, topics[1], 2)->offset, -1);
	assert_string_equal(part_of(m, topics[1], 2)->metadata, "");
	const struct kmember_part two[] = {{topics[0], 1, 7, "b1;n=3"}, {topics[1], 2, 0, ""}};
	answered.count = 0;
	ok(kmember_commit(m, two, 2, &err));
	for (struct deadline d = soon(); !answered.count && deadline_left_ms(&d);)
		assert_int_equal(kmember_poll(m, 20, &err), KMEMBER_NOTHING);
	assert_int_equal(answered.count, 1);
	assert_int_equal(answered.result, KMEMBER_COMMITTED);
	leave(m);

	m = join_as(group, topics, NULL, patient);
	assert_int_equal(next_of(m, NULL), KMEMBER_ASSIGNED);
	assert_int_equal(part_of(m, topics[0], 1)->offset, 7);
	assert_string_equal(part_of(m, topics[0], 1)->metadata, "b1;n=3");
	assert_int_equal(part_of(m, topics[1], 2)->offset, 0);
	assert_int_equal(part_of(m, topics[0], 0)->offset, -1);
	leave(m);
}

static int fetches;

static void count_fetches(int level, const char *text)
{
	(void)level;
	fetches += strstr(text, "Fetch topic") != NULL;
}

static void test_kmember_reads_nothing(void **state)
{
	const char *topics[] = {new_topic("t", 1), NULL};
	const char *const pairs[] = {"debug", "fetch", NULL};
	struct kmember *m;
	struct kv kv;
	struct deadline d = soon();
	const struct kmember_options o = {.group = fresh("group"), .topics = topics,
	    .committed = on_committed, .log = count_fetches};
	(void)state;
	fill(topics[0], 0, 0, 10, 10);
	settings_of(&kv, pairs);
	ok(kmember_open(&m, &kv, &o, &d, &err));
	kv_release(&kv);
	assert_int_equal(next_of(m, NULL), KMEMBER_ASSIGNED);
	quiet(m, 500);
	assert_int_equal(fetches, 0);
	leave(m);
}

static void test_kmember_commits_of_several_kinds(void **state)
{
	const char *topic = new_topic("t", 1), *other = new_topic("marks", 1);
	const char *group = fresh("group");
	char long_text[5000];
	(void)state;
	struct kmember *m = join(group, topic);
	assert_int_equal(commit(m, topic, 0, 1, ""), KMEMBER_REFUSED); /* not ours yet */
	assert_int_equal(next_of(m, NULL), KMEMBER_ASSIGNED);
	assert_int_equal(commit(m, topic, 0, 5, ""), KMEMBER_COMMITTED);
	assert_int_equal(commit(m, topic, 1, 5, ""), KMEMBER_REFUSED); /* there is none */
	assert_int_equal(commit(m, other, 0, 5, ""), KMEMBER_COMMITTED);
	memset(long_text, 'x', sizeof(long_text) - 1);
	long_text[sizeof(long_text) - 1] = '\0';
	assert_int_equal(commit(m, topic, 0, 6, long_text), KMEMBER_FAILED);
	leave(m);

	m = join(group, topic);
	assert_int_equal(next_of(m, NULL), KMEMBER_ASSIGNED);
	assert_int_equal(commit(m, topic, 0, 4, ""), KMEMBER_FAILED);
	assert_non_null(strstr(err.text, "go back"));
	assert_int_equal(commit(m, topic, 0, 5, "more is known"), KMEMBER_COMMITTED);
	leave(m);
}

static void test_kmember_drains_before_it_gives_up(void **state)
{
	static const char *const shorter[] = {"session.timeout.ms", "6000", "heartbeat.interval.ms", "100", NULL};
	const char *topic = new_topic("t", 4), *topics[] = {topic, NULL};
	const char *group = fresh("group");
	(void)state;
	struct kmember *first = join_as(group, topics, NULL, shorter);
	assert_int_equal(next_of(first, NULL), KMEMBER_ASSIGNED);
	assert_int_equal(owned(first), 4);
	struct kmember *second = join_as(group, topics, NULL, shorter);
	assert_int_equal(next_of(first, second), KMEMBER_REVOKING);
	assert_int_equal(owned(first), 4);
	/* longer than the session, and the group waits */
	for (int64_t end_ms = clock_mono_ms() + 6500; clock_mono_ms() < end_ms;) {
		assert_int_equal(kmember_poll(first, 20, &err), KMEMBER_NOTHING);
		assert_int_equal(kmember_poll(second, 0, &err), KMEMBER_NOTHING);
	}
	assert_int_equal(commit(first, topic, 3, 9, "drained"), KMEMBER_COMMITTED);
	kmember_release(first);
	assert_int_equal(owned(first), 0);
	assert_int_equal(commit(first, topic, 3, 10, ""), KMEMBER_REFUSED);
	assert_int_equal(next_of(first, NULL), KMEMBER_ASSIGNED);
	assert_int_equal(next_of(second, first), KMEMBER_ASSIGNED);
	assert_int_equal(owned(first) + owned(second), 4);
	leave(first);
	assert_int_equal(next_of(second, NULL), KMEMBER_REVOKING);
	kmember_release(second);
	assert_int_equal(next_of(second, NULL), KMEMBER_ASSIGNED);
	assert_int_equal(owned(second), 4);
	assert_int_equal(part_of(second, topic, 3)->offset, 9);
	leave(second);
}

/* The group has waited for as long as it does; then it goes on without us. */
static void test_kmember_that_drains_too_long_is_told(void **state)
{
	static const char *const hasty[] = {"session.timeout.ms", "4000", "heartbeat.interval.ms", "100",
	    "max.poll.interval.ms", "4000", NULL};
	const char *topics[] = {new_topic("t", 1), NULL};
	const char *group = fresh("group");
	(void)state;
	struct kmember *slow = join_as(group, topics, NULL, hasty);
	assert_int_equal(next_of(slow, NULL), KMEMBER_ASSIGNED);
	struct kmember *other = join_as(group, topics, NULL, hasty);
	assert_int_equal(next_of(slow, other), KMEMBER_REVOKING);
	assert_int_equal(next_of(other, NULL), KMEMBER_ASSIGNED);
	assert_int_equal(owned(other), 1);
	assert_int_equal(commit(slow, topics[0], 0, 3, ""), KMEMBER_REFUSED);
	assert_int_equal(next_of(slow, NULL), KMEMBER_LOST);
	assert_int_equal(owned(slow), 0);
	assert_int_equal(commit(other, topics[0], 0, 3, ""), KMEMBER_COMMITTED);
	leave(other);
	assert_int_equal(next_of(slow, NULL), KMEMBER_ASSIGNED);
	assert_int_equal(part_of(slow, topics[0], 0)->offset, 3);
	leave(slow);
}

static void test_kmember_static_keeps_its_place(void **state)
{
	const char *topics[] = {new_topic("t", 4), NULL};
	const char *group = fresh("group");
	(void)state;
	struct kmember *one = join_as(group, topics, "one", patient);
	assert_int_equal(next_of(one, NULL), KMEMBER_ASSIGNED);
	struct kmember *two = join_as(group, topics, "two", patient);
	assert_int_equal(next_of(one, two), KMEMBER_REVOKING);
	kmember_release(one);
	assert_int_equal(next_of(one, NULL), KMEMBER_ASSIGNED);
	assert_int_equal(next_of(two, one), KMEMBER_ASSIGNED);
	leave(one);
	one = join_as(group, topics, "one", patient);
	assert_int_equal(next_of(one, two), KMEMBER_ASSIGNED);
	assert_int_equal(owned(one), 2);
	quiet(two, 500);
	leave(one);
	leave(two);
}

static void test_kmember_static_with_other_topics(void **state)
{
	const char *before[] = {new_topic("t", 2), NULL};
	const char *after[] = {new_topic("t", 2), NULL};
	const char *group = fresh("group");
	(void)state;
	struct kmember *m = join_as(group, before, "one", patient);
	assert_int_equal(next_of(m, NULL), KMEMBER_ASSIGNED);
	leave(m);
	m = join_as(group, after, "one", patient);
	assert_int_equal(next_of(m, NULL), KMEMBER_ERROR);
	assert_int_equal(err.status, ST_USAGE);
	assert_non_null(strstr(err.text, before[0]));
	leave(m);
}

static void test_kmember_static_is_fenced(void **state)
{
	const char *topics[] = {new_topic("t", 1), NULL};
	const char *group = fresh("group");
	(void)state;
	struct kmember *one = join_as(group, topics, "same", patient);
	assert_int_equal(next_of(one, NULL), KMEMBER_ASSIGNED);
	struct kmember *two = join_as(group, topics, "same", patient);
	assert_int_equal(next_of(two, NULL), KMEMBER_ASSIGNED);
	assert_int_not_equal(commit(one, topics[0], 0, 1, ""), KMEMBER_COMMITTED);
	assert_int_equal(next_of(one, two), KMEMBER_ERROR);
	assert_int_equal(err.status, ST_FAIL);
	assert_non_null(strstr(err.text, "another member has come under our instance id 'same'"));
	assert_non_null(strstr(err.text, "the broker did not answer for longer than the session"));
	assert_int_equal(commit(two, topics[0], 0, 1, ""), KMEMBER_COMMITTED);
	leave(one);
	leave(two);
}

static void test_kmember_wakes(void **state)
{
	const char *topic = new_topic("t", 2);
	const char *group = fresh("group");
	int fd = new_wake();
	(void)state;
	struct kmember *m = join(group, topic);
	enum kmember_event e = KMEMBER_NOTHING;
	kmember_wake(m, fd);
	while ((e = kmember_poll(m, 0, &err)) == KMEMBER_NOTHING)
		assert_true(woken(fd, 10000));
	assert_int_equal(e, KMEMBER_ASSIGNED);
	const struct kmember_part p = {topic, 0, 1, ""};
	answered.count = 0;
	ok(kmember_commit(m, &p, 1, &err));
	for (; !answered.count; kmember_poll(m, 0, &err))
		assert_true(woken(fd, 10000));
	struct kmember *other = join(group, topic);
	while ((e = kmember_poll(m, 0, &err)) == KMEMBER_NOTHING)
		assert_true(woken(fd, 10000));
	assert_int_equal(e, KMEMBER_REVOKING);
	leave(other);
	leave(m);
	close(fd);
}

static void test_kmember_refuses_another_protocol(void **state)
{
	static const char *const cooperative[] = {"partition.assignment.strategy", "cooperative-sticky", NULL};
	const char *topics[] = {new_topic("t", 1), NULL};
	struct kmember *m;
	struct kv kv;
	struct deadline d = soon();
	const struct kmember_options o = {.group = fresh("group"), .topics = topics};
	(void)state;
	settings_of(&kv, cooperative);
	assert_int_equal(kmember_open(&m, &kv, &o, &d, &err), -1);
	assert_int_equal(err.status, ST_USAGE);
	kv_release(&kv);
}

/* Each by itself: which of them a member that was away meets first is the broker's choice. */
static void test_kmember_knows_a_refusal(void **state)
{
	static const rd_kafka_resp_err_t refusals[] = {
	    RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
	    RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID,
	    RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID,
	    RD_KAFKA_RESP_ERR_REBALANCE_IN_PROGRESS,
	    RD_KAFKA_RESP_ERR__ASSIGNMENT_LOST,
	};
	static const rd_kafka_resp_err_t others[] = {
	    RD_KAFKA_RESP_ERR_NO_ERROR,
	    RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
	    RD_KAFKA_RESP_ERR_OFFSET_METADATA_TOO_LARGE,
	    RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED,
	    RD_KAFKA_RESP_ERR__TIMED_OUT,
	};
	(void)state;
	for (size_t i = 0; i < sizeof(refusals) / sizeof(refusals[0]); i++)
		assert_true(kmember_is_refusal(refusals[i]));
	for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
		assert_false(kmember_is_refusal(others[i]));
}

static bool has_setting(const struct kv *kv, const char *line)
{
	struct buf dump = BUF_INIT;
	ok(kclient_dump(KCLIENT_MEMBER, kv, NULL, &dump, &err));
	bool has = strstr(buf_text(&dump), line) != NULL;
	buf_release(&dump);
	return has;
}

/* librdkafka's own interval is five minutes. */
static void test_kmember_hears_soon_of_another(void **state)
{
	(void)state;
	assert_true(has_setting(settings(), "\nheartbeat.interval.ms=500\n"));
}

static void test_kmember_sees_new_partitions_soon(void **state)
{
	static const char *const sooner[] = {"topic.metadata.refresh.interval.ms", "500", NULL};
	struct kv kv;
	(void)state;
	assert_true(has_setting(settings(), "\ntopic.metadata.refresh.interval.ms=30000\n"));
	settings_of(&kv, sooner);
	assert_true(has_setting(&kv, "\ntopic.metadata.refresh.interval.ms=500\n"));
	kv_release(&kv);
}

/* What the one that was frozen says of a commit when it wakes up, before it was told anything. */
static void commits_of_the_frozen(bool another_stays)
{
	const char *topic = new_topic("t", 1);
	const char *group = fresh("group");
	struct other frozen;
	other_start(&frozen, "member", group, topic);
	other_says(&frozen, "assigned");
	other_freeze(&frozen);
	struct kmember *m = join(group, topic);
	assert_int_equal(next_of(m, NULL), KMEMBER_ASSIGNED);
	assert_int_equal(owned(m), 1);
	assert_int_equal(commit(m, topic, 0, 100, ""), KMEMBER_COMMITTED);
	if (!another_stays)
		leave(m);
	other_tell(&frozen, "50");
	other_thaw(&frozen);
	other_says(&frozen, "refused");
	other_says(&frozen, "lost");
	other_end(&frozen);
	if (another_stays)
		leave(m);
	m = join(group, topic);
	assert_int_equal(next_of(m, NULL), KMEMBER_ASSIGNED);
	assert_int_equal(part_of(m, topic, 0)->offset, 100);
	leave(m);
}

static void test_kmember_frozen_while_another_works(void **state)
{
	(void)state;
	commits_of_the_frozen(true);
}

static void test_kmember_frozen_while_another_came_and_went(void **state)
{
	(void)state;
	commits_of_the_frozen(false);
}

/* The other process: tells what happens to it, and commits the offset that it is told. */
static int be_member(const char *group, const char *topic)
{
	char line[32];
	const char *const topics[] = {topic, NULL};
	struct kmember *m = join_as(group, topics, NULL, quick);
	if (next_of(m, NULL) != KMEMBER_ASSIGNED)
		return 1;
	other_report("assigned");
	if (!fgets(line, sizeof(line), stdin))
		return 1;
	enum kmember_commit c = commit(m, topic, 0, strtoll(line, NULL, 10), "");
	other_report(c == KMEMBER_REFUSED ? "refused" : c == KMEMBER_COMMITTED ? "committed" : err.text);
	enum kmember_event e = next_of(m, NULL);
	other_report(e == KMEMBER_LOST ? "lost" : "not lost");
	leave(m);
	return 0;
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_kmember_owns_all_and_comes_back),
	    cmocka_unit_test(test_kmember_reads_nothing),
	    cmocka_unit_test(test_kmember_commits_of_several_kinds),
	    cmocka_unit_test(test_kmember_drains_before_it_gives_up),
	    cmocka_unit_test(test_kmember_that_drains_too_long_is_told),
	    cmocka_unit_test(test_kmember_static_keeps_its_place),
	    cmocka_unit_test(test_kmember_static_with_other_topics),
	    cmocka_unit_test(test_kmember_static_is_fenced),
	    cmocka_unit_test(test_kmember_wakes),
	    cmocka_unit_test(test_kmember_refuses_another_protocol),
	    cmocka_unit_test(test_kmember_knows_a_refusal),
	    cmocka_unit_test(test_kmember_hears_soon_of_another),
	    cmocka_unit_test(test_kmember_sees_new_partitions_soon),
	    cmocka_unit_test(test_kmember_frozen_while_another_works),
	    cmocka_unit_test(test_kmember_frozen_while_another_came_and_went),
	};
	if (argc == 4)
		return be_member(argv[2], argv[3]);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
