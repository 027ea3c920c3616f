/* block: memory that input is read into and records point into, so that sending copies nothing.
 *
 * Each record that is still on its way (handed to Kafka, not yet acknowledged) holds one
 * reference on the block it lies in; the block is the opaque value that comes back with the
 * acknowledgement. At zero the block returns to its pool. The pool gives out a bounded amount of
 * memory and then answers NULL: the caller has to wait for acknowledgements, which is all the
 * back-pressure there is. References are plain numbers: take and give them back in one thread. */
#ifndef TOOL_BLOCK_H
#define TOOL_BLOCK_H

#include <stddef.h>

#define BLOCK_SIZE ((size_t)1 << 20)

struct pool;

struct block {
	struct pool *pool;
	struct block *next; /* private: the pool's free list */
	size_t size, refs;
	char *data; /* size bytes */
};

struct pool {
	size_t limit; /* bytes that may be out */
	size_t used;  /* bytes that are out */
	size_t count; /* blocks that are out */
	struct block *free;
};

/* Those who fill a block and keep it until it is full: a source, and a maker of copies. */
#define POOL_HOLDERS 2

void pool_init(struct pool *p, size_t limit);

/* A block with at least size bytes (and at least BLOCK_SIZE) and one reference, the caller's.
 * NULL: the limit is reached. With no more than POOL_HOLDERS blocks out, which may be waiting for
 * this very one, the answer is never NULL: a record larger than the limit gets through, alone. */
struct block *pool_get(struct pool *p, size_t size);

void block_ref(struct block *b);
void block_unref(struct block *b); /* NULL is fine */

/* Frees what is not out. The pool must outlive the blocks that are. */
void pool_release(struct pool *p);

#endif
