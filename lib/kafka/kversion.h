/* kversion: which librdkafka runs, and what depends on that. It may be another one than that of the build (LD_LIBRARY_PATH),
 * so it is asked at run time, and here only. make test-newest runs the tests with the newest.
 *
 * What differs and is dealt with in the same way for all versions, so that nothing has to be asked:
 * - before 2.3 rd_kafka_query_watermark_offsets does not keep its timeout: rd_kafka_offsets_for_times is used;
 * - before 2.6.1 destroying a client that was a member may wait for ever: kjoin_leave leaves it to the process's end;
 * - from 2.10 on a connection that was cut before the first answer is told to the log only: ktrouble reads both;
 * - from 2.10 on metadata.recovery.strategy, and from 2.5 on enable.metrics.push: kconf sets what is known. */
#ifndef KAFKA_KVERSION_H
#define KAFKA_KVERSION_H

#include <stdbool.h>

const char *kversion_text(void);

/* Debian's 2.0.2 and others before 2.6.1 cannot speak SCRAM to Kafka 4: their nonce is wrong. */
#define KVERSION_SCRAM "2.6.1"
bool kversion_speaks_scram(void);

/* Before 2.2 the fetcher may sleep for a second when all queues were full: klane wakes it. */
bool kversion_fetcher_sleeps(void);

/* Is there a setting of this name? */
bool kversion_knows(const char *setting);

#endif
