/* SPDX-License-Identifier: MIT OR Apache-2.0 */
/* Tracks that modules publish. What a module writes is kept in a track of its own; a feed hands the
 * same bytes to viewers, so nothing is copied twice and a viewer that comes later has something to
 * begin with.
 * Tested by tests/e2e/test_modules.py. */
#include "server/host/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { SWEEP_MS = 1000 };

/* ---- Offering -------------------------------------------------------------------------------- */

static void on_sweep(uv_timer_t *timer)
{
    struct relay_worker *worker = timer->data;
    moq_native_wake(worker->core->native);
    list_for_each (node, &worker->sources)
        moq_track_sweep(container_of(node, struct relay_source, node)->track);
}

/* The timer runs from the first source of a worker on. */
static int start_sweeping(struct relay_worker *worker)
{
    if (worker->sweep)
        return 0;
    worker->sweep = calloc(1, sizeof *worker->sweep);
    if (!worker->sweep)
        return RELAY_ERR_NOMEM;
    uv_timer_init(worker->core->loop, worker->sweep);
    worker->sweep->data = worker;
    uv_timer_start(worker->sweep, on_sweep, SWEEP_MS, SWEEP_MS);
    return 0;
}

static bool is_offered(const struct relay_worker *worker, const struct moq_path *path)
{
    list_for_each (node, &worker->sources)
        if (moq_path_equal(container_of(node, struct relay_source, node)->path, path))
            return true;
    return false;
}

static int read_offer(const struct relay_offer *given, struct relay_offer *offer)
{
    *offer = (struct relay_offer){.size = 0};
    memcpy(offer, given, host_struct_bytes(given->size, sizeof *offer));
    if (offer->guest && !FITS(offer->guest, HOST_GUEST))
        return RELAY_ERR_INVALID;
    bool is_whole = given->size > offsetof(struct relay_offer, order);
    bool is_good = is_whole && offer->priority <= UINT8_MAX && offer->order <= RELAY_ORDER_NEWEST;
    return is_good ? 0 : RELAY_ERR_INVALID;
}

static struct moq_track *track_of(const struct relay_worker *worker,
                                  const struct relay_offer *offer, struct moq_path *path)
{
    const struct moq_track_config config = {
        .clock = moq_native_clock(worker->core->native),
        .priority = (uint8_t)offer->priority,
        .order = offer->order == RELAY_ORDER_OLDEST ? MOQ_ORDER_OLDEST : MOQ_ORDER_NEWEST,
        .cache = {.groups = offer->groups + 1, .age_ns = offer->age_ns},
    };
    return moq_track_new(path, &config);
}

static void refuse_source(struct relay_source *source, enum relay_denial code, const char *reason)
{
    source->is_decided = source->is_refused = true;
    source->denial = code;
    snprintf(source->reason, sizeof source->reason, "%s", reason ? reason : "");
    source_tell_soon(source);
}

static void on_offer_decided(void *self, bool is_allowed, enum core_denial denial,
                             const char *reason)
{
    struct relay_source *source = self;
    source->is_decided = true;
    if (!is_allowed)
        refuse_source(source, host_denial_back(denial), reason);
}

/* The guest is gone, so its offer is withdrawn. Hooks hear of that and may close the source. */
static void on_guest_lost(struct guest_tie *tie, enum relay_denial code, const char *reason)
{
    struct relay_source *source = container_of(tie, struct relay_source, tie);
    struct announcement *announcement = source->announcement;
    source->announcement = NULL;
    refuse_source(source, code, reason);
    if (announcement)
        origin_remove(announcement);
}

static void free_source(struct relay_source *source)
{
    moq_track_unref(&source->track);
    moq_path_unref(&source->path);
    free(source);
}

static void free_if_unused(struct relay_source *source)
{
    if (source->is_closed && source->holds == 0 && !source->is_told)
        free_source(source);
}

static void release_source(struct relay_source *source)
{
    source->holds--;
    free_if_unused(source);
}

/* The module has no handle of it any more. A post that is under way frees it. */
static void drop_source(struct relay_source *source)
{
    source->head.magic = 0;
    source->is_closed = true;
    source->head.worker->source_count--;
    list_remove(&source->node);
    list_remove(&source->tie.node);
    free_if_unused(source);
}

/* Whether the relay allows the guest to offer it: that of a guest that is ending is refused with
 * what the guest is told, because its owner may look at this first. */
