#include "tool/settings.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/buf.h"
#include "base/mem.h"
#include "base/num.h"
#include "base/str.h"
#include "base/utf8.h"
#include "tool/conffile.h"
#include "tool/file.h"
#include "tool/settings_files.h"
#include "tool/use.h"

#define BROKERS      "bootstrap.servers"
#define SECRET_LIMIT ((size_t)1 << 20)

static const char *const kinds[] = {"", ".file", ".env"};
enum kind { LITERAL, FROM_FILE, FROM_ENV, UNKNOWN };

struct loader {
	struct settings *s;
	struct kv kinds; /* for each name in s->kv, set in step with it: one of kinds[] */
	bool (*known)(const char *name);
	struct err *err;
};

/* One thing the user said somewhere. */
struct said {
	const char *name, *value;
	enum kv_origin origin;
	const char *where;
	const char *exposed; /* the file, if others can read it */
	bool unused;         /* in a profile that was not chosen: only checked */
};

/* Its value is never to be shown. */
static bool is_secret(const char *name)
{
	static const char *const ends[] = {".password", ".passphrase", ".secret", ".key.pem"};
	struct str s = str_of(name);
	for (size_t i = 0; i < sizeof(ends) / sizeof(*ends); i++)
		if (str_has_suffix(s, ends[i]))
			return true;
	return str_is(s, "sasl.oauthbearer.config") || str_is(s, "sasl.jaas.config");
}

static const struct {
	const char *name, *meaning;
} ours[] = {
    {"stream", "the stream (-s)"},
    {"owner", "who owns the batches that are created (--owner)"},
    {"timeout", "time budget for brokers (-m), 30s by default"},
    {"work.chunk", "batch-work: so many records to a command (--chunk)"},
    {"work.target", "batch-work: how long a command should take (--target)"},
    {"work.linger", "batch-work: so long a chunk waits to be full (--linger)"},
    {"work.jobs", "batch-work: so many commands at once (--jobs)"},
    {"work.retries", "batch-work: runs after the first (--retries)"},
    {"work.backoff", "batch-work: waits before retries (--backoff)"},
    {"work.jitter", "batch-work: how much of a wait is drawn (--jitter)"},
    {"work.time-limit", "batch-work: end a command that takes longer (--time-limit)"},
    {"work.breaker", "batch-work: failures in a row before nothing begins (--breaker)"},
    {"work.on-invalid", "batch-work: dead, skip or stop (--on-invalid)"},
    {"work.drain", "batch-work: what runs may go on for so long at the end (--drain)"},
    {"work.report", "batch-work: say how far it is so often (--report)"},
};

#define OURS_COUNT (sizeof(ours) / sizeof(*ours))

void settings_list(struct buf *out)
{
	for (size_t i = 0; i < OURS_COUNT; i++)
		buf_printf(out, "%-40s %s\n", ours[i].name, ours[i].meaning);
}

void settings_dump(const struct settings *s, struct buf *out)
{
	for (size_t i = 0; i < OURS_COUNT; i++) {
		const char *value = kv_get(&s->kv, ours[i].name);
		if (!value)
			continue;
		buf_printf(out, "%s=", ours[i].name);
		utf8_escape(out, str_of(value), 0);
		buf_putc(out, '\n');
	}
}

static bool is_known(const struct loader *l, const char *name)
{
	for (size_t i = 0; i < OURS_COUNT; i++)
		if (strcmp(name, ours[i].name) == 0)
			return true;
	return l->known && l->known(name);
}

/* What a name asks for, and the setting it is about, which the caller frees. */
static enum kind classify(const struct loader *l, const char *name, char **base)
{
	struct str s = str_of(name);
	for (enum kind k = LITERAL; k < UNKNOWN; k++) {
		if (!str_has_suffix(s, kinds[k]))
			continue;
		*base = mem_strndup(name, s.len - strlen(kinds[k]));
		if (is_known(l, *base))
			return k;
		free(*base);
	}
	*base = NULL;
	return UNKNOWN;
}

static void hide_env(struct settings *s, const char *name)
{
	s->secret_env = mem_grow(s->secret_env, &s->secret_env_cap, s->secret_env_count + 2,
	    sizeof(char *));
	s->secret_env[s->secret_env_count++] = mem_strdup(name);
	s->secret_env[s->secret_env_count] = NULL;
}

