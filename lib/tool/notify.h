/* notify: tells systemd how a service is, as sd_notify does: a datagram to NOTIFY_SOCKET. Silent
 * without one. A message that cannot be sent at once is lost.
 *
 * notify_open takes the variables out of the environment, so that no command speaks in our name. */
#ifndef TOOL_NOTIFY_H
#define TOOL_NOTIFY_H

#include <stdint.h>

struct notify {
	int fd;              /* -1: nobody listens */
	int64_t watchdog_ms; /* notify_watchdog at least that often; 0: nobody watches */
};

#define NOTIFY_INIT {.fd = -1}

void notify_open(struct notify *n);
void notify_ready(const struct notify *n);
void notify_status(const struct notify *n, const char *text); /* one line for eyes */
void notify_watchdog(const struct notify *n);                 /* the loop still turns */
void notify_stopping(const struct notify *n);
void notify_close(struct notify *n);

#endif
