#include "base/map.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/buf.h"

static void test_map_empty(void **state)
{
	(void)state;
	struct map m = MAP_INIT;
	size_t at = 0;
	void *value;
	assert_null(map_get(&m, STR("a")));
	assert_null(map_remove(&m, STR("a")));
	assert_false(map_next(&m, &at, NULL, &value));
	map_release(&m);
}

static void test_map_put(void **state)
{
	(void)state;
	struct map m = MAP_INIT;
	int one, two, three;
	char key[] = "a";
	assert_null(map_put(&m, str_of(key), &one));
	key[0] = 'x';
	assert_null(map_put(&m, STR("a\0"), &two));
	assert_null(map_put(&m, STR(""), &three));
	assert_int_equal(m.count, 3);
	assert_ptr_equal(map_get(&m, STR("a")), &one);
	assert_ptr_equal(map_get(&m, STR("a\0")), &two);
	assert_ptr_equal(map_get(&m, (struct str)STR_INIT), &three);
	assert_null(map_get(&m, STR("x")));
	assert_ptr_equal(map_put(&m, STR("a"), &two), &one);
	assert_int_equal(m.count, 3);
	assert_ptr_equal(map_get(&m, STR("a")), &two);
	map_release(&m);
	assert_null(map_get(&m, STR("a")));
	assert_null(map_put(&m, STR("a"), &one));
	map_release(&m);
}

static void test_map_next(void **state)
{
	(void)state;
	static const char *const keys[] = {"d", "a", "c", "b"};
	struct map m = MAP_INIT;
	for (size_t i = 0; i < 4; i++)
		map_put(&m, str_of(keys[i]), (void *)(uintptr_t)keys[i]);
	map_remove(&m, STR("c"));
	map_put(&m, STR("c"), (void *)(uintptr_t)keys[2]);
	struct buf seen = BUF_INIT;
	struct str key;
	void *value;
	for (size_t at = 0; map_next(&m, &at, &key, &value);) {
		assert_true(str_is(key, value));
		buf_add_str(&seen, key);
		map_remove(&m, key);
	}
	assert_string_equal(buf_text(&seen), "dabc");
	assert_int_equal(m.count, 0);
	buf_release(&seen);
	map_release(&m);
}

#define KEYS 2000

static size_t count_true(const bool *list, size_t len)
{
	size_t count = 0;
	for (size_t i = 0; i < len; i++)
		count += list[i];
	return count;
}

/* Against a plain array, while the map grows and shrinks by turns. */
static void check_random(struct map *m)
{
	static const char values[KEYS];
	bool there[KEYS] = {false};
	uint64_t random = 1;
	for (int i = 0; i < 200000; i++) {
		char text[8];
		random = random * UINT64_C(6364136223846793005) + 1442695040888963407u;
		size_t k = (size_t)(random >> 33) % KEYS;
		snprintf(text, sizeof(text), "k%zu", k);
		struct str key = str_of(text);
		void *value = (void *)(uintptr_t)&values[k], *want = there[k] ? value : NULL;
		assert_ptr_equal(map_get(m, key), want);
		there[k] = random >> 61 < (i / 20000 % 2 ? 2 : 6);
		assert_ptr_equal(there[k] ? map_put(m, key, value) : map_remove(m, key), want);
		if (i % 5000 == 0)
			assert_int_equal(m->count, count_true(there, KEYS));
	}
}

static void test_map_random(void **state)
{
	(void)state;
	struct map m = MAP_INIT;
	check_random(&m);
	map_release(&m);
	map_init(&m, 42);
	check_random(&m);
	map_release(&m);
	assert_int_equal(m.seed, 42);
}

/* Removing and putting for ever must not take memory for ever. */
static void test_map_stays_small(void **state)
{
	(void)state;
	struct map m = MAP_INIT;
	for (int i = 0; i < 100000; i++) {
		char key[16];
		snprintf(key, sizeof(key), "%d", i);
		map_put(&m, str_of(key), &m);
		map_remove(&m, str_of(key));
	}
	assert_int_equal(m.count, 0);
	assert_true(m.cap < 100);
	map_release(&m);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_map_empty),
	    cmocka_unit_test(test_map_put),
	    cmocka_unit_test(test_map_next),
	    cmocka_unit_test(test_map_random),
	    cmocka_unit_test(test_map_stays_small),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
