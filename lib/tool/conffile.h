/* conffile: finds the configuration file and takes it apart: NAME=VALUE lines, `#` comments,
 * blank lines, [profile NAME] sections; CRLF is fine. Blanks around name and value go, all else
 * of a value stays, `#` and further `=` included. Knows nothing of what the names mean: that is
 * settings.c. */
#ifndef TOOL_CONFFILE_H
#define TOOL_CONFFILE_H

#include <stdbool.h>

#include "base/buf.h"
#include "base/err.h"

struct conffile {
	char *path;   /* owned; NULL: there is none */
	bool exposed; /* others can read it: see file.h */

	struct buf text; /* private, from here; wiped on release */
	size_t at;
	int line;
	char *profile;
};

struct conffile_line {
	const char *name, *value; /* borrowed until conffile_release */
	const char *profile; /* the section, NULL: the top part; borrowed until the next call */
	int number;
};

/* The file given (-F), or the first of the usual ones that is there. Answers 0 also when there is
 * none. -1: ST_USAGE. */
int conffile_open(struct conffile *f, const char *given, struct err *err);

/* The next setting: 1, 0 at the end, -1: ST_USAGE "PATH:LINE: why". */
int conffile_next(struct conffile *f, struct conffile_line *out, struct err *err);

void conffile_release(struct conffile *f);

#endif
