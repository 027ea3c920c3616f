/* settings_files: the files that settings name for the library: certificates and keys (*.location) and plugins. */
#ifndef TOOL_SETTINGS_FILES_H
#define TOOL_SETTINGS_FILES_H

#include "base/err.h"
#include "base/kv.h"

/* -1, ST_USAGE: others can write one of them (file_check_writers), or it is an output as well (use.h). */
int settings_files_check(const struct kv *settings, struct err *err);

#endif
