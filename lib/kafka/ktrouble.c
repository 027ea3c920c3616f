#include "kafka/ktrouble.h"

#include <stdlib.h>
#include <string.h>

#include "base/mem.h"
#include "kafka/kerr.h"
#include "kafka/kversion.h"

/* A broker that starts may refuse a good password once; twice in a row is an answer. */
#define FINAL_ENOUGH 2

/* So long brokers that stop or start may cut connections before anything was answered. */
#define HANG_UP_MS 2000

/* How OpenSSL says that the other side refuses us, within librdkafka's text. */
#define ALERT "SSL alert number "

struct setting {
	char value[512];
};

static struct setting setting(const struct kclient *c, const char *name)
{
	struct setting s = {""};
	size_t size = sizeof(s.value);
	rd_kafka_conf_get(rd_kafka_conf(c->rk), name, s.value, &size);
	return s;
}

/* What is wrong with the broker's certificate. The numbers are OpenSSL's X509_V_ERR_*. */
static const char *certificate_words(int error)
{
	static const struct {
		int error;
		const char *words;
	} known[] = {
	    {2, "is signed by an authority that is not in ssl.ca.location"},
	    {9, "is not valid yet: check this machine's clock"},
	    {10, "has expired"},
	    {18, "is signed by itself, and not in ssl.ca.location"},
	    {19, "is signed by an authority that is not in ssl.ca.location"},
	    {20, "is signed by an authority that is not in ssl.ca.location"},
	    {21, "is signed by an authority that is not in ssl.ca.location"},
	    {62, "is of another host name"},
	    {64, "is of another address"},
	};
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		if (known[i].error == error)
			return known[i].words;
	return NULL;
}

/* Agrees with OpenSSL, and remembers why. Called from librdkafka's threads. */
static int on_certificate(rd_kafka_t *rk, const char *broker, int32_t id, int *x509_error,
    int depth, const char *der, size_t size, char *why, size_t why_size, void *opaque)
{
	struct kclient *c = opaque;
	(void)rk, (void)broker, (void)id, (void)depth, (void)der, (void)size;
	if (*x509_error == 0)
		return 1;
	atomic_store(&c->certificate, *x509_error);
	if (why_size)
		*why = '\0';
	return 0;
}

static bool says(const char *reason, const char *text)
{
	return strstr(reason, text) != NULL;
}

/* The login itself was refused, not the mechanism. */
static bool is_scram_of_old(const struct kclient *c, rd_kafka_resp_err_t e, const char *reason)
{
	struct setting mechanism = setting(c, "sasl.mechanisms");
	return e == RD_KAFKA_RESP_ERR__AUTHENTICATION && !says(reason, "handshake failed") &&
	    strncmp(mechanism.value, "SCRAM", 5) == 0 && !kversion_speaks_scram();
}

/* Alerts about certificates: 42 to 48 and 116; 40 is how some say that they got none. */
static bool refuses_certificate(const char *reason)
{
	const char *at = strstr(reason, ALERT);
	int number = 0;
	for (at = at ? at + strlen(ALERT) : ""; *at >= '0' && *at <= '9' && number < 1000; at++)
		number = number * 10 + (*at - '0');
	return number == 40 || (number >= 42 && number <= 48) || number == 116;
}

static void say_refused(struct kclient *c, const char *reason, int len)
{
	struct setting own = setting(c, "ssl.certificate.location");
	if (!*own.value)
		own = setting(c, "ssl.keystore.location");
	if (*own.value)
		err_set(&c->trouble, ST_CONNECT, "the broker refuses our certificate, %s: it has "
		    "expired, or its authority is not known there (%.*s)", own.value, len, reason);
	else
		err_set(&c->trouble, ST_CONNECT, "the broker wants a certificate of ours: "
		    "ssl.certificate.location and ssl.key.location (%.*s)", len, reason);
}

static void say_hung_up(struct kclient *c, const char *reason, int len)
{
	struct setting protocol = setting(c, "security.protocol");
	err_set(&c->trouble, ST_CONNECT, "the broker cuts the connection: does it expect another "
	    "security.protocol than %s? (%.*s)", protocol.value, len, reason);
}

/* How librdkafka says that the first four bytes of an answer, which in Kafka are its length, are too many. */
#define BAD_LENGTH "Invalid response size "

/* True if another protocol answers; `first` gets the four bytes with which its answer begins, as text. */
static bool is_foreign(const char *reason, char first[5])
{
	const char *at = strstr(reason, BAD_LENGTH);
	long size = at ? strtol(at + strlen(BAD_LENGTH), NULL, 10) : 0;
	for (int i = 0; i < 4; i++) {
		long byte = size >> (24 - 8 * i) & 0xff;
		first[i] = byte >= ' ' && byte < 0x7f ? (char)byte : '.';
	}
	first[4] = '\0';
	return size > 0 && first[0] != '.';
}

static void say_foreign(struct kclient *c, const char *reason, const char *first)
{
	const char *end = strstr(reason, ": ");
	int len = (int)strcspn(reason, "/");
	err_set(&c->trouble, ST_CONNECT, "%.*s is no Kafka broker: its answer begins with '%s'",
	    end && end - reason < len ? (int)(end - reason) : len, reason, first);
}

/* Without what librdkafka appends: for how long, and how often. */
static int length(const char *reason)
{
	const char *end = strstr(reason, " (after ");
	return (int)(end ? (size_t)(end - reason) : strlen(reason));
}

