#include "tool/notify.h"

#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <cmocka.h>

#include "dir.h"

/* Listens as systemd does, and says so in the environment. */
static int listen_at(const char *name)
{
	struct sockaddr_un at = {.sun_family = AF_UNIX};
	size_t len = strlen(name);
	int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	memcpy(at.sun_path, name, len);
	if (*name == '@')
		at.sun_path[0] = '\0';
	assert_int_equal(bind(fd, (struct sockaddr *)&at,
	    (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len)), 0);
	setenv("NOTIFY_SOCKET", name, 1);
	return fd;
}

static void assert_told(int fd, const char *text)
{
	char got[256] = "";
	ssize_t n = recv(fd, got, sizeof(got) - 1, MSG_DONTWAIT);
	assert_int_equal(n, strlen(text));
	assert_string_equal(got, text);
}

static void talk_to(const char *name)
{
	struct notify n;
	int fd = listen_at(name);
	notify_open(&n);
	assert_null(getenv("NOTIFY_SOCKET"));
	assert_int_equal(n.watchdog_ms, 0);
	notify_ready(&n);
	assert_told(fd, "READY=1");
	notify_status(&n, "7 of 9\nREADY=0");
	assert_told(fd, "STATUS=7 of 9\\x0aREADY=0");
	notify_watchdog(&n);
	assert_told(fd, "WATCHDOG=1");
	notify_stopping(&n);
	assert_told(fd, "STOPPING=1");
	notify_close(&n);
	close(fd);
}

static void test_notify_messages(void **state)
{
	char abstract[64];
	talk_to(dir_path(state, "socket"));
	snprintf(abstract, sizeof(abstract), "@batchutils-test-%d", (int)getpid());
	talk_to(abstract);
}

/* Without a listener, with one that has gone, and with one that does not read, nothing happens. */
static void test_notify_nobody(void **state)
{
	static const char *const names[] = {NULL, "", "relative", "/no/such/socket"};
	struct notify n;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		unsetenv("NOTIFY_SOCKET");
		if (names[i])
			setenv("NOTIFY_SOCKET", names[i], 1);
		setenv("WATCHDOG_USEC", "2000000", 1);
		notify_open(&n);
		assert_int_equal(n.fd, -1);
		assert_int_equal(n.watchdog_ms, 0);
		notify_ready(&n);
		notify_status(&n, "x");
		notify_close(&n);
	}
	int fd = listen_at(dir_path(state, "socket"));
	notify_open(&n);
	for (int i = 0; i < 10000; i++) /* more than a socket holds */
		notify_watchdog(&n);
	close(fd);
	notify_watchdog(&n);
	notify_close(&n);
}

static void test_notify_watchdog_time(void **state)
{
	char ours[32];
	const struct {
		const char *usec, *pid;
		int64_t ms;
	} rows[] = {{"3000000", NULL, 1500}, {"3000000", ours, 1500}, {"3000000", "1", 0},
	    {"x", NULL, 0}, {NULL, NULL, 0}};
	struct notify n;
	snprintf(ours, sizeof(ours), "%d", (int)getpid());
	int fd = listen_at(dir_path(state, "socket"));
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		setenv("NOTIFY_SOCKET", dir_path(state, "socket"), 1);
		if (rows[i].usec)
			setenv("WATCHDOG_USEC", rows[i].usec, 1);
		if (rows[i].pid)
			setenv("WATCHDOG_PID", rows[i].pid, 1);
		notify_open(&n);
		assert_true(n.fd >= 0);
		assert_int_equal(n.watchdog_ms, rows[i].ms);
		assert_null(getenv("WATCHDOG_USEC"));
		assert_null(getenv("WATCHDOG_PID"));
		notify_close(&n);
	}
	close(fd);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
	    cmocka_unit_test_setup_teardown(test_notify_messages, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_notify_nobody, dir_setup, dir_teardown),
	    cmocka_unit_test_setup_teardown(test_notify_watchdog_time, dir_setup, dir_teardown),
	};
	return cmocka_run_group_tests(tests, NULL, NULL);
}
