/* settings: one ordered list of name=value from everywhere a user may say one.
 *
 * From the strongest to the weakest: an option; -X NAME=VALUE; the environment, BATCH_ACKS for
 * "acks", BATCH_SASL_PASSWORD for "sasl.password", BATCH_WORK_TIME_LIMIT for "work.time-limit"; the
 * profile (-C, BATCH_PROFILE) and the top part of the configuration file. The first of these files
 * counts: -F, $BATCH_CONFIG (both must exist), $XDG_CONFIG_HOME/batch/batch.conf (by default under
 * ~/.config), /etc/batch/batch.conf. Lines are NAME=VALUE as in kcat, later ones win; `#` begins a
 * comment line, [profile NAME] a section. All of the file is checked, used or not.
 *
 * Further environment: BATCH_BROKERS and, weaker, KAFKA_BROKERS for bootstrap.servers. An empty variable counts as none, a BATCH_* that is no setting is somebody else's.
 *
 * Any value can be given as NAME.file=PATH (the content less one newline at its end) or
 * NAME.env=VARIABLE. A secret must be if it stands on the command line, where all of the machine
 * can read it, and a file that holds one must not be readable by others (file.h). Only what wins is
 * read.
 *
 * Names are ours (stream, owner, timeout, and work.* for options of batch-work) or those that
 * the caller knows. Where Kafka has two names for one setting, one of them is kept:
 * bootstrap.servers, acks, sasl.mechanism, compression.type, linger.ms, retries,
 * delivery.timeout.ms. */
#ifndef TOOL_SETTINGS_H
#define TOOL_SETTINGS_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/kv.h"
#include "tool/common.h"

#define SETTINGS_TIMEOUT_MS 30000

struct settings {
	struct kv kv;
	char **secret_env; /* names of variables that hold secrets, ended by NULL; for proc.h */
	size_t secret_env_count, secret_env_cap;
};

#define SETTINGS_INIT {0}

/* known: does the library below us know a setting of that name? -1: ST_USAGE, and the place where
 * the user said it ("batch.conf:12", "-X", "BATCH_ACKS"). -X list and -X dump are passed over. */
int settings_load(struct settings *s, const struct common *c, bool (*known)(const char *name),
    struct err *err);

/* ST_USAGE when no broker is given, saying how to give one, or one with an impossible port. */
int settings_need_brokers(const struct settings *s, struct err *err);

/* The time budget: -m, else the setting "timeout", else SETTINGS_TIMEOUT_MS. */
int settings_timeout(const struct settings *s, const struct common *c, int64_t *ms,
    struct err *err);

/* Appends our own settings and their meanings (-X list). */
void settings_list(struct buf *out);

/* Appends those of them that were given, a line of NAME=VALUE each (-X dump). */
void settings_dump(const struct settings *s, struct buf *out);

/* A secret, or a file with a private key, which is one when it is read. */
bool settings_hold_secret(const struct settings *s);

void settings_release(struct settings *s);

#endif
