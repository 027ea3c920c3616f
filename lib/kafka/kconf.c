#include "kafka/kconf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

/* Read by librdkafka's own waits and back-offs: see batch-config.5. Unknown ones (older or newer
 * versions) are passed over. */
static const char *const common[] = {
    "client.id", "batchutils",
    "allow.auto.create.topics", "false",   /* a mistyped name must not become a topic */
    "socket.nagle.disable", "true",
    "reconnect.backoff.ms", "10",
    "reconnect.backoff.max.ms", "1000",
    "socket.timeout.ms", "10000",
    "log.queue", "true",
    "metadata.recovery.strategy", "none",  /* 2.10 and later starve on a flapping link otherwise */
    "enable.metrics.push", "false",
    NULL,
};

static const char *const producer[] = {
    "enable.idempotence", "true",
    "acks", "all",
    "compression.codec", "lz4",
    "topic.metadata.propagation.max.ms", "0", /* kclient_topic has looked already */
    "isolation.level", "read_uncommitted",    /* ktxn_fence asks it where topics end */
    NULL,
};

static const char *const reader[] = {
    "fetch.wait.max.ms", "10",
    "fetch.queue.backoff.ms", "1",
    "fetch.error.backoff.ms", "50",
    "enable.partition.eof", "true",
    "check.crcs", "true",             /* what a disk has changed is no record */
    "enable.auto.commit", "false",
    "enable.auto.offset.store", "false",
    "auto.offset.reset", "error",     /* a silent jump would be a silent loss */
    "isolation.level", "read_committed",
    NULL,
};

static const char *const member[] = {
    "fetch.wait.max.ms", "100",
    "heartbeat.interval.ms", "500", /* so soon a member hears that another has come, who waits for it */
    "topic.metadata.refresh.interval.ms", "30000", /* so soon the group has partitions that are new */
    "enable.partition.eof", "false",
    "check.crcs", "true",
    "enable.auto.commit", "false",
    "enable.auto.offset.store", "false",
    "auto.offset.reset", "earliest",
    "isolation.level", "read_committed",
    NULL,
};

static void set_all(rd_kafka_conf_t *conf, const char *const *pairs)
{
	char ignored[64];
	for (; pairs && *pairs; pairs += 2)
		rd_kafka_conf_set(conf, pairs[0], pairs[1], ignored, sizeof(ignored));
}

static int set_users(rd_kafka_conf_t *conf, const struct kv *settings, struct err *err)
{
	char why[512];
	for (size_t i = 0; i < kv_count(settings); i++) {
		const struct kv_entry *e = kv_at(settings, i);
		if (rd_kafka_conf_set(conf, e->name, e->value, why, sizeof(why)) ==
		    RD_KAFKA_CONF_INVALID)
			return err_set(err, ST_USAGE, "%s: setting %s: %s", e->where, e->name,
			    e->secret ? "refused" : why);
	}
	return 0;
}

rd_kafka_conf_t *kconf_make(enum kclient_role role, const struct kv *settings,
    const struct kclient_options *options, struct err *err)
{
	static const char *const *const by_role[] = {
	    [KCLIENT_ADMIN] = NULL,
	    [KCLIENT_PRODUCER] = producer,
	    [KCLIENT_READER] = reader,
	    [KCLIENT_MEMBER] = member,
	};
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	set_all(conf, common);
	set_all(conf, by_role[role]);
	if (options)
		set_all(conf, options->settings);
	if (set_users(conf, settings, err)) {
		rd_kafka_conf_destroy(conf);
		return NULL;
	}
	return conf;
}

void kclient_list(struct buf *out)
{
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	if (!f)
		return;
	rd_kafka_conf_properties_show(f);
	fclose(f);
	buf_add(out, text, len);
	free(text);
}

static bool is_secret(const struct kv *settings, const char *name)
{
	for (size_t i = 0; i < kv_count(settings); i++) {
		const struct kv_entry *e = kv_at(settings, i);
		if (e->secret && strcmp(e->name, name) == 0)
			return true;
	}
	return false;
}

static void dump_pairs(const char **pairs, size_t count, const struct kv *settings,
    struct buf *out)
{
	for (size_t i = 0; i + 1 < count; i += 2)
		buf_printf(out, "%s=%s\n", pairs[i],
		    is_secret(settings, pairs[i]) ? "(hidden)" : pairs[i + 1]);
	rd_kafka_conf_dump_free(pairs, count);
}

int kclient_dump(enum kclient_role role, const struct kv *settings,
    const struct kclient_options *options, struct buf *out, struct err *err)
{
	rd_kafka_conf_t *conf = kconf_make(role, settings, options, err);
	if (!conf)
		return -1;
	size_t count;
	const char **pairs = rd_kafka_conf_dump(conf, &count);
	dump_pairs(pairs, count, settings, out);
	rd_kafka_topic_conf_t *topic = rd_kafka_conf_get_default_topic_conf(conf);
	if (topic) {
		pairs = rd_kafka_topic_conf_dump(topic, &count);
		dump_pairs(pairs, count, settings, out);
	}
	rd_kafka_conf_destroy(conf);
	return 0;
}
