/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Prefixes of paths and lists of them: what tokens and anonymous lists grant. Slashes are treated
 * as the other implementations do: at the ends they mean nothing, and several are one. */
#include "token/token.h"

#include <stdlib.h>
#include <string.h>

#include "token/words.h"

/* Appends the parts of `text` to the `used` bytes at `out`. Returns how many bytes there are now,
 * or SIZE_MAX if there is no room for them. */
static size_t append_parts(char out[TOKEN_PREFIX_MAX_BYTES + 1], size_t used, const char *text)
{
    for (text += strspn(text, "/"); *text; text += strspn(text, "/")) {
        size_t n = strcspn(text, "/");
        if (n + (used > 0) > TOKEN_PREFIX_MAX_BYTES - used)
            return SIZE_MAX;
        if (used > 0)
            out[used++] = '/';
        memcpy(out + used, text, n);
        used += n;
        text += n;
    }
    return used;
}

int token_prefixes_add(struct token_prefixes *list, const char *root, const char *path)
{
    char joined[TOKEN_PREFIX_MAX_BYTES + 1];
    if (list->count == TOKEN_PREFIXES_MAX)
        return TOKEN_ERR_SIZE;
    size_t used = append_parts(joined, 0, root);
    if (used != SIZE_MAX)
        used = append_parts(joined, used, path);
    if (used == SIZE_MAX)
        return TOKEN_ERR_SIZE;
    char *prefix = strndup(joined, used);
    if (!prefix)
        return TOKEN_ERR_NOMEM;
    list->items[list->count++] = prefix;
    return 0;
}

int token_prefixes_add_pattern(struct token_prefixes *list, const char *pattern,
                               char why[TOKEN_WHY_BYTES])
{
    char shown[WORDS_SHOWN_BYTES], prefix[TOKEN_PREFIX_MAX_BYTES + 1];
    size_t n = strlen(pattern);
    words_shown(pattern, shown);
    if (n > TOKEN_PREFIX_MAX_BYTES)
        return words_fail(why, TOKEN_ERR_SIZE, "%s: longer than %d bytes", shown,
                          TOKEN_PREFIX_MAX_BYTES);
    if (strcmp(pattern, "**") == 0)
        n = 0;
    else if (n > 3 && strcmp(pattern + n - 3, "/**") == 0)
        n -= 3;
    memcpy(prefix, pattern, n);
    prefix[n] = '\0';
    if (strchr(prefix, '*'))
        return words_fail(why, TOKEN_ERR_CLAIM,
                          "%s: a '*' may stand only in a \"/**\" at the end (demo/** is demo and "
                          "all below it), or as \"**\" alone",
                          shown);
    if (prefix[strspn(prefix, "/")] == '\0' && strcmp(pattern, "**") != 0)
        return words_fail(why, TOKEN_ERR_CLAIM,
                          "\"%s\" names no path: write \"**\" if everything is meant", shown);
    int error = token_prefixes_add(list, "", prefix);
    if (error == TOKEN_ERR_SIZE)
        words_fail(why, error, "%s: more than %d entries", shown, TOKEN_PREFIXES_MAX);
    return error == TOKEN_ERR_NOMEM ? words_fail(why, error, "out of memory") : error;
}

static bool prefix_covers(const char *prefix, const char *path)
{
    size_t n = strlen(prefix);
    return n == 0 || (strncmp(path, prefix, n) == 0 && (path[n] == '\0' || path[n] == '/'));
}

bool token_prefixes_cover(const struct token_prefixes *list, const char *path)
{
    for (size_t i = 0; i < list->count; i++)
        if (prefix_covers(list->items[i], path))
            return true;
    return false;
}

void token_prefixes_clear(struct token_prefixes *list)
{
    for (size_t i = 0; i < list->count; i++)
        free(list->items[i]);
    list->count = 0;
}

static int add_missing(struct token_prefixes *list, const struct token_prefixes *more)
{
    int error = 0;
    for (size_t i = 0; i < more->count && !error; i++)
        if (!token_prefixes_cover(list, more->items[i]))
            error = token_prefixes_add(list, "", more->items[i]);
    return error;
}

int token_grants_add(struct token_grants *grants, const struct token_grants *more)
{
    int error = add_missing(&grants->publish, &more->publish);
    return error ? error : add_missing(&grants->subscribe, &more->subscribe);
}

void token_grants_clear(struct token_grants *grants)
{
    token_prefixes_clear(&grants->publish);
    token_prefixes_clear(&grants->subscribe);
}
