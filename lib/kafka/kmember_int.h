/* kmember_int: what a transaction needs of a member, for lib/kafka only. */
#ifndef KAFKA_KMEMBER_INT_H
#define KAFKA_KMEMBER_INT_H

#include <librdkafka/rdkafka.h>

#include "kafka/kmember.h"

/* Who the member was when its partitions were assigned: a commit by one who has been thrown out since is to be
 * refused; NULL: it has none. */
const rd_kafka_consumer_group_metadata_t *kmember_identity(const struct kmember *m);

/* These parts to be committed, NULL and *answer: 1, refused; -1 and err. */
rd_kafka_topic_partition_list_t *kmember_list(struct kmember *m, const struct kmember_part *parts,
    size_t count, int *answer, struct err *err);

/* The broker has refused: the partitions are not this member's. */
bool kmember_is_refusal(rd_kafka_resp_err_t e);

#endif
