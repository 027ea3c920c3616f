#include "tool/metrics.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/map.h"
#include "dir.h"
#include "tool/file.h"

enum { RECORDS, OPEN, DURATION, NEVER };

static const double bounds[] = {.01, .1, 1, 30};

static const struct metrics_family families[] = {
    [RECORDS] = {"batch_work_records_total", "Records, by what became of them.",
	METRICS_COUNTER, {"outcome"}, NULL, 0},
    [OPEN] = {"batch_work_breaker_open", "1 while the breaker is open.", METRICS_GAUGE, {0}, NULL, 0},
    [DURATION] = {"batch_work_chunk_duration_seconds", "How long a chunk took.",
	METRICS_HISTOGRAM, {0}, bounds, 4},
    [NEVER] = {"batch_work_never", "Nobody sets it.", METRICS_GAUGE, {"a", "b", "c"}, NULL, 0},
};

static const char *const common[] = {"stream", "claims", "group", "a\"b\\c\nd\xff", NULL};
static const char *const done[] = {"done"}, *const skipped[] = {"skipped"};

#define COMMON "stream=\"claims\",group=\"a\\\"b\\\\c\\nd\xef\xbf\xbd\""

static void fill(struct metrics *m)
{
	metrics_init(m, families, 4, common);
	metrics_add(m, RECORDS, done, 0);
	metrics_add(m, RECORDS, skipped, 0);
	metrics_add(m, RECORDS, done, 48210);
	metrics_add(m, RECORDS, done, 1);
	metrics_observe(m, DURATION, NULL, .01, 1);
	metrics_observe(m, DURATION, NULL, .011, 1);
	metrics_observe(m, DURATION, NULL, 2.5, 1);
	metrics_observe(m, DURATION, NULL, 31, 1);
}

static void test_metrics_text(void **state)
{
	struct metrics m;
	struct buf text = BUF_INIT;
	(void)state;
	fill(&m);
	metrics_text(&m, &text);
	assert_string_equal(buf_text(&text),
	    "# HELP batch_work_records_total Records, by what became of them.\n"
	    "# TYPE batch_work_records_total counter\n"
	    "batch_work_records_total{" COMMON ",outcome=\"done\"} 48211\n"
	    "batch_work_records_total{" COMMON ",outcome=\"skipped\"} 0\n"
	    "# HELP batch_work_breaker_open 1 while the breaker is open.\n"
	    "# TYPE batch_work_breaker_open gauge\n"
	    "batch_work_breaker_open{" COMMON "} 0\n"
	    "# HELP batch_work_chunk_duration_seconds How long a chunk took.\n"
	    "# TYPE batch_work_chunk_duration_seconds histogram\n"
	    "batch_work_chunk_duration_seconds_bucket{" COMMON ",le=\"0.01\"} 1\n"
	    "batch_work_chunk_duration_seconds_bucket{" COMMON ",le=\"0.1\"} 2\n"
	    "batch_work_chunk_duration_seconds_bucket{" COMMON ",le=\"1\"} 2\n"
	    "batch_work_chunk_duration_seconds_bucket{" COMMON ",le=\"30\"} 3\n"
	    "batch_work_chunk_duration_seconds_bucket{" COMMON ",le=\"+Inf\"} 4\n"
	    "batch_work_chunk_duration_seconds_sum{" COMMON "} 33.521\n"
	    "batch_work_chunk_duration_seconds_count{" COMMON "} 4\n"
	    "# HELP batch_work_never Nobody sets it.\n"
	    "# TYPE batch_work_never gauge\n");
	metrics_release(&m);
	buf_release(&text);
}

/* What comes back is the same number. */
static void test_metrics_numbers(void **state)
{
	static const struct {
		double value;
		const char *text;
	} rows[] = {
	    {0, "0"}, {1e15, "1e+15"}, {123456789012345, "123456789012345"}, {.1, "0.1"},
	    {1795282609.322, "1795282609.322"}, {9007199254740992, "9007199254740992"},
	    {1.0 / 3, "0.33333333333333331"}, {-2, "-2"},
	};
	static const struct metrics_family one[] = {{"g", "G.", METRICS_GAUGE, {0}, NULL, 0}};
	static const char *const nothing[] = {NULL};
	struct metrics m;
	(void)state;
	metrics_init(&m, one, 1, nothing);
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf text = BUF_INIT, wanted = BUF_INIT;
		metrics_set(&m, 0, NULL, rows[i].value);
		metrics_text(&m, &text);
		buf_printf(&wanted, "# HELP g G.\n# TYPE g gauge\ng %s\n", rows[i].text);
		assert_string_equal(buf_text(&text), buf_text(&wanted));
		buf_release(&text);
		buf_release(&wanted);
	}
	metrics_release(&m);
}

