#include "bare.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void bare_die(const char *format, ...)
{
	va_list args;
	va_start(args, format);
	fprintf(stderr, "%s: ", program_invocation_short_name);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	exit(1);
}

int64_t bare_number(const char *text, int64_t least)
{
	char *end;
	errno = 0;
	long long n = strtoll(text, &end, 10);
	if (errno || end == text || *end || n < least)
		bare_die("%s: a number of at least %lld is wanted", text, (long long)least);
	return n;
}

static void set(rd_kafka_conf_t *conf, const char *name, const char *value)
{
	char why[512];
	if (rd_kafka_conf_set(conf, name, value, why, sizeof(why)))
		bare_die("%s", why);
}

rd_kafka_t *bare_client(rd_kafka_type_t type, const char *brokers, const char *const *pairs,
    char **more, bare_delivered *delivered, void *opaque)
{
	char why[512];
	rd_kafka_conf_t *conf = rd_kafka_conf_new();
	set(conf, "bootstrap.servers", brokers);
	set(conf, "allow.auto.create.topics", "false");
	for (; *pairs; pairs += 2)
		set(conf, pairs[0], pairs[1]);
	for (; *more; more++) {
		char *value = strchr(*more, '=');
		if (!value)
			bare_die("%s: NAME=VALUE is wanted", *more);
		*value = '\0';
		set(conf, *more, value + 1);
	}
	if (delivered)
		rd_kafka_conf_set_dr_msg_cb(conf, delivered);
	rd_kafka_conf_set_opaque(conf, opaque);
	rd_kafka_t *rk = rd_kafka_new(type, conf, why, sizeof(why));
	if (!rk)
		bare_die("%s", why);
	return rk;
}

void bare_find(rd_kafka_t *rk, rd_kafka_topic_t *topic)
{
	const struct rd_kafka_metadata *found;
	rd_kafka_resp_err_t e = rd_kafka_metadata(rk, 0, topic, &found, 10000);
	if (e)
		bare_die("%s", rd_kafka_err2str(e));
	if (found->topic_cnt != 1 || found->topics[0].err)
		bare_die("no topic %s", rd_kafka_topic_name(topic));
	rd_kafka_metadata_destroy(found);
}
