#include "tool/loop.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <unistd.h>

#include <cmocka.h>

#include "tool/clock.h"

static void test_loop_descriptors(void **state)
{
	struct loop l;
	struct err err = ERR_INIT;
	int fds[2];
	char byte;
	(void)state;
	assert_int_equal(loop_open(&l, &err), 0);
	assert_int_equal(pipe(fds), 0);
	for (int round = 0; round < 2; round++) {
		loop_begin(&l);
		size_t none = loop_add(&l, -1, POLLIN);
		size_t in = loop_add(&l, fds[0], POLLIN);
		size_t out = loop_add(&l, fds[1], POLLOUT);
		loop_wait(&l);
		assert_int_equal(loop_ready(&l, none), 0);
		assert_int_equal(loop_ready(&l, in), round ? POLLIN : 0);
		assert_int_equal(loop_ready(&l, out), POLLOUT);
		assert_int_equal(write(fds[1], "x", 1), 1);
	}
	assert_int_equal(read(fds[0], &byte, 1), 1);
	close(fds[0]);
	close(fds[1]);
	loop_close(&l);
}

/* How long a wait takes that is to end at the earlier of two times from now. */
static int64_t waited_ms(struct loop *l, int64_t ms, int64_t later_ms)
{
	int64_t before_ms = clock_mono_ms();
	loop_begin(l);
	loop_until(l, INT64_MAX);
	loop_until(l, before_ms + ms);
	loop_until(l, before_ms + later_ms);
	loop_wait(l);
	return clock_mono_ms() - before_ms;
}

/* A busy machine may be late, but not each time. */
#define TRIES 20

/* A byte from elsewhere ends one wait, however many there are, and not the next. */
static void test_loop_wake(void **state)
{
	struct loop l;
	struct err err = ERR_INIT;
	(void)state;
	assert_int_equal(loop_open(&l, &err), 0);
	bool at_once = false;
	for (int i = 0; i < TRIES && !at_once; i++) {
		while (write(l.wake, "01234567", 8) > 0)
			;
		at_once = waited_ms(&l, 50, 50) < 50;
		assert_true(waited_ms(&l, 50, 50) >= 50);
	}
	assert_true(at_once);
	loop_close(&l);
}

static void test_loop_until(void **state)
{
	struct loop l;
	struct err err = ERR_INIT;
	(void)state;
	assert_int_equal(loop_open(&l, &err), 0);
	int64_t took_ms = LOOP_MS;
	for (int i = 0; i < TRIES && took_ms >= LOOP_MS; i++) {
		took_ms = waited_ms(&l, 20, 10000);
		assert_true(took_ms >= 20);
	}
	assert_true(took_ms < LOOP_MS);
	waited_ms(&l, -1000, -1000); /* long ago */
	loop_begin(&l);
	int64_t before_ms = clock_mono_ms();
	loop_wait(&l); /* nobody said anything */
	assert_in_range(clock_mono_ms() - before_ms, LOOP_MS, 100 * LOOP_MS);
	loop_close(&l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_loop_descriptors),
	    cmocka_unit_test(test_loop_wake),
	    cmocka_unit_test(test_loop_until),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