static int offer_for_guest(struct relay_source *source, struct relay_guest *guest,
                           const struct origin_offer *offer)
{
    enum core_denial denial;
    const char *reason;
    list_push_back(&guest->ties, &source->tie.node); /* first, because hooks may close the guest */
    if (core_guest_is_ending(guest->core, &denial, &reason)) {
        refuse_source(source, host_denial_back(denial), reason);
        return 0;
    }
    source->announcement = core_guest_offer(guest->core, offer, on_offer_decided);
    return source->announcement ? 0 : RELAY_ERR_REFUSED;
}

/* Offers the path to peers and workers, or asks whether the guest may. */
static int announce_source(struct relay_source *source, struct relay_guest *guest, bool is_quiet)
{
    const struct origin_offer offer = {
        .path = source->path,
        .feed = &source_feed_ops,
        .self = source,
        .can = MOQ_CAN_RANGES | MOQ_CAN_FETCH | MOQ_CAN_INFO,
        .is_quiet = is_quiet,
    };
    if (guest)
        return offer_for_guest(source, guest, &offer);
    source->is_decided = true;
    source->announcement = origin_add(source->head.worker->core->router, &offer);
    return source->announcement ? 0 : RELAY_ERR_NOMEM;
}

static int make_source(struct relay_worker *worker, const struct relay_offer *offer,
                       struct moq_path *path, struct relay_source **out)
{
    struct relay_source *source = calloc(1, sizeof *source);
    struct moq_track *track = source ? track_of(worker, offer, path) : NULL;
    if (!track) {
        free(source);
        return RELAY_ERR_NOMEM;
    }
    source->head = (struct host_handle){HOST_SOURCE, worker};
    source->path = moq_path_ref(path);
    source->track = track;
    list_init(&source->groups);
    list_init(&source->feeds);
    list_init(&source->queries);
    list_init(&source->tie.node);
    source->tie.on_lost = on_guest_lost;
    *out = source;
    return 0;
}

static int open_source(struct relay_worker *worker, const struct relay_offer *offer,
                       struct moq_path *path, struct relay_source **out)
{
    if (is_offered(worker, path))
        return RELAY_ERR_DUPLICATE;
    if (worker->source_count == RELAY_SOURCES_MAX)
        return RELAY_ERR_BOUNDS;
    int error = start_sweeping(worker);
    if (!error)
        error = make_source(worker, offer, path, out);
    if (error)
        return error;
    list_push_back(&worker->sources, &(*out)->node);
    worker->source_count++;
    error = announce_source(*out, offer->guest, offer->is_quiet);
    if (error)
        drop_source(*out);
    return error;
}

int relay_source_open(struct relay_worker *worker, const struct relay_offer *given,
                      const struct relay_source_ops *ops, void *user, struct relay_source **source)
{
    struct relay_offer offer;
    *source = NULL;
    if (!FITS(worker, HOST_WORKER) || read_offer(given, &offer))
        return RELAY_ERR_INVALID;
    struct moq_path *path = host_path(offer.path);
    if (!path)
        return RELAY_ERR_INVALID;
    struct relay_source *made = NULL;
    int error = open_source(worker, &offer, path, &made);
    moq_path_unref(&path);
    if (error)
        return error;
    made->user = user;
    if (ops)
        memcpy(&made->ops, ops, host_struct_bytes(ops->size, sizeof made->ops));
    *source = made;
    return 0;
}

/* ---- Interest -------------------------------------------------------------------------------- */

static void tell_refusal(struct relay_source *source)
{
    if (source->is_refusal_told)
        return;
    source->is_refusal_told = true;
    if (source->ops.on_refused)
        source->ops.on_refused(source, source->user, source->denial, source->reason);
}

static void run_telling(struct post *post, void *owner)
{
    struct relay_source *source = container_of(post, struct relay_source, telling);
    (void)owner;
    source->is_told = false;
    if (source->is_closed) {
        free_if_unused(source);
        return;
    }
    if (source->is_refused) {
        tell_refusal(source);
        return;
    }
    bool is_live = source->live_feeds > 0;
    if (is_live == source->is_live)
        return;
    source->is_live = is_live;
    if (is_live && source->ops.on_live)
        source->ops.on_live(source, source->user);
    else if (!is_live && source->ops.on_idle)
        source->ops.on_idle(source, source->user);
}

void source_tell_soon(struct relay_source *source)
{
    if (source->is_told || source->is_closed)
        return;
    source->is_told = true;
    source->telling.run = run_telling;
    mailbox_send(source->head.worker->core->mailbox, &source->telling);
}

