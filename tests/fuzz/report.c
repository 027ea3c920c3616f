/* What a command wrote about its records: lines that are taken name each record once, in order. The first
 * byte is the number of records. */
#include "fuzz.h"

#include "batch/report.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct report r = REPORT_INIT;
	struct err err = ERR_INIT;
	if (size == 0)
		return 0;
	struct str text = fuzz_exact(fuzz_input(data + 1, size - 1));
	if (report_parse(&r, text, *data, &err) == 0) {
		for (size_t i = 0; i < r.count; i++) {
			const struct str *why = &r.list[i].reason;
			assert(r.list[i].index < *data && why->len < size);
			assert(i == 0 || r.list[i - 1].index < r.list[i].index);
		}
	} else {
		assert(err.status == ST_FAIL && !r.list);
	}
	report_release(&r);
	err_clear(&err);
	fuzz_free(text);
	return 0;
}
