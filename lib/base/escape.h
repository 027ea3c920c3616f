/* escape: the backslash escapes of option texts: \n \t \r \\ \0 and \xNN (two hex digits). */
#ifndef BASE_ESCAPE_H
#define BASE_ESCAPE_H

#include <stddef.h>

/* Reads the escape whose backslash stands at text (NUL-terminated). Answers how many characters it
 * is long, and its byte in *out; 0 when it is none of ours or is cut off. */
size_t escape_read(const char *text, char *out);

#endif
