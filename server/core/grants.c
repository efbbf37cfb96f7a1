/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Copies grants into one piece of memory, and compares paths with their prefixes. */
#include "server/core/grants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "server/core/claims.h"

/* ---- Making ---------------------------------------------------------------------------------- */

static size_t length_of(const char *text, size_t limit)
{
    return text ? strnlen(text, limit + 1) : 0;
}

static bool is_within_limits(const struct core_grants *from)
{
    return length_of(from->identity, CORE_IDENTITY_BYTES) <= CORE_IDENTITY_BYTES &&
           length_of(from->claims, CORE_CLAIMS_BYTES) <= CORE_CLAIMS_BYTES &&
           from->publish_count <= CORE_PREFIXES_MAX && from->subscribe_count <= CORE_PREFIXES_MAX;
}

static char *keep_text(char *to, const char *text, size_t length)
{
    if (length > 0)
        memcpy(to, text, length);
    to[length] = '\0';
    return to + length + 1;
}

/* Copies, because references to a path are counted on one thread, and the module may use its own on
 * several. Returns false if out of memory. */
static bool copy_prefixes(struct moq_path **to, const struct moq_path *const *from, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        to[i] = moq_path_copy(from[i]);
        if (!to[i])
            return false;
    }
    return true;
}

int grants_new(const struct core_grants *from, uint64_t now_wall_ms, struct grants **out)
{
    *out = NULL;
    if (!is_within_limits(from))
        return MOQ_ERR_BOUNDS;
    if (from->expires_ms > 0 && from->expires_ms <= now_wall_ms)
        return MOQ_ERR_EXPIRED;
    size_t identity_length = length_of(from->identity, CORE_IDENTITY_BYTES);
    size_t claims_length = length_of(from->claims, CORE_CLAIMS_BYTES);
    size_t count = from->publish_count + from->subscribe_count;
    struct grants *grants = calloc(1, sizeof *grants + count * sizeof grants->prefixes[0] +
                                          identity_length + claims_length + 2);
    if (!grants)
        return MOQ_ERR_NOMEM;
    char *text = (char *)&grants->prefixes[count];
    grants->refs = 1;
    grants->is_cluster = from->is_cluster;
    grants->expires_ms = from->expires_ms;
    grants->identity = text;
    grants->claims = text = keep_text(text, from->identity, identity_length);
    keep_text(text, from->claims, claims_length);
    grants->publish_count = from->publish_count;
    grants->subscribe_count = from->subscribe_count;
    if (copy_prefixes(grants->prefixes, from->publish, from->publish_count) &&
        copy_prefixes(grants->prefixes + from->publish_count, from->subscribe,
                      from->subscribe_count)) {
        *out = grants;
        return 0;
    }
    grants_unref(&grants);
    return MOQ_ERR_NOMEM;
}

struct grants *grants_ref(struct grants *grants)
{
    if (grants)
        grants->refs++;
    return grants;
}

void grants_unref(struct grants **grants)
{
    struct grants *mine = *grants;
    *grants = NULL;
    if (!mine || --mine->refs > 0)
        return;
    for (size_t i = 0; i < mine->publish_count + mine->subscribe_count; i++)
        moq_path_unref(&mine->prefixes[i]);
    claims_free(&mine->parsed);
    free(mine);
}

const struct json_t *grants_claims(struct grants *grants)
{
    if (!grants->is_parsed)
        grants->parsed = claims_parse(grants->claims);
    grants->is_parsed = true;
    return grants->parsed;
}

/* ---- Asking ---------------------------------------------------------------------------------- */

struct prefixes {
    struct moq_path *const *items;
    size_t count;
};

static struct prefixes prefixes_of(const struct grants *grants, enum core_action action)
{
    if (action == CORE_PUBLISH)
        return (struct prefixes){grants->prefixes, grants->publish_count};
    return (struct prefixes){grants->prefixes + grants->publish_count, grants->subscribe_count};
}

bool grants_cover(const struct grants *grants, enum core_action action, const struct moq_path *path)
{
    if (!grants)
        return true;
    struct prefixes prefixes = prefixes_of(grants, action);
    for (size_t i = 0; i < prefixes.count; i++)
        if (moq_path_has_prefix(path, prefixes.items[i]))
            return true;
    return false;
}

/* ---- Words ----------------------------------------------------------------------------------- */

enum { SHOWN_PREFIXES = 3, SHOWN_PREFIX_BYTES = 64 };

char *grants_text(const struct grants *grants, enum core_action action, char out[GRANTS_TEXT_BYTES])
{
    struct prefixes prefixes = prefixes_of(grants, action);
    size_t used = 0;
    if (prefixes.count == 0) {
        snprintf(out, GRANTS_TEXT_BYTES, "nothing");
        return out;
    }
    for (size_t i = 0; i < prefixes.count && i < SHOWN_PREFIXES; i++) {
        char text[SHOWN_PREFIX_BYTES];
        moq_path_text(prefixes.items[i], text, sizeof text);
        used += (size_t)snprintf(out + used, GRANTS_TEXT_BYTES - used, "%s%s", i ? ", " : "",
                                 *text ? text : "everything");
    }
    if (prefixes.count > SHOWN_PREFIXES)
        snprintf(out + used, GRANTS_TEXT_BYTES - used, " and %zu more only",
                 prefixes.count - SHOWN_PREFIXES);
    else
        snprintf(out + used, GRANTS_TEXT_BYTES - used, " only");
    return out;
}
