#include "tool/source.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "base/mem.h"
#include "dir.h"

static const struct frame_style lines = FRAME_STYLE_LINES;

struct fixture {
	struct pool pool;
	struct source s;
	struct source_record r;
	struct err err;
};

static void begin(struct fixture *f, const struct frame_style *style, size_t max_record)
{
	*f = (struct fixture){.err = ERR_INIT};
	pool_init(&f->pool, 4 * BLOCK_SIZE);
	source_init(&f->s, &f->pool, style, max_record);
}

static void end(struct fixture *f)
{
	source_release(&f->s);
	assert_int_equal(f->pool.count, 0);
	assert_int_equal(f->pool.used, 0);
	pool_release(&f->pool);
	err_clear(&f->err);
}

static void add(struct fixture *f, const char *path)
{
	assert_int_equal(source_add_file(&f->s, path, &f->err), 0);
}

static void expect(struct fixture *f, const char *value, int64_t number, int64_t position)
{
	assert_int_equal(source_next(&f->s, &f->r, 1000, &f->err), SOURCE_RECORD);
	assert_int_equal(f->r.value.len, strlen(value));
	assert_memory_equal(f->r.value.ptr, value, strlen(value));
	assert_int_equal(f->r.number, number);
	assert_int_equal(f->r.position, position);
}

static void expect_end(struct fixture *f)
{
	assert_int_equal(source_next(&f->s, &f->r, 1000, &f->err), SOURCE_END);
	assert_int_equal(source_next(&f->s, &f->r, 1000, &f->err), SOURCE_END);
}

static void test_block_pool(void **state)
{
	struct pool p;
	struct block *b[4];
	(void)state;
	pool_init(&p, 3 * BLOCK_SIZE);
	for (int i = 0; i < 3; i++)
		assert_non_null(b[i] = pool_get(&p, 1));
	assert_null(pool_get(&p, 1));
	block_ref(b[1]);
	block_unref(b[1]);
	assert_null(pool_get(&p, 1));
	block_unref(b[1]);
	struct block *large = pool_get(&p, 10 * BLOCK_SIZE);
	assert_non_null(large);
	assert_null(pool_get(&p, 1));
	block_unref(large);
	assert_ptr_equal(pool_get(&p, BLOCK_SIZE), b[1]);
	for (int i = 0; i < 3; i++)
		block_unref(b[i]);
	assert_int_equal(p.used, 0);
	pool_release(&p);
}

static void test_source_files(void **state)
{
	struct fixture f;
	begin(&f, &lines, 100);
	add(&f, dir_puts(state, "a", "one\n\ntwo"));
	add(&f, dir_puts(state, "empty", ""));
	add(&f, dir_puts(state, "b", "three\n"));
	assert_int_equal(f.s.bytes_total, 14);
	expect(&f, "one", 1, 0);
	expect(&f, "", 2, 4);
	assert_false(f.r.unterminated);
	expect(&f, "two", 3, 5);
	assert_true(f.r.unterminated);
	assert_string_equal(f.r.name + strlen(f.r.name) - 2, "/a");
	expect(&f, "three", 1, 0);
	assert_false(f.r.unterminated);
	assert_string_equal(f.r.name + strlen(f.r.name) - 2, "/b");
	expect_end(&f);
	assert_int_equal(f.s.bytes_read, 14);
	assert_int_equal(f.s.records, 4);
	end(&f);
}

static void test_source_whole_files(void **state)
{
	const struct frame_style whole = {.kind = FRAME_WHOLE};
	size_t len = 3 * BLOCK_SIZE + 5;
	char *big = mem_zalloc(len, 1);
	struct fixture f;
	begin(&f, &whole, 10 * BLOCK_SIZE);
	add(&f, dir_puts(state, "a", "one\ntwo\n"));
	add(&f, dir_puts(state, "empty", ""));
	add(&f, dir_write(state, "big", big, len, 0600));
	expect(&f, "one\ntwo\n", 1, 0);
	expect(&f, "", 1, 0);
	assert_non_null(f.r.value.ptr);
	assert_int_equal(source_next(&f.s, &f.r, 0, &f.err), SOURCE_RECORD);
	assert_int_equal(f.r.value.len, len);
	assert_memory_equal(f.r.value.ptr, big, len);
	expect_end(&f);
	free(big);
	end(&f);
}

