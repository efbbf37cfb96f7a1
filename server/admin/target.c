/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One pass over the bytes, part by part. */
#include "server/admin/target.h"

#include <stdio.h>
#include <string.h>

#include "base/hex.h"

/* The byte that "%2F" stands for, or that is written as itself. Returns what follows; NULL: it is
 * escaped wrongly. */
static const char *read_byte(const char *at, unsigned char *byte)
{
    *byte = (unsigned char)*at;
    if (*at != '%')
        return at + 1;
    int value = hex_byte(at + 1);
    *byte = (unsigned char)value;
    return value < 0 ? NULL : at + 3;
}

/* Decodes one part, up to the next slash, and checks it. Returns what follows it, NULL: it is not
 * fit, and the verdict says why. */
static const char *read_part(struct target *target, const char *at, size_t *used)
{
    size_t begin = *used;
    while (*at && *at != '/' && *at != '?') {
        unsigned char byte;
        bool is_escaped = *at == '%';
        at = read_byte(at, &byte);
        if (!at || byte < 0x20 || byte == 0x7f) {
            target->verdict = TARGET_IS_BROKEN;
            return NULL;
        }
        if ((is_escaped && byte == '/') || byte == '\\')
            target->verdict = TARGET_IS_NOBODYS;
        target->path[(*used)++] = (char)byte;
    }
    if (*used == begin || target->path[begin] == '.')
        target->verdict = TARGET_IS_NOBODYS;
    return at;
}

/* After the first slash. What is decoded is never longer than what was sent. */
static void read_path(struct target *target, const char *at)
{
    size_t used = 0;
    while (at && *at && *at != '?') {
        at = read_part(target, at, &used);
        if (at && *at == '/') {
            at++;
            target->is_folder = *at == '\0' || *at == '?';
            if (!target->is_folder)
                target->path[used++] = '/';
        }
    }
    target->path[used] = '\0';
}

void target_read(struct target *target, const char *raw)
{
    size_t size = strlen(raw);
    *target = (struct target){.verdict = TARGET_FITS};
    if (size >= TARGET_MAX_BYTES) {
        target->verdict = TARGET_IS_TOO_LONG;
        return;
    }
    memcpy(target->raw, raw, size + 1);
    if (raw[0] != '/') {
        target->verdict = TARGET_IS_BROKEN;
        return;
    }
    target->is_folder = raw[1] == '\0' || raw[1] == '?';
    read_path(target, raw + 1);
}

void target_as_folder(const struct target *target, char out[TARGET_MAX_BYTES + 4])
{
    const char *query = target->raw + strcspn(target->raw, "?");
    const char *last = query;
    while (last > target->raw && last[-1] != '/')
        last--;
    snprintf(out, TARGET_MAX_BYTES + 4, "./%.*s/%s", (int)(query - last), last, query);
}
