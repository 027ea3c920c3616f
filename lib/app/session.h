/* session: what the commands share: which batch of which stream is meant, the way to its log, and
 * documents in and out. Joins lib/kafka with lib/tool; only cmd includes lib/app. */
#ifndef APP_SESSION_H
#define APP_SESSION_H

#include "batch/batch.h"
#include "batch/manifest.h"
#include "kafka/kbatch.h"
#include "kafka/kchange.h"
#include "kafka/klog.h"
#include "kafka/kversion.h"
#include "tool/tool.h"

/* The members of struct tool that ask librdkafka about its settings. */
#define SESSION_SETTINGS .known = kversion_knows, .list = kclient_list, .dump = session_dump

int session_dump(const struct kv *settings, struct buf *out, struct err *err);

/* The batch a tool works on. */
struct target {
	char *stream, *id;       /* owned */
	struct batch document;   /* as it came on standard input; doc NULL: it did not */
	struct manifest manifest; /* all that came there, added up */
	bool has_manifest;
};

#define TARGET_INIT {0}

/* Names the tool in the environment of a command that it started with a BATCH_ID: there BATCH_ID is the batch that the
 * tool works on, and says nothing about those that the command works on. */
#define SESSION_COMMAND_OF "BATCH_COMMAND_OF"

/* By -B; otherwise standard input must hold its document. read_always: standard input is read
 * even with -B, for the manifests there. Errors: nothing given (ST_USAGE), standard input empty
 * because the stage before failed (ST_FAIL), documents of different batches, or of another one than a BATCH_ID that the
 * user has set (ST_USAGE). */
int target_find(struct tool_ctx *t, bool read_always, struct target *out);
void target_release(struct target *x);

/* -s, checked as the stem of topic names. */
int session_stream(struct tool_ctx *t, const char **stream);

/* Opens the log of stream. follow: for events to come. */
int session_log(struct tool_ctx *t, const char *stream, bool follow, struct klog **out);

/* The same for who writes to it, and need not be allowed to read. */
int session_log_to_write(struct tool_ctx *t, const char *stream, struct klog **out);

/* The same beside another reader of it, which tells what it passes over. */
int session_log_beside(struct tool_ctx *t, const char *stream, struct klog **out);

/* What is no event, for -vv, and how many there were, for -v: told by logs that are opened here, and by
 * those who read one as members of a group. */
void session_passed(const struct record *r, const char *why);
void session_passed_all(const char *topic, int64_t count);

/* A note where an open transaction holds back records behind the ends to which somebody reads. c reads what is
 * committed, and has seen the topic. */
void session_note_held(struct tool_ctx *t, struct kclient *c, const char *topic, const int32_t *partitions,
    const int64_t *ends, size_t count);

/* Warns of an event that counts for nobody, being in another partition than its batch's: for struct klog_options. */
void session_elsewhere(void *ctx, const struct event *e, int32_t home);

/* Makes sure that the last event of the target says how it stands, for other software's sake; warns if it cannot. */
void session_settle(struct tool_ctx *t, const struct target *x);

/* Who acts: --owner or the setting; else the broker's user name, else the login name. Appended. */
void session_owner(const struct tool_ctx *t, const char *option, struct buf *out);

/* Applies c to the target and prints the document that counted. ST_FAIL: the batch failed by it. */
int session_change(struct tool_ctx *t, const struct target *x, struct batch_change *c);

int session_print(struct tool_ctx *t, const struct batch *b);

/* The same for a document that is in the log already: if it cannot be printed the message says so. */
int session_print_done(struct tool_ctx *t, const struct batch *b);

/* A new random token of 16 hex digits. */
#define SESSION_TOKEN 17
void session_token(char out[SESSION_TOKEN]);

/* --metadata: a JSON object; NULL text gives NULL. The caller owns *out. */
int session_metadata(struct tool_ctx *t, const char *text, struct json_t **out);

#endif
