/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tested by tests/sim/relay/test_classes.c. */
#include "server/core/classes.h"

#include <string.h>

#include "server/core/claims.h"
#include "server/core/peer.h"
#include "server/core/query.h"

enum { VALUE_BYTES = 1024 }; /* of a query; what is longer matches nothing */

static bool has_query(const void *self, const char *name, const char *pattern)
{
    char value[VALUE_BYTES];
    int length = query_value(core_peer_query(self), name, value, sizeof value);
    return length >= 0 && length < VALUE_BYTES && config_value_matches(pattern, value);
}

static bool has_claim(const void *self, const char *name, const char *pattern)
{
    const struct core_peer *peer = self;
    return peer->grants && claims_have(grants_claims(peer->grants), name, pattern);
}

struct config_verdict classes_verdict(const struct relay_config *config,
                                      const struct core_peer *peer, const struct moq_path *path)
{
    char text[MOQ_PATH_TEXT_BYTES];
    const struct config_asker asker = {
        .path = moq_path_text(path, text, sizeof text),
        .has_query = has_query,
        .has_claim = has_claim,
        .self = peer,
    };
    return config_policy_for(&config->policy, &asker);
}

/* ---- Ladders --------------------------------------------------------------------------------- */

_Static_assert((int)CONFIG_MAX_RUNGS <= (int)CORE_LADDER_MAX, "a ladder that no viewer can have");

/* How many parts of `path` come before those of `name`, with which it ends; -1: it does not. */
static int parts_before(const struct moq_path *path, const struct moq_path *name)
{
    size_t count = moq_path_count(path), n = moq_path_count(name);
    if (n == 0 || n > count)
        return -1;
    for (size_t i = 0; i < n; i++) {
        struct moq_part a = moq_path_part(path, count - n + i), b = moq_path_part(name, i);
        if (a.size != b.size || memcmp(a.data, b.data, a.size) != 0)
            return -1;
    }
    return (int)(count - n);
}

/* The names of renditions as paths. */
struct names {
    struct moq_path *all[CONFIG_MAX_RUNGS];
    size_t count;
};

/* The broadcast of which `path` is a rendition; NULL: it is none, or out of memory. The longest
 * name counts, because one may be the end of another: video and hd/video. */
static struct moq_path *find_broadcast(const struct moq_path *path, const struct names *names)
{
    struct moq_part parts[MOQ_PATH_MAX_PARTS];
    int n = -1;
    for (size_t i = 0; i < names->count; i++) {
        int before = parts_before(path, names->all[i]);
        n = before >= 0 && (n < 0 || before < n) ? before : n;
    }
    for (int i = 0; i < n; i++)
        parts[i] = moq_path_part(path, (size_t)i);
    return n < 0 ? NULL : moq_path_new(parts, (size_t)n);
}

/* NULL: out of memory. A path that would be too long is left out. */
static struct core_ladder *new_ladder(const struct config_class *class, const struct names *names,
                                      const struct moq_path *broadcast)
{
    struct core_rendition renditions[CONFIG_MAX_RUNGS];
    size_t count = 0;
    for (size_t i = 0; i < names->count; i++) {
        struct moq_path *path = moq_path_join(broadcast, names->all[i]);
        if (path)
            renditions[count++] = (struct core_rendition){path, class->ladder[i].rate_bps};
    }
    struct core_ladder *ladder = core_ladder_new(renditions, count);
    while (count > 0)
        moq_path_unref(&renditions[--count].path);
    return ladder;
}

static void read_names(const struct config_class *class, struct names *names)
{
    names->count = 0;
    for (size_t i = 0; i < class->rung_count; i++) {
        struct moq_path *name = moq_path_from_text(class->ladder[i].track);
        if (!name)
            return;
        names->all[names->count++] = name;
    }
}

struct core_ladder *classes_ladder(const struct relay_config *config, const struct core_peer *peer,
                                   const struct moq_path *path)
{
    uint32_t number = classes_verdict(config, peer, path).class_number;
    const struct config_class *class = number > 0 ? &config->policy.classes[number - 1] : NULL;
    struct names names = {.count = 0};
    if (class)
        read_names(class, &names);
    struct moq_path *broadcast = find_broadcast(path, &names);
    struct core_ladder *ladder = broadcast ? new_ladder(class, &names, broadcast) : NULL;
    moq_path_unref(&broadcast);
    while (names.count > 0)
        moq_path_unref(&names.all[--names.count]);
    return ladder;
}
