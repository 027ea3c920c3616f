#include "tool/settings.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dir.h"

static bool known(const char *name)
{
	static const char *const names[] = {"acks", "linger.ms", "bootstrap.servers",
	    "metadata.broker.list", "sasl.password", "ssl.key.password", "sasl.username",
	    "sasl.mechanism", "sasl.mechanisms"};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i]) == 0)
			return true;
	return false;
}

static const char *const variables[] = {"BATCH_CONFIG", "BATCH_PROFILE", "BATCH_BROKERS",
    "KAFKA_BROKERS", "BATCH_BOOTSTRAP_SERVERS", "BATCH_ACKS", "BATCH_STREAM", "BATCH_ID",
    "BATCH_OWNER", "BATCH_TIMEOUT", "BATCH_CHUNK", "BATCH_SASL_PASSWORD",
    "BATCH_SASL_PASSWORD_FILE", "BATCH_SASL_MECHANISMS", "BATCH_WORK_TIME_LIMIT",
    "BATCH_WORK_TIME_LIMIT_ENV", "PW", "XDG_CONFIG_HOME"};

static int setup(void **state)
{
	for (size_t i = 0; i < sizeof(variables) / sizeof(*variables); i++)
		unsetenv(variables[i]);
	if (dir_setup(state))
		return -1;
	return setenv("HOME", *state, 1);
}

/* Loads with -X for each property, a list ended by NULL. */
static int load(struct settings *s, struct common *c, const char **properties, struct err *err)
{
	c->properties = (struct opt_list){.items = properties};
	while (properties && properties[c->properties.count])
		c->properties.count++;
	return settings_load(s, c, known, err);
}

static void check(struct settings *s, const char *name, const char *value, const char *where)
{
	const struct kv_entry *e = kv_find(&s->kv, name);
	assert_non_null(e);
	assert_string_equal(e->value, value);
	assert_non_null(strstr(e->where, where));
}

static void test_settings_dash(void **state)
{
	(void)state;
	struct settings s = SETTINGS_INIT;
	struct common c = COMMON_INIT;
	struct err err = ERR_INIT;
	setenv("BATCH_WORK_TIME_LIMIT", "5s", 1);
	assert_int_equal(load(&s, &c, NULL, &err), 0);
	check(&s, "work.time-limit", "5s", "BATCH_WORK_TIME_LIMIT");
	settings_release(&s);
	s = (struct settings)SETTINGS_INIT;
	unsetenv("BATCH_WORK_TIME_LIMIT");
	setenv("BATCH_WORK_TIME_LIMIT_ENV", "PW", 1);
	setenv("PW", "6s", 1);
	assert_int_equal(load(&s, &c, NULL, &err), 0);
	check(&s, "work.time-limit", "6s", "BATCH_WORK_TIME_LIMIT_ENV");
	settings_release(&s);
}

static void test_settings_order(void **state)
{
	struct settings s = SETTINGS_INIT;
	struct common c = COMMON_INIT;
	struct err err = ERR_INIT;
	const char *x[] = {"acks=5", "list", "linger.ms=a=b", NULL};
	setenv("BATCH_CONFIG", dir_puts(state, "conf", "# all\r\nacks = 1\r\n\r\n"
	    "stream=from file # x\nmetadata.broker.list=f:1\ntimeout=7s\n"
	    "[profile p]\nacks=2\nstream=in-profile\n"
	    "[profile q]\nacks=3\n"), 1);
	assert_int_equal(load(&s, &c, NULL, &err), 0);
	check(&s, "acks", "1", "conf:2");
	check(&s, "stream", "from file # x", "conf:4");
	check(&s, "bootstrap.servers", "f:1", "conf:5");
	settings_release(&s);

	setenv("BATCH_PROFILE", "q", 1);
	c.profile = "p";
	assert_int_equal(load(&s, &c, NULL, &err), 0);
	check(&s, "acks", "2", "conf:8");
	check(&s, "stream", "in-profile", "conf:9");
	settings_release(&s);

	setenv("BATCH_ACKS", "4", 1);
	setenv("KAFKA_BROKERS", "k:1", 1);
	setenv("BATCH_STREAM", "", 1);
	setenv("BATCH_ID", "id", 1);
	setenv("BATCH_CHUNK", "x", 1);
	assert_int_equal(load(&s, &c, NULL, &err), 0);
	check(&s, "acks", "4", "BATCH_ACKS");
	check(&s, "bootstrap.servers", "k:1", "KAFKA_BROKERS");
	check(&s, "stream", "in-profile", "conf:9");
	assert_null(kv_get(&s.kv, "batch"));
	settings_release(&s);

	setenv("BATCH_BROKERS", "b:1", 1);
	setenv("BATCH_BOOTSTRAP_SERVERS", "s:1", 1);
	c.stream = "flag";
	assert_int_equal(load(&s, &c, x, &err), 0);
	check(&s, "acks", "5", "-X");
	check(&s, "linger.ms", "a=b", "-X");
	check(&s, "bootstrap.servers", "b:1", "BATCH_BROKERS");
	check(&s, "stream", "flag", "-s");
	int64_t ms;
	assert_int_equal(settings_timeout(&s, &c, &ms, &err), 0);
	assert_int_equal(ms, 7000);
	c.timeout_ms = 0;
	assert_int_equal(settings_timeout(&s, &c, &ms, &err), 0);
	assert_int_equal(ms, 0);
	assert_int_equal(settings_need_brokers(&s, &err), 0);
	settings_release(&s);
}