static int refuse_secret(const struct said *d, const char *name, struct err *err)
{
	if (d->origin == KV_X)
		return err_set(err, ST_USAGE,
		    "%s: everybody on this machine can read %s there: use %s.file=PATH or "
		    "%s.env=VARIABLE", d->where, name, name, name);
	return err_set(err, ST_USAGE,
	    "%s: others can read %s there: chmod 600 %s, or use %s.file=PATH", d->where, name,
	    d->exposed, name);
}

/* Under two names a weaker origin could win. */
static const char *usual_name(const char *name)
{
	static const struct {
		const char *other, *usual;
	} names[] = {
	    {"metadata.broker.list", BROKERS},
	    {"request.required.acks", "acks"},
	    {"sasl.mechanisms", "sasl.mechanism"},
	    {"compression.codec", "compression.type"},
	    {"queue.buffering.max.ms", "linger.ms"},
	    {"message.send.max.retries", "retries"},
	    {"message.timeout.ms", "delivery.timeout.ms"},
	};
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcmp(name, names[i].other) == 0)
			return names[i].usual;
	return name;
}

static int set(struct loader *l, const struct said *d, enum kind kind, const char *name)
{
	bool secret = is_secret(name);
	if (secret && kind == LITERAL && (d->exposed || d->origin == KV_X))
		return refuse_secret(d, name, l->err);
	if (secret && kind == FROM_ENV)
		hide_env(l->s, d->value);
	if (secret && kind == LITERAL && d->origin == KV_ENV)
		hide_env(l->s, d->where);
	if (d->unused)
		return 0;
	name = usual_name(name);
	kv_set(&l->s->kv, name, d->value, d->origin, d->where, secret);
	kv_set(&l->kinds, name, kinds[kind], d->origin, d->where, false);
	return 0;
}

static int offer(struct loader *l, const struct said *d)
{
	char *name;
	enum kind kind = classify(l, d->name, &name);
	int r = kind == UNKNOWN
	    ? err_set(l->err, ST_USAGE, "%s: unknown setting '%s' (-X list shows all)", d->where,
		  d->name)
	    : set(l, d, kind, name);
	free(name);
	return r;
}

static int offer_line(struct loader *l, const struct conffile *f, const struct conffile_line *line,
    const char *profile)
{
	struct buf where = BUF_INIT;
	buf_printf(&where, "%s:%d", f->path, line->number);
	struct said d = {
	    .name = line->name,
	    .value = line->value,
	    .origin = line->profile ? KV_PROFILE : KV_FILE,
	    .where = buf_text(&where),
	    .exposed = f->exposed ? f->path : NULL,
	    .unused = line->profile && !(profile && strcmp(line->profile, profile) == 0),
	};
	int r = offer(l, &d);
	buf_release(&where);
	return r;
}

static int load_lines(struct loader *l, struct conffile *f, const char *profile)
{
	struct conffile_line line;
	bool found = !profile;
	int r;
	while ((r = conffile_next(f, &line, l->err)) > 0) {
		found = found || (line.profile && strcmp(line.profile, profile) == 0);
		if (offer_line(l, f, &line, profile))
			return -1;
	}
	if (r == 0 && !found)
		return err_set(l->err, ST_USAGE, "no profile '%s' in %s", profile,
		    f->path ? f->path : "any configuration file: there is none");
	return r;
}

static int load_file(struct loader *l, const struct common *c)
{
	struct conffile f;
	const char *profile = c->profile ? c->profile : getenv("BATCH_PROFILE");
	if (profile && !c->profile && !*profile)
		profile = NULL;
	if (conffile_open(&f, c->config, l->err))
		return -1;
	int r = load_lines(l, &f, profile);
	conffile_release(&f);
	return r;
}

static void offer_env(struct loader *l, const char *variable, const char *name, const char *value)
{
	char *base;
	enum kind kind = *value ? classify(l, name, &base) : UNKNOWN;
	if (kind == UNKNOWN)
		return;
	struct said d = {.name = name, .value = value, .origin = KV_ENV, .where = variable};
	set(l, &d, kind, base);
	free(base);
}

/* work.time.limit.file: work.time-limit.file. In a variable's name a dash is as good as a dot. */
static void put_dashes(char *name)
{
	for (size_t i = 0; i < OURS_COUNT; i++) {
		const char *of = ours[i].name;
		size_t n = 0;
		while (of[n] && (name[n] == of[n] || (name[n] == '.' && of[n] == '-')))
			n++;
		if (!of[n] && (!name[n] || name[n] == '.'))
			memcpy(name, of, n);
	}
}

