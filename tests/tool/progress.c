#include "tool/progress.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static void test_progress_text(void **state)
{
	static const struct {
		struct progress_at at;
		int64_t elapsed_ms;
		const char *text;
	} rows[] = {
	    {{0, 0, -1}, 0, "sent 0 records, 0 B"},
	    {{1, 999, -1}, 500, "sent 1 record, 999 B, 2.0 kB/s"},
	    {{5, 500, 1000}, 500, "sent 5 records, 500 B, 1.0 kB/s, 50 %"},
	    {{1200000, 228000000, 456000000}, 1200,
		"sent 1200000 records, 228.0 MB, 190.0 MB/s, 50 %, 1 s left"},
	    {{1, 1000, 1000000}, 1000, "sent 1 record, 1.0 kB, 1.0 kB/s, 0 %, 16 min 39 s left"},
	    {{1, 1000, 10000000}, 1000, "sent 1 record, 1.0 kB, 1.0 kB/s, 0 %, 2 h 46 min left"},
	    {{1, 0, 1000}, 5000, "sent 1 record, 0 B, 0 B/s, 0 %"},
	    {{3, 2000, 1000}, 5000, "sent 3 records, 2.0 kB, 400 B/s"}, /* the file has grown */
	};
	(void)state;
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct buf text = BUF_INIT;
		progress_text("sent", &rows[i].at, rows[i].elapsed_ms, &text);
		assert_string_equal(buf_text(&text), rows[i].text);
		buf_release(&text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test(test_progress_text),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
