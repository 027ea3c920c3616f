/* use: which files this process reads and which it writes, so that no output destroys an input.
 *
 * Files are told apart by device and inode, whatever they are called: a link, /dev/stdin or standard output that the
 * shell opened is the file it leads to. Regular files, FIFOs and block devices count; terminals and /dev/null may be
 * read and written at once. Every input and every output is announced here before it is opened or read. The list
 * belongs to the process and lives until use_release. */
#ifndef TOOL_USE_H
#define TOOL_USE_H

#include <stdbool.h>

#include "base/err.h"

/* Announces standard output, and standard error where it is a regular file, as outputs. */
void use_standard_outputs(void);

/* Announces that path is read. `what` says as what, for messages ("the configuration"). -1, ST_USAGE: the
 * file is an output, or it is standard input, which has another use already. A file that is not there is no error. */
int use_input(const char *what, const char *path, struct err *err);

/* As use_input for standard input itself. */
int use_stdin(const char *what, struct err *err);

/* Announces that a command was given path, which it probably reads. Standard output and standard error may be the same
 * file, since their opener is the one who wrote the command. */
void use_argument(const char *path);

/* Announces that path is about to be created, emptied, replaced or appended to; `option` is what the user gave it by.
 * -1, ST_USAGE: the file is an input, or another output, or "-", which is no file. Call it for all outputs before the first one is opened. */
int use_output(const char *option, const char *path, struct err *err);

/* As use_output for the file `name` in the open directory, which is called path in messages: is it an input, standard
 * output or standard error? It is not announced. */
int use_check_at(int dir, const char *name, const char *path, struct err *err);

/* True if path leads to what standard input is. */
bool use_is_stdin(const char *path);

void use_release(void);

#endif
