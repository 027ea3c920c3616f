/* kparts: reads parts of the partitions of several topics by absolute offsets, without a group.
 *
 * A lane is one position in one partition; a partition has one lane at most. Lanes are opened, moved
 * and closed at any time, each by itself, and nothing waits for a broker. Memory is bounded by the limits
 * of the lanes' queues, whatever the parts hold. As in kread a lane knows gaps by its position:
 * transaction markers and compacted records fill offsets too, so its last record may never come. */
#ifndef KAFKA_KPARTS_H
#define KAFKA_KPARTS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/kv.h"
#include "batch/record.h"
#include "kafka/kclient.h"
#include "kafka/kread.h"

struct kparts;
struct kpart; /* a lane */

struct kparts_options {
	size_t lanes; /* so many will be open at once: they share the memory */
	int wake;     /* see kclient_wake; -1: none */
	void (*log)(int syslog_level, const char *text);
};

int kparts_open(struct kparts **out, const struct kv *settings, const struct kparts_options *options,
    struct err *err);
void kparts_close(struct kparts *p); /* and all lanes */

/* To ask for topics and offsets; each topic must be seen by kclient_topic before its first lane. */
struct kclient *kparts_client(struct kparts *p);

/* A lane from start up to, not including, end (INT64_MAX: follow for ever). */
int kpart_open(struct kpart **out, struct kparts *p, const char *topic, int32_t partition,
    int64_t start, int64_t end, struct err *err);

/* The same lane from elsewhere on; what it had read is dropped. */
int kpart_move(struct kpart *l, int64_t start, int64_t end, struct err *err);
void kpart_close(struct kpart *l);

/* The lane's next record; it stays valid until kpart_pop. Once KREAD_EMPTY was the answer, and not before,
 * records to come wake the caller. */
enum kread_state kpart_head(struct kpart *l, const struct record **out, struct err *err);
void kpart_pop(struct kpart *l);

/* After KREAD_EMPTY: did the log end here when it was looked at last? */
bool kpart_at_end(const struct kpart *l);

/* Everything of the partition from the lane's start to below this offset was seen. */
int64_t kpart_position(const struct kpart *l);

/* For each round of the caller's loop, before it sleeps: serves the connection and helps lanes that got
 * stuck. Answers how many ms he may sleep, though he would not be woken; -1: as long as he likes. */
int kparts_serve(struct kparts *p, int64_t now_ms);

#endif
