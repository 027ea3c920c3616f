/* shell: a command's argv that is text for a shell; lives as long as the block it stands in. */
#ifndef TESTS_TOOL_SHELL_H
#define TESTS_TOOL_SHELL_H

#include <stddef.h>
#include <stdint.h>

#define SHELL(text) ((char *[]){"sh", "-c", (char *)(uintptr_t)(text), NULL})

#endif
