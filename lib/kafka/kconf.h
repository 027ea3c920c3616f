/* kconf: our settings as librdkafka's. Internal to lib/kafka. */
#ifndef KAFKA_KCONF_H
#define KAFKA_KCONF_H

#include <librdkafka/rdkafka.h>

#include "kafka/kclient.h"

/* NULL and err when a value is refused. The caller owns it until rd_kafka_new takes it. */
rd_kafka_conf_t *kconf_make(enum kclient_role role, const struct kv *settings,
    const struct kclient_options *options, struct err *err);

#endif
