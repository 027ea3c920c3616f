/* talk: what a command says on its standard error: passed on as messages, a line each, and its end
 * kept for whoever asks later why it failed.
 *
 * talk_add as it comes, talk_end once for a last line without a newline. {0} is an empty one. */
#ifndef TOOL_TALK_H
#define TOOL_TALK_H

#include "base/buf.h"
#include "base/str.h"

#define TALK_LINE ((size_t)4096) /* more of a line is not shown, but counted */
#define TALK_TAIL ((size_t)1024)

struct talk {
	const char *prefix; /* borrowed; NULL: nothing is passed on */

	/* private */
	struct buf line, tail;
	size_t cut; /* bytes of this line beyond TALK_LINE */
};

void talk_add(struct talk *t, struct str bytes);
void talk_end(struct talk *t);

struct str talk_tail(const struct talk *t); /* at most TALK_TAIL bytes; valid until the next talk_add */

void talk_release(struct talk *t);

#endif