static void test_source_length_prefixed(void **state)
{
	const struct frame_style style = {.kind = FRAME_LENGTH};
	static const char data[] = "\0\0\0\3abc\xff\xff\xff\xff\0\0\0\0\0\0\0\5ab";
	struct fixture f;
	begin(&f, &style, 100);
	add(&f, dir_write(state, "a", data, sizeof(data) - 1, 0600));
	expect(&f, "abc", 1, 4);
	expect(&f, "", 2, 11);
	assert_null(f.r.value.ptr);
	expect(&f, "", 3, 15);
	assert_non_null(f.r.value.ptr);
	assert_int_equal(source_next(&f.s, &f.r, 0, &f.err), -1);
	assert_int_equal(f.err.status, ST_FAIL);
	assert_non_null(strstr(f.err.text, "/a: the input ends inside record 4"));
	end(&f);
}

/* Keeps records of a long input until the pool says no, gives the oldest back, and finds each of
 * them as it was: nothing is moved under a reference. */
static void test_source_back_pressure(void **state)
{
	enum { COUNT = 100000 };
	struct fixture f;
	struct buf text = BUF_INIT;
	struct source_record *kept = mem_zalloc(COUNT, sizeof(*kept));
	size_t first = 0, count = 0, waits = 0;
	char line[200];
	for (int i = 0; i < COUNT; i++)
		buf_printf(&text, "%d %0*d\n", i, 50 + i % 120, i);
	begin(&f, &lines, 1000);
	add(&f, dir_write(state, "a", text.data, text.len, 0600));
	for (;;) {
		int r = source_next(&f.s, &kept[count], 0, &f.err);
		if (r == SOURCE_RECORD)
			block_ref(kept[count++].block);
		else if (r == SOURCE_END)
			break;
		for (bool all = r == SOURCE_WAIT; all && first < count; first++) {
			assert_int_equal(f.s.why, SOURCE_NO_BLOCK);
			int i = (int)first;
			snprintf(line, sizeof(line), "%d %0*d", i, 50 + i % 120, i);
			assert_int_equal(kept[first].value.len, strlen(line));
			assert_memory_equal(kept[first].value.ptr, line, strlen(line));
			block_unref(kept[first].block);
			waits += first % 1000 == 0;
		}
		assert_true(f.pool.used <= 4 * BLOCK_SIZE);
	}
	for (; first < count; first++)
		block_unref(kept[first].block);
	assert_int_equal(count, COUNT);
	assert_true(waits > 0);
	free(kept);
	buf_release(&text);
	end(&f);
}

static void test_source_large_record(void **state)
{
	size_t len = 5 * BLOCK_SIZE;
	char *big = mem_zalloc(len + 5, 1);
	struct fixture f;
	memset(big, 'x', len);
	snprintf(big + len, 5, "\nend");
	begin(&f, &lines, len);
	add(&f, dir_write(state, "a", big, len + 4, 0600));
	assert_int_equal(source_next(&f.s, &f.r, 0, &f.err), SOURCE_RECORD);
	assert_int_equal(f.r.value.len, len);
	expect(&f, "end", 2, (int64_t)len + 1);
	expect_end(&f);
	end(&f);
	begin(&f, &lines, len - 1);
	add(&f, dir_path(state, "a"));
	assert_int_equal(source_next(&f.s, &f.r, 0, &f.err), -1);
	assert_non_null(strstr(f.err.text, "/a: record 1 is longer than"));
	end(&f);
	free(big);
}

static void test_source_pipe(void **state)
{
	int fds[2];
	struct fixture f;
	begin(&f, &lines, 100);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	source_add_fd(&f.s, fds[0], "command");
	add(&f, dir_puts(state, "a", "last\n"));
	assert_int_equal(f.s.bytes_total, -1);
	assert_int_equal(source_next(&f.s, &f.r, 0, &f.err), SOURCE_WAIT);
	assert_int_equal(f.s.why, SOURCE_NO_INPUT);
	assert_int_equal(write(fds[1], "one\ntw", 6), 6);
	expect(&f, "one", 1, 0);
	assert_int_equal(source_next(&f.s, &f.r, 10, &f.err), SOURCE_WAIT);
	assert_int_equal(write(fds[1], "o", 1), 1);
	assert_int_equal(source_next(&f.s, &f.r, 10, &f.err), SOURCE_WAIT);
	close(fds[1]);
	expect(&f, "two", 2, 4);
	expect(&f, "last", 1, 0);
	expect_end(&f);
	end(&f);
}

