/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* The ladder module: finds the renditions of a viewer's track in the catalog of its broadcast, so
 * that scripts and modules may move the viewer between them. A viewer of the automatic track begins
 * with one of them. It moves nobody by itself.
 * Tested by tests/e2e/test_switching.py. */
#include <relay/module.h>
#include <stdio.h>
#include <string.h>

#include "modules/ladder/broadcasts.h"

enum begin { BEGIN_LOWEST, BEGIN_MIDDLE, BEGIN_HIGHEST };
enum who { WHO_ALL, WHO_AUTOMATIC };

struct ladder_config {
    int begin; /* enum begin */
    int who;   /* enum who */
};

static const char *const begin_words[] = {"lowest", "middle", "highest", NULL};
static const char *const who_words[] = {"all", "automatic", NULL};

static const struct relay_field fields[] = {
    {.name = "begin",
     .type = RELAY_FIELD_ENUM,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct ladder_config, begin),
     .words = begin_words,
     .fallback = "lowest",
     .help = "the rendition with which viewers of an automatic track begin"},
    {.name = "viewers",
     .type = RELAY_FIELD_ENUM,
     .flags = RELAY_FIELD_RELOADS,
     .offset = offsetof(struct ladder_config, who),
     .words = who_words,
     .fallback = "all",
     .help = "who may be moved: all whose decoder can follow, or those of automatic tracks"},
};
static const struct relay_schema schema = RELAY_SCHEMA(struct ladder_config, fields);

/* ---- What a request asks for ----------------------------------------------------------------- */

/* A path in two parts: the broadcast's, and the name of the track. */
struct asked {
    char path[RELAY_PATH_BYTES];
    const char *name;
};

/* False: there is no broadcast, or it is the catalog itself. */
static bool split_path(const struct relay_request *request, struct asked *asked)
{
    relay_request_path(request, asked->path, sizeof asked->path);
    char *slash = strrchr(asked->path, '/');
    if (!slash || strcmp(slash + 1, KARP_CATALOG_NAME) == 0)
        return false;
    *slash = '\0';
    asked->name = slash + 1;
    return true;
}

/* ---- Answering ------------------------------------------------------------------------------- */

struct rungs { /* the renditions, and memory for their paths */
    struct relay_rendition all[RELAY_RENDITIONS_MAX];
    char paths[RELAY_RENDITIONS_MAX][RELAY_PATH_BYTES];
    size_t count;
};

static void collect_rungs(struct rungs *rungs, const char *broadcast,
                          const struct karp_ladder *ladder)
{
    rungs->count = 0;
    for (size_t i = 0; i < ladder->count && rungs->count < RELAY_RENDITIONS_MAX; i++) {
        const struct karp_track *track = ladder->renditions[i];
        char *path = rungs->paths[rungs->count];
        if (snprintf(path, RELAY_PATH_BYTES, "%s/%s", broadcast, track->name) >= RELAY_PATH_BYTES)
            continue;
        rungs->all[rungs->count++] = (struct relay_rendition){
            .size = sizeof(struct relay_rendition),
            .bitrate_bps = track->bitrate_bps,
            .path = path,
        };
    }
}

static size_t first_rung(const struct rungs *rungs, int begin)
{
    if (begin == BEGIN_LOWEST)
        return 0;
    return begin == BEGIN_HIGHEST ? rungs->count - 1 : rungs->count / 2;
}

static int set_rungs(struct relay_request *request, const struct rungs *rungs)
{
    if (relay_request_kind(request) != RELAY_REQUEST_SUBSCRIBE || rungs->count < 2)
        return 0;
    return relay_request_set_renditions(request, rungs->all, rungs->count);
}

static void apply_ladder(struct relay_request *request, const struct ladder_config *config,
                         const struct asked *asked, const struct karp_ladder *ladder)
{
    struct relay_worker *worker = relay_peer_worker(relay_request_peer(request));
    struct rungs rungs;
    bool is_automatic = ladder->automatic && strcmp(ladder->automatic->name, asked->name) == 0;
    collect_rungs(&rungs, asked->path, ladder);
    if (rungs.count == 0)
        return;
    int error = 0;
    if (is_automatic)
        error = relay_request_set_path(request, rungs.all[first_rung(&rungs, config->begin)].path);
    if (!error && (is_automatic || config->who == WHO_ALL))
        error = set_rungs(request, &rungs);
    if (error)
        relay_log(relay_worker_self(worker), RELAY_WARN, "a viewer of %s/%s cannot be moved: %s",
                  asked->path, asked->name, relay_error_words(error));
}

static void look_at_catalog(struct relay_request *request, const struct asked *asked,
                            const struct karp_catalog *catalog)
{
    struct relay_worker *worker = relay_peer_worker(relay_request_peer(request));
    struct karp_ladder ladder;
    if (catalog && karp_ladder_read(catalog, asked->name, &ladder) > 0)
        apply_ladder(request, relay_worker_config(worker), asked, &ladder);
}

static void answer_held(struct relay_request *request, const struct karp_catalog *catalog)
{
    struct asked asked;
    if (split_path(request, &asked))
        look_at_catalog(request, &asked, catalog);
    relay_request_answer(request, RELAY_PASS);
}

/* Such as from relay.yaml. */
static bool has_renditions(const struct relay_request *request)
{
    char path[RELAY_PATH_BYTES];
    struct relay_rendition rendition = {.size = sizeof rendition};
    return relay_request_rendition(request, 0, &rendition, path) == 0;
}

static enum relay_verdict find_renditions(struct relay_peer *peer, struct relay_request *request)
{
    struct broadcasts *broadcasts = relay_worker_slot(relay_peer_worker(peer));
    const struct karp_catalog *catalog;
    struct asked asked;
    if (has_renditions(request))
        return RELAY_PASS;
    struct broadcast *broadcast =
        split_path(request, &asked) ? broadcast_get(broadcasts, asked.path) : NULL;
    if (!broadcast)
        return RELAY_PASS;
    if (!broadcast_catalog(broadcast, &catalog))
        return broadcast_hold(broadcast, request) ? RELAY_LATER : RELAY_PASS;
    look_at_catalog(request, &asked, catalog);
    return RELAY_PASS;
}

static const struct relay_hooks hooks = {.size = sizeof hooks, .subscribe = find_renditions};

/* ---- The module ------------------------------------------------------------------------------ */

static int worker_start(struct relay_worker *worker, const void *config)
{
    (void)config;
    if (broadcasts_start(relay_worker_slot(worker), worker, answer_held))
        return 0;
    return relay_fail(relay_worker_self(worker), "out of memory");
}

static void worker_stop(struct relay_worker *worker)
{
    broadcasts_stop(relay_worker_slot(worker));
}

RELAY_MODULE = {
    RELAY_MODULE_HEAD,
    .name = "ladder",
    .version = "1.0",
    .config = &schema,
    .hooks = &hooks,
    .worker_slot_bytes = sizeof(struct broadcasts),
    .worker_start = worker_start,
    .worker_stop = worker_stop,
};
