/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Only what is certainly harmless passes: whoever names a broadcast by tricks is refused, not
 * corrected, so that a rule about a path holds for the path as it is written.
 * Tested by tests/unit/modules/test_karp_request.c. */
#include "modules/karp/request.h"

#include <stdbool.h>
#include <string.h>
#include <strings.h>

#include "base/hex.h"

/* The byte at the front of `text`, decoded. Returns how many characters it takes; 0: no valid
 * escape. */
static size_t read_byte(const char *text, size_t size, unsigned char *byte)
{
    *byte = (unsigned char)text[0];
    if (text[0] != '%')
        return 1;
    int value = size >= 3 ? hex_byte(text + 1) : -1;
    *byte = (unsigned char)value;
    return value < 0 ? 0 : 3;
}

/* Whether a URL may have this byte without an escape, as moq-karp and browsers write it. */
static bool is_plain(unsigned char byte)
{
    return byte > 0x20 && byte < 0x7f && !strchr("\"<>`{}#\\", byte);
}

/* What is wrong with a part; NULL: nothing. */
static const char *part_problem(const char *part, size_t size, bool are_braces_allowed)
{
    size_t dots = 0, count = 0, step = 0;
    for (size_t at = 0; at < size; at += step, count++) {
        unsigned char byte;
        step = read_byte(part + at, size - at, &byte);
        if (step == 0)
            return "has a % that two hexadecimal digits do not follow";
        bool is_brace = are_braces_allowed && (byte == '{' || byte == '}');
        if (step == 1 && !is_plain(byte) && !is_brace)
            return "has a character that URLs escape";
        if (byte < 0x20 || byte == 0x7f || byte == '/' || byte == '\\')
            return "has a slash or a control character in a part";
        dots += byte == '.';
    }
    if (count == 0)
        return "has an empty part";
    return dots == count && count <= 2 ? "has a part that is \".\" or \"..\"" : NULL;
}

static unsigned copy_name(const char *name, size_t size, bool are_braces_allowed,
                          char path[REQUEST_PATH_BYTES], struct verdict *why)
{
    size_t parts = 0;
    if (size > REQUEST_PATH_MAX_BYTES)
        return verdict_set(why, VERDICT_MALFORMED, "the path has more than %d bytes",
                           REQUEST_PATH_MAX_BYTES);
    for (const char *part = name, *end = name + size; part <= end; parts++) {
        const char *slash = memchr(part, '/', (size_t)(end - part));
        size_t part_size = (size_t)((slash ? slash : end) - part);
        const char *problem = part_problem(part, part_size, are_braces_allowed);
        if (problem)
            return verdict_set(why, VERDICT_MALFORMED, "the path %s", problem);
        part += part_size + 1;
    }
    if (parts > REQUEST_PATH_MAX_PARTS)
        return verdict_set(why, VERDICT_MALFORMED, "the path has more than %d parts",
                           REQUEST_PATH_MAX_PARTS);
    memcpy(path, name, size);
    path[size] = '\0';
    return 0;
}

unsigned request_path(const char *target, char path[REQUEST_PATH_BYTES], struct verdict *why)
{
    if (target[0] != '/')
        return verdict_set(why, VERDICT_MALFORMED, "the target does not begin with a slash");
    if (target[1] == '\0' || target[1] == '?')
        return verdict_set(why, VERDICT_MALFORMED,
                           "the URL has no path, which would name the broadcast");
    return copy_name(target + 1, strcspn(target + 1, "?"), false, path, why);
}

unsigned request_name(const char *name, char path[REQUEST_PATH_BYTES], struct verdict *why)
{
    return copy_name(name, strlen(name), true, path, why);
}

const char *request_query(const char *target)
{
    const char *mark = strchr(target, '?');
    return mark ? mark + 1 : "";
}

static size_t copy_token(const char *text, size_t size, char token[REQUEST_CREDENTIAL_BYTES])
{
    if (size >= REQUEST_CREDENTIAL_BYTES)
        size = REQUEST_CREDENTIAL_BYTES - 1;
    memcpy(token, text, size);
    token[size] = '\0';
    return size;
}

size_t request_query_token(const char *query, char token[REQUEST_CREDENTIAL_BYTES])
{
    static const char name[] = "jwt=";
    const char *value = "";
    size_t value_size = 0, count = 0;
    while (*query) {
        size_t size = strcspn(query, "&#");
        if (strncmp(query, name, sizeof name - 1) == 0) {
            value = query + sizeof name - 1;
            value_size = size - (sizeof name - 1);
            count++;
        }
        query += size;
        query += *query != '\0';
    }
    bool is_clear = count == 1 && !memchr(value, '%', value_size);
    return copy_token(value, is_clear ? value_size : 0, token);
}

size_t request_bearer(const char *header, char token[REQUEST_CREDENTIAL_BYTES])
{
    static const char scheme[] = "Bearer ";
    if (!header || strncasecmp(header, scheme, sizeof scheme - 1) != 0)
        return copy_token("", 0, token);
    header += sizeof scheme - 1;
    header += strspn(header, " ");
    return copy_token(header, strcspn(header, " \t"), token);
}
