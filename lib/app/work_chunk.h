/* work_chunk: records of one part, copied, with what they become on a command's standard input. */
#ifndef APP_WORK_CHUNK_H
#define APP_WORK_CHUNK_H

#include "app/work.h"
#include "batch/record.h"

struct work_item {
	int64_t number; /* its place among the part's records */
	int64_t offset, ts_ms;
	size_t input, input_len; /* on standard input, without its delimiter */
	size_t extra;            /* where key, headers and, of an envelope, the value are kept */
};

struct work_records {
	enum work_format format;
	char *topic; /* owned */
	int32_t partition;
	struct work_item *items; /* owned */
	size_t count, cap;
	struct buf input, extra;
};

void work_records_init(struct work_records *c, enum work_format format, struct str topic,
    int32_t partition);

/* True if the record can stand on standard input in this format: its value does not hold what ends one. */
bool work_format_holds(enum work_format format, const struct record *r);

void work_records_add(struct work_records *c, const struct record *r, int64_t number);

/* The last one, as if it had not been added. */
void work_records_take_back(struct work_records *c);

/* The i-th as it was. Borrows from c; out's header list keeps its memory. */
void work_records_get(const struct work_records *c, size_t i, struct record *out);

/* The input of a run of those in [first, end). */
struct str work_records_input(const struct work_records *c, size_t first, size_t end);

/* TOPIC-PARTITION-FIRST-LAST-SUM: by it others know a run of the same records again. Appended. */
void work_records_token(const struct work_records *c, size_t first, size_t end, struct buf *out);

void work_records_release(struct work_records *c);

#endif