static void assert_series(struct map *seen, struct str line, struct str family)
{
	struct str id = line;
	while (id.len && id.ptr[id.len - 1] != ' ')
		id.len--;
	assert_true(str_has_prefix(line, "batch_"));
	assert_true(line.len > family.len && memcmp(line.ptr, family.ptr, family.len) == 0);
	assert_null(map_put(seen, id, seen)); /* equal names and labels make collectors drop the file */
}

/* Each family once, its HELP and TYPE before its series, which stand together, and no series
 * twice. */
static void assert_well_formed(struct str text)
{
	struct map seen = MAP_INIT, names = MAP_INIT;
	struct str line, family = STR_INIT;
	while (text.len) {
		text = str_cut(text, '\n', &line);
		if (!str_has_prefix(line, "# ")) {
			assert_series(&seen, line, family);
			continue;
		}
		assert_true(str_has_prefix(line, "# HELP "));
		line.ptr += strlen("# HELP ");
		line.len -= strlen("# HELP ");
		assert_true(str_cut(line, ' ', &family).len > 0);
		assert_null(map_put(&names, family, &names));
		text = str_cut(text, '\n', &line);
		assert_true(str_has_prefix(line, "# TYPE "));
		assert_memory_equal(line.ptr + strlen("# TYPE "), family.ptr, family.len);
	}
	assert_int_equal(names.count, 4);
	map_release(&seen);
	map_release(&names);
}

static void test_metrics_well_formed(void **state)
{
	static const char *const values[][3] = {{"x", "y", "z"}, {"x", "y", ""}, {"x", "\",b=\"y", "z"},
	    {"x\",b=\"y", "", "z"}};
	struct metrics m;
	struct buf text = BUF_INIT;
	(void)state;
	fill(&m);
	for (int round = 0; round < 3; round++)
		for (size_t i = 0; i < sizeof(values) / sizeof(*values); i++) {
			metrics_set(&m, NEVER, values[i], round);
			metrics_add(&m, RECORDS, &values[i][1], 1);
		}
	metrics_text(&m, &text);
	assert_well_formed(buf_str(&text));
	metrics_release(&m);
	buf_release(&text);
}

static void test_metrics_write(void **state)
{
	const char *path = dir_puts(state, "w.prom", "old");
	struct metrics m;
	struct buf text = BUF_INIT, got = BUF_INIT;
	struct err err = ERR_INIT;
	struct stat st;
	mode_t before = umask(077);
	fill(&m);
	metrics_text(&m, &text);
	int reader = open(path, O_RDONLY | O_CLOEXEC);
	assert_int_equal(metrics_write(&m, path, &err), 0);
	umask(before);
	assert_int_equal(file_read(path, 1 << 20, &got, &err), 0);
	assert_string_equal(buf_text(&got), buf_text(&text));
	assert_int_equal(stat(path, &st), 0);
	assert_int_equal(st.st_mode & 07777, 0644);
	assert_int_equal(dir_count(state, NULL, 0), 1);
	buf_clear(&got); /* who reads the old one reads all of it */
	assert_int_equal(file_read_fd(reader, "w.prom", 100, &got, &err), 0);
	assert_string_equal(buf_text(&got), "old");
	close(reader);
	assert_int_equal(metrics_write(&m, dir_path(state, "no/w.prom"), &err), -1);
	assert_int_equal(err.status, ST_FAIL);
	err_clear(&err);
	metrics_release(&m);
	buf_release(&text);
	buf_release(&got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_metrics_text),
	    cmocka_unit_test(test_metrics_numbers),
	    cmocka_unit_test(test_metrics_well_formed),
	    cmocka_unit_test_setup_teardown(test_metrics_write, dir_setup, dir_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
