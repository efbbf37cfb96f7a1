/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* One table of endings. */
#include "server/admin/file_kind.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

enum { HASH_CHARACTERS = 8 };

static const char page_type[] = "text/html; charset=utf-8";

/* Sources and settings are shown as text, so that a click does not download them. */
static const struct kind {
    const char *ending, *type;
} kinds[] = {
    {"html", page_type},
    {"js", "text/javascript; charset=utf-8"},
    {"mjs", "text/javascript; charset=utf-8"},
    {"css", "text/css; charset=utf-8"},
    {"json", "application/json"},
    {"map", "application/json"},
    {"svg", "image/svg+xml"},
    {"png", "image/png"},
    {"jpg", "image/jpeg"},
    {"jpeg", "image/jpeg"},
    {"webp", "image/webp"},
    {"avif", "image/avif"},
    {"ico", "image/x-icon"},
    {"woff2", "font/woff2"},
    {"wasm", "application/wasm"},
    {"mp4", "video/mp4"},
    {"m4s", "video/iso.segment"},
    {"webm", "video/webm"},
    {"txt", "text/plain; charset=utf-8"},
    {"yaml", "text/plain; charset=utf-8"},
    {"ts", "text/plain; charset=utf-8"},
};

static const char *name_of(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

const char *file_kind_type(const char *path)
{
    const char *dot = strrchr(name_of(path), '.');
    for (size_t i = 0; dot && i < sizeof kinds / sizeof kinds[0]; i++)
        if (strcasecmp(dot + 1, kinds[i].ending) == 0)
            return kinds[i].type;
    return "application/octet-stream";
}

bool file_kind_is_page(const char *path)
{
    return file_kind_type(path) == page_type;
}

static bool is_in_assets(const char *path)
{
    static const char folder[] = "assets/";
    const char *name = name_of(path);
    size_t size = sizeof folder - 1;
    for (const char *at = path; at + size <= name; at++)
        if ((at == path || at[-1] == '/') && memcmp(at, folder, size) == 0)
            return true;
    return false;
}

bool file_kind_is_hashed(const char *path)
{
    static const char letters[] = "abcdefghijklmnopqrstuvwxyz-_";
    static const char marks[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";
    const char *name = name_of(path);
    size_t size = strcspn(name, ".");
    if (!is_in_assets(path) || size <= HASH_CHARACTERS + 1)
        return false;
    const char *hash = name + size - HASH_CHARACTERS;
    bool has_mark = false;
    for (size_t i = 0; i < HASH_CHARACTERS; i++) {
        if (!strchr(letters, hash[i]) && !strchr(marks, hash[i]))
            return false;
        has_mark |= strchr(marks, hash[i]) != NULL;
    }
    return has_mark && hash[-1] == '-';
}