static void put_into_words(struct kclient *c, rd_kafka_resp_err_t e, const char *reason)
{
	int len = length(reason);
	char first[5];
	const char *certificate = certificate_words(atomic_load(&c->certificate));
	if (e == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN)
		err_set(&c->trouble, ST_CONNECT, "no broker can be reached at %s", c->brokers);
	else if (e == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE)
		err_set(&c->trouble, ST_FAIL, "%.*s: memory or threads are short (ulimit -v, ulimit -u)", len, reason);
	else if (is_foreign(reason, first))
		say_foreign(c, reason, first);
	else if (certificate && says(reason, "certificate verify failed"))
		err_set(&c->trouble, ST_CONNECT, "the broker's certificate %s (%.*s)", certificate,
		    len, reason);
	else if (is_scram_of_old(c, e, reason))
		err_set(&c->trouble, ST_CONNECT, "SCRAM needs librdkafka " KVERSION_SCRAM " or newer with Kafka "
		    "4, and this is %s: use PLAIN over TLS, a client certificate, or a newer library",
		    kversion_text());
	else if (refuses_certificate(reason))
		say_refused(c, reason, len);
	else if (c->hung_up)
		say_hung_up(c, reason, len);
	else
		err_set(&c->trouble, kerr_status(e), "%.*s", len, reason);
}

/* Neither a broker that cannot be reached yet, nor a side that says why it does not like the other. */
static bool is_hang_up(const struct kclient *c, rd_kafka_resp_err_t e, const char *reason)
{
	bool cut = e == RD_KAFKA_RESP_ERR__TRANSPORT || says(reason, "unexpected eof");
	return cut && !c->answered && !says(reason, "in state CONNECT") && !says(reason, ALERT) &&
	    !says(reason, "certificate verify failed");
}

static void on_error(rd_kafka_t *rk, int code, const char *reason, void *opaque)
{
	struct kclient *c = opaque;
	(void)rk;
	rd_kafka_resp_err_t e = (rd_kafka_resp_err_t)code;
	c->troubled = true;
	if (e == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN && c->trouble.text)
		return; /* says less than the reason before it */
	c->hung_up = is_hang_up(c, e, reason);
	put_into_words(c, e, reason);
	char first[5];
	/* Among several a wrong address does not matter as long as another one answers. */
	bool foreign = is_foreign(reason, first) && !c->answered && !strchr(c->brokers, ',');
	bool final = kerr_is_final(e) || says(reason, ALERT) || foreign;
	if (final && !c->hung_up && ++c->final_count >= FINAL_ENOUGH)
		c->stuck = true;
	if (e == RD_KAFKA_RESP_ERR__FATAL || e == RD_KAFKA_RESP_ERR__CRIT_SYS_RESOURCE)
		c->stuck = true; /* without one of its threads it answers nothing, however long one waits */
}

/* From 2.10 on a connection that was cut before the first answer is told to the log only. */
static void look_for_hang_up(struct kclient *c, const char *text)
{
	const char *reason = strstr(text, "]: ");
	if (!reason || !says(reason, ": Disconnected") ||
	    !is_hang_up(c, RD_KAFKA_RESP_ERR__TRANSPORT, reason))
		return;
	c->hung_up = true;
	say_hung_up(c, reason + 3, length(reason + 3));
}

/* Records of a transaction say only that they were purged; the topic stands in quotes in the log. */
static void look_for_refusal(struct kclient *c, const char *text)
{
	const char *topic = strchr(text, '"');
	const char *end = topic ? strchr(topic + 1, '"') : NULL;
	if (!end || !says(end, "Topic authorization failed"))
		return;
	char *name = mem_strndup(topic + 1, (size_t)(end - topic - 1));
	kclient_no_right(c, name, &c->refused);
	free(name);
}

static void on_log(const rd_kafka_t *rk, int level, const char *fac, const char *text)
{
	struct kclient *c = rd_kafka_opaque(rk);
	if (strcmp(fac, "FAIL") == 0)
		look_for_hang_up(c, text);
	else if (strcmp(fac, "ADDPARTS") == 0)
		look_for_refusal(c, text);
	/* Not of interest to anybody: kconf sets it for ktxn_fence. */
	bool ours = strcmp(fac, "CONFWARN") == 0 && strstr(text, "isolation.level");
	if (c->log && !ours)
		c->log(level, text);
}

void ktrouble_listen(rd_kafka_conf_t *conf)
{
	rd_kafka_conf_set_error_cb(conf, on_error);
	rd_kafka_conf_set_log_cb(conf, on_log);
	rd_kafka_conf_set_ssl_cert_verify_cb(conf, on_certificate);
}

void ktrouble_answered(struct kclient *c)
{
	c->final_count = 0;
	c->answered = true;
	c->hung_up = false;
	err_clear(&c->trouble);
}

static bool hangs_up_always(struct kclient *c, const struct deadline *d)
{
	if (c->hung_up && !c->waiting)
		c->patience = deadline_within(d, HANG_UP_MS);
	c->waiting = c->hung_up;
	return c->hung_up && deadline_left_ms(&c->patience) == 0;
}

int kclient_check(struct kclient *c, const struct deadline *d, const char *what, struct err *err)
{
	bool over = deadline_left_ms(d) == 0;
	if (!c->stuck && !over && !hangs_up_always(c, d))
		return 0;
	if (c->trouble.text)
		return err_set(err, c->trouble.status == ST_FAIL ? ST_CONNECT : c->trouble.status,
		    "%s: %s", what, c->trouble.text);
	if (deadline_interrupted(d))
		return err_set(err, ST_FAIL, "%s: interrupted", what);
	return err_set(err, ST_TIME, "%s: no answer from %s in time", what, c->brokers);
}