/* The strongest origin wins under whichever of its names a setting was said. */
static void test_settings_two_names(void **state)
{
	struct settings s = SETTINGS_INIT;
	struct common c = COMMON_INIT;
	struct err err = ERR_INIT;
	const char *x[] = {"sasl.mechanism=X", NULL};
	c.config = dir_puts(state, "conf", "sasl.mechanism=F\n");
	setenv("BATCH_SASL_MECHANISMS", "E", 1);
	assert_int_equal(load(&s, &c, x, &err), 0);
	check(&s, "sasl.mechanism", "X", "-X");
	assert_int_equal(kv_count(&s.kv), 1);
	settings_release(&s);
}

static void test_settings_usual_places(void **state)
{
	struct settings s = SETTINGS_INIT;
	struct common c = COMMON_INIT;
	struct err err = ERR_INIT;
	char name[512];
	assert_int_equal(load(&s, &c, NULL, &err), 0);
	assert_int_equal(settings_need_brokers(&s, &err), -1);
	assert_int_equal(err.status, ST_USAGE);
	settings_release(&s);
	snprintf(name, sizeof(name), "%s", dir_path(state, "batch"));
	assert_int_equal(mkdir(name, 0700), 0);
	dir_puts(state, "batch/batch.conf", "acks=9\n");
	setenv("XDG_CONFIG_HOME", *state, 1);
	assert_int_equal(load(&s, &c, NULL, &err), 0);
	check(&s, "acks", "9", "batch.conf:1");
	assert_int_equal(unlink(dir_path(state, "batch/batch.conf")), 0);
	settings_release(&s);
	err_clear(&err);
}

static void test_settings_ports(void **state)
{
	static const struct {
		const char *brokers;
		int answer;
	} rows[] = {
	    {"a", 0},
	    {"a:1,b:65535, c", 0},
	    {"SASL_SSL://a:9092", 0},
	    {"SASL_SSL://a", 0},
	    {"[::1]:9092", 0},
	    {"[::1]", 0},
	    {"::1", 0},
	    {"a:0", -1},
	    {"a:65536", -1},
	    {"a,b:99999", -1},
	    {"a:9092x", -1},
	    {"a:", -1},
	    {"a:-1", -1},
	    {"[::1]:99999", -1},
	    {"PLAINTEXT://a:99999", -1},
	    {" ,, ", -1},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct settings s = SETTINGS_INIT;
		struct common c = COMMON_INIT;
		struct err err = ERR_INIT;
		c.config = dir_puts(state, "conf", "");
		c.brokers = rows[i].brokers;
		assert_int_equal(load(&s, &c, NULL, &err), 0);
		assert_int_equal(settings_need_brokers(&s, &err), rows[i].answer);
		if (rows[i].answer)
			assert_int_equal(err.status, ST_USAGE);
		err_clear(&err);
		settings_release(&s);
	}
}

static void test_settings_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} rows[] = {
	    {"acks=1\nacks\n", "conf:2: no '='"},
	    {"\n\nacsk=1\n", "conf:3: unknown setting 'acsk'"},
	    {"[profile x]\nacsk.file=1\n", "conf:2: unknown setting 'acsk.file'"},
	    {"=1\n", "conf:1: no name"},
	    {"[profile x\n", "conf:1: ']' is missing"},
	    {"[x]\n", "conf:1: unknown section"},
	    {"[profile ]\n", "conf:1: unknown section"},
	    {"[\n", "conf:1: ']' is missing"},
	    {"[]\n", "conf:1: unknown section"},
	};
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct settings s = SETTINGS_INIT;
		struct common c = COMMON_INIT;
		struct err err = ERR_INIT;
		c.config = dir_puts(state, "conf", rows[i].text);
		assert_int_equal(load(&s, &c, NULL, &err), -1);
		assert_int_equal(err.status, ST_USAGE);
		assert_non_null(strstr(err.text, rows[i].why));
		err_clear(&err);
		settings_release(&s);
	}
}

