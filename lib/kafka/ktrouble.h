/* ktrouble: why no answer comes, and whether to go on waiting for one. Internal to lib/kafka.
 *
 * librdkafka tries for ever, and tells reasons only to callbacks. Some will not pass: a wrong
 * password, a certificate that one side refuses, another security.protocol than the broker's. What
 * it says is put into words that name the reason; kclient_check() looks at it. */
#ifndef KAFKA_KTROUBLE_H
#define KAFKA_KTROUBLE_H

#include "kafka/kclient_int.h"

/* Sets the callbacks. The conf's opaque is the kclient. */
void ktrouble_listen(rd_kafka_conf_t *conf);

/* A broker answered: what was before is past. */
void ktrouble_answered(struct kclient *c);

#endif
