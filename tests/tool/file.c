#include "tool/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dir.h"

static void test_file_read(void **state)
{
	struct buf got = BUF_INIT;
	struct err err = ERR_INIT;
	const char *path = dir_puts(state, "a", "12345");
	buf_puts(&got, "0");
	assert_int_equal(file_read(path, 5, &got, &err), 0);
	assert_string_equal(buf_text(&got), "012345");
	buf_clear(&got);
	assert_int_equal(file_read(path, 4, &got, &err), -1);
	assert_non_null(strstr(err.text, "/a: larger than 4 bytes"));
	assert_int_equal(file_read(dir_path(state, "no"), 4, &got, &err), -1);
	assert_non_null(strstr(err.text, "/no: No such file"));
	assert_int_equal(file_read(*state, 4, &got, &err), -1);
	assert_non_null(strstr(err.text, "Is a directory"));
	buf_release(&got);
	err_clear(&err);
}

static int read_mode(void **state, mode_t mode)
{
	struct buf got = BUF_INIT;
	struct err err = ERR_INIT;
	const char *path = dir_write(state, "private", "x", 1, mode);
	int failed = file_read_private(path, 10, &got, &err);
	if (failed) {
		assert_int_equal(err.status, ST_USAGE);
		assert_non_null(strstr(err.text, mode & (S_IRGRP | S_IROTH) ? "others can read " : "others can write "));
		assert_non_null(strstr(err.text, mode & (S_IRGRP | S_IROTH) ? ": chmod 600 " : ": chmod go-w "));
	}
	assert_int_equal(got.len, failed ? 0 : 1);
	buf_release(&got);
	err_clear(&err);
	return failed;
}

static void test_file_private(void **state)
{
	assert_int_equal(read_mode(state, 0600), 0);
	assert_int_equal(read_mode(state, 0400), 0);
	assert_int_equal(read_mode(state, 0620), -1);
	assert_int_equal(read_mode(state, 0602), -1);
	assert_int_equal(read_mode(state, 0640), -1);
	assert_int_equal(read_mode(state, 0604), -1);
}

static void test_file_tmp(void **state)
{
	struct file_tmp f = FILE_TMP_INIT;
	struct buf got = BUF_INIT;
	struct err err = ERR_INIT;
	char name[256] = "";
	file_tmp_abandon(&f);
	assert_int_equal(file_tmp_open(&f, *state, "x", &err), 0);
	assert_int_equal(write(f.fd, "new", 3), 3);
	assert_int_equal(dir_count(state, name, sizeof(name)), 1);
	assert_true(strncmp(name, ".x.", 3) == 0);
	file_tmp_abandon(&f);
	assert_int_equal(dir_count(state, NULL, 0), 0);

	dir_puts(state, "x", "old and longer");
	assert_int_equal(file_tmp_open(&f, *state, "x", &err), 0);
	assert_int_equal(write(f.fd, "new", 3), 3);
	assert_int_equal(file_tmp_commit(&f, &err), 0);
	file_tmp_abandon(&f);
	assert_int_equal(dir_count(state, name, sizeof(name)), 1);
	assert_int_equal(file_read(dir_path(state, "x"), 100, &got, &err), 0);
	assert_string_equal(buf_text(&got), "new");
	buf_release(&got);
}

static void test_file_tmp_publish(void **state)
{
	struct file_tmp f;
	struct buf got = BUF_INIT;
	struct err err = ERR_INIT;
	dir_puts(state, "x", "old and longer");
	assert_int_equal(file_tmp_open(&f, *state, "x", &err), 0);
	assert_int_equal(write(f.fd, "new", 3), 3);
	assert_int_equal(file_tmp_publish(&f, &err), 0);
	assert_int_equal(file_read(dir_path(state, "x"), 100, &got, &err), 0);
	assert_string_equal(buf_text(&got), "new");
	assert_int_equal(mkdir(dir_path(state, "dir"), 0700), 0);
	assert_int_equal(file_tmp_open(&f, *state, "dir", &err), 0);
	assert_int_equal(file_tmp_publish(&f, &err), -1);
	assert_int_equal(err.status, ST_FAIL);
	assert_int_equal(dir_count(state, NULL, 0), 2);
	err_clear(&err);
	buf_release(&got);
}

