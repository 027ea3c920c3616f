#include "tool/common.h"

void common_rows(struct common *c, unsigned takes, struct opt rows[COMMON_ROWS])
{
	const struct opt always[] = {
	    OPT_STR('b', "brokers", &c->brokers, "HOST[:PORT],...", COMPLETE_NONE,
		"brokers to start from"),
	    OPT_LIST('X', "property", &c->properties, "NAME=VALUE", COMPLETE_NONE,
		"a setting; 'list' shows all there are, 'dump' those in force"),
	    OPT_STR('F', "config", &c->config, "FILE", COMPLETE_FILE,
		"configuration file instead of the usual one"),
	    OPT_STR('C', "profile", &c->profile, "NAME", COMPLETE_NONE,
		"profile of the configuration file"),
	    OPT_DUR('m', "timeout", &c->timeout_ms, "TIME",
		"give up after waiting that long for brokers (30s)"),
	    OPT_FLAG('q', "quiet", &c->quiet, "no notes and no progress; errors still"),
	    OPT_COUNT('v', "verbose", &c->verbose, "say more; twice: even more"),
	    OPT_CHOICE(0, "log", &c->log, "text|json", "how messages look on standard error"),
	    OPT_FLAG('h', "help", &c->help, "show this and exit"),
	    OPT_FLAG('V', "version", &c->version, "show the version and exit"),
	    OPT_FLAG(0, "list-options", &c->list_options, "show all options as a table and exit"),
	    OPT_END,
	};
	const struct opt stream = OPT_STR('s', "stream", &c->stream, "STREAM", COMPLETE_STREAM,
	    "the stream: STREAM.in, STREAM.notification, ...");
	const struct opt batch = OPT_STR('B', "batch", &c->batch, "ID", COMPLETE_BATCH,
	    "the batch");
	if (takes & COMMON_STREAM)
		*rows++ = stream;
	if (takes & COMMON_BATCH)
		*rows++ = batch;
	for (size_t i = 0; i < sizeof(always) / sizeof(*always); i++)
		*rows++ = always[i];
}

void common_release(struct common *c)
{
	opt_list_release(&c->properties);
}