static void on_alarm(int n)
{
	(void)n;
}

static void test_source_interrupted(void **state)
{
	struct sigaction sa = {.sa_handler = on_alarm};
	int fds[2];
	struct fixture f;
	(void)state;
	begin(&f, &lines, 100);
	assert_int_equal(pipe2(fds, O_CLOEXEC), 0);
	source_add_fd(&f.s, fds[0], "command");
	sigaction(SIGALRM, &sa, NULL);
	ualarm(20000, 0);
	assert_int_equal(source_next(&f.s, &f.r, 60000, &f.err), SOURCE_WAIT);
	assert_int_equal(f.s.why, SOURCE_SIGNAL);
	close(fds[1]);
	end(&f);
}

static void test_source_refused(void **state)
{
	struct fixture f;
	begin(&f, &lines, 100);
	assert_int_equal(source_add_file(&f.s, dir_path(state, "no"), &f.err), -1);
	assert_int_equal(f.err.status, ST_USAGE);
	assert_non_null(strstr(f.err.text, "/no: No such file"));
	assert_int_equal(source_add_file(&f.s, *state, &f.err), -1);
	assert_non_null(strstr(f.err.text, "Is a directory"));
	int dir = open(*state, O_RDONLY | O_CLOEXEC);
	source_add_fd(&f.s, dir, "standard input");
	assert_int_equal(source_next(&f.s, &f.r, 0, &f.err), -1);
	assert_int_equal(f.err.status, ST_FAIL);
	assert_string_equal(f.err.text, "standard input: Is a directory");
	end(&f);
}

/* Reads records until there are no more: SOURCE_END, or -1. */
static int64_t read_on(struct fixture *f, int *end)
{
	int64_t records = 0;
	while ((*end = source_next(&f->s, &f->r, 0, &f->err)) == SOURCE_RECORD)
		records++;
	return records;
}

static void test_source_file_changes(void **state)
{
	static char data[3 * BLOCK_SIZE];
	const off_t ends[] = {BLOCK_SIZE / 2, 2 * BLOCK_SIZE, 4 * BLOCK_SIZE, 3 * BLOCK_SIZE};
	for (size_t i = 0; i < sizeof(data); i++)
		data[i] = i % 10 == 9 ? '\n' : 'x';
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++) {
		int end_state;
		struct fixture f;
		const char *path = dir_write(state, "file", data, sizeof(data), 0600);
		const struct timespec now[] = {{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}};
		begin(&f, &lines, 100);
		add(&f, path);
		expect(&f, "xxxxxxxxx", 1, 0);
		assert_int_equal(truncate(path, ends[i]), 0);
		assert_int_equal(utimensat(AT_FDCWD, path, now, 0), 0);
		assert_in_range(read_on(&f, &end_state), BLOCK_SIZE / 10 - 2, BLOCK_SIZE / 10);
		assert_int_equal(end_state, -1);
		assert_int_equal(f.err.status, ST_FAIL);
		assert_non_null(strstr(f.err.text, "while it was read"));
		end(&f);
	}
}

/* Files of the kernel have no size, and are read as they come. */
static void test_source_without_size(void **state)
{
	int end_state;
	struct fixture f;
	(void)state;
	begin(&f, &lines, 4096);
	add(&f, "/proc/self/status");
	assert_true(read_on(&f, &end_state) > 10);
	assert_int_equal(end_state, SOURCE_END);
	end(&f);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_block_pool),
	    cmocka_unit_test_setup_teardown(test_source_files, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_source_whole_files, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_source_length_prefixed, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_source_back_pressure, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_source_large_record, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_source_pipe, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_source_interrupted, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_source_refused, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_source_file_changes, dir_setup, dir_teardown),
	    cmocka_unit_test(test_source_without_size),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
