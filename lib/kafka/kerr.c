#include "kafka/kerr.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include "base/buf.h"

static const struct {
	rd_kafka_resp_err_t code;
	enum status status;
	const char *words; /* NULL: librdkafka's */
} known[] = {
    {RD_KAFKA_RESP_ERR__AUTHENTICATION, ST_CONNECT, NULL},
    {RD_KAFKA_RESP_ERR_SASL_AUTHENTICATION_FAILED, ST_CONNECT, NULL},
    {RD_KAFKA_RESP_ERR__SSL, ST_CONNECT, NULL},
    {RD_KAFKA_RESP_ERR__RESOLVE, ST_CONNECT, NULL},
    {RD_KAFKA_RESP_ERR__TRANSPORT, ST_CONNECT, NULL},
    {RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN, ST_CONNECT, "no broker can be reached"},
    {RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED, ST_CONNECT, "no right on this topic"},
    {RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED, ST_CONNECT,
	"no right on this group (Read)"},
    {RD_KAFKA_RESP_ERR_CLUSTER_AUTHORIZATION_FAILED, ST_CONNECT, "no right on the cluster"},
    {RD_KAFKA_RESP_ERR_TRANSACTIONAL_ID_AUTHORIZATION_FAILED, ST_CONNECT,
	"no right on this transactional id (Write)"},
    {RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART, ST_STATE, "no such topic"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_TOPIC, ST_STATE, "no such topic"},
    {RD_KAFKA_RESP_ERR__UNKNOWN_PARTITION, ST_STATE, "no such partition"},
    {RD_KAFKA_RESP_ERR_TOPIC_EXCEPTION, ST_USAGE, "not a legal topic name"},
    {RD_KAFKA_RESP_ERR_TOPIC_ALREADY_EXISTS, ST_STATE, "topic exists"},
    {RD_KAFKA_RESP_ERR_INVALID_PARTITIONS, ST_USAGE, NULL},
    {RD_KAFKA_RESP_ERR_INVALID_REPLICATION_FACTOR, ST_USAGE, NULL},
    {RD_KAFKA_RESP_ERR_INVALID_CONFIG, ST_USAGE, NULL},
    {RD_KAFKA_RESP_ERR_POLICY_VIOLATION, ST_USAGE, NULL},
    {RD_KAFKA_RESP_ERR_INVALID_TIMESTAMP, ST_FAIL,
	"the broker refuses the timestamp: check this machine's clock, with --keep-time the times of the records"},
    /* Newer libraries, as 2.8, say this of a timestamp, too. */
    {RD_KAFKA_RESP_ERR_INVALID_RECORD, ST_FAIL,
	"the broker refuses a record: it has no key and the topic is compacted (-k, -K), or it refuses the timestamp: "
	"check this machine's clock, with --keep-time the times of the records"},
    {RD_KAFKA_RESP_ERR__TIMED_OUT, ST_TIME, NULL},
    {RD_KAFKA_RESP_ERR__MSG_TIMED_OUT, ST_TIME, "no acknowledgement in time"},
    {RD_KAFKA_RESP_ERR_REQUEST_TIMED_OUT, ST_TIME, NULL},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, ST_TIME, NULL},
    {RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS_AFTER_APPEND, ST_TIME, NULL},
    {RD_KAFKA_RESP_ERR__INVALID_ARG, ST_USAGE, NULL},
};

static const char *words(rd_kafka_resp_err_t code)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].code == code && known[i].words)
			return known[i].words;
	return rd_kafka_err2str(code);
}

enum status kerr_status(rd_kafka_resp_err_t code)
{
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].code == code)
			return known[i].status;
	return ST_FAIL;
}

bool kerr_is_final(rd_kafka_resp_err_t code)
{
	enum status s = kerr_status(code);
	bool passing = code == RD_KAFKA_RESP_ERR__RESOLVE ||
	    code == RD_KAFKA_RESP_ERR__TRANSPORT || code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN;
	return (s == ST_CONNECT && !passing) || s == ST_STATE || s == ST_USAGE;
}

int kerr_set(struct err *err, rd_kafka_resp_err_t code, const char *fmt, ...)
{
	struct buf what = BUF_INIT;
	char *text;
	va_list ap;
	va_start(ap, fmt);
	if (vasprintf(&text, fmt, ap) >= 0) {
		buf_puts(&what, text);
		free(text);
	}
	va_end(ap);
	err_set(err, kerr_status(code), "%s: %s", buf_text(&what), words(code));
	buf_release(&what);
	return -1;
}

int kerr_take(struct err *err, rd_kafka_error_t *error, const char *what)
{
	err_set(err, kerr_status(rd_kafka_error_code(error)), "%s: %s", what,
	    rd_kafka_error_string(error));
	rd_kafka_error_destroy(error);
	return -1;
}