/* BATCH_SASL_PASSWORD=... : sasl.password. */
static void offer_variable(struct loader *l, const char *entry)
{
	static const char prefix[] = "BATCH_";
	const char *eq = strchr(entry, '=');
	if (!eq || strncmp(entry, prefix, sizeof(prefix) - 1) != 0)
		return;
	char *variable = mem_strndup(entry, (size_t)(eq - entry));
	char *name = mem_strdup(variable + sizeof(prefix) - 1);
	for (char *p = name; *p; p++)
		*p = *p == '_' ? '.' : *p >= 'A' && *p <= 'Z' ? (char)(*p - 'A' + 'a') : *p;
	put_dashes(name);
	offer_env(l, variable, name, eq + 1);
	free(name);
	free(variable);
}

static void offer_alias(struct loader *l, const char *variable, const char *name)
{
	const char *value = getenv(variable);
	if (value)
		offer_env(l, variable, name, value);
}

/* Of equals the last wins. */
static void load_env(struct loader *l)
{
	offer_alias(l, "KAFKA_BROKERS", BROKERS);
	for (char **e = environ; e && *e; e++)
		offer_variable(l, *e);
	offer_alias(l, "BATCH_BROKERS", BROKERS);
}

static int offer_property(struct loader *l, const char *text)
{
	struct str name, value = str_cut(str_of(text), '=', &name);
	if (str_is(str_of(text), "list") || str_is(str_of(text), "dump"))
		return 0;
	if (!value.ptr || name.len == 0)
		return err_set(l->err, ST_USAGE, "-X: '%s' is not NAME=VALUE", text);
	char *copy = mem_strndup(name.ptr, name.len);
	struct said d = {.name = copy, .value = value.ptr, .origin = KV_X, .where = "-X"};
	int r = offer(l, &d);
	free(copy);
	return r;
}

static int load_properties(struct loader *l, const struct opt_list *properties)
{
	for (size_t i = 0; i < properties->count; i++)
		if (offer_property(l, properties->items[i]))
			return -1;
	return 0;
}

static void set_flag(struct loader *l, const char *name, const char *value, const char *where)
{
	struct said d = {.name = name, .value = value, .origin = KV_FLAG, .where = where};
	if (value)
		set(l, &d, LITERAL, name);
}

static void load_flags(struct loader *l, const struct common *c)
{
	set_flag(l, BROKERS, c->brokers, "-b");
	set_flag(l, "stream", c->stream, "-s");
}

static int read_variable(const char *name, struct buf *out, struct err *err)
{
	const char *value = getenv(name);
	if (!value)
		return err_set(err, ST_USAGE, "the variable %s is not set", name);
	buf_puts(out, value);
	return 0;
}

static int read_value(const struct kv_entry *e, const char *kind, struct buf *out,
    struct err *err)
{
	const char *from = e->value;
	if (strcmp(kind, kinds[FROM_ENV]) == 0)
		return read_variable(from, out, err);
	if (use_input(e->name, from, err))
		return -1;
	if (e->secret ? file_read_private(from, SECRET_LIMIT, out, err)
		      : file_read_trusted(from, SECRET_LIMIT, out, err))
		return -1;
	if (out->len && out->data[out->len - 1] == '\n')
		out->data[--out->len] = '\0';
	if (strlen(buf_text(out)) != out->len)
		return err_set(err, ST_USAGE, "%s: a NUL byte", from);
	return 0;
}

static int resolve(struct settings *s, const struct kv_entry *e, const char *kind, struct err *err)
{
	struct buf value = BUF_INIT;
	int r = read_value(e, kind, &value, err);
	if (r) {
		err_wrap(err, "%s: %s%s", e->where, e->name, kind);
		err->status = ST_USAGE;
	} else {
		kv_set(&s->kv, e->name, buf_text(&value), e->origin, e->where, e->secret);
	}
	if (value.data)
		explicit_bzero(value.data, value.cap);
	buf_release(&value);
	return r;
}

