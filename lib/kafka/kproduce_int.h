/* kproduce_int: the inside of a producer's errors, for lib/kafka only. */
#ifndef KAFKA_KPRODUCE_INT_H
#define KAFKA_KPRODUCE_INT_H

#include <librdkafka/rdkafka.h>

#include "kafka/kproduce.h"

/* Why nothing can be written any more. */
void kproduce_explain(struct kproduce *p, rd_kafka_resp_err_t e, struct err *err);

/* Another owner of the transactional id is at work: this producer is done. */
bool kproduce_is_fenced(rd_kafka_resp_err_t e);

#endif
