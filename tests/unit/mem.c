#include "base/mem.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* The status with which a child that does this ends. */
static int status_of(void (*act)(void))
{
	int status = 0;
	pid_t pid = fork();
	assert_true(pid >= 0);
	if (pid == 0) {
		act();
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	return status;
}

static void test_mem_alloc(void **state)
{
	(void)state;
	char *none = mem_alloc(0);
	assert_non_null(none);
	free(none);
	char *some = mem_alloc(100);
	memset(some, 'x', 100);
	some = mem_realloc(some, 50, 4);
	assert_int_equal(some[99], 'x');
	free(some);
	char *empty = mem_realloc(NULL, 0, 8);
	assert_non_null(empty);
	free(empty);
}

static void test_mem_zalloc(void **state)
{
	(void)state;
	int64_t *zeros = mem_zalloc(100, sizeof(*zeros));
	for (size_t i = 0; i < 100; i++)
		assert_int_equal(zeros[i], 0);
	free(zeros);
}

static void test_mem_dup(void **state)
{
	(void)state;
	char *copy = mem_dup("a\0b", 3);
	assert_memory_equal(copy, "a\0b", 3);
	free(copy);
	copy = mem_dup(NULL, 0);
	assert_non_null(copy);
	free(copy);
	copy = mem_strdup("abc");
	assert_string_equal(copy, "abc");
	free(copy);
	copy = mem_strndup("abcdef", 2);
	assert_string_equal(copy, "ab");
	free(copy);
	copy = mem_strndup(NULL, 0);
	assert_string_equal(copy, "");
	free(copy);
}

static void test_mem_grow(void **state)
{
	(void)state;
	size_t cap = 0;
	int *list = NULL;
	for (int i = 0; i < 1000; i++) {
		list = mem_grow(list, &cap, (size_t)i + 1, sizeof(*list));
		list[i] = i;
		assert_true(cap > (size_t)i);
	}
	for (int i = 0; i < 1000; i++)
		assert_int_equal(list[i], i);
	int *same = mem_grow(list, &cap, 10, sizeof(*list));
	assert_ptr_equal(same, list);
	free(same);
}

static void overflow_product(void)
{
	free(mem_zalloc(SIZE_MAX / 2, 3));
}

static void overflow_grow(void)
{
	size_t cap = 0;
	free(mem_grow(NULL, &cap, SIZE_MAX / 4, 8));
}

static void overflow_text(void)
{
	free(mem_strndup("", SIZE_MAX));
}

static void test_mem_overflow(void **state)
{
	(void)state;
	void (*const acts[])(void) = {overflow_product, overflow_grow, overflow_text};
	for (size_t i = 0; i < sizeof(acts) / sizeof(*acts); i++) {
		int status = status_of(acts[i]);
		assert_true(WIFSIGNALED(status));
		assert_int_equal(WTERMSIG(status), SIGABRT);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_mem_alloc),
	    cmocka_unit_test(test_mem_zalloc),
	    cmocka_unit_test(test_mem_dup),
	    cmocka_unit_test(test_mem_grow),
	    cmocka_unit_test(test_mem_overflow),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
