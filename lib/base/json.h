/* json: documents as trees, over jansson, which no other file includes. For records on the hot
 * path there is jscan.h, which builds no tree.
 *
 * Ownership: js_parse, js_object, js_array and js_copy give a new tree that js_free ends. js_set
 * and js_append take the tree given to them. Everything else is borrowed from its parent.
 * Members keep their order. Getters answer false, and leave *out alone, when the member is
 * absent or of another type. Text that is not UTF-8 gets U+FFFD for each bad byte; names of
 * members must be UTF-8. */
#ifndef BASE_JSON_H
#define BASE_JSON_H

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/str.h"

struct json_t;

/* One whole JSON value. Refused (ST_FAIL): trailing text, duplicate member names, depth over 2048,
 * numbers that do not fit, text that is not UTF-8, \u0000 in the name of a member. The message says
 * at which byte. In a string \u0000 is a character like any other. */
struct json_t *js_parse(struct str text, struct err *err);

/* Takes the first of several JSON texts, which need not be lines: *first is an object or array up to its closing bracket, or
 * what else stands there up to the end of the line, without white space before it, and empty when nothing follows. It
 * is not checked: js_parse does that. Returns what is behind it. */
struct str js_cut(struct str text, struct str *first);

/* The same of another's text, in which a whole number may be larger than 64 bits: it becomes a double. */
struct json_t *js_parse_lax(struct str text, struct err *err);

struct json_t *js_object(void);
struct json_t *js_array(void);
struct json_t *js_copy(const struct json_t *tree); /* NULL: NULL */
void js_free(struct json_t *tree); /* NULL is fine */

bool js_is_object(const struct json_t *v); /* false for NULL */
bool js_is_array(const struct json_t *v);

const struct json_t *js_get(const struct json_t *object, const char *name); /* NULL: absent */
struct json_t *js_get_rw(struct json_t *object, const char *name);
bool js_get_str(const struct json_t *object, const char *name, struct str *out);
bool js_get_i64(const struct json_t *object, const char *name, int64_t *out);
bool js_get_real(const struct json_t *object, const char *name, double *out); /* of any number */
bool js_get_bool(const struct json_t *object, const char *name, bool *out);

void js_set(struct json_t *object, const char *name, struct json_t *value);
void js_set_str(struct json_t *object, const char *name, struct str value);
void js_set_i64(struct json_t *object, const char *name, int64_t value);
void js_set_real(struct json_t *object, const char *name, double value); /* finite */
void js_set_bool(struct json_t *object, const char *name, bool value);
void js_remove(struct json_t *object, const char *name);

size_t js_count(const struct json_t *array); /* 0 when not an array */
const struct json_t *js_at(const struct json_t *array, size_t i);
void js_append(struct json_t *array, struct json_t *value);
void js_append_i64(struct json_t *array, int64_t value);

/* Calls visit with each member in order until it answers false. */
void js_each(const struct json_t *object,
    bool (*visit)(void *ctx, const char *name, const struct json_t *value), void *ctx);

/* Appends a value as text: a string's characters, or compact JSON; nothing for NULL. */
void js_text(const struct json_t *value, struct buf *out);

/* Appends compact JSON, one line, no newline. Reals are as short as they can be: 0.1 stays 0.1. */
void js_dump(const struct json_t *tree, struct buf *out);

/* Appends text as a JSON string with its quotes. text must be UTF-8. */
void js_quote(struct buf *out, struct str text);

#endif
