/* mem: allocation that does not fail. Out of memory, or a size that overflows, aborts the
 * process: the only abort in the library. */
#ifndef BASE_MEM_H
#define BASE_MEM_H

#include <stddef.h>

void *mem_alloc(size_t size); /* contents undefined; never NULL, not even for 0 */
void *mem_zalloc(size_t count, size_t size);
void *mem_realloc(void *p, size_t count, size_t size);
void *mem_dup(const void *p, size_t len);
char *mem_strdup(const char *s);
char *mem_strndup(const char *p, size_t len); /* copies len bytes and adds a NUL */

/* Makes room for at least need elements; doubles. p is an array of *cap elements. */
void *mem_grow(void *p, size_t *cap, size_t need, size_t size);

#endif
