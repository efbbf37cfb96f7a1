/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Writes JSON to memory that grows up to a bound. What does not fit is left out, and `is_full` says
 * so: whoever writes a list takes back its last entry then. */
#ifndef MOQ_ADMIN_JSON_H
#define MOQ_ADMIN_JSON_H

#include <stdbool.h>
#include <stddef.h>

struct json {
    char *text; /* the owner's, to be freed; NULL: nothing was written, or out of memory */
    size_t used;
    size_t room, max_bytes, tail_bytes; /* private */
    bool is_full;
};

/* At most `max_bytes`, the last `tail_bytes` of which are for json_end. */
void json_init(struct json *json, size_t max_bytes, size_t tail_bytes);
void json_print(struct json *json, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* A quoted string. Names come from outside: control characters are escaped, and what is no UTF-8
 * becomes the replacement character. */
void json_string(struct json *json, const char *text);
void json_member(struct json *json, const char *name, const char *text); /* ,"name":"text" */
void json_append(struct json *json, const struct json *other);
/* What always fits, if anything did. */
void json_end(struct json *json, const char *format, ...) __attribute__((format(printf, 2, 3)));

#endif
