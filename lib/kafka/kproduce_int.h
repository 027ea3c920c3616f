/* kproduce_int: the inside of a producer, for lib/kafka only. */
#ifndef KAFKA_KPRODUCE_INT_H
#define KAFKA_KPRODUCE_INT_H

#include <librdkafka/rdkafka.h>

#include "kafka/kproduce.h"

/* Another owner of the transactional id is at work: this producer is done. */
bool kproduce_is_fenced(rd_kafka_resp_err_t e);
void kproduce_say_fenced(const struct kproduce *p, struct err *err);

/* What ktxn keeps here. */
struct ktxn {
	bool ready; /* others of this id are fenced */
	bool spent; /* one did not end as it should */
};
struct ktxn *kproduce_txn(struct kproduce *p);

#endif
