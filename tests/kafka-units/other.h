/* other: another process of the same test program, that can be frozen. It is started with its role and two
 * more words, is told lines, and says lines. */
#ifndef TESTS_KAFKA_UNITS_OTHER_H
#define TESTS_KAFKA_UNITS_OTHER_H

#include <signal.h>

#include "broker.h"
#include "tool/proc.h"

struct other {
	struct proc proc;
	FILE *out;
};

static inline void other_start(struct other *o, const char *role, const char *a, const char *b)
{
	char *argv[] = {"/proc/self/exe", (char *)role, (char *)a, (char *)b, NULL};
	const struct proc_spec spec = {.argv = argv, .in = PROC_PIPE, .out = PROC_PIPE};
	ok(proc_start(&o->proc, &spec, &err));
	o->out = fdopen(dup(o->proc.out), "r");
}

static inline void other_says(struct other *o, const char *wanted)
{
	char line[200] = "nothing";
	if (fgets(line, sizeof(line), o->out))
		line[strcspn(line, "\n")] = '\0';
	assert_string_equal(line, wanted);
}

static inline void other_tell(struct other *o, const char *line)
{
	dprintf(o->proc.in, "%s\n", line);
}

static inline void other_freeze(struct other *o)
{
	kill(-o->proc.pid, SIGSTOP);
}

static inline void other_thaw(struct other *o)
{
	kill(-o->proc.pid, SIGCONT);
}

static inline void other_end(struct other *o)
{
	struct deadline d = soon();
	close(o->proc.in);
	o->proc.in = -1;
	assert_int_equal(proc_wait(&o->proc, &d), 1);
	assert_int_equal(o->proc.status.exit, 0);
	fclose(o->out);
	proc_release(&o->proc);
}

/* In the other process. */
static inline void other_report(const char *line)
{
	printf("%s\n", line);
	fflush(stdout);
}

#endif
