/* status: the exit statuses, an interface for scripts. One table feeds main, --help and the man pages.
 * A signal ends a tool with 128+n instead (141 for a closed pipe); tool.c does that. */
#ifndef BASE_STATUS_H
#define BASE_STATUS_H

#define STATUS_TABLE(X)                                                                            \
	X(ST_OK, 0, "all of it done, acknowledged, flushed")                                       \
	X(ST_FAIL, 1, "a bad answer: batch failed or terminated, verification failed, "            \
		      "command failed, output could not be written")                               \
	X(ST_USAGE, 2, "usage or configuration")                                                   \
	X(ST_PARTIAL, 3, "partial: some records delivered, some not")                              \
	X(ST_TIME, 4, "time is up")                                                                \
	X(ST_CONNECT, 5, "cannot connect, authenticate, or not authorized")                        \
	X(ST_STATE, 6, "no such batch or topic, batch exists, or its state does not allow this")   \
	X(ST_UNKNOWN, 7, "outcome unknown: sent, never acknowledged")

enum status {
#define X(name, number, text) name = number,
	STATUS_TABLE(X)
#undef X
};

#endif