static int resolve_all(struct loader *l)
{
	for (size_t i = 0; i < kv_count(&l->kinds); i++) {
		const struct kv_entry *kind = kv_at(&l->kinds, i);
		if (*kind->value &&
		    resolve(l->s, kv_find(&l->s->kv, kind->name), kind->value, l->err))
			return -1;
	}
	return 0;
}

int settings_load(struct settings *s, const struct common *c, bool (*known)(const char *name),
    struct err *err)
{
	struct loader l = {.s = s, .known = known, .err = err};
	int r = load_file(&l, c);
	if (r == 0) {
		load_env(&l);
		r = load_properties(&l, &c->properties);
	}
	if (r == 0) {
		load_flags(&l, c);
		r = resolve_all(&l) || settings_files_check(&s->kv, err) ? -1 : 0;
	}
	kv_release(&l.kinds);
	return r;
}

/* What follows the host: its only colon, or that behind an IPv6 address in brackets. Absent: no port. */
static struct str port_of(struct str broker)
{
	const char *first = memchr(broker.ptr, ':', broker.len);
	const char *last = memrchr(broker.ptr, ':', broker.len);
	if (!last || (first != last && last[-1] != ']'))
		return (struct str)STR_INIT;
	return (struct str){last + 1, (size_t)(broker.ptr + broker.len - last - 1)};
}

/* Removes what librdkafka allows before the host. False: something else stands there. */
static bool cut_scheme(struct str *broker)
{
	static const char *const known[] = {"plaintext", "ssl", "sasl_plaintext", "sasl_ssl"};
	const char *end = memmem(broker->ptr, broker->len, "://", 3);
	size_t len = end ? (size_t)(end - broker->ptr) : 0;
	bool is_known = !end;
	for (size_t i = 0; i < sizeof(known) / sizeof(*known); i++)
		is_known |= len == strlen(known[i]) && strncasecmp(broker->ptr, known[i], len) == 0;
	if (end)
		*broker = (struct str){end + 3, broker->len - len - 3};
	return is_known;
}

/* librdkafka takes a port modulo 65536. */
static int check_port(const struct kv_entry *brokers, struct str broker, struct err *err)
{
	int64_t ignored;
	struct str host = broker;
	if (!cut_scheme(&host))
		return err_set(err, ST_USAGE, "%s: broker '%.*s': Kafka is not spoken over this; a broker is "
		    "HOST[:PORT]", brokers->where, (int)broker.len, broker.ptr);
	struct str port = port_of(host);
	if (!port.ptr || num_i64_str(port, 1, 65535, &ignored, err) == 0)
		return 0;
	return err_set(err, ST_USAGE, "%s: broker '%.*s': a port is a number from 1 to 65535",
	    brokers->where, (int)broker.len, broker.ptr);
}

int settings_need_brokers(const struct settings *s, struct err *err)
{
	const struct kv_entry *brokers = kv_find(&s->kv, BROKERS);
	struct str one, rest = str_of(brokers ? brokers->value : "");
	bool any = false;
	while (rest.ptr) {
		rest = str_cut(rest, ',', &one);
		one = str_trim(one);
		any |= one.len > 0;
		if (one.len && check_port(brokers, one, err))
			return -1;
	}
	if (any)
		return 0;
	return err_set(err, ST_USAGE,
	    "no brokers: give -b HOST[:PORT], BATCH_BROKERS, KAFKA_BROKERS, or " BROKERS
	    " in the configuration file");
}

int settings_timeout(const struct settings *s, const struct common *c, int64_t *ms,
    struct err *err)
{
	const struct kv_entry *e = kv_find(&s->kv, "timeout");
	*ms = c->timeout_ms >= 0 ? c->timeout_ms : SETTINGS_TIMEOUT_MS;
	if (c->timeout_ms >= 0 || !e)
		return 0;
	return num_duration_ms(e->value, ms, err) ? err_wrap(err, "%s: timeout", e->where) : 0;
}

bool settings_hold_secret(const struct settings *s)
{
	for (size_t i = 0; i < kv_count(&s->kv); i++)
		if (kv_at(&s->kv, i)->secret)
			return true;
	return kv_get(&s->kv, "ssl.key.location") || kv_get(&s->kv, "ssl.keystore.location");
}

void settings_release(struct settings *s)
{
	kv_release(&s->kv);
	for (size_t i = 0; i < s->secret_env_count; i++)
		free(s->secret_env[i]);
	free(s->secret_env);
	*s = (struct settings)SETTINGS_INIT;
}