bool relay_source_is_live(const struct relay_source *source)
{
    return FITS(source, HOST_SOURCE) && source->live_feeds > 0;
}

bool relay_source_is_decided(const struct relay_source *source)
{
    return FITS(source, HOST_SOURCE) && source->is_decided &&
           source->is_refused == source->is_refusal_told;
}

/* ---- Groups ---------------------------------------------------------------------------------- */

static void free_group(struct relay_group *group)
{
    group->head.magic = 0;
    group->source->group_count--;
    list_remove(&group->node);
    moq_group_unref(&group->group);
    free(group);
}

/* A module's groups are in the order of their numbers, so that a viewer never has to wait for one
 * that it left out. */
static int choose_sequence(const struct moq_track *track, uint64_t *sequence)
{
    bool is_first = moq_track_newest(track) == NULL;
    uint64_t next = is_first ? 0 : moq_track_latest(track) + 1;
    if (*sequence == RELAY_NEXT_GROUP)
        *sequence = next;
    return *sequence < next ? MOQ_ERR_DUPLICATE : 0;
}

int relay_group_open(struct relay_source *source, uint64_t sequence, struct relay_group **out)
{
    struct moq_group *made;
    *out = NULL;
    if (!FITS(source, HOST_SOURCE))
        return RELAY_ERR_INVALID;
    if (source->group_count == RELAY_GROUPS_MAX)
        return RELAY_ERR_BOUNDS;
    struct relay_group *group = calloc(1, sizeof *group);
    if (!group)
        return RELAY_ERR_NOMEM;
    int error = choose_sequence(source->track, &sequence);
    if (!error)
        error = moq_track_open_group(source->track, sequence, &made);
    if (error) {
        free(group);
        return host_error(error);
    }
    group->head = (struct host_handle){HOST_GROUP, source->head.worker};
    group->source = source;
    group->group = moq_group_ref(made);
    list_push_back(&source->groups, &group->node);
    source->group_count++;
    *out = group;
    return 0;
}

uint64_t relay_group_sequence(const struct relay_group *group)
{
    return FITS(group, HOST_GROUP) ? group->group->sequence : 0;
}

int relay_group_write(struct relay_group *group, const void *data, size_t size)
{
    if (!FITS(group, HOST_GROUP) || (!data && size > 0))
        return RELAY_ERR_INVALID;
    int error = moq_track_write_frame(group->source->track, group->group, data, size);
    return error ? host_error(error) : 0;
}

static void end_group(struct relay_group *group, int core_error)
{
    if (core_error)
        moq_track_abort_group(group->source->track, group->group, core_error);
    else
        moq_track_finish_group(group->source->track, group->group);
    free_group(group);
}

void relay_group_close(struct relay_group **group, int error)
{
    if (group && *group && FITS(*group, HOST_GROUP))
        end_group(*group, host_core_error(error));
    if (group)
        *group = NULL;
}

/* ---- The end --------------------------------------------------------------------------------- */

static void end_track(struct relay_source *source, int core_error)
{
    int earlier;
    if (moq_track_has_ended(source->track, &earlier))
        return;
    while (!list_is_empty(&source->groups))
        end_group(container_of(source->groups.next, struct relay_group, node), core_error);
    moq_track_end(source->track, core_error);
}

void relay_source_end(struct relay_source *source, int error)
{
    if (!FITS(source, HOST_SOURCE))
        return;
    source->holds++;
    end_track(source, host_core_error(error));
    source_feeds_end(source);
    release_source(source);
}

static void close_source(struct relay_source *source, int error)
{
    struct announcement *announcement = source->announcement;
    source->announcement = NULL;
    source->head.magic = 0;
    end_track(source, host_core_error(error));
    if (announcement)
        origin_remove(announcement);
    source_feeds_end(source);
    source_queries_end(source);
    drop_source(source);
}

void relay_source_close(struct relay_source **source, int error)
{
    struct relay_source *closed = source ? *source : NULL;
    if (source)
        *source = NULL; /* first, because hooks may close it again */
    if (closed && FITS(closed, HOST_SOURCE))
        close_source(closed, error);
}

void sources_close_forgotten(struct relay_worker *worker)
{
    while (!list_is_empty(&worker->sources))
        close_source(container_of(worker->sources.next, struct relay_source, node),
                     RELAY_ERR_CANCELLED);
    if (worker->sweep)
        uv_close((uv_handle_t *)worker->sweep, (uv_close_cb)free);
    worker->sweep = NULL;
}