static void test_file_unnamed(void **state)
{
	struct buf name = BUF_INIT;
	struct err err = ERR_INIT;
	const char *before = getenv("TMPDIR");
	setenv("TMPDIR", *state, 1);
	int fd = file_unnamed(&name, &err);
	assert_int_equal(write(fd, "x", 1), 1);
	assert_int_equal(dir_count(state, NULL, 0), 0);
	assert_non_null(strstr(buf_text(&name), *state));
	close(fd);
	setenv("TMPDIR", "/no/such/dir", 1);
	assert_int_equal(file_unnamed(&name, &err), -1);
	assert_string_equal(err.text, "temporary file in /no/such/dir: No such file or directory");
	if (before)
		setenv("TMPDIR", before, 1);
	else
		unsetenv("TMPDIR");
	err_clear(&err);
	buf_release(&name);
}

static void test_file_tmp_fails(void **state)
{
	struct file_tmp f = FILE_TMP_INIT;
	struct err err = ERR_INIT;
	assert_int_equal(file_tmp_open(&f, dir_path(state, "no"), "x", &err), -1);
	assert_int_equal(err.status, ST_FAIL);
	assert_int_equal(mkdir(dir_path(state, "x"), 0700), 0);
	assert_int_equal(file_tmp_open(&f, *state, "x", &err), 0);
	assert_int_equal(file_tmp_commit(&f, &err), -1);
	assert_int_equal(f.fd, -1);
	assert_int_equal(dir_count(state, NULL, 0), 1);
	err_clear(&err);
}

static void test_file_name(void **state)
{
	static const struct {
		const char *text, *name;
	} rows[] = {
	    {"nightly-2026.11_21", "nightly-2026.11_21"},
	    {"../../etc/passwd", "%2E.%2F..%2Fetc%2Fpasswd"},
	    {"-rf", "%2Drf"},
	    {".", "%2E"},
	    {"a b\n\x1b%", "a%20b%0A%1B%25"},
	    {"", "%"},
	    {"\xc3\xbc", "%C3%BC"},
	};
	struct buf name = BUF_INIT, other = BUF_INIT;
	char text[400];
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		buf_clear(&name);
		file_name(&name, str_of(rows[i].text));
		assert_string_equal(buf_text(&name), rows[i].name);
	}
	memset(text, 'a', sizeof(text));
	buf_clear(&name);
	file_name(&name, (struct str){text, sizeof(text)});
	file_name(&other, (struct str){text, sizeof(text) - 1});
	assert_true(name.len < 220);
	assert_false(str_eq(buf_str(&name), buf_str(&other)));
	buf_release(&name);
	buf_release(&other);
}

static void test_file_state(void **state)
{
	struct err err = ERR_INIT;
	struct stat st;
	const char *path = dir_puts(state, "file", "content");
	int fd = open(path, O_RDWR | O_CLOEXEC), pair[2];
	assert_int_equal(fstat(fd, &st), 0);
	const struct file_state then = file_state(&st);
	assert_int_equal(file_check_state(fd, "file", &then, &err), 0);
	assert_int_equal(ftruncate(fd, 3), 0);
	assert_int_equal(file_check_state(fd, "file", &then, &err), -1);
	assert_int_equal(err.status, ST_FAIL);
	assert_string_equal(err.text, "file: the file was cut from 7 to 3 bytes while it was read");
	assert_int_equal(ftruncate(fd, 7), 0);
	assert_int_equal(futimens(fd, (struct timespec[]){{.tv_nsec = UTIME_OMIT}, {.tv_sec = 1}}), 0);
	assert_int_equal(file_check_state(fd, "file", &then, &err), -1);
	assert_string_equal(err.text, "file: the file changed while it was read");
	close(fd);
	assert_int_equal(pipe2(pair, O_CLOEXEC), 0);
	assert_int_equal(fstat(pair[0], &st), 0);
	const struct file_state of_pipe = file_state(&st);
	assert_int_equal(write(pair[1], "x", 1), 1);
	assert_int_equal(file_check_state(pair[0], "pipe", &of_pipe, &err), 0);
	close(pair[0]);
	close(pair[1]);
	err_clear(&err);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_file_state, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_file_read, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_file_private, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_file_tmp, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_file_tmp_publish, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_file_unnamed, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_file_tmp_fails, dir_setup, dir_teardown),
	    cmocka_unit_test(test_file_name),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
