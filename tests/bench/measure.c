/* measure FILE COMMAND [ARG...]
 *
 * Runs COMMAND and writes to FILE: microseconds it took, of its own and the system's processor time,
 * its peak memory in KiB, and its exit status (128 + n after signal n). With processes of its own the
 * times are the sum and the memory is that of the largest. A small program, because a process counts
 * as its own the memory of the one that started it. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

static void die(const char *what)
{
	fprintf(stderr, "measure: %s: %s\n", what, strerror(errno));
	exit(126);
}

static long long now_us(void)
{
	struct timespec t;
	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000LL + t.tv_nsec / 1000;
}

static long long us(struct timeval t)
{
	return t.tv_sec * 1000000LL + t.tv_usec;
}

int main(int argc, char **argv)
{
	struct rusage used;
	int status;
	if (argc < 3) {
		fputs("usage: measure FILE COMMAND [ARG...]\n", stderr);
		return 2;
	}
	long long start_us = now_us();
	pid_t child = fork();
	if (child < 0)
		die("fork");
	if (child == 0) {
		execvp(argv[2], argv + 2);
		die(argv[2]);
	}
	if (wait4(child, &status, 0, &used) < 0)
		die("wait4");
	long long took_us = now_us() - start_us;
	FILE *f = fopen(argv[1], "w");
	if (!f)
		die(argv[1]);
	fprintf(f, "%lld %lld %lld %ld %d\n", took_us, us(used.ru_utime), us(used.ru_stime),
	    used.ru_maxrss, WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
	return fclose(f) ? 126 : 0;
}