static void refused(struct common *c, const char *property, const char *why)
{
	struct settings s = SETTINGS_INIT;
	struct err err = ERR_INIT;
	const char *x[] = {property, NULL};
	assert_int_equal(load(&s, c, property ? x : NULL, &err), -1);
	assert_int_equal(err.status, ST_USAGE);
	assert_non_null(strstr(err.text, why));
	err_clear(&err);
	settings_release(&s);
}

static void test_settings_refused_elsewhere(void **state)
{
	struct common c = COMMON_INIT;
	refused(&c, "acks", "-X: 'acks' is not NAME=VALUE");
	refused(&c, "=1", "-X: '=1' is not NAME=VALUE");
	refused(&c, "foo=1", "-X: unknown setting 'foo'");
	refused(&c, "sasl.password=x", "use sasl.password.file=PATH");
	refused(&c, "sasl.password.env=PW", "-X: sasl.password.env: the variable PW is not set");
	refused(&c, "sasl.password.file=/nowhere",
	    "-X: sasl.password.file: /nowhere: No such file");
	c.profile = "p";
	refused(&c, NULL, "no profile 'p' in any configuration file");
	c.config = dir_path(state, "missing");
	refused(&c, NULL, "missing: No such file");
	c.config = *state;
	refused(&c, NULL, "Is a directory");
	c.config = dir_write(state, "conf", "acks=1\0\n", 8, 0600);
	refused(&c, NULL, "conf:1: a NUL byte");
	c.config = dir_puts(state, "conf", "acks=1\n");
	refused(&c, NULL, "no profile 'p' in ");
}

static void test_settings_secrets(void **state)
{
	struct settings s = SETTINGS_INIT;
	struct common c = COMMON_INIT;
	struct err err = ERR_INIT;
	struct buf shown = BUF_INIT;
	char text[600];
	setenv("PW", "from-env", 1);
	const char *x[] = {"ssl.key.password.env=PW", NULL};
	snprintf(text, sizeof(text), "sasl.password.file=%s\nsasl.username=bob\n",
	    dir_puts(state, "pw", "from file\n\n"));
	c.config = dir_write(state, "conf", text, strlen(text), 0644);
	assert_int_equal(load(&s, &c, x, &err), 0);
	check(&s, "sasl.password", "from file\n", "conf:1");
	check(&s, "ssl.key.password", "from-env", "-X");
	assert_string_equal(s.secret_env[0], "PW");
	assert_null(s.secret_env[1]);
	kv_print_redacted(&s.kv, &shown);
	assert_string_equal(buf_text(&shown),
	    "sasl.password=(hidden)\nsasl.username=bob\nssl.key.password=(hidden)\n");
	settings_release(&s);

	setenv("BATCH_SASL_PASSWORD", "direct", 1);
	unlink(dir_path(state, "pw"));
	assert_int_equal(load(&s, &c, NULL, &err), 0);
	check(&s, "sasl.password", "direct", "BATCH_SASL_PASSWORD");
	assert_string_equal(s.secret_env[0], "BATCH_SASL_PASSWORD");
	settings_release(&s);

	unsetenv("BATCH_SASL_PASSWORD");
	setenv("BATCH_SASL_PASSWORD_FILE", dir_puts(state, "pw", "by-path"), 1);
	assert_int_equal(load(&s, &c, NULL, &err), 0);
	check(&s, "sasl.password", "by-path", "BATCH_SASL_PASSWORD_FILE");
	settings_release(&s);

	c.config = dir_puts(state, "conf", "sasl.password=x\n");
	assert_int_equal(load(&s, &c, NULL, &err), 0);
	settings_release(&s);
	c.config = dir_write(state, "conf", "[profile z]\nsasl.password=x\n", 28, 0640);
	refused(&c, NULL, "chmod 600 /");
	buf_release(&shown);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_settings_order, setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_settings_dash, setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_settings_two_names, setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_settings_usual_places, setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_settings_ports, setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_settings_refused, setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_settings_refused_elsewhere, setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_settings_secrets, setup, dir_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
