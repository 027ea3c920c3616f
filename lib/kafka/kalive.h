/* kalive: is a topic that was there still there? librdkafka goes on asking for records of one that was deleted, and
 * says nothing. kclient_alive (kafka/kclient.h) asks. Internal to lib/kafka. */
#ifndef KAFKA_KALIVE_H
#define KAFKA_KALIVE_H

#include "kafka/kclient_int.h"

/* The topic is there, by this clock. */
void kalive_saw(struct kclient *c, const char *topic, int64_t (*now_ms)(void));

/* Releases what is remembered. */
void kalive_forget(struct kclient *c);

#endif
