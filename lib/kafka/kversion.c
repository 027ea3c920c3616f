#include "kafka/kversion.h"

#include <librdkafka/rdkafka.h>
#include <stddef.h>

#define FETCHER_AWAKE_SINCE 0x020200ff
#define SCRAM_SINCE         0x020601ff

const char *kversion_text(void)
{
	return rd_kafka_version_str();
}

bool kversion_speaks_scram(void)
{
	return rd_kafka_version() >= SCRAM_SINCE;
}

bool kversion_fetcher_sleeps(void)
{
	return rd_kafka_version() < FETCHER_AWAKE_SINCE;
}

/* Getting would not do: a setting without a value looks like one that does not exist. */
bool kversion_knows(const char *setting)
{
	char ignored[8];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	bool known = rd_kafka_conf_set(conf, setting, NULL, ignored, sizeof(ignored)) != RD_KAFKA_CONF_UNKNOWN;
	rd_kafka_conf_destroy(conf);
	return known;
}
