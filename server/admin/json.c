/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/e2e/test_viewers.py and tests/e2e/test_broadcasts.py. */
#include "server/admin/json.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/utf8.h"

enum { FIRST_ROOM_BYTES = 16 << 10, PRINT_MAX_BYTES = 512 };

void json_init(struct json *json, size_t max_bytes, size_t tail_bytes)
{
    *json = (struct json){.max_bytes = max_bytes, .tail_bytes = tail_bytes};
}

/* Room for `n` bytes, and for the tail. */
static bool make_room(struct json *json, size_t n)
{
    size_t wanted = json->used + n + json->tail_bytes, room = json->room;
    if (wanted <= room)
        return true;
    while (room < wanted)
        room = room ? 2 * room : FIRST_ROOM_BYTES;
    char *text = room <= json->max_bytes ? realloc(json->text, room) : NULL;
    json->is_full |= text == NULL;
    if (!text)
        return false;
    json->text = text;
    json->room = room;
    return true;
}

static void add_bytes(struct json *json, const char *text, size_t n)
{
    if (json->is_full || !make_room(json, n))
        return;
    memcpy(json->text + json->used, text, n);
    json->used += n;
}

void json_print(struct json *json, const char *format, ...)
{
    char text[PRINT_MAX_BYTES];
    va_list arguments;
    va_start(arguments, format);
    int n = vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    add_bytes(json, text, (size_t)n < sizeof text ? (size_t)n : sizeof text - 1);
}

void json_string(struct json *json, const char *text)
{
    add_bytes(json, "\"", 1);
    for (size_t size; *text; text += size) {
        unsigned char c = (unsigned char)*text;
        size = utf8_size((const unsigned char *)text);
        if (c == '"' || c == '\\')
            json_print(json, "\\%c", c);
        else if (size == 0)
            json_print(json, "\\ufffd");
        else if (c < 0x20)
            json_print(json, "\\u%04x", c);
        else
            add_bytes(json, text, size);
        size = size ? size : 1;
    }
    add_bytes(json, "\"", 1);
}

void json_member(struct json *json, const char *name, const char *text)
{
    json_print(json, ",\"%s\":", name);
    json_string(json, text);
}

void json_append(struct json *json, const struct json *other)
{
    if (other->text)
        add_bytes(json, other->text, other->used);
}

void json_end(struct json *json, const char *format, ...)
{
    va_list arguments;
    if (!json->text)
        return;
    va_start(arguments, format);
    int n = vsnprintf(json->text + json->used, json->room - json->used, format, arguments);
    va_end(arguments);
    json->used += (size_t)n;
}
