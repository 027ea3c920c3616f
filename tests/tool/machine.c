#include "tool/machine.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dir.h"

#define MIB (INT64_C(1) << 20)

static void test_machine_load(void **state)
{
	dir_make(state, "proc");
	assert_true(machine_load(*state) < 0);
	dir_puts(state, "proc/loadavg", "1.25 0.50 0.10 1/300 4711\n");
	assert_true(machine_load(*state) == 1.25);
	dir_puts(state, "proc/loadavg", "what\n");
	assert_true(machine_load(*state) < 0);
}

static void test_machine_memory_no_groups(void **state)
{
	dir_make(state, "proc");
	assert_int_equal(machine_memory(*state), -1);
	dir_puts(state, "proc/meminfo", "MemTotal:       8388608 kB\nMemFree:         102400 kB\n"
	    "MemAvailable:    204800 kB\nBuffers:        1 kB\n");
	assert_int_equal(machine_memory(*state), 200 * MIB);
}

static void make_groups(void **state, const char *group, const char *dir)
{
	dir_make(state, "proc/self");
	dir_make(state, dir);
	dir_puts(state, "proc/self/cgroup", group);
	dir_puts(state, "proc/meminfo", "MemAvailable: 204800 kB\n");
}

/* The least of the machine, the group, and the one above it; files that are cached do not count. */
static void test_machine_memory_version_2(void **state)
{
	make_groups(state, "0::/up/ours\n", "sys/fs/cgroup/up/ours");
	assert_int_equal(machine_memory(*state), 200 * MIB);
	dir_puts(state, "sys/fs/cgroup/up/ours/memory.max", "max\n");
	dir_puts(state, "sys/fs/cgroup/up/ours/memory.current", "1048576\n");
	assert_int_equal(machine_memory(*state), 200 * MIB);
	dir_puts(state, "sys/fs/cgroup/up/memory.max", "104857600\n");
	dir_puts(state, "sys/fs/cgroup/up/memory.current", "31457280\n");
	assert_int_equal(machine_memory(*state), 70 * MIB);
	dir_puts(state, "sys/fs/cgroup/up/memory.stat", "anon 7\ninactive_file 10485760\nslab 1\n");
	assert_int_equal(machine_memory(*state), 80 * MIB);
	dir_puts(state, "sys/fs/cgroup/up/ours/memory.max", "524288\n");
	assert_int_equal(machine_memory(*state), 0);
	dir_puts(state, "sys/fs/cgroup/up/ours/memory.max", "999999999999\n");
	dir_puts(state, "sys/fs/cgroup/up/memory.max", "999999999999\n");
	assert_int_equal(machine_memory(*state), 200 * MIB);
}

/* Version 1 is what counts when both are there. The path is that outside of a container. */
static void test_machine_memory_version_1(void **state)
{
	make_groups(state, "5:cpu:/a\n4:memory:/outside/b\n0::/\n", "sys/fs/cgroup/memory");
	dir_puts(state, "sys/fs/cgroup/memory/memory.limit_in_bytes", "104857600\n");
	dir_puts(state, "sys/fs/cgroup/memory/memory.usage_in_bytes", "94371840\n");
	dir_puts(state, "sys/fs/cgroup/memory/memory.stat", "inactive_file 5\ntotal_inactive_file 1048576\n");
	assert_int_equal(machine_memory(*state), 11 * MIB);
}

static void test_machine_oom_kills(void **state)
{
	assert_int_equal(machine_oom_kills(*state), -1);
	make_groups(state, "0::/ours\n", "sys/fs/cgroup/ours");
	assert_int_equal(machine_oom_kills(*state), -1);
	dir_puts(state, "sys/fs/cgroup/ours/memory.events",
	    "low 0\nhigh 0\nmax 9\noom 3\noom_kill 2\noom_group_kill 0\n");
	assert_int_equal(machine_oom_kills(*state), 2);
	dir_make(state, "sys/fs/cgroup/memory");
	dir_puts(state, "sys/fs/cgroup/memory/memory.oom_control",
	    "oom_kill_disable 0\nunder_oom 0\noom_kill 7\n");
	dir_puts(state, "proc/self/cgroup", "4:memory:/\n");
	assert_int_equal(machine_oom_kills(*state), 7);
}

/* That of the machine the test runs on. */
static void test_machine_real(void **state)
{
	(void)state;
	assert_true(machine_load("") >= 0);
	assert_in_range(machine_memory(""), MIB, INT64_C(1) << 50);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_machine_load, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_machine_memory_no_groups, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_machine_memory_version_2, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_machine_memory_version_1, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_machine_oom_kills, dir_setup, dir_teardown),
	    cmocka_unit_test(test_machine_real),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
