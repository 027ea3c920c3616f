/* checkpoint: what a worker leaves with the committed offset of a partition, for whoever takes the
 * partition next: which records above are done, which were running, and how fast the command was.
 * It is a hint: whoever cannot read it does more again, and loses nothing.
 *
 * A partition has up to CHECKPOINT_PARTS open parts of batches, each with its id, whose records are
 * counted from 0 in the partition; and one without an id, whose numbers are offsets: of a plain
 * topic all there is, of a stream what became of records beside the batches.
 *
 *	b1;CHECK;OFFSET;RATE;COMMAND[ID]NEXT,DONE,INVALID,SKIPPED;FIRST+MORE[/DEATHS],...;MAP[ID]...
 *
 * OFFSET is the committed one that it belongs to. FIRST is an offset, which may lie before
 * OFFSET, and MORE the number of offsets to the last one; DEATHS is missing when the run does not
 * run, and no death speaks against it; MAP is a doneset's text; CHECK is murmur2
 * of what follows it, RATE records in 1000 s, and COMMAND a hash of the one that it was learned of.
 * IDs hold neither [ nor ]. The whole has CHECKPOINT_TEXT bytes at most; where the room ends maps
 * are cut first, and of these the one without an id beside others, then the last intents are left
 * out. The ids, however long, have room. */
#ifndef BATCH_CHECKPOINT_H
#define BATCH_CHECKPOINT_H

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"
#include "batch/doneset.h"

#define CHECKPOINT_PARTS 4 /* with an id */
#define CHECKPOINT_ALL   (CHECKPOINT_PARTS + 1)
#define CHECKPOINT_TEXT  4000 /* brokers take 4096 unless told otherwise */

/* So many intents in all always have room, with ids however long, as long as offsets are below 10^12. */
#define CHECKPOINT_INTENTS 128

/* A run that was about to begin (batch/trial.h); or one that has run, of records that are not done yet. */
struct checkpoint_intent {
	int64_t first, last; /* offsets */
	int64_t deaths;      /* or CHECKPOINT_RAN: there are none, and the end of a worker is none either */
};

#define CHECKPOINT_RAN (-1)

struct checkpoint_part {
	char *id; /* owned; "": none */
	struct doneset done;
	struct checkpoint_intent *intents; /* owned */
	size_t count, cap;
};

struct checkpoint {
	int64_t offset;   /* committed */
	int64_t rate;     /* learned: records in 1000 s; 0: none */
	uint32_t command; /* a hash of the one that it was learned of */
	struct checkpoint_part parts[CHECKPOINT_ALL];
	size_t count;
};

#define CHECKPOINT_INIT {0}

/* A new part with this id, empty but for that. There must be room for it. */
struct checkpoint_part *checkpoint_add(struct checkpoint *c, struct str id);
struct checkpoint_part *checkpoint_find(struct checkpoint *c, const char *id); /* NULL: none */
void checkpoint_intend(struct checkpoint_part *p, int64_t first, int64_t last, int64_t deaths);

void checkpoint_encode(const struct checkpoint *c, struct buf *out); /* appends */

/* How long the text would be if nothing was cut but the map without an id beside others. */
size_t checkpoint_size(const struct checkpoint *c);

/* Into an empty one. ST_FAIL, and it stays empty: the text is another program's, is damaged, or
 * belongs to another offset than the one that was committed with it. */
int checkpoint_decode(struct checkpoint *c, struct str text, int64_t offset, struct err *err);

void checkpoint_release(struct checkpoint *c);

#endif
